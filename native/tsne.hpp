// t-SNE: gradient, update and divergence (van der Maaten and Hinton 2008).
//
// Attraction runs over the sparse affinities, repulsion over all pairs: by the mesh, or exactly
// where points are few.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "mesh.hpp"
#include "simd.hpp"
#include "threads.hpp"

namespace latentscape {

// Affinities that belong to somebody else: row i holds [starts[i], starts[i + 1]).
struct Affinities {
    const std::int64_t *starts;
    const std::int32_t *columns;
    const float *values;
    std::size_t n;
};

LATENTSCAPE_INLINE float sum_of(Lanes v) {
    float s[kLanes];
    std::memcpy(s, &v, sizeof s);
    for (int width = kLanes / 2; width > 0; width /= 2)
        for (int l = 0; l < width; ++l) s[l] += s[l + width];
    return s[0];
}

// x and y of 16 points from 16 pairs.
LATENTSCAPE_INLINE void unzip(const float *pairs, Lanes *x, Lanes *y) {
    Lanes a, b;
    std::memcpy(&a, pairs, sizeof a);
    std::memcpy(&b, pairs + kLanes, sizeof b);
#if defined(__clang__) || __GNUC__ >= 12
    *x = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    *y = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#else
    const IntLanes even = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
    *x = __builtin_shuffle(a, b, even);
    *y = __builtin_shuffle(a, b, even + 1);
#endif
}

// The positions of up to 16 neighbours and their affinities; lanes beyond `count` have affinity 0
// and the place of the first one.
LATENTSCAPE_INLINE Lanes load_neighbors(const float *xy, const std::int32_t *columns,
                                        const float *values, std::int64_t count, Lanes *x,
                                        Lanes *y) {
    alignas(64) float pairs[2 * kLanes];
    Lanes p = {};
    if (count >= kLanes) {
        for (int l = 0; l < kLanes; ++l)
            std::memcpy(pairs + 2 * l, xy + 2 * static_cast<std::size_t>(columns[l]), 8);
        std::memcpy(&p, values, sizeof p);
    } else {
        alignas(64) float some[kLanes] = {};
        for (int l = 0; l < kLanes; ++l) {
            const std::size_t column = static_cast<std::size_t>(columns[l < count ? l : 0]);
            std::memcpy(pairs + 2 * l, xy + 2 * column, 8);
            if (l < count) some[l] = values[l];
        }
        std::memcpy(&p, some, sizeof p);
    }
    unzip(pairs, x, y);
    return p;
}

// Attraction on the rows [begin, end): sum_j p_ij (y_i - y_j) / (1 + |y_i - y_j|^2).
LATENTSCAPE_CLONES static void attract(Affinities p, const float *xy, std::size_t begin,
                                       std::size_t end, float *force) {
    for (std::size_t i = begin; i < end; ++i) {
        const float x = xy[2 * i], y = xy[2 * i + 1];
        Lanes fx = {}, fy = {};
        for (std::int64_t e = p.starts[i]; e < p.starts[i + 1]; e += kLanes) {
            Lanes dx, dy;
            Lanes weight = load_neighbors(xy, p.columns + e, p.values + e, p.starts[i + 1] - e, &dx,
                                          &dy);
            dx = x - dx;
            dy = y - dy;
            weight = weight / (1.0f + dx * dx + dy * dy);
            fx += weight * dx;
            fy += weight * dy;
        }
        force[2 * (i - begin)] = sum_of(fx);
        force[2 * (i - begin) + 1] = sum_of(fy);
    }
}

// log(x) for finite x >= 1.
LATENTSCAPE_INLINE Lanes log_lanes(Lanes x) {
    IntLanes bits;
    std::memcpy(&bits, &x, sizeof bits);
    // A mantissa from sqrt(1/2) to sqrt(2), so that the series below is short.
    const IntLanes exponent = (bits - 0x3f3504f3) >> 23;
    bits -= exponent << 23;
    Lanes mantissa;
    std::memcpy(&mantissa, &bits, sizeof mantissa);
    const Lanes s = (mantissa - 1.0f) / (mantissa + 1.0f), t = s * s;
    const Lanes series = ((((t * (1.0f / 9) + 1.0f / 7) * t + 0.2f) * t + 1.0f / 3) * t + 1.0f) * s;
    return __builtin_convertvector(exponent, Lanes) * 0.69314718f + series * 2.0f;
}

// Sum over the rows [begin, end) of p_ij log(1 + |y_i - y_j|^2).
LATENTSCAPE_CLONES static double stretch(Affinities p, const float *xy, std::size_t begin,
                                         std::size_t end) {
    double total = 0.0;
    for (std::size_t i = begin; i < end; ++i) {
        const float x = xy[2 * i], y = xy[2 * i + 1];
        Lanes sum = {};
        for (std::int64_t e = p.starts[i]; e < p.starts[i + 1]; e += kLanes) {
            Lanes dx, dy;
            const Lanes weight = load_neighbors(xy, p.columns + e, p.values + e,
                                                p.starts[i + 1] - e, &dx, &dy);
            dx = x - dx;
            dy = y - dy;
            sum += weight * log_lanes(1.0f + dx * dx + dy * dy);
        }
        total += static_cast<double>(sum_of(sum));
    }
    return total;
}

// Exact repulsion on one point: gradient of sum_j 1 / (1 + |y - y_j|^2); returns this sum, the
// point itself included.
LATENTSCAPE_CLONES static double repel(float x, float y, const float *xs, const float *ys,
                                       std::size_t n_blocks, float *gradient) {
    double total = 0.0, gx = 0.0, gy = 0.0;
    for (std::size_t start = 0; start < n_blocks; start += 128) {  // then on to double precision
        Lanes sum = {}, fx = {}, fy = {};
        for (std::size_t b = start; b < std::min(n_blocks, start + 128); ++b) {
            Lanes dx, dy;
            std::memcpy(&dx, xs + b * kLanes, sizeof dx);
            std::memcpy(&dy, ys + b * kLanes, sizeof dy);
            dx = x - dx;
            dy = y - dy;
            const Lanes q = 1.0f / (1.0f + dx * dx + dy * dy);
            sum += q;
            fx += q * q * dx;
            fy += q * q * dy;
        }
        total += static_cast<double>(sum_of(sum));
        gx += static_cast<double>(sum_of(fx));
        gy += static_cast<double>(sum_of(fy));
    }
    gradient[0] = static_cast<float>(-2.0 * gx);
    gradient[1] = static_cast<float>(-2.0 * gy);
    return total;
}

// The same for all points: gradient is (n, 2); returns the sum over all pairs of two points.
inline double repel_exactly(const float *xy, std::size_t n, int threads, float *gradient) {
    const std::size_t n_blocks = (n + kLanes - 1) / kLanes;
    // Far away, where a point repels nobody, and its square is still finite.
    std::vector<float> xs(n_blocks * kLanes, 1e18f), ys(n_blocks * kLanes, 1e18f);
    for (std::size_t i = 0; i < n; ++i) {
        xs[i] = xy[2 * i];
        ys[i] = xy[2 * i + 1];
    }
    std::vector<double> sums(n);
    parallel_for(n, 64, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            sums[i] = repel(xs[i], ys[i], xs.data(), ys.data(), n_blocks, gradient + 2 * i) - 1.0;
    });
    double total = 0.0;
    for (const double sum : sums) total += sum;
    return std::max(total, 1e-12);
}

// Sum of p log p.
inline double negative_entropy(Affinities p, int threads) {
    const std::size_t chunk = 1024;
    std::vector<double> sums((p.n + chunk - 1) / chunk);
    parallel_for(p.n, chunk, threads, [&](std::size_t begin, std::size_t end) {
        double sum = 0.0;
        for (std::int64_t e = p.starts[begin]; e < p.starts[end]; ++e) {
            const auto value = static_cast<double>(p.values[e]);
            if (value > 0.0) sum += value * std::log(value);
        }
        sums[begin / chunk] = sum;
    });
    double total = 0.0;
    for (const double sum : sums) total += sum;
    return total;
}

// Kullback-Leibler divergence of the map from affinities that add up to 1. repulsion: the sum over
// all pairs of 1 / (1 + distance^2).
inline double divergence(Affinities p, const float *xy, double repulsion, double negative_entropy,
                         int threads) {
    const std::size_t chunk = 256;
    std::vector<double> sums((p.n + chunk - 1) / chunk);
    parallel_for(p.n, chunk, threads, [&](std::size_t begin, std::size_t end) {
        sums[begin / chunk] = stretch(p, xy, begin, end);
    });
    double total = negative_entropy + std::log(repulsion);
    for (const double sum : sums) total += sum;
    return total;
}

struct Step {
    float exaggeration, momentum, rate;
};

constexpr float kLongestStep = 5.0f;  // of a coordinate; keeps every layout finite

// One step of gradient descent with momentum and gains (Jacobs 1988) for `n` coordinates, n a
// multiple of 16 or not. force: attraction; repulsion: gradient of the potential.
LATENTSCAPE_CLONES static void update(const float *force, const float *repulsion, std::size_t n,
                                      Step step, float scale, const float *old, float *velocity,
                                      float *gain, float *place) {
    const auto one = [&](auto f, auto r, auto v, auto g, auto y, auto *v_out, auto *g_out,
                         auto *y_out) {
        const auto gradient = f * step.exaggeration + r * scale;
        const auto product = gradient * v;
        g = product > 0.0f ? g * 0.8f : g + 0.2f;
        g = g < 0.01f ? g * 0.0f + 0.01f : g;
        v = v * step.momentum - gradient * g * step.rate;
        v = v > kLongestStep ? v * 0.0f + kLongestStep : v;
        v = v < -kLongestStep ? v * 0.0f - kLongestStep : v;
        *v_out = v;
        *g_out = g;
        *y_out = y + v;
    };
    std::size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        Lanes f, r, v, g, y;
        std::memcpy(&f, force + i, sizeof f);
        std::memcpy(&r, repulsion + i, sizeof r);
        std::memcpy(&v, velocity + i, sizeof v);
        std::memcpy(&g, gain + i, sizeof g);
        std::memcpy(&y, old + i, sizeof y);
        one(f, r, v, g, y, &v, &g, &y);
        std::memcpy(velocity + i, &v, sizeof v);
        std::memcpy(gain + i, &g, sizeof g);
        std::memcpy(place + i, &y, sizeof y);
    }
    for (; i < n; ++i)
        one(force[i], repulsion[i], velocity[i], gain[i], old[i], velocity + i, gain + i, place + i);
}

// A map on its way. The affinities must outlive it.
class Layout {
  public:
    Layout(Affinities affinities, const float *start, float spacing, std::size_t exact_rows,
           int threads)
        : p_(affinities),
          // Few rows are done before a second thread has started.
          threads_(affinities.n < 512 ? 1 : threads),
          exact_(affinities.n <= exact_rows),
          mesh_(affinities.n, spacing),
          place_(start, start + 2 * affinities.n),
          next_(place_),
          velocity_(2 * affinities.n, 0.0f),
          gain_(2 * affinities.n, 1.0f),
          repulsion_(exact_ ? 2 * affinities.n : 0),
          boxes_((affinities.n + kChunk - 1) / kChunk) {
        find_box();
        negative_entropy_ = negative_entropy(p_, threads_);
    }

    std::size_t size() const { return p_.n; }
    const float *places() const { return place_.data(); }

    void run(std::size_t n_steps, Step step) {
        for (std::size_t s = 0; s < n_steps; ++s) {
            const auto scale = static_cast<float>(0.5 / solve());
            parallel_for(p_.n, kChunk, threads_, [&](std::size_t begin, std::size_t end) {
                float force[2 * kChunk], repulsion[2 * kChunk];
                attract(p_, place_.data(), begin, end, force);
                read(begin, end, repulsion);
                update(force, repulsion, 2 * (end - begin), step, scale, place_.data() + 2 * begin,
                       velocity_.data() + 2 * begin, gain_.data() + 2 * begin,
                       next_.data() + 2 * begin);
                boxes_[begin / kChunk] = box_of(next_.data(), begin, end);
            });
            place_.swap(next_);
            join_boxes();
        }
    }

    // The gradient, a quarter of what the divergence changes by: (n, 2).
    void gradient(float exaggeration, float *values) {
        const auto scale = static_cast<float>(0.5 / solve());
        parallel_for(p_.n, kChunk, threads_, [&](std::size_t begin, std::size_t end) {
            float repulsion[2 * kChunk];
            attract(p_, place_.data(), begin, end, values + 2 * begin);
            read(begin, end, repulsion);
            for (std::size_t i = 0; i < 2 * (end - begin); ++i) {
                float &value = values[2 * begin + i];
                value = value * exaggeration + repulsion[i] * scale;
            }
        });
    }

    double divergence() {
        return latentscape::divergence(p_, place_.data(), solve(), negative_entropy_, threads_);
    }

  private:
    static constexpr std::size_t kChunk = 128;
    struct Box {
        float low[2], high[2];
    };

    double solve() {
        if (exact_) return repel_exactly(place_.data(), p_.n, threads_, repulsion_.data());
        return mesh_.solve(place_.data(), box_.low, box_.high, threads_);
    }
    void read(std::size_t begin, std::size_t end, float *values) const {
        if (exact_)
            std::copy(repulsion_.data() + 2 * begin, repulsion_.data() + 2 * end, values);
        else
            mesh_.gradient(place_.data(), begin, end, values);
    }
    static Box box_of(const float *xy, std::size_t begin, std::size_t end) {
        Box box = {{xy[2 * begin], xy[2 * begin + 1]}, {xy[2 * begin], xy[2 * begin + 1]}};
        for (std::size_t i = begin; i < end; ++i) {
            for (std::size_t a = 0; a < 2; ++a) {
                box.low[a] = std::min(box.low[a], xy[2 * i + a]);
                box.high[a] = std::max(box.high[a], xy[2 * i + a]);
            }
        }
        return box;
    }
    void find_box() {
        for (std::size_t b = 0; b < boxes_.size(); ++b)
            boxes_[b] = box_of(place_.data(), b * kChunk, std::min(p_.n, (b + 1) * kChunk));
        join_boxes();
    }
    void join_boxes() {
        box_ = boxes_[0];
        for (const Box &box : boxes_) {
            for (std::size_t a = 0; a < 2; ++a) {
                box_.low[a] = std::min(box_.low[a], box.low[a]);
                box_.high[a] = std::max(box_.high[a], box.high[a]);
            }
        }
    }

    Affinities p_;
    int threads_;
    bool exact_;
    Mesh mesh_;
    std::vector<float> place_, next_, velocity_, gain_, repulsion_;
    std::vector<Box> boxes_;
    Box box_{};
    double negative_entropy_ = 0.0;
};

}  // namespace latentscape
