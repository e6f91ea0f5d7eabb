// Squared Euclidean distances of a few rows to many, the step under every neighbour search.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "simd.hpp"
#include "threads.hpp"

namespace latentscape {

// A matrix of floats, row after row, that belongs to somebody else.
struct Rows {
    const float *data;
    std::size_t n, d;
    const float *row(std::size_t i) const { return data + i * d; }
};

// Rows in blocks of kLanes, feature after feature: lane l of feature f of block b is feature f of
// row b * kLanes + l. The last block is filled up with rows at infinity.
class PackedRows {
  public:
    PackedRows() = default;

    // Take the rows `order[0 .. n)` of `rows`, or all of them where order is null, times `scale`.
    PackedRows(Rows rows, const std::int32_t *order, std::size_t n, float scale = 1.0f)
        : n_(n), d_(rows.d), blocks_((n + kLanes - 1) / kLanes) {
        values_.assign(blocks_ * d_ * kLanes + kLanes, std::numeric_limits<float>::infinity());
        // Whole registers are loaded, so the start lies on a multiple of their size.
        const std::size_t bytes = kLanes * sizeof(float);
        const auto address = reinterpret_cast<std::uintptr_t>(values_.data());
        offset_ = ((bytes - address % bytes) % bytes) / sizeof(float);
        for (std::size_t i = 0; i < n; ++i) {
            const float *row = rows.row(order ? static_cast<std::size_t>(order[i]) : i);
            float *target = values_.data() + offset_ + (i / kLanes) * d_ * kLanes + i % kLanes;
            for (std::size_t f = 0; f < d_; ++f) target[f * kLanes] = row[f] * scale;
        }
    }
    PackedRows(PackedRows &&) = default;  // a copy would not be aligned
    PackedRows &operator=(PackedRows &&) = default;
    PackedRows(const PackedRows &) = delete;
    PackedRows &operator=(const PackedRows &) = delete;

    std::size_t size() const { return n_; }
    std::size_t width() const { return d_; }
    std::size_t blocks() const { return blocks_; }
    const float *block(std::size_t b) const { return values_.data() + offset_ + b * d_ * kLanes; }

  private:
    std::size_t n_ = 0, d_ = 0, blocks_ = 0, offset_ = 0;
    std::vector<float> values_;
};

constexpr std::size_t kTile = 4;  // queries that share each load of a block

// Squared distances of kTile queries to `n_blocks` blocks: out[q * stride + b * kLanes + l].
//
// Feature by feature in ascending order, each product rounded: the same two rows always give the
// same bits, and two equal rows give zero.
template <int kBytes>
LATENTSCAPE_INLINE void tile_distances_on(const float *const *queries, std::size_t d,
                                          const float *blocks, std::size_t n_blocks, float *out,
                                          std::size_t stride) {
    const float *q0 = queries[0], *q1 = queries[1], *q2 = queries[2], *q3 = queries[3];
    for (std::size_t b = 0; b < n_blocks; ++b) {
        const float *block = blocks + b * d * kLanes;
        Lanes<kBytes> s0 = {}, s1 = {}, s2 = {}, s3 = {};
        for (std::size_t f = 0; f < d; ++f) {
            const auto c = load<Lanes<kBytes>>(block + f * kLanes);
            const auto a0 = c - q0[f], a1 = c - q1[f], a2 = c - q2[f], a3 = c - q3[f];
            s0 += a0 * a0;
            s1 += a1 * a1;
            s2 += a2 * a2;
            s3 += a3 * a3;
        }
        store(s0, out + b * kLanes);
        store(s1, out + stride + b * kLanes);
        store(s2, out + 2 * stride + b * kLanes);
        store(s3, out + 3 * stride + b * kLanes);
    }
}
LATENTSCAPE_KERNEL(tile_distances)

// The same of one query to kTile blocks, wherever they lie: out[b * kLanes + l].
template <int kBytes>
LATENTSCAPE_INLINE void block_distances_on(const float *query, std::size_t d,
                                           const float *const *blocks, float *out) {
    const float *b0 = blocks[0], *b1 = blocks[1], *b2 = blocks[2], *b3 = blocks[3];
    using L = Lanes<kBytes>;
    L s0 = {}, s1 = {}, s2 = {}, s3 = {};
    for (std::size_t f = 0; f < d; ++f) {
        const float q = query[f];
        const L a0 = load<L>(b0 + f * kLanes) - q, a1 = load<L>(b1 + f * kLanes) - q,
                a2 = load<L>(b2 + f * kLanes) - q, a3 = load<L>(b3 + f * kLanes) - q;
        s0 += a0 * a0;
        s1 += a1 * a1;
        s2 += a2 * a2;
        s3 += a3 * a3;
    }
    store(s0, out);
    store(s1, out + kLanes);
    store(s2, out + 2 * kLanes);
    store(s3, out + 3 * kLanes);
}
LATENTSCAPE_KERNEL(block_distances)

// So many blocks are measured at a time: a strip of rows lies in the second cache and its distances
// in the first.
constexpr std::size_t kStrip = 32;
inline std::size_t strip_blocks(std::size_t d) {
    return std::clamp<std::size_t>(2048 / d, 1, kStrip);
}

// A power of two that brings the largest entry near 1, so that no square overflows or vanishes.
// Multiplying by it changes no bit of a mantissa.
inline float power_of_two_scale(Rows rows) {
    float largest = 0.0f;
    for (std::size_t i = 0; i < rows.n * rows.d; ++i)
        largest = std::max(largest, std::fabs(rows.data[i]));
    if (largest == 0.0f) return 1.0f;
    const int exponent = std::clamp(std::ilogb(largest), -120, 120);
    return std::ldexp(1.0f, -exponent);
}

// Squared distances of a query to rows, wherever they lie, in double precision.
template <int kBytes>
LATENTSCAPE_INLINE void exact_distances_on(const float *query, Rows rows, const std::int32_t *names,
                                           std::size_t n, double *squared) {
    using Floats = Pack<float, 8, kBytes / 8>;
    using Doubles = Pack<double, 8, kBytes / 8>;
    for (std::size_t i = 0; i < n; ++i) {
        const float *const row = rows.row(static_cast<std::size_t>(names[i]));
        Doubles sums = {};
        std::size_t f = 0;
        for (; f + 8 <= rows.d; f += 8) {
            const Doubles apart = converted<double>(load<Floats>(query + f)) -
                                  converted<double>(load<Floats>(row + f));
            sums += apart * apart;
        }
        double sum = sum_of(sums);
        for (; f < rows.d; ++f) {
            const double apart = static_cast<double>(query[f]) - static_cast<double>(row[f]);
            sum += apart * apart;
        }
        squared[i] = sum;
    }
}
LATENTSCAPE_KERNEL(exact_distances)

}  // namespace latentscape
