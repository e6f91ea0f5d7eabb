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

// The smallest keys seen so far. A key holds a distance and an index, in this order of weight;
// non-negative floats sort like their bits.
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
        std::uint32_t bits;
        std::memcpy(&bits, &squared, sizeof bits);
        keys_.push_back(static_cast<std::uint64_t>(bits) << 32 | static_cast<std::uint32_t>(index));
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
LATENTSCAPE_CLONES static void groups_within(const float *squared, std::size_t n_blocks,
                                             float limit, std::uint8_t *within) {
    for (std::size_t b = 0; b < n_blocks; ++b) {
        const float *group = squared + b * kLanes;
        float least = group[0];
        for (int l = 1; l < kLanes; ++l) least = group[l] < least ? group[l] : least;
        within[b] = least <= limit;
    }
}

constexpr std::size_t kStrip = 32;  // blocks measured at a time: their distances stay in L1
constexpr std::size_t kSpare = 8;   // candidates beyond those asked for

// Working memory of one thread.
struct Scratch {
    std::vector<float> squared = std::vector<float>(kTile * kStrip * kLanes);
    std::vector<std::uint8_t> within = std::vector<std::uint8_t>(kStrip);
};

// Offer one strip of distances, whose first is that of row `start` of n, to the nearest rows of a
// query; `names[i]` is the index of row i (null: i itself).
inline void keep_nearest(const float *strip, std::size_t n_blocks, std::size_t start, std::size_t n,
                         const std::int32_t *names, Nearest &found, Scratch &scratch) {
    groups_within(strip, n_blocks, found.limit(), scratch.within.data());
    for (std::size_t b = 0; b < n_blocks; ++b) {
        if (!scratch.within[b]) continue;
        const std::size_t first = start + b * kLanes;
        const std::size_t end = std::min<std::size_t>(kLanes, n - first);
        for (std::size_t l = 0; l < end; ++l) {
            const float value = strip[b * kLanes + l];
            if (value > found.limit()) continue;
            found.add(value, names ? names[first + l] : static_cast<std::int32_t>(first + l));
        }
    }
}

// Let kTile queries see all rows of `packed`; `names[i]` is the index of its row i (null: i itself).
inline void scan(const float *const *queries, std::size_t n_queries, const PackedRows &packed,
                 const std::int32_t *names, Nearest *const *nearest, Scratch &scratch) {
    const float *four[kTile];
    for (std::size_t q = 0; q < kTile; ++q) four[q] = queries[std::min(q, n_queries - 1)];
    for (std::size_t first = 0; first < packed.blocks(); first += kStrip) {
        const std::size_t n_blocks = std::min(kStrip, packed.blocks() - first);
        const std::size_t stride = kStrip * kLanes;
        tile_distances(four, packed.width(), packed.block(first), n_blocks, scratch.squared.data(),
                       stride);
        for (std::size_t q = 0; q < n_queries; ++q)
            keep_nearest(scratch.squared.data() + q * stride, n_blocks, first * kLanes,
                         packed.size(), names, *nearest[q], scratch);
    }
}

// Order candidates by their exact distance, leave out `self` (or -1), and write the first k.
inline void settle(const float *query, Rows rows, const std::vector<std::uint64_t> &candidates,
                   std::int64_t self, std::size_t k, std::int32_t *indices, double *squared) {
    std::vector<std::pair<double, std::int32_t>> order;
    order.reserve(candidates.size());
    for (const std::uint64_t key : candidates) {
        const auto index = static_cast<std::int32_t>(key & 0xffffffffu);
        if (index == self) continue;
        order.emplace_back(exact_squared(query, rows.row(static_cast<std::size_t>(index)), rows.d),
                           index);
    }
    std::sort(order.begin(), order.end());
    for (std::size_t j = 0; j < k; ++j) {
        // An approximate search may find too few: the caller sees it by the index.
        indices[j] = j < order.size() ? order[j].second : -1;
        squared[j] = j < order.size() ? order[j].first : std::numeric_limits<double>::infinity();
    }
}

// Exact k nearest rows of each query. Where `same`, the queries are the rows themselves and no row
// is its own neighbour. indices and squared: (queries.n, k).
inline void nearest_rows(Rows queries, Rows rows, std::size_t k, bool same, int threads,
                         std::int32_t *indices, double *squared) {
    const float scale = power_of_two_scale(rows);
    const PackedRows packed(rows, nullptr, rows.n, scale);
    const std::size_t wanted = std::min(rows.n, k + same + kSpare);
    parallel_for(queries.n, 16 * kTile, threads, [&](std::size_t begin, std::size_t end) {
        Scratch scratch;
        std::vector<Nearest> nearest(kTile);
        std::vector<float> scaled(kTile * rows.d);
        for (std::size_t start = begin; start < end; start += kTile) {
            const std::size_t n = std::min(kTile, end - start);
            const float *four[kTile];
            Nearest *found[kTile];
            for (std::size_t q = 0; q < n; ++q) {
                nearest[q].reset(wanted);
                found[q] = &nearest[q];
                four[q] = scaled.data() + q * rows.d;
                for (std::size_t f = 0; f < rows.d; ++f)
                    scaled[q * rows.d + f] = queries.row(start + q)[f] * scale;
            }
            scan(four, n, packed, nullptr, found, scratch);
            for (std::size_t q = 0; q < n; ++q) {
                const std::size_t i = start + q;
                settle(queries.row(i), rows, found[q]->finish(),
                       same ? static_cast<std::int64_t>(i) : -1, k, indices + i * k,
                       squared + i * k);
            }
        }
    });
}

}  // namespace latentscape
