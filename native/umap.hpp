// The layout of UMAP: stochastic gradient descent on the fuzzy cross-entropy with negative samples.
//
// McInnes, Healy and Melville 2018 (arXiv:1802.03426), algorithm 5, in owner-updates form. In the
// paper an edge that is sampled moves both its ends at once, so the result depends on the order of
// the edges and cannot be had in parallel. Here a vertex moves only itself: it goes through its own
// sampled edges one after another and sees the other vertices where they stood when the pass began.
// An edge stands with both its ends and would move each of them twice, once as the head and once
// as the tail: so an owner takes its attractive step doubled. An epoch is two passes with half the
// samples each: as all vertices move at once, those of a whole epoch overshoot, and neighbours end
// farther apart (10-NN accuracy of a map of digits .961 instead of .963; four passes gain nothing).
//
// Thirty-two vertices go side by side in the lanes of two vectors.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "simd.hpp"
#include "threads.hpp"

namespace latentscape {

// A hash with good avalanche (the finaliser of MurmurHash3).
LATENTSCAPE_INLINE std::uint32_t mixed(std::uint32_t x) {
    x ^= x >> 16;
    x *= 0x85ebca6bu;
    x ^= x >> 13;
    x *= 0xc2b2ae35u;
    return x ^ x >> 16;
}

// x^power for a normal float above zero, to about 2e-5 of its value: log2 and 2^y by polynomials
// (least maximum error). What leaves the range of floats stays near its ends. Limits are set on whole
// numbers, as GCC makes branches of those on floats, and a loop with branches is no vector code.
LATENTSCAPE_INLINE float fast_power(float x, float power) {
    std::int32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    const std::int32_t exponent = (bits - 0x3f3504f3) >> 23;  // the rest is in [sqrt(1/2), sqrt(2))
    bits -= exponent * (1 << 23);
    float f;
    std::memcpy(&f, &bits, sizeof f);
    f -= 1.0f;
    float log = f * 0.25269741f - 0.39456727f;
    log = log * f + 0.48667598f;
    log = log * f - 0.72024256f;
    log = log * f + 1.4425785f;
    log = log * f + static_cast<float>(exponent);
    const float y = log * power;
    // The nearest whole number: adding 1.5 * 2^23 leaves no bit for a fraction.
    const float shifted = y + 12582912.0f;
    const float r = y - (shifted - 12582912.0f);
    float exp = r * 0.0095701019f + 0.055917862f;
    exp = exp * r + 0.24024745f;
    exp = exp * r + 0.69312181f;
    exp = exp * r + 0.99999926f;
    std::int32_t whole, value;
    std::memcpy(&whole, &shifted, sizeof whole);
    std::memcpy(&value, &exp, sizeof value);
    value += std::min(std::max(whole - 0x4b400000, -126), 126) * (1 << 23);
    std::memcpy(&exp, &value, sizeof exp);
    return exp;
}

// Gradients are clipped to [-4, 4]. Floats of one sign are ordered like their bits.
LATENTSCAPE_INLINE float clipped(float x) {
    std::int32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    const std::int32_t size = std::min(bits & 0x7fffffff, 0x40800000);
    bits = size | (bits & static_cast<std::int32_t>(0x80000000u));
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

constexpr float kApart = 1e-30f;  // keeps the logarithm of a squared distance finite

constexpr int kMovers = 2 * kLanes;  // vertices that are worked on together
constexpr int kPasses = 2;  // in an epoch
constexpr std::int32_t kSample = 1 << 17;  // a whole sample; an edge has half of one at most
constexpr int kAhead = 5;   // draws

// kMovers vertices and their edges, edge after edge: edge e of vertex m stands at e * kMovers + m.
struct UmapGroup {
    const std::int32_t *vertices;
    const std::int32_t *heads;
    const std::uint16_t *shares;  // samples of each edge in a pass, times kSample
    std::size_t n_edges;  // of the vertex with the most
};

struct UmapPass {
    const float *places;  // where all vertices stood when it began
    float *moved;
    std::uint32_t n, number, seed;
    int n_negative;
    float a, b, rate;
};

// Move the vertices of one group through one pass. `due` has room for one more than all its edges.
//
// Edges are sampled systematically (Madow 1949): of a vertex's samples laid end to end, those are
// taken that hold a point of the comb u, u + 1, u + 2, ...; so an edge of s samples a pass, s at most
// 1/2, is taken in a share s of the passes, and a vertex has the same number of samples in each
// pass, give or take one. u steps by the golden ratio, which spreads the samples of each edge
// evenly over the passes.
template <int kBytes>
LATENTSCAPE_INLINE void umap_move_on(const UmapGroup &group, const UmapPass &pass,
                                     std::int32_t *due) {
    alignas(64) std::int32_t own[kMovers], count[kMovers], since[kMovers];
    alignas(64) std::uint32_t random[kMovers];
    alignas(64) float x[kMovers], y[kMovers];
    std::memcpy(own, group.vertices, sizeof own);
    const std::uint32_t step = pass.number * 0x9e3779b9u;  // 2^32 times the golden ratio
    for (int m = 0; m < kMovers; ++m) {
        random[m] = mixed(mixed(static_cast<std::uint32_t>(own[m]) ^ pass.seed) + step);
        x[m] = pass.places[2 * static_cast<std::size_t>(own[m])];
        y[m] = pass.places[2 * static_cast<std::size_t>(own[m]) + 1];
        count[m] = 0;
    }
    const std::uint32_t comb = mixed(static_cast<std::uint32_t>(own[0]) ^ ~pass.seed) + step;
    for (int m = 0; m < kMovers; ++m) since[m] = static_cast<std::int32_t>(comb >> 15);
    for (std::size_t e = 0; e < group.n_edges; ++e) {
        const std::uint16_t *shares = group.shares + e * kMovers;
        const std::int32_t *heads = group.heads + e * kMovers;
        alignas(64) std::int32_t taken[kMovers];  // 0 or 1
        for (int m = 0; m < kMovers; ++m) {
            const std::int32_t reached = since[m] + shares[m];
            taken[m] = reached >> 17;
            since[m] = reached & (kSample - 1);
        }
        for (int m = 0; m < kMovers; ++m) {
            due[count[m] * kMovers + m] = heads[m];
            count[m] += taken[m];
        }
    }
    std::int32_t most = 0;
    for (int m = 0; m < kMovers; ++m) most = std::max(most, count[m]);
    const float a = pass.a, b = pass.b, rate = pass.rate;
    const float pull = -2.0f * a * b, push = 2.0f * b;
    // Places, x and y by turns, are fetched some draws ahead: the processor waits for all at once.
    alignas(64) float head_places[2 * kMovers], other_places[kAhead][2 * kMovers];
    alignas(64) std::int32_t other[kAhead][kMovers];
    const auto fetch = [&](std::int32_t vertex, float *target) __attribute__((always_inline)) {
        std::memcpy(target, pass.places + 2 * static_cast<std::size_t>(vertex), 2 * sizeof *target);
    };
    for (std::int32_t s = 0; s < most; ++s) {
        const std::int32_t *heads = due + static_cast<std::size_t>(s) * kMovers;
        for (int m = 0; m < kMovers; ++m)
            fetch(s < count[m] ? heads[m] : own[m], head_places + 2 * m);
        for (int first = 0; first == 0 || first < pass.n_negative; first += kAhead) {
            const int n_draws = std::min(kAhead, pass.n_negative - first);
            for (int j = 0; j < n_draws; ++j) {
                for (int m = 0; m < kMovers; ++m) {
                    random[m] = random[m] * 1664525u + 1013904223u;  // Numerical Recipes
                    other[j][m] = static_cast<std::int32_t>(
                        static_cast<std::uint64_t>(random[m]) * pass.n >> 32);
                }
                for (int m = 0; m < kMovers; ++m) fetch(other[j][m], other_places[j] + 2 * m);
            }
            if (first == 0)
                for (int m = 0; m < kMovers; ++m) {
                    const float dx = x[m] - head_places[2 * m], dy = y[m] - head_places[2 * m + 1];
                    const float squared = dx * dx + dy * dy + kApart;
                    const float p = fast_power(squared, b);
                    const float on = static_cast<float>(s < count[m]);
                    const float factor = on * pull * p / (squared * (a * p + 1.0f));
                    x[m] += clipped(factor * dx) * (2.0f * rate);
                    y[m] += clipped(factor * dy) * (2.0f * rate);
                }
            for (int j = 0; j < n_draws; ++j)
                for (int m = 0; m < kMovers; ++m) {
                    const float dx = x[m] - other_places[j][2 * m];
                    const float dy = y[m] - other_places[j][2 * m + 1];
                    const float squared = dx * dx + dy * dy + kApart;
                    const float p = fast_power(squared, b);
                    const float on = static_cast<float>((s < count[m]) & (other[j][m] != own[m]));
                    const float factor = on * push / ((squared + 0.001f) * (a * p + 1.0f));
                    x[m] += clipped(factor * dx) * rate;
                    y[m] += clipped(factor * dy) * rate;
                }
        }
    }
    for (int m = 0; m < kMovers; ++m) {  // at the end, copies of the last vertex do as it does
        pass.moved[2 * static_cast<std::size_t>(own[m])] = x[m];
        pass.moved[2 * static_cast<std::size_t>(own[m]) + 1] = y[m];
    }
}
LATENTSCAPE_KERNEL(umap_move)

// Step size when a share `done` of the passes is behind: small at first, then falling from 1 to 0.
//
// All vertices move at once and see the others where they stood, so large steps would throw the
// islands about before they have formed, and the picture as a whole would depend on the seed. So
// the islands find their places in small steps, and only then does the rate that is usual begin.
inline float umap_rate(float done) {
    constexpr float kCalm = 0.2f, kLow = 0.03f;
    return done < kCalm ? kLow : (1.0f - done) / (1.0f - kCalm);
}

// A layout in the making.
class UmapLayout {
  public:
    // starts, columns, weights: a symmetric graph of n vertices in CSR form; weights above zero.
    // places: (n, 2).
    UmapLayout(const std::int64_t *starts, const std::int32_t *columns, const float *weights,
               std::size_t n, const float *places, double a, double b, int n_negative, int n_epochs,
               std::uint32_t seed, int threads)
        : n_(n),
          n_epochs_(n_epochs),
          threads_(threads),
          places_(places, places + 2 * n),
          moved_(places_) {
        pass_.n = static_cast<std::uint32_t>(n);
        pass_.number = 0;
        pass_.seed = mixed(seed + 0x9e3779b9u);
        pass_.n_negative = n_negative;
        pass_.a = static_cast<float>(a);
        pass_.b = static_cast<float>(b);
        arrange(starts, columns, weights);
    }

    const float *places() const { return places_.data(); }
    int done() const { return static_cast<int>(pass_.number) / kPasses; }

    // Go on by so many epochs, or by those that are left.
    void advance(int epochs) {
        const int n_passes = kPasses * n_epochs_;
        const int until = kPasses * std::min(n_epochs_, done() + std::max(0, epochs));
        const std::size_t n_groups = starts_.size() - 1;
        for (int t = kPasses * done(); t < until; ++t) {
            pass_.places = places_.data();
            pass_.moved = moved_.data();
            pass_.rate = umap_rate(static_cast<float>(t) / static_cast<float>(n_passes));
            const std::size_t chunk = std::clamp<std::size_t>(n_groups / 64, 1, 64);
            parallel_for(n_groups, chunk, threads_, [&](std::size_t begin, std::size_t end) {
                std::size_t most = 0;
                for (std::size_t g = begin; g < end; ++g)
                    most = std::max(most, starts_[g + 1] - starts_[g]);
                std::vector<std::int32_t> due((most + 1) * kMovers);
                for (std::size_t g = begin; g < end; ++g) {
                    const std::size_t at = starts_[g] * kMovers;
                    umap_move(UmapGroup{vertices_.data() + g * kMovers, heads_.data() + at,
                               shares_.data() + at, starts_[g + 1] - starts_[g]},
                              pass_, due.data());
                }
            });
            places_.swap(moved_);
            ++pass_.number;
        }
    }

  private:
    // Put vertices with about as many samples into the same group, so that its lanes end together.
    void arrange(const std::int64_t *starts, const std::int32_t *columns, const float *weights) {
        const float largest = starts[n_] > 0 ? *std::max_element(weights, weights + starts[n_]) : 1.0f;
        std::vector<float> samples(n_, 0.0f);
        for (std::size_t i = 0; i < n_; ++i)
            for (std::int64_t e = starts[i]; e < starts[i + 1]; ++e)
                samples[i] += weights[e] / largest;
        std::vector<std::int32_t> order(n_);
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](std::int32_t i, std::int32_t j) {
            return samples[static_cast<std::size_t>(i)] > samples[static_cast<std::size_t>(j)];
        });
        const std::size_t n_groups = (n_ + kMovers - 1) / kMovers;
        vertices_.assign(n_groups * kMovers, order.back());
        std::copy(order.begin(), order.end(), vertices_.begin());
        starts_.assign(n_groups + 1, 0);
        for (std::size_t g = 0; g < n_groups; ++g) {
            std::int64_t most = 0;
            for (int m = 0; m < kMovers; ++m) {
                const auto i = static_cast<std::size_t>(vertices_[g * kMovers + m]);
                most = std::max(most, starts[i + 1] - starts[i]);
            }
            starts_[g + 1] = starts_[g] + static_cast<std::size_t>(most);
        }
        heads_.assign(starts_[n_groups] * kMovers, 0);
        shares_.assign(starts_[n_groups] * kMovers, 0);
        parallel_for(n_groups, 64, threads_, [&](std::size_t begin, std::size_t end) {
            for (std::size_t g = begin; g < end; ++g)
                for (int m = 0; m < kMovers; ++m) {
                    const auto i = static_cast<std::size_t>(vertices_[g * kMovers + m]);
                    std::int64_t e = starts[i];
                    for (std::size_t s = starts_[g]; s < starts_[g + 1]; ++s, ++e) {
                        const std::size_t at = s * kMovers + static_cast<std::size_t>(m);
                        if (e >= starts[i + 1]) {
                            heads_[at] = static_cast<std::int32_t>(i);
                            continue;
                        }
                        heads_[at] = columns[e];
                        const float share = weights[e] / (kPasses * largest) * kSample;
                        shares_[at] = static_cast<std::uint16_t>(
                            std::min(65535L, std::lround(share)));
                    }
                }
        });
    }

    std::size_t n_;
    int n_epochs_, threads_;
    std::vector<float> places_, moved_;
    std::vector<std::int32_t> vertices_, heads_;
    std::vector<std::uint16_t> shares_;
    std::vector<std::size_t> starts_;
    UmapPass pass_;
};

// Fuzzy cross-entropy of a map: how far the graph's memberships w and the map's
// q = 1 / (1 + a d^(2b)) are apart, summed over all ordered pairs:
//
//   - sum over edges  w log q  -  sum over pairs (1 - w) log(1 - q)
//
// q is kept within [1e-4, 1 - 1e-4], so that coinciding points do not make it infinite.
// Exact: all pairs are visited.
inline double fuzzy_cross_entropy(const std::int64_t *starts, const std::int32_t *columns,
                                  const float *weights, std::size_t n, const float *places, double a,
                                  double b, int threads) {
    constexpr double kLeast = 1e-4;
    std::vector<double> sums(n);
    parallel_for(n, 16, threads, [&](std::size_t begin, std::size_t end) {
        const auto membership = [&](std::size_t i, std::size_t j) {
            const double dx = static_cast<double>(places[2 * i]) - places[2 * j];
            const double dy = static_cast<double>(places[2 * i + 1]) - places[2 * j + 1];
            const double q = 1.0 / (1.0 + a * std::pow(dx * dx + dy * dy, b));
            return std::clamp(q, kLeast, 1.0 - kLeast);
        };
        for (std::size_t i = begin; i < end; ++i) {
            double sum = 0.0;
            for (std::size_t j = i + 1; j < n; ++j) sum -= 2.0 * std::log1p(-membership(i, j));
            for (std::int64_t e = starts[i]; e < starts[i + 1]; ++e) {
                const auto j = static_cast<std::size_t>(columns[e]);
                if (j == i) continue;
                const double q = membership(i, j), w = weights[e];
                sum += w * (std::log1p(-q) - std::log(q));
            }
            sums[i] = sum;
        }
    });
    double total = 0.0;
    for (const double sum : sums) total += sum;
    return total;
}

}  // namespace latentscape
