// Ranks of rows by distance, the step under trustworthiness, continuity and R_NX.
//
// The rank of j from i counts the rows that are nearer to i, row i left out: 1 to n - 1, ties by
// index. All distances are those of tile_distances, to the last bit, so that equal distances are
// equal. Memory does not grow with the square of n.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "neighbors.hpp"

namespace latentscape {

// One squared distance with the same operations, in the same order, as tile_distances.
inline float tile_distance(const float *a, const float *b, std::size_t d) {
    float sum = 0.0f;
    for (std::size_t f = 0; f < d; ++f) {
        const float difference = a[f] - b[f];
        sum += difference * difference;
    }
    return sum;
}

// counts[t] += number of distances below limits[t], for `n_limits` limits: a multiple of four.
template <int kBytes>
LATENTSCAPE_INLINE void count_below_on(const float *squared, std::size_t n_blocks,
                                       const float *limits, std::size_t n_limits,
                                       std::int32_t *counts) {
    for (std::size_t t = 0; t < n_limits; t += 4) {
        const float l0 = limits[t], l1 = limits[t + 1], l2 = limits[t + 2], l3 = limits[t + 3];
        Pack<std::int32_t, kLanes, kBytes / 4> c0 = {}, c1 = {}, c2 = {}, c3 = {};
        for (std::size_t b = 0; b < n_blocks; ++b) {
            const auto s = load<Lanes<kBytes>>(squared + b * kLanes);
            c0 -= s < l0;  // a comparison that holds is -1
            c1 -= s < l1;
            c2 -= s < l2;
            c3 -= s < l3;
        }
        counts[t] += sum_of(c0);
        counts[t + 1] += sum_of(c1);
        counts[t + 2] += sum_of(c2);
        counts[t + 3] += sum_of(c3);
    }
}
LATENTSCAPE_KERNEL(count_below)

// For each row the ranks of its `n_targets` target rows among all other rows and, in the same pass,
// its k nearest other rows (k may be 0). targets and ranks: (n, n_targets); indices and squared:
// (n, k), as nearest_rows gives them.
inline void target_ranks(Rows rows, const std::int32_t *targets, std::size_t n_targets,
                         std::size_t k, int threads, std::int32_t *ranks, std::int32_t *indices,
                         double *squared) {
    const std::size_t n = rows.n, d = rows.d, stride = kStrip * kLanes;
    const std::size_t padded = (n_targets + 3) / 4 * 4;
    const float scale = power_of_two_scale(rows);
    const PackedRows packed(rows, nullptr, n, scale);
    const std::size_t wanted = std::min(n, k + 1 + kSpare);
    // So many rows share a strip while the strip lies in the cache.
    constexpr std::size_t kGroup = 16 * kTile;
    parallel_for(n, kGroup, threads, [&](std::size_t begin, std::size_t end) {
        const std::size_t m = end - begin;
        Scratch scratch;
        std::vector<float> scaled(m * d), limit(m * padded, -1.0f), now(padded, -1.0f);
        std::vector<std::int32_t> counts(m * padded, 0);
        std::vector<Nearest> nearest(k > 0 ? m : 0);
        for (Nearest &found : nearest) found.reset(wanted);
        for (std::size_t q = 0; q < m; ++q)
            for (std::size_t f = 0; f < d; ++f)
                scaled[q * d + f] = rows.row(begin + q)[f] * scale;
        std::vector<float> other(d);
        for (std::size_t q = 0; q < m; ++q)
            for (std::size_t t = 0; t < n_targets; ++t) {
                const float *row =
                    rows.row(static_cast<std::size_t>(targets[(begin + q) * n_targets + t]));
                for (std::size_t f = 0; f < d; ++f) other[f] = row[f] * scale;
                limit[q * padded + t] = tile_distance(other.data(), scaled.data() + q * d, d);
            }
        const std::size_t strip_size = strip_blocks(d);
        for (std::size_t first = 0; first < packed.blocks(); first += strip_size) {
            const std::size_t n_blocks = std::min(strip_size, packed.blocks() - first);
            const std::size_t start = first * kLanes;
            const std::size_t stop = std::min(n, start + n_blocks * kLanes);
            for (std::size_t tile = 0; tile < m; tile += kTile) {
                const std::size_t size = std::min(kTile, m - tile);
                const float *four[kTile];
                for (std::size_t q = 0; q < kTile; ++q)
                    four[q] = scaled.data() + (tile + std::min(q, size - 1)) * d;
                tile_distances(four, d, packed.block(first), n_blocks, scratch.squared.data(),
                               stride);
                for (std::size_t q = tile; q < tile + size; ++q) {
                    const float *strip = scratch.squared.data() + (q - tile) * stride;
                    for (std::size_t t = 0; t < n_targets; ++t) {
                        const auto j =
                            static_cast<std::size_t>(targets[(begin + q) * n_targets + t]);
                        const float value = limit[q * padded + t];
                        // Rows of a smaller index come first among equals.
                        now[t] = stop <= j ? std::nextafter(
                                                 value, std::numeric_limits<float>::infinity())
                                           : value;
                        if (j < start || j >= stop) continue;
                        std::int32_t equal = 0;
                        for (std::size_t l = 0; l < j - start; ++l) equal += strip[l] == value;
                        counts[q * padded + t] += equal;
                    }
                    count_below(strip, n_blocks, now.data(), padded, counts.data() + q * padded);
                    if (k > 0)
                        keep_nearest(strip, n_blocks, start, n, nullptr, nearest[q],
                                     scratch.within.data());
                }
            }
        }
        for (std::size_t q = 0; q < m; ++q) {
            const std::size_t i = begin + q;
            for (std::size_t t = 0; t < n_targets; ++t) {
                const auto j = static_cast<std::size_t>(targets[i * n_targets + t]);
                // The row itself, at distance zero, was counted with the others.
                const bool self = limit[q * padded + t] > 0.0f || i < j;
                ranks[i * n_targets + t] = counts[q * padded + t] + 1 - self;
            }
            if (k > 0)
                settle(rows.row(i), rows, nearest[q].finish(), static_cast<std::int64_t>(i), k,
                       indices + i * k, squared + i * k);
        }
    });
}

// Ranks of all rows by their distance from one: radix sort, which keeps ties in order.
class Ranking {
  public:
    explicit Ranking(std::size_t n) : keys_(2 * n), rows_(2 * n), n_(n) {}

    // ranks[j] is 1 .. n - 1 for all rows but `self`, which gets n.
    void rank(const float *squared, std::size_t self, std::uint32_t *ranks) {
        std::array<std::array<std::uint32_t, kBuckets>, 3> starts{};
        // Non-negative floats sort like their bits.
        std::memcpy(keys_.data(), squared, n_ * sizeof(float));
        keys_[self] = std::numeric_limits<std::uint32_t>::max();
        for (std::size_t i = 0; i < n_; ++i) {
            const std::uint32_t key = keys_[i];
            ++starts[0][key & (kBuckets - 1)];
            ++starts[1][key >> kBits & (kBuckets - 1)];
            ++starts[2][key >> 2 * kBits];
        }
        for (auto &pass : starts) {
            std::uint32_t sum = 0;
            for (std::uint32_t &start : pass) {
                const std::uint32_t count = start;
                start = sum;
                sum += count;
            }
        }
        std::uint32_t *keys = keys_.data(), *sorted_keys = keys + n_;
        std::uint32_t *rows = rows_.data(), *sorted_rows = rows + n_;
        for (std::size_t i = 0; i < n_; ++i) {
            const std::uint32_t place = starts[0][keys[i] & (kBuckets - 1)]++;
            sorted_keys[place] = keys[i];
            sorted_rows[place] = static_cast<std::uint32_t>(i);
        }
        for (std::size_t i = 0; i < n_; ++i) {
            const std::uint32_t place = starts[1][sorted_keys[i] >> kBits & (kBuckets - 1)]++;
            keys[place] = sorted_keys[i];
            rows[place] = sorted_rows[i];
        }
        for (std::size_t i = 0; i < n_; ++i)
            ranks[rows[i]] = ++starts[2][keys[i] >> 2 * kBits];
    }

  private:
    static constexpr int kBits = 11;
    static constexpr std::size_t kBuckets = std::size_t{1} << kBits;
    std::vector<std::uint32_t> keys_, rows_;
    std::size_t n_;
};

// sums[K] = sum of rank - K over the rows with place <= K and rank > K, for each of the sizes K.
inline void deep_ranks(const std::uint32_t *rank, const std::uint32_t *place, std::size_t n,
                       const std::int32_t *sizes, std::size_t n_sizes, double *sums) {
    // A row counts at the sizes from its place up to below its rank, so the sums are built from
    // what begins and ends at each size. All are whole numbers below 2^53: no rounding.
    std::vector<double> ranks(n_sizes + 1, 0.0), rows(n_sizes + 1, 0.0);
    const auto largest = static_cast<std::uint32_t>(n_sizes ? sizes[n_sizes - 1] : 0);
    for (std::size_t j = 0; j < n; ++j) {
        if (place[j] > largest || rank[j] <= place[j]) continue;
        const auto from = std::lower_bound(sizes, sizes + n_sizes,
                                           static_cast<std::int32_t>(place[j])) - sizes;
        const auto to = std::lower_bound(sizes, sizes + n_sizes,
                                         static_cast<std::int32_t>(rank[j])) - sizes;
        ranks[static_cast<std::size_t>(from)] += rank[j];
        ranks[static_cast<std::size_t>(to)] -= rank[j];
        rows[static_cast<std::size_t>(from)] += 1.0;
        rows[static_cast<std::size_t>(to)] -= 1.0;
    }
    double rank_sum = 0.0, row_sum = 0.0;
    for (std::size_t s = 0; s < n_sizes; ++s) {
        rank_sum += ranks[s];
        row_sum += rows[s];
        sums[s] = rank_sum - row_sum * sizes[s];
    }
}

// What the co-ranking of one map says, seen from some anchor rows; see `coranking`.
struct CoRanking {
    std::int32_t *overlap;  // (anchors, sizes): rows that are among the K nearest in both spaces
    double *log_sums;       // (anchors,): sum over K of R_NX(K) / K
    double *false_sums;     // (anchors, sizes): sum of r_A - K over the map's neighbours that are
                            // none in the reference space
    double *missing_sums;   // (anchors, sizes): sum of r_B - K over those that the map lost
};

// Compare the ranks of all rows, seen from each anchor, between a reference space and other spaces.
// `sizes` are K in ascending order, from 1 to n - 2.
inline void coranking(Rows reference, const Rows *others, std::size_t n_others,
                      const std::int32_t *anchors, std::size_t n_anchors, const std::int32_t *sizes,
                      std::size_t n_sizes, int threads, const CoRanking *results) {
    const std::size_t n = reference.n;
    std::vector<PackedRows> packed;
    std::vector<Rows> spaces{reference};
    spaces.insert(spaces.end(), others, others + n_others);
    std::vector<float> scales;
    for (const Rows &space : spaces) {
        scales.push_back(power_of_two_scale(space));
        packed.emplace_back(space, nullptr, n, scales.back());
    }
    // R_NX(K) / K = weight[K] * overlap(K) - share[K]
    std::vector<double> weight(n, 0.0), share(n, 0.0);
    const auto all = static_cast<double>(n - 1);
    for (std::size_t size = 1; size + 2 <= n; ++size) {
        const auto K = static_cast<double>(size);
        weight[size] = all / (K * K * (all - K));
        share[size] = 1.0 / (all - K);
    }
    const std::size_t width = packed[0].blocks() * kLanes;
    // So many anchors share each part of the rows while it lies in the cache: pixels are wide.
    constexpr std::size_t kGroup = 4 * kTile;
    parallel_for(n_anchors, kGroup, threads, [&](std::size_t begin, std::size_t end) {
        Ranking ranking(n);
        std::vector<float> squared(kGroup * width), scaled;
        std::vector<std::vector<std::uint32_t>> first(kGroup, std::vector<std::uint32_t>(n));
        std::vector<std::uint32_t> second(n);
        std::vector<std::uint32_t> counts(n + 1);
        for (std::size_t s = 0; s <= n_others; ++s) {
            const std::size_t d = spaces[s].d;
            scaled.resize(kGroup * d);
            for (std::size_t q = 0; q < kGroup; ++q) {
                const auto row = static_cast<std::size_t>(anchors[std::min(begin + q, end - 1)]);
                for (std::size_t f = 0; f < d; ++f)
                    scaled[q * d + f] = spaces[s].row(row)[f] * scales[s];
            }
            const std::size_t strip = std::max<std::size_t>(1, 2048 / d);
            for (std::size_t b = 0; b < packed[s].blocks(); b += strip)
                for (std::size_t tile = 0; tile < end - begin; tile += kTile) {
                    const float *four[kTile];
                    for (std::size_t q = 0; q < kTile; ++q)
                        four[q] = scaled.data() + (tile + q) * d;
                    tile_distances(four, d, packed[s].block(b),
                                   std::min(strip, packed[s].blocks() - b),
                                   squared.data() + tile * width + b * kLanes, width);
                }
            for (std::size_t a = begin; a < end; ++a) {
                const auto self = static_cast<std::size_t>(anchors[a]);
                const std::size_t q = a - begin;
                if (s == 0) {
                    ranking.rank(squared.data() + q * width, self, first[q].data());
                    continue;
                }
                ranking.rank(squared.data() + q * width, self, second.data());
                const CoRanking &result = results[s - 1];
                std::fill(counts.begin(), counts.end(), 0u);
                const std::uint32_t *in_a = first[q].data(), *in_b = second.data();
                for (std::size_t j = 0; j < n; ++j) ++counts[std::max(in_a[j], in_b[j])];
                double sum = 0.0;
                std::int64_t overlap = 0;
                std::size_t next = 0;
                for (std::size_t K = 1; K + 2 <= n; ++K) {
                    overlap += counts[K];
                    sum += weight[K] * static_cast<double>(overlap) - share[K];
                    if (next < n_sizes && static_cast<std::size_t>(sizes[next]) == K)
                        result.overlap[a * n_sizes + next++] = static_cast<std::int32_t>(overlap);
                }
                result.log_sums[a] = sum;
                deep_ranks(in_a, in_b, n, sizes, n_sizes, result.false_sums + a * n_sizes);
                deep_ranks(in_b, in_a, n, sizes, n_sizes, result.missing_sums + a * n_sizes);
            }
        }
    });
}

}  // namespace latentscape
