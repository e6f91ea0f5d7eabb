// k nearest rows: exact, and approximate by an inverted file (IVF).
//
// Candidates are found in float32; a few more than asked for are measured again in float64, which
// settles their order. Ties go to the smaller index.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

#include "distances.hpp"

namespace latentscape {

// A distance and an index in one number, in this order of weight; non-negative floats sort like
// their bits.
inline std::uint64_t nearest_key(float squared, std::int32_t index) {
    std::uint32_t bits;
    std::memcpy(&bits, &squared, sizeof bits);
    return static_cast<std::uint64_t>(bits) << 32 | static_cast<std::uint32_t>(index);
}

// The smallest keys seen so far.
class Nearest {
  public:
    void reset(std::size_t wanted) {
        wanted_ = wanted;
        limit_ = std::numeric_limits<float>::max();
        keys_.clear();
        keys_.reserve(2 * wanted + kLanes);
    }
    // Nothing beyond this distance can be among the nearest any more.
    float limit() const { return limit_; }
    void add(float squared, std::int32_t index) {
        keys_.push_back(nearest_key(squared, index));
        if (keys_.size() >= 2 * wanted_ + kLanes) shrink();
    }
    const std::vector<std::uint64_t> &finish() {
        if (keys_.size() > wanted_) shrink();
        return keys_;
    }

  private:
    void shrink() {
        const auto last = keys_.begin() + static_cast<std::ptrdiff_t>(wanted_) - 1;
        std::nth_element(keys_.begin(), last, keys_.end());
        keys_.resize(wanted_);
        const auto bits = static_cast<std::uint32_t>(keys_[wanted_ - 1] >> 32);
        std::memcpy(&limit_, &bits, sizeof limit_);
    }
    std::size_t wanted_ = 0;
    float limit_ = 0.0f;
    std::vector<std::uint64_t> keys_;
};

// Mark which of `n_blocks` groups of kLanes distances hold one within `limit`.
template <int kBytes>
LATENTSCAPE_INLINE void groups_within_on(const float *squared, std::size_t n_blocks,
                                         float limit, std::uint8_t *within) {
    for (std::size_t b = 0; b < n_blocks; ++b) {
        const float *group = squared + b * kLanes;
        float least = group[0];
        for (int l = 1; l < kLanes; ++l) least = group[l] < least ? group[l] : least;
        within[b] = least <= limit;
    }
}
LATENTSCAPE_KERNEL(groups_within)

// Where the smallest of n_blocks * kLanes distances stands; of equal ones the first.
inline std::size_t least_place(const float *squared, std::size_t n_blocks) {
    float least[kLanes];
    std::size_t block[kLanes] = {};
    std::copy_n(squared, kLanes, least);
    for (std::size_t b = 1; b < n_blocks; ++b)
        for (std::size_t l = 0; l < kLanes; ++l)
            if (squared[b * kLanes + l] < least[l]) {
                least[l] = squared[b * kLanes + l];
                block[l] = b;
            }
    std::size_t best = 0;
    for (std::size_t l = 1; l < kLanes; ++l)
        if (least[l] < least[best] || (least[l] == least[best] && block[l] < block[best])) best = l;
    return block[best] * kLanes + best;
}

constexpr std::size_t kSpare = 8;   // candidates beyond those asked for

// Working memory of one thread.
struct Scratch {
    std::vector<float> squared = std::vector<float>(kTile * kStrip * kLanes);
    std::vector<std::uint8_t> within = std::vector<std::uint8_t>(kStrip);
    std::uint8_t one[1] = {0};
};

// Offer one strip of distances, whose first is that of row `start` of n, to the nearest rows of a
// query; `names[i]` is the index of row i (null: i itself).
inline void keep_nearest(const float *strip, std::size_t n_blocks, std::size_t start, std::size_t n,
                         const std::int32_t *names, Nearest &found, std::uint8_t *within) {
    groups_within(strip, n_blocks, found.limit(), within);
    for (std::size_t b = 0; b < n_blocks; ++b) {
        if (!within[b]) continue;
        const std::size_t first = start + b * kLanes;
        const std::size_t end = std::min<std::size_t>(kLanes, n - first);
        for (std::size_t l = 0; l < end; ++l) {
            const float value = strip[b * kLanes + l];
            if (value > found.limit()) continue;
            found.add(value, names ? names[first + l] : static_cast<std::int32_t>(first + l));
        }
    }
}

// What a group of queries looks at: rows, and their names where they are not 0, 1, 2, ...
struct Field {
    const PackedRows *rows;
    const std::int32_t *names = nullptr;
    // Rows in a space of fewer columns in which no two are farther apart than here, but for
    // `slack` in the squared distance. Where given, only rows that are near there are measured.
    const PackedRows *sketch = nullptr;
    float slack = 0.0f;
};

// Measure the blocks of a strip that a query may have neighbours in, by the distances in the
// sketch, and offer them.
inline void keep_sketched(const float *query, const float *strip, std::size_t first,
                          std::size_t n_blocks, const Field &field, Nearest &found,
                          Scratch &scratch) {
    const PackedRows &rows = *field.rows;
    groups_within(strip, n_blocks, found.limit() + field.slack, scratch.within.data());
    alignas(64) float squared[kTile * kLanes];
    for (std::size_t b = 0; b < n_blocks;) {
        const float *blocks[kTile];
        std::size_t chosen[kTile], count = 0;
        for (; b < n_blocks && count < kTile; ++b)
            if (scratch.within[b]) {
                chosen[count] = first + b;
                blocks[count++] = rows.block(first + b);
            }
        if (count == 0) return;
        for (std::size_t c = count; c < kTile; ++c) blocks[c] = blocks[0];
        block_distances(query, rows.width(), blocks, squared);
        for (std::size_t c = 0; c < count; ++c)
            keep_nearest(squared + c * kLanes, 1, chosen[c] * kLanes, rows.size(), field.names,
                         found, scratch.one);
    }
}

// Let queries see all rows of a field; `sketched` are the queries in its sketch.
inline void scan(const float *const *queries, const float *const *sketched, std::size_t n_queries,
                 const Field &field, Nearest *const *nearest, Scratch &scratch) {
    const PackedRows &seen = field.sketch ? *field.sketch : *field.rows;
    const float *const *const seeing = field.sketch ? sketched : queries;
    const std::size_t stride = kStrip * kLanes, strip = strip_blocks(seen.width());
    for (std::size_t first = 0; first < seen.blocks(); first += strip) {
        const std::size_t n_blocks = std::min(strip, seen.blocks() - first);
        for (std::size_t tile = 0; tile < n_queries; tile += kTile) {
            const std::size_t size = std::min(kTile, n_queries - tile);
            const float *four[kTile];
            for (std::size_t q = 0; q < kTile; ++q)
                four[q] = seeing[tile + std::min(q, size - 1)];
            tile_distances(four, seen.width(), seen.block(first), n_blocks, scratch.squared.data(),
                           stride);
            for (std::size_t q = 0; q < size; ++q) {
                const float *const squared = scratch.squared.data() + q * stride;
                if (field.sketch)
                    keep_sketched(queries[tile + q], squared, first, n_blocks, field,
                                  *nearest[tile + q], scratch);
                else
                    keep_nearest(squared, n_blocks, first * kLanes, seen.size(), field.names,
                                 *nearest[tile + q], scratch.within.data());
            }
        }
    }
}

// Order candidates by their exact distance, leave out `self` (or -1), and write the first k.
inline void settle(const float *query, Rows rows, const std::vector<std::uint64_t> &candidates,
                   std::int64_t self, std::size_t k, std::int32_t *indices, double *squared) {
    std::vector<std::int32_t> names;
    names.reserve(candidates.size());
    for (const std::uint64_t key : candidates) {
        const auto index = static_cast<std::int32_t>(key & 0xffffffffu);
        if (index != self) names.push_back(index);
    }
    std::vector<double> apart(names.size());
    exact_distances(query, rows, names.data(), names.size(), apart.data());
    std::vector<std::pair<double, std::int32_t>> order(names.size());
    for (std::size_t j = 0; j < names.size(); ++j) order[j] = {apart[j], names[j]};
    std::sort(order.begin(), order.end());
    for (std::size_t j = 0; j < k; ++j) {
        // An approximate search may find too few: the caller sees it by the index.
        indices[j] = j < order.size() ? order[j].second : -1;
        squared[j] = j < order.size() ? order[j].first : std::numeric_limits<double>::infinity();
    }
}

// The largest squared length of a row times a scale.
inline float largest_square(Rows rows, float scale) {
    float largest = 0.0f;
    for (std::size_t i = 0; i < rows.n; ++i) {
        float sum = 0.0f;
        for (std::size_t f = 0; f < rows.d; ++f) {
            const float value = rows.row(i)[f] * scale;
            sum += value * value;
        }
        largest = std::max(largest, sum);
    }
    return largest;
}

// Queries and rows times the same matrix of orthonormal columns, computed in float32, and an order
// of the rows in which near ones follow each other.
struct Sketch {
    Rows queries, rows;
    const std::int32_t *order;
};

// Exact k nearest rows of each query. Where `same`, the queries are the rows themselves and no row
// is its own neighbour. indices and squared: (queries.n, k). A sketch (or null) makes the search
// among wide rows faster and changes no bit.
inline void nearest_rows(Rows queries, Rows rows, std::size_t k, bool same, const Sketch *sketch,
                         int threads, std::int32_t *indices, double *squared) {
    const float scale = power_of_two_scale(rows);
    const std::int32_t *const order = sketch ? sketch->order : nullptr;
    const PackedRows packed(rows, order, rows.n, scale);
    Field field{&packed, order};
    PackedRows narrow;
    if (sketch) {
        narrow = PackedRows(sketch->rows, order, rows.n, scale);
        field.sketch = &narrow;
        // Far more than the rounding of both matrices.
        field.slack = 1e-3f * std::max(largest_square(sketch->rows, scale),
                                       largest_square(sketch->queries, scale));
    }
    const std::size_t wanted = std::min(rows.n, k + same + kSpare);
    constexpr std::size_t kGroup = 16 * kTile;  // queries that share a strip
    parallel_for(queries.n, kGroup, threads, [&](std::size_t begin, std::size_t end) {
        const std::size_t n = end - begin;
        Scratch scratch;
        std::vector<Nearest> nearest(n);
        std::vector<Nearest *> found(n);
        const auto scaled_rows = [&](Rows given, std::vector<float> &values,
                                     std::vector<const float *> &starts) {
            values.resize(n * given.d);
            for (std::size_t q = 0; q < n; ++q) {
                starts.push_back(values.data() + q * given.d);
                for (std::size_t f = 0; f < given.d; ++f)
                    values[q * given.d + f] = given.row(begin + q)[f] * scale;
            }
        };
        std::vector<float> wide, slim;
        std::vector<const float *> wide_starts, slim_starts;
        scaled_rows(queries, wide, wide_starts);
        if (sketch) scaled_rows(sketch->queries, slim, slim_starts);
        for (std::size_t q = 0; q < n; ++q) {
            nearest[q].reset(wanted);
            found[q] = &nearest[q];
        }
        scan(wide_starts.data(), slim_starts.data(), n, field, found.data(), scratch);
        for (std::size_t q = 0; q < n; ++q) {
            const std::size_t i = begin + q;
            settle(queries.row(i), rows, nearest[q].finish(),
                   same ? static_cast<std::int64_t>(i) : -1, k, indices + i * k, squared + i * k);
        }
    });
}

}  // namespace latentscape
