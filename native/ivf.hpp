// Approximate k nearest rows by an inverted file (Jegou, Douze and Schmid 2011, without the
// quantisation): rows lie in cells around centroids, and a query looks only into the nearest cells.
//
// Queries are taken in groups that share cells, so the work is done by the same tiles as the exact
// search instead of row by row.
#pragma once

#include <utility>

#include "neighbors.hpp"

namespace latentscape {

class InvertedFile {
  public:
    // Divide `rows` into `n_cells` cells by k-means on at most `n_train` rows.
    InvertedFile(Rows rows, std::size_t n_cells, std::size_t n_train, int n_iter,
                 std::uint64_t seed, int threads)
        : rows_(rows), scale_(power_of_two_scale(rows)) {
        std::vector<std::int32_t> sample(rows.n);
        std::iota(sample.begin(), sample.end(), 0);
        // Fisher-Yates by hand: std::shuffle differs between standard libraries.
        std::mt19937_64 random(seed);
        n_train = std::min(n_train, rows.n);
        for (std::size_t i = 0; i < n_train; ++i)
            std::swap(sample[i], sample[i + random() % (rows.n - i)]);
        sample.resize(n_train);

        const std::size_t d = rows.d;
        centroids_.resize(n_cells * d);
        for (std::size_t c = 0; c < n_cells; ++c)
            for (std::size_t f = 0; f < d; ++f)
                centroids_[c * d + f] = rows.row(static_cast<std::size_t>(sample[c]))[f] * scale_;
        std::vector<float> train(n_train * d);
        for (std::size_t i = 0; i < n_train; ++i)
            for (std::size_t f = 0; f < d; ++f)
                train[i * d + f] = rows.row(static_cast<std::size_t>(sample[i]))[f] * scale_;
        std::vector<std::int32_t> owner(n_train);
        const Rows training{train.data(), n_train, d};
        for (int step = 0; step < n_iter; ++step) {
            nearest_cells(training, 1.0f, 1, threads, owner.data());
            std::vector<double> sums(n_cells * d, 0.0);
            std::vector<std::size_t> counts(n_cells, 0);
            for (std::size_t i = 0; i < n_train; ++i) {  // in order: the sums are always the same
                const auto c = static_cast<std::size_t>(owner[i]);
                ++counts[c];
                for (std::size_t f = 0; f < d; ++f) sums[c * d + f] += train[i * d + f];
            }
            for (std::size_t c = 0; c < n_cells; ++c) {
                if (counts[c] == 0) continue;  // an empty cell stays where it is
                for (std::size_t f = 0; f < d; ++f)
                    centroids_[c * d + f] =
                        static_cast<float>(sums[c * d + f] / static_cast<double>(counts[c]));
            }
        }

        owner_.resize(rows.n);
        nearest_cells(rows, scale_, 1, threads, owner_.data());
        starts_.assign(n_cells + 1, 0);
        for (const std::int32_t c : owner_) ++starts_[static_cast<std::size_t>(c) + 1];
        for (std::size_t c = 0; c < n_cells; ++c) starts_[c + 1] += starts_[c];
        members_.resize(rows.n);
        std::vector<std::size_t> next(starts_.begin(), starts_.end() - 1);
        for (std::size_t i = 0; i < rows.n; ++i)
            members_[next[static_cast<std::size_t>(owner_[i])]++] = static_cast<std::int32_t>(i);
        cells_.resize(n_cells);
        parallel_for(n_cells, 8, threads, [&](std::size_t begin, std::size_t end) {
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
        const std::size_t d = rows_.d, n_cells = cells_.size();
        n_probes = std::min(n_probes, n_cells);
        // Neighbours in space next to each other, so that a group of queries shares its cells.
        std::vector<std::int32_t> home(queries.n);
        if (selves == nullptr)
            nearest_cells(queries, scale_, 1, threads, home.data());
        else
            for (std::size_t i = 0; i < queries.n; ++i)
                home[i] = owner_[static_cast<std::size_t>(selves[i])];
        std::vector<std::size_t> ends(n_cells + 1, 0);
        for (const std::int32_t c : home) ++ends[static_cast<std::size_t>(c) + 1];
        for (std::size_t c = 0; c < n_cells; ++c) ends[c + 1] += ends[c];
        std::vector<std::size_t> order(queries.n);
        for (std::size_t i = 0; i < queries.n; ++i)
            order[ends[static_cast<std::size_t>(home[i])]++] = i;

        const std::size_t wanted = std::min(rows_.n, k + (selves != nullptr) + kSpare);
        constexpr std::size_t kGroup = 256;
        parallel_for(queries.n, kGroup, threads, [&](std::size_t begin, std::size_t end) {
            const std::size_t n = end - begin;
            std::vector<float> scaled(n * d);
            for (std::size_t q = 0; q < n; ++q)
                for (std::size_t f = 0; f < d; ++f)
                    scaled[q * d + f] = queries.row(order[begin + q])[f] * scale_;
            std::vector<std::int32_t> probes(n * n_probes);
            nearest_cells({scaled.data(), n, d}, 1.0f, n_probes, 1, probes.data());
            std::vector<Nearest> nearest(n);
            for (Nearest &found : nearest) found.reset(wanted);
            Scratch scratch;
            std::vector<std::size_t> first(n_cells + 1), fill(n_cells), lookers(n * n_probes);
            // Each query's nearest cell comes first: what lies there keeps most of the others out.
            for (const auto &[from, to] : {std::pair<std::size_t, std::size_t>{0, 1}, {1, n_probes}}) {
                // Which queries look into each cell.
                std::fill(first.begin(), first.end(), 0);
                for (std::size_t q = 0; q < n; ++q)
                    for (std::size_t p = from; p < to; ++p)
                        ++first[static_cast<std::size_t>(probes[q * n_probes + p]) + 1];
                for (std::size_t c = 0; c < n_cells; ++c) first[c + 1] += first[c];
                std::copy(first.begin(), first.end() - 1, fill.begin());
                for (std::size_t q = 0; q < n; ++q)
                    for (std::size_t p = from; p < to; ++p)
                        lookers[fill[static_cast<std::size_t>(probes[q * n_probes + p])]++] = q;
                for (std::size_t c = 0; c < n_cells; ++c) {
                    for (std::size_t i = first[c]; i < first[c + 1]; i += kTile) {
                        const std::size_t m = std::min(kTile, first[c + 1] - i);
                        const float *four[kTile];
                        Nearest *found[kTile];
                        for (std::size_t q = 0; q < m; ++q) {
                            four[q] = scaled.data() + lookers[i + q] * d;
                            found[q] = &nearest[lookers[i + q]];
                        }
                        scan(four, nullptr, m, {&cells_[c], members_.data() + starts_[c]}, found,
                             scratch);
                    }
                }
            }
            for (std::size_t q = 0; q < n; ++q) {
                const std::size_t i = order[begin + q];
                settle(queries.row(i), rows_, nearest[q].finish(), selves ? selves[i] : -1, k,
                       indices + i * k, squared + i * k);
            }
        });
    }

  private:
    // The `count` nearest centroids of each query, nearest first.
    void nearest_cells(Rows queries, float scale, std::size_t count, int threads,
                       std::int32_t *cells) const {
        const std::size_t d = queries.d, n_cells = centroids_.size() / d;
        const PackedRows packed({centroids_.data(), n_cells, d}, nullptr, n_cells);
        parallel_for(queries.n, 64 * kTile, threads, [&](std::size_t begin, std::size_t end) {
            Scratch scratch;
            std::vector<Nearest> nearest(kTile);
            std::vector<float> scaled(kTile * d);
            for (std::size_t start = begin; start < end; start += kTile) {
                const std::size_t n = std::min(kTile, end - start);
                const float *four[kTile];
                Nearest *found[kTile];
                for (std::size_t q = 0; q < n; ++q) {
                    nearest[q].reset(count);
                    found[q] = &nearest[q];
                    four[q] = scaled.data() + q * d;
                    for (std::size_t f = 0; f < d; ++f)
                        scaled[q * d + f] = queries.row(start + q)[f] * scale;
                }
                scan(four, nullptr, n, {&packed}, found, scratch);
                for (std::size_t q = 0; q < n; ++q) {
                    std::vector<std::uint64_t> keys = found[q]->finish();
                    std::sort(keys.begin(), keys.end());
                    for (std::size_t j = 0; j < count; ++j)
                        cells[(start + q) * count + j] =
                            static_cast<std::int32_t>(keys[j] & 0xffffffffu);
                }
            }
        });
    }

    Rows rows_;
    float scale_;
    std::vector<float> centroids_;
    std::vector<std::int32_t> owner_, members_;
    std::vector<std::size_t> starts_;
    std::vector<PackedRows> cells_;
};

}  // namespace latentscape
