// Approximate k nearest rows by an inverted file (Jegou, Douze and Schmid 2011, without the
// quantisation): rows lie in cells around centroids, and a query looks only into the nearest cells.
//
// Cells are made in two steps, regions and then cells within each region. Many small cells are
// looked through with less waste than few large ones, and one k-means would have to compare every
// row with all of their centroids.
//
// Queries of a region are taken in groups, so the work is done by the same tiles as the exact
// search instead of row by row.
#pragma once

#include <utility>

#include "neighbors.hpp"

namespace latentscape {

class InvertedFile {
  public:
    // Divide `rows` into `n_regions` regions by k-means on at most `n_train` rows, and the rows of
    // each region into cells.
    InvertedFile(Rows rows, std::size_t n_regions, std::size_t n_train, int n_iter,
                 std::uint64_t seed, int threads)
        : rows_(rows), scale_(power_of_two_scale(rows)) {
        std::vector<std::int32_t> sample(rows.n);
        std::iota(sample.begin(), sample.end(), 0);
        // Fisher-Yates by hand: std::shuffle differs between standard libraries.
        std::mt19937_64 random(seed);
        n_train = std::min(n_train, rows.n);
        for (std::size_t i = 0; i < n_train; ++i)
            std::swap(sample[i], sample[i + random() % (rows.n - i)]);
        const std::vector<float> train = scaled(rows, sample.data(), n_train);
        regions_.assign(train.begin(),
                        train.begin() + static_cast<std::ptrdiff_t>(n_regions * rows.d));
        k_means({train.data(), n_train, rows.d}, regions_, n_iter, threads);

        std::vector<std::int32_t> region(rows.n);
        nearest_centroids(rows, scale_, regions_, threads, region.data());
        std::vector<std::size_t> starts = sorted_by(region, n_regions, members_);
        const std::vector<float> centroids = divide(starts, n_iter, threads);
        for (std::size_t r = 0; r < n_regions; ++r) {
            const std::size_t first = cells_of_[r], n = cells_of_[r + 1] - first;
            packs_.emplace_back(Rows{centroids.data() + first * rows.d, n, rows.d}, nullptr, n);
        }
        cells_.resize(centroids.size() / rows.d);
        parallel_for(cells_.size(), 8, threads, [&](std::size_t begin, std::size_t end) {
            for (std::size_t c = begin; c < end; ++c)
                cells_[c] = PackedRows(rows_, members_.data() + starts_[c],
                                       starts_[c + 1] - starts_[c], scale_);
        });
    }

    std::size_t n_cells() const { return cells_.size(); }

    // k nearest rows of each query among the rows of its `n_probes` nearest cells. Where `selves`
    // is given, query i is row selves[i] and no neighbour of itself.
    void query(Rows queries, const std::int32_t *selves, std::size_t k, std::size_t n_probes,
               int threads, std::int32_t *indices, double *squared) const {
        n_probes = std::min(n_probes, cells_.size());
        // The cell of each row, or of a stranger the first cell of its region.
        std::vector<std::int32_t> home(queries.n);
        if (selves == nullptr) {
            nearest_centroids(queries, scale_, regions_, threads, home.data());
            for (std::int32_t &c : home)
                c = static_cast<std::int32_t>(cells_of_[static_cast<std::size_t>(c)]);
        } else {
            for (std::size_t i = 0; i < queries.n; ++i)
                home[i] = cell_of_[static_cast<std::size_t>(selves[i])];
        }
        std::vector<std::int32_t> order;
        const std::vector<std::size_t> starts = sorted_by(home, cells_.size(), order);
        struct Group {
            std::size_t region, begin, end;
        };
        std::vector<Group> groups;
        for (std::size_t r = 0; r + 1 < cells_of_.size(); ++r)
            for (std::size_t q = starts[cells_of_[r]]; q < starts[cells_of_[r + 1]]; q += kGroup)
                groups.push_back({r, q, std::min(q + kGroup, starts[cells_of_[r + 1]])});
        parallel_for(groups.size(), 1, threads, [&](std::size_t begin, std::size_t end) {
            for (std::size_t g = begin; g < end; ++g)
                look(queries, selves, order.data() + groups[g].begin,
                     groups[g].end - groups[g].begin, groups[g].region, k, n_probes, indices,
                     squared);
        });
    }

  private:
    static constexpr std::size_t kGroup = 256;    // queries that are taken together
    static constexpr std::size_t kCellRows = 64;  // rows of a cell, on the average
    // Found by trial on codes of digits, 70,000 to 1,000,000 of them:
    static constexpr std::size_t kCells = 4;     // cells that are compared with a query, per probe
    static constexpr std::size_t kRegions = 10;  // regions, per region whose cells are compared

    std::vector<float> scaled(Rows rows, const std::int32_t *names, std::size_t n) const {
        std::vector<float> values(n * rows.d);
        for (std::size_t i = 0; i < n; ++i) {
            const float *const row = rows.row(static_cast<std::size_t>(names[i]));
            for (std::size_t f = 0; f < rows.d; ++f) values[i * rows.d + f] = row[f] * scale_;
        }
        return values;
    }

    // Put 0, 1, 2, ... in the order of their values below `n_values`; returns where each begins.
    static std::vector<std::size_t> sorted_by(const std::vector<std::int32_t> &values,
                                              std::size_t n_values,
                                              std::vector<std::int32_t> &order) {
        std::vector<std::size_t> starts(n_values + 1, 0);
        for (const std::int32_t value : values) ++starts[static_cast<std::size_t>(value) + 1];
        for (std::size_t v = 0; v < n_values; ++v) starts[v + 1] += starts[v];
        order.resize(values.size());
        std::vector<std::size_t> next(starts.begin(), starts.end() - 1);
        for (std::size_t i = 0; i < values.size(); ++i)
            order[next[static_cast<std::size_t>(values[i])]++] = static_cast<std::int32_t>(i);
        return starts;
    }

    // Lloyd's iteration from the given centroids.
    static void k_means(Rows rows, std::vector<float> &centroids, int n_iter, int threads) {
        const std::size_t d = rows.d, n_centroids = centroids.size() / d;
        std::vector<std::int32_t> owner(rows.n);
        for (int step = 0; step < n_iter; ++step) {
            nearest_centroids(rows, 1.0f, centroids, threads, owner.data());
            std::vector<double> sums(n_centroids * d, 0.0);
            std::vector<std::size_t> counts(n_centroids, 0);
            for (std::size_t i = 0; i < rows.n; ++i) {  // in order: the sums are always the same
                const auto c = static_cast<std::size_t>(owner[i]);
                ++counts[c];
                for (std::size_t f = 0; f < d; ++f) sums[c * d + f] += rows.row(i)[f];
            }
            for (std::size_t c = 0; c < n_centroids; ++c) {
                if (counts[c] == 0) continue;  // an empty cell stays where it is
                for (std::size_t f = 0; f < d; ++f)
                    centroids[c * d + f] =
                        static_cast<float>(sums[c * d + f] / static_cast<double>(counts[c]));
            }
        }
    }

    // The nearest centroid of each row.
    static void nearest_centroids(Rows rows, float scale, const std::vector<float> &centroids,
                                  int threads, std::int32_t *nearest) {
        const std::size_t d = rows.d;
        const PackedRows packed({centroids.data(), centroids.size() / d, d}, nullptr,
                                centroids.size() / d);
        const std::size_t stride = packed.blocks() * kLanes;
        parallel_for(rows.n, 64 * kTile, threads, [&](std::size_t begin, std::size_t end) {
            std::vector<float> values(kTile * d), squared(kTile * stride);
            for (std::size_t start = begin; start < end; start += kTile) {
                const std::size_t n = std::min(kTile, end - start);
                const float *four[kTile];
                for (std::size_t q = 0; q < kTile; ++q) {
                    const float *const row = rows.row(start + std::min(q, n - 1));
                    for (std::size_t f = 0; f < d; ++f) values[q * d + f] = row[f] * scale;
                    four[q] = values.data() + q * d;
                }
                tile_distances(four, d, packed.block(0), packed.blocks(), squared.data(), stride);
                for (std::size_t q = 0; q < n; ++q)
                    nearest[start + q] = static_cast<std::int32_t>(
                        least_place(squared.data() + q * stride, packed.blocks()));
            }
        });
    }

    // Divide the rows of each region, members_[starts[r]] and on, into cells without empty ones.
    // Returns the centroids of the cells.
    std::vector<float> divide(const std::vector<std::size_t> &starts, int n_iter, int threads) {
        const std::size_t d = rows_.d, n_regions = starts.size() - 1;
        struct Part {
            std::vector<float> centroids;
            std::vector<std::size_t> sizes;
        };
        std::vector<Part> parts(n_regions);
        parallel_for(n_regions, 1, threads, [&](std::size_t begin, std::size_t end) {
            for (std::size_t r = begin; r < end; ++r) {
                std::int32_t *const members = members_.data() + starts[r];
                const std::size_t n = starts[r + 1] - starts[r];
                if (n == 0) continue;
                const std::size_t n_parts = std::max<std::size_t>(1, (n + kCellRows / 2) / kCellRows);
                const std::vector<float> values = scaled(rows_, members, n);
                std::vector<float> centroids(n_parts * d);
                for (std::size_t c = 0; c < n_parts; ++c)
                    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(c * n / n_parts * d), d,
                                centroids.begin() + static_cast<std::ptrdiff_t>(c * d));
                const Rows here{values.data(), n, d};
                k_means(here, centroids, n_iter, 1);
                std::vector<std::int32_t> part(n), order;
                nearest_centroids(here, 1.0f, centroids, 1, part.data());
                const std::vector<std::size_t> firsts = sorted_by(part, n_parts, order);
                for (std::int32_t &i : order) i = members[i];
                std::copy(order.begin(), order.end(), members);
                for (std::size_t c = 0; c < n_parts; ++c) {
                    if (firsts[c] == firsts[c + 1]) continue;
                    parts[r].sizes.push_back(firsts[c + 1] - firsts[c]);
                    parts[r].centroids.insert(
                        parts[r].centroids.end(),
                        centroids.begin() + static_cast<std::ptrdiff_t>(c * d),
                        centroids.begin() + static_cast<std::ptrdiff_t>((c + 1) * d));
                }
            }
        });
        cells_of_.push_back(0);
        starts_.push_back(0);
        cell_of_.resize(rows_.n);
        std::vector<float> centroids;
        for (const Part &part : parts) {
            for (const std::size_t size : part.sizes) {
                for (std::size_t i = starts_.back(); i < starts_.back() + size; ++i)
                    cell_of_[static_cast<std::size_t>(members_[i])] =
                        static_cast<std::int32_t>(starts_.size() - 1);
                starts_.push_back(starts_.back() + size);
            }
            centroids.insert(centroids.end(), part.centroids.begin(), part.centroids.end());
            cells_of_.push_back(cells_of_.back() + part.sizes.size());
        }
        return centroids;
    }

    // The regions around a region, nearest first: `n` of them.
    std::vector<std::int32_t> regions_around(std::size_t region, std::size_t n) const {
        std::vector<std::pair<float, std::int32_t>> apart(packs_.size());
        for (std::size_t r = 0; r < apart.size(); ++r) {
            float sum = 0.0f;
            for (std::size_t f = 0; f < rows_.d; ++f) {
                const float away = regions_[region * rows_.d + f] - regions_[r * rows_.d + f];
                sum += away * away;
            }
            apart[r] = {sum, static_cast<std::int32_t>(r)};
        }
        const auto end = apart.begin() + static_cast<std::ptrdiff_t>(n);
        std::nth_element(apart.begin(), end - 1, apart.end());
        std::vector<std::int32_t> regions(n);
        for (std::size_t r = 0; r < n; ++r) regions[r] = apart[r].second;
        return regions;
    }

    // Put the `n` smallest keys first, in any order but for the smallest of all, which leads.
    static void smallest_first(std::vector<std::uint64_t> &keys, std::size_t n) {
        if (n == 0) return;
        const auto last = keys.begin() + static_cast<std::ptrdiff_t>(n);
        std::nth_element(keys.begin(), last - 1, keys.end());
        std::iter_swap(keys.begin(), std::min_element(keys.begin(), last));
    }

    // The cells nearest to queries of one region, n_probes of each, the nearest of all first; -1
    // where the regions that were looked at have fewer.
    //
    // Only the regions around that of the queries are compared with them, and of these only the
    // cells of the nearest.
    std::vector<std::int32_t> nearest_cells(const std::vector<float> &queries, std::size_t region,
                                            std::size_t n_probes) const {
        const std::size_t d = rows_.d, n = queries.size() / d, n_regions = packs_.size();
        const std::size_t near =
            std::min(n_regions, 1 + kCells * n_probes * n_regions / cells_.size());
        const std::vector<std::int32_t> around =
            regions_around(region, std::min(n_regions, kRegions * near));
        const PackedRows packed({regions_.data(), n_regions, d}, around.data(), around.size());
        const std::size_t stride = packed.blocks() * kLanes;
        std::vector<float> apart(kTile * stride);
        std::vector<std::uint64_t> regions(around.size()), cells;
        std::vector<std::int32_t> probes(n * n_probes, -1);
        for (std::size_t start = 0; start < n; start += kTile) {
            const std::size_t m = std::min(kTile, n - start);
            const float *four[kTile];
            for (std::size_t q = 0; q < kTile; ++q)
                four[q] = queries.data() + (start + std::min(q, m - 1)) * d;
            tile_distances(four, d, packed.block(0), packed.blocks(), apart.data(), stride);
            for (std::size_t q = 0; q < m; ++q) {
                for (std::size_t r = 0; r < around.size(); ++r)
                    regions[r] = nearest_key(apart[q * stride + r], around[r]);
                smallest_first(regions, near);
                measure_cells(four[q], regions, near, cells);
                const std::size_t found = std::min(n_probes, cells.size());
                smallest_first(cells, found);
                for (std::size_t p = 0; p < found; ++p)
                    probes[(start + q) * n_probes + p] =
                        static_cast<std::int32_t>(cells[p] & 0xffffffffu);
            }
        }
        return probes;
    }

    // Keys of all cells of the first `n` regions, which are keys as well.
    void measure_cells(const float *query, const std::vector<std::uint64_t> &regions, std::size_t n,
                       std::vector<std::uint64_t> &cells) const {
        const float *blocks[kTile];
        std::size_t firsts[kTile], sizes[kTile], waiting = 0;
        alignas(64) float squared[kTile * kLanes];
        const auto flush = [&] {
            for (std::size_t b = waiting; b < kTile; ++b) blocks[b] = blocks[0];
            block_distances(query, rows_.d, blocks, squared);
            for (std::size_t b = 0; b < waiting; ++b)
                for (std::size_t l = 0; l < sizes[b]; ++l)
                    cells.push_back(nearest_key(squared[b * kLanes + l],
                                                static_cast<std::int32_t>(firsts[b] + l)));
            waiting = 0;
        };
        cells.clear();
        for (std::size_t i = 0; i < n; ++i) {
            const auto r = static_cast<std::size_t>(regions[i] & 0xffffffffu);
            for (std::size_t b = 0; b < packs_[r].blocks(); ++b) {
                blocks[waiting] = packs_[r].block(b);
                firsts[waiting] = cells_of_[r] + b * kLanes;
                sizes[waiting++] = std::min<std::size_t>(kLanes, packs_[r].size() - b * kLanes);
                if (waiting == kTile) flush();
            }
        }
        if (waiting > 0) flush();
    }

    // Look up queries `names[0 .. n)`, all of one region.
    void look(Rows queries, const std::int32_t *selves, const std::int32_t *names, std::size_t n,
              std::size_t region, std::size_t k, std::size_t n_probes, std::int32_t *indices,
              double *squared) const {
        const std::size_t d = rows_.d;
        const std::vector<float> values = scaled(queries, names, n);
        const std::vector<std::int32_t> probes = nearest_cells(values, region, n_probes);
        const std::size_t wanted = std::min(rows_.n, k + (selves != nullptr) + kSpare);
        std::vector<Nearest> nearest(n);
        for (Nearest &found : nearest) found.reset(wanted);
        Scratch scratch;
        std::vector<std::size_t> first(cells_.size() + 1), fill(cells_.size()), lookers(n * n_probes);
        // Each query's nearest cell comes first: what lies there keeps most of the others out.
        for (const auto &[from, to] : {std::pair<std::size_t, std::size_t>{0, 1}, {1, n_probes}}) {
            // Which queries look into each cell.
            std::fill(first.begin(), first.end(), 0);
            const auto each = [&](auto &&visit) {
                for (std::size_t q = 0; q < n; ++q)
                    for (std::size_t p = from; p < to; ++p) {
                        const std::int32_t cell = probes[q * n_probes + p];
                        if (cell >= 0) visit(static_cast<std::size_t>(cell), q);
                    }
            };
            each([&](std::size_t cell, std::size_t) { ++first[cell + 1]; });
            for (std::size_t c = 0; c < cells_.size(); ++c) first[c + 1] += first[c];
            std::copy(first.begin(), first.end() - 1, fill.begin());
            each([&](std::size_t cell, std::size_t q) { lookers[fill[cell]++] = q; });
            for (std::size_t cell = 0; cell < cells_.size(); ++cell) {
                for (std::size_t i = first[cell]; i < first[cell + 1]; i += kTile) {
                    const std::size_t m = std::min(kTile, first[cell + 1] - i);
                    const float *four[kTile];
                    Nearest *found[kTile];
                    for (std::size_t q = 0; q < m; ++q) {
                        four[q] = values.data() + lookers[i + q] * d;
                        found[q] = &nearest[lookers[i + q]];
                    }
                    scan(four, nullptr, m, {&cells_[cell], members_.data() + starts_[cell]}, found,
                         scratch);
                }
            }
        }
        for (std::size_t q = 0; q < n; ++q) {
            const auto i = static_cast<std::size_t>(names[q]);
            settle(queries.row(i), rows_, nearest[q].finish(), selves ? selves[i] : -1, k,
                   indices + i * k, squared + i * k);
        }
    }

    Rows rows_;
    float scale_;
    std::vector<float> regions_;         // their centroids
    std::vector<std::size_t> cells_of_;  // first cell of each region
    std::vector<PackedRows> packs_;      // centroids of the cells, region by region
    std::vector<std::int32_t> cell_of_;  // of each row
    std::vector<std::int32_t> members_;  // rows, cell by cell
    std::vector<std::size_t> starts_;    // of each cell in members_
    std::vector<PackedRows> cells_;
};

}  // namespace latentscape
