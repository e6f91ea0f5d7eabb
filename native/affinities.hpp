// Affinities of t-SNE: how much each row belongs with its neighbours.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "simd.hpp"
#include "threads.hpp"

namespace latentscape {

constexpr int kDoubles = 8;  // doubles that are worked on together

// exp(x) for x <= 0, to the last bits of a double; 0 below -700.
template <class Doubles>
LATENTSCAPE_INLINE Doubles exp_negative(Doubles x) {
    const double shift = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to a whole number
    const auto vanishes = x < -700.0;
    x = choose(vanishes, all_of<Doubles>(-700.0), x);
    const Doubles shifted = x * 1.4426950408889634074 + shift;
    const Doubles whole = shifted - shift;
    Doubles rest = x - whole * 0.693147180369123816490;
    rest = rest - whole * 1.90821492927058770002e-10;
    Doubles sum = all_of<Doubles>(1.0 / 479001600.0);  // the series, |rest| <= ln(2) / 2
    const double factorials[12] = {1.0, 1.0, 2.0, 6.0, 24.0, 120.0, 720.0, 5040.0, 40320.0,
                                   362880.0, 3628800.0, 39916800.0};
    for (int k = 11; k >= 0; --k) sum = sum * rest + 1.0 / factorials[k];
    const auto bits = (bits_as<std::int64_t>(shifted) << 52) +
                      (static_cast<std::int64_t>(1023) << 52);  // 2^whole
    return choose(vanishes, Doubles{}, sum * bits_as<double>(bits));
}

// Gaussian weights of one row, with a width at which their entropy is `entropy`.
//
// squared: to the nearest k neighbours, in any order; room for whole packs. On return it
// holds the weights, which add up to 1. Distances count from the nearest on, so a row never loses
// all its weight; where ties leave more neighbours than wanted, they share it.
template <int kBytes>
LATENTSCAPE_INLINE void weigh_row_on(double *squared, std::size_t k, double entropy) {
    using Doubles = Pack<double, kDoubles, kBytes / 8>;
    const std::size_t n_blocks = (k + kDoubles - 1) / kDoubles;
    double nearest = squared[0];
    for (std::size_t j = 1; j < k; ++j) nearest = std::min(nearest, squared[j]);
    double mean = 0.0;
    for (std::size_t j = 0; j < k; ++j) {
        squared[j] -= nearest;
        mean += squared[j];
    }
    mean /= static_cast<double>(k);
    const double unit = mean > 0.0 ? 1.0 / mean : 0.0;
    // Distances so great that exp gives 0 fill up the last block.
    for (std::size_t j = 0; j < n_blocks * kDoubles; ++j) {
        const double scaled = squared[j] * unit;
        squared[j] = j < k ? (scaled < 1e300 ? scaled : 1e300) : 1e300;
    }
    // Newton's method for the logarithm of the precision, between "all neighbours alike" and "the
    // nearest alone", with the bracket halved where a step leaves it.
    double low = -20.0, high = 60.0, log_precision = 0.0;
    for (int step = 0; step < 100; ++step) {
        const double precision = std::exp(log_precision);
        Doubles total = {}, first = {}, second = {};
        for (std::size_t b = 0; b < n_blocks; ++b) {
            const Doubles x = load<Doubles>(squared + b * kDoubles) * precision;
            const Doubles w = exp_negative(0.0 - x);
            // Where the weight vanishes, x may be infinite.
            const auto counts = 0.0 - w < 0.0;
            const Doubles xw = choose(counts, x * w, Doubles{});
            total += w;
            first += xw;
            second += choose(counts, x * xw, Doubles{});
        }
        const double z = sum_of(total), e1 = sum_of(first) / z, e2 = sum_of(second) / z;
        const double excess = std::log(z) + e1 - entropy;
        if (std::fabs(excess) < 1e-12) break;
        (excess > 0.0 ? low : high) = log_precision;
        if (high - low < 1e-13) break;
        const double slope = e1 * e1 - e2;  // of the entropy, by the logarithm of the precision
        const double next = log_precision - excess / slope;
        log_precision = slope < 0.0 && next > low && next < high ? next : (low + high) / 2;
    }
    const double precision = std::exp(log_precision);
    double z = 0.0;
    for (std::size_t b = 0; b < n_blocks; ++b) {
        const Doubles d = load<Doubles>(squared + b * kDoubles);
        const Doubles w = exp_negative(0.0 - d * precision);
        store(w, squared + b * kDoubles);
        z += sum_of(w);
    }
    for (std::size_t j = 0; j < k; ++j) squared[j] /= z;
}
LATENTSCAPE_KERNEL(weigh_row)

// Weights of the neighbours of each row: squared and weights are (n, k).
inline void conditional_affinities(const double *squared, std::size_t n, std::size_t k,
                                   double perplexity, int threads, double *weights) {
    const double entropy = std::log(perplexity);
    parallel_for(n, 256, threads, [&](std::size_t begin, std::size_t end) {
        std::vector<double> row(k + kDoubles);
        for (std::size_t i = begin; i < end; ++i) {
            std::copy(squared + i * k, squared + (i + 1) * k, row.begin());
            weigh_row(row.data(), k, entropy);
            std::copy(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(k), weights + i * k);
        }
    });
}

// A sparse matrix, row after row: row i holds the entries [starts[i], starts[i + 1]).
struct SparseRows {
    std::vector<std::int64_t> starts;
    std::vector<std::int32_t> columns;
    std::vector<float> values;
};

// Symmetric affinities that add up to 1: (w + w^T) / 2n for the weights w of each row. Columns
// ascend in each row.
//
// indices, distances: (n, k).
inline SparseRows joint_affinities(const std::int32_t *indices, const float *distances,
                                   std::size_t n, std::size_t k, double perplexity, int threads) {
    const double entropy = std::log(perplexity);
    // The weights, columns ascending.
    std::vector<std::int32_t> columns(n * k);
    std::vector<float> weights(n * k);
    parallel_for(n, 256, threads, [&](std::size_t begin, std::size_t end) {
        std::vector<double> row(k + kDoubles);
        std::vector<std::pair<std::int32_t, float>> sorted(k);
        for (std::size_t i = begin; i < end; ++i) {
            for (std::size_t j = 0; j < k; ++j) {
                const double distance = static_cast<double>(distances[i * k + j]);
                row[j] = distance * distance;
            }
            weigh_row(row.data(), k, entropy);
            for (std::size_t j = 0; j < k; ++j)
                sorted[j] = {indices[i * k + j], static_cast<float>(row[j])};
            std::sort(sorted.begin(), sorted.end());
            for (std::size_t j = 0; j < k; ++j) {
                columns[i * k + j] = sorted[j].first;
                weights[i * k + j] = sorted[j].second;
            }
        }
    });
    // The transpose: a few blocks of rows, each with its own place in every column.
    const std::size_t n_blocks = std::min<std::size_t>(8, n), block = (n + n_blocks - 1) / n_blocks;
    std::vector<std::int64_t> counts(n_blocks * n, 0);
    parallel_for(n_blocks, 1, threads, [&](std::size_t b, std::size_t) {
        std::int64_t *count = counts.data() + b * n;
        for (std::size_t e = b * block * k; e < std::min(n, (b + 1) * block) * k; ++e)
            ++count[columns[e]];
    });
    std::vector<std::int64_t> incoming(n + 1);
    std::int64_t total = 0;
    for (std::size_t i = 0; i < n; ++i) {
        incoming[i] = total;
        for (std::size_t b = 0; b < n_blocks; ++b) {
            const std::int64_t count = counts[b * n + i];
            counts[b * n + i] = total;
            total += count;
        }
    }
    incoming[n] = total;
    std::vector<std::int32_t> sources(n * k);
    std::vector<float> source_weights(n * k);
    parallel_for(n_blocks, 1, threads, [&](std::size_t b, std::size_t) {
        std::int64_t *next = counts.data() + b * n;
        for (std::size_t i = b * block; i < std::min(n, (b + 1) * block); ++i) {
            for (std::size_t j = 0; j < k; ++j) {
                const auto slot = static_cast<std::size_t>(next[columns[i * k + j]]++);
                sources[slot] = static_cast<std::int32_t>(i);
                source_weights[slot] = weights[i * k + j];
            }
        }
    });
    counts = {};
    // Both lists of a row ascend: merge them, first to count, then to write.
    const auto merge = [&](std::size_t i, auto &&emit) {
        std::size_t a = i * k, b = static_cast<std::size_t>(incoming[i]);
        const std::size_t a_end = a + k, b_end = static_cast<std::size_t>(incoming[i + 1]);
        while (a < a_end || b < b_end) {
            const std::int32_t left = a < a_end ? columns[a] : INT32_MAX;
            const std::int32_t right = b < b_end ? sources[b] : INT32_MAX;
            double weight = 0.0;
            if (left <= right) weight += static_cast<double>(weights[a++]);
            if (right <= left) weight += static_cast<double>(source_weights[b++]);
            emit(std::min(left, right), weight);
        }
    };
    SparseRows joint;
    joint.starts.resize(n + 1);
    parallel_for(n, 1024, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            std::int64_t count = 0;
            merge(i, [&](std::int32_t, double) { ++count; });
            joint.starts[i + 1] = count;
        }
    });
    for (std::size_t i = 0; i < n; ++i) joint.starts[i + 1] += joint.starts[i];
    joint.columns.resize(static_cast<std::size_t>(joint.starts[n]));
    joint.values.resize(static_cast<std::size_t>(joint.starts[n]));
    const double scale = 1.0 / (2.0 * static_cast<double>(n));
    parallel_for(n, 1024, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            auto slot = static_cast<std::size_t>(joint.starts[i]);
            merge(i, [&](std::int32_t column, double weight) {
                joint.columns[slot] = column;
                joint.values[slot++] = static_cast<float>(weight * scale);
            });
        }
    });
    return joint;
}

}  // namespace latentscape
