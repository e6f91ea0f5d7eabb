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
#include <utility>
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

#if defined(__clang__) || __GNUC__ >= 12
#define LATENTSCAPE_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define LATENTSCAPE_SHUFFLE(a, b, ...) \
    __builtin_shuffle(a, b, decltype(a < b){__VA_ARGS__})
#endif

// x and y of as many points as a pack holds: pair(l) tells where the two floats of point l stand.
//
// Each pair goes into its place of a register at once: what is stored piece by piece and loaded as
// a whole has to wait.
template <class P, class Pair>
LATENTSCAPE_INLINE void unzip(const Pair &pair, int first, P *x, P *y) {
    constexpr int kHalf = sizeof(P) / 8;
    if constexpr (!P::one) {
        unzip(pair, first, &x->low, &y->low);
        unzip(pair, first + kHalf, &x->high, &y->high);
    } else {
        typedef double Pairs __attribute__((vector_size(sizeof(P))));
        const auto get = [&](int l) __attribute__((always_inline)) {
            double both;
            std::memcpy(&both, pair(first + l), sizeof both);
            return both;
        };
        Pairs low, high;
        typename P::Register a, b;
        if constexpr (kHalf == 2) {
            low = Pairs{get(0), get(1)};
            high = Pairs{get(2), get(3)};
        } else if constexpr (kHalf == 4) {
            low = Pairs{get(0), get(1), get(2), get(3)};
            high = Pairs{get(4), get(5), get(6), get(7)};
        } else {
            low = Pairs{get(0), get(1), get(2), get(3), get(4), get(5), get(6), get(7)};
            high = Pairs{get(8), get(9), get(10), get(11), get(12), get(13), get(14), get(15)};
        }
        std::memcpy(&a, &low, sizeof a);
        std::memcpy(&b, &high, sizeof b);
        if constexpr (kHalf == 2) {
            x->whole = LATENTSCAPE_SHUFFLE(a, b, 0, 2, 4, 6);
            y->whole = LATENTSCAPE_SHUFFLE(a, b, 1, 3, 5, 7);
        } else if constexpr (kHalf == 4) {
            x->whole = LATENTSCAPE_SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
            y->whole = LATENTSCAPE_SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
        } else {
            x->whole = LATENTSCAPE_SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26,
                                           28, 30);
            y->whole = LATENTSCAPE_SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27,
                                           29, 31);
        }
    }
}

// Affinities as the steps read them: they are limited by memory, so an edge takes four bytes and
// 16 edges one cache line. A line holds 16 columns, counted from its base, and 16 values, as
// floats of 5 bits of exponent and 11 of mantissa: rounded by 1.2e-4 on average, less than the
// mesh rounds the repulsion. Row i owns the lines [starts[i], starts[i + 1]); value 0 fills it up.
struct Edges {
    const std::int64_t *starts;
    const std::int32_t *bases;
    const std::uint16_t *lines;
    float scale;  // of the values
};

constexpr std::size_t kLine = 2 * kLanes;  // 16-bit words in a line
constexpr int kMantissa = 11, kLeast = 127 - 31;  // bits; exponent of the smallest value

inline std::uint16_t pack_value(float share) {  // from 0 to 1
    if (!(share > 0.0f)) return 0;
    std::uint32_t bits;
    std::memcpy(&bits, &share, sizeof bits);
    const int drop = 23 - kMantissa;
    const std::int32_t code = static_cast<std::int32_t>((bits + (1u << (drop - 1))) >> drop) -
                              (kLeast << kMantissa);
    return static_cast<std::uint16_t>(std::clamp<std::int32_t>(code, 1, 65535));
}

// Positions of the 16 neighbours of a line, and their values.
template <class L>
LATENTSCAPE_INLINE L load_line(const float *xy, std::int32_t base, const std::uint16_t *line, L *x,
                               L *y) {
    const float *const from = xy + 2 * static_cast<std::size_t>(base);
    unzip([&](int l) __attribute__((always_inline)) {
        return from + 2 * static_cast<std::size_t>(line[l]);
    }, 0, x, y);
    const auto codes = load<Pack<std::uint16_t, kLanes, L::kRegister>>(line + kLanes);
    const auto wide = converted<std::int32_t>(codes);
    const auto bits = (wide << (23 - kMantissa)) + (kLeast << 23);
    return bits_as<float>(choose(wide < 1, decltype(bits){}, bits));
}

// Attraction on the rows [begin, end): sum_j p_ij (y_i - y_j) / (1 + |y_i - y_j|^2).
template <int kBytes>
LATENTSCAPE_INLINE void attract_on(Edges p, const float *xy, std::size_t begin,
                                   std::size_t end, float *force) {
    using L = Lanes<kBytes>;
    for (std::size_t i = begin; i < end; ++i) {
        const float x = xy[2 * i], y = xy[2 * i + 1];
        L fx = {}, fy = {};
        for (auto e = static_cast<std::size_t>(p.starts[i]);
             e < static_cast<std::size_t>(p.starts[i + 1]); ++e) {
            L dx, dy;
            L weight = load_line(xy, p.bases[e], p.lines + e * kLine, &dx, &dy);
            dx = x - dx;
            dy = y - dy;
            weight = weight / (1.0f + dx * dx + dy * dy);
            fx += weight * dx;
            fy += weight * dy;
        }
        force[2 * (i - begin)] = sum_of(fx) * p.scale;
        force[2 * (i - begin) + 1] = sum_of(fy) * p.scale;
    }
}
LATENTSCAPE_KERNEL(attract)

// log(x) for finite x >= 1.
template <class L>
LATENTSCAPE_INLINE L log_lanes(L x) {
    auto bits = bits_as<std::int32_t>(x);
    // A mantissa from sqrt(1/2) to sqrt(2), so that the series below is short.
    const auto exponent = (bits - 0x3f3504f3) >> 23;
    bits -= exponent << 23;
    const L mantissa = bits_as<float>(bits);
    const L s = (mantissa - 1.0f) / (mantissa + 1.0f), t = s * s;
    const L series = ((((t * (1.0f / 9) + 1.0f / 7) * t + 0.2f) * t + 1.0f / 3) * t + 1.0f) * s;
    return converted<float>(exponent) * 0.69314718f + series * 2.0f;
}

// Sum over the rows [begin, end) of p_ij log(1 + |y_i - y_j|^2).
template <int kBytes>
LATENTSCAPE_INLINE double stretch_on(Affinities p, const float *xy, std::size_t begin,
                                     std::size_t end) {
    using L = Lanes<kBytes>;
    double total = 0.0;
    for (std::size_t i = begin; i < end; ++i) {
        const float x = xy[2 * i], y = xy[2 * i + 1];
        L sum = {};
        for (std::int64_t e = p.starts[i]; e < p.starts[i + 1]; e += kLanes) {
            // The point itself, at distance 0, stands in for neighbours beyond the last.
            std::size_t others[kLanes];
            float values[kLanes] = {};
            const std::int64_t count = std::min<std::int64_t>(kLanes, p.starts[i + 1] - e);
            for (int l = 0; l < kLanes; ++l) {
                others[l] = l < count ? static_cast<std::size_t>(p.columns[e + l]) : i;
                if (l < count) values[l] = p.values[e + l];
            }
            L dx, dy;
            unzip([&](int l) __attribute__((always_inline)) { return xy + 2 * others[l]; }, 0, &dx,
                  &dy);
            const L weight = load<L>(values);
            dx = x - dx;
            dy = y - dy;
            sum += weight * log_lanes(1.0f + dx * dx + dy * dy);
        }
        total += static_cast<double>(sum_of(sum));
    }
    return total;
}
LATENTSCAPE_KERNEL(stretch)

// The same from packed affinities.
template <int kBytes>
LATENTSCAPE_INLINE double packed_stretch_on(Edges p, const float *xy, std::size_t begin,
                                            std::size_t end) {
    using L = Lanes<kBytes>;
    double total = 0.0;
    for (std::size_t i = begin; i < end; ++i) {
        const float x = xy[2 * i], y = xy[2 * i + 1];
        L sum = {};
        for (auto e = static_cast<std::size_t>(p.starts[i]);
             e < static_cast<std::size_t>(p.starts[i + 1]); ++e) {
            L dx, dy;
            const L weight = load_line(xy, p.bases[e], p.lines + e * kLine, &dx, &dy);
            dx = x - dx;
            dy = y - dy;
            sum += weight * log_lanes(1.0f + dx * dx + dy * dy);
        }
        total += static_cast<double>(sum_of(sum)) * static_cast<double>(p.scale);
    }
    return total;
}
LATENTSCAPE_KERNEL(packed_stretch)

// Exact repulsion on one point: gradient of sum_j 1 / (1 + |y - y_j|^2); returns this sum, the
// point itself included.
template <int kBytes>
LATENTSCAPE_INLINE double repel_on(float x, float y, const float *xs, const float *ys,
                                   std::size_t n_blocks, float *gradient) {
    using L = Lanes<kBytes>;
    double total = 0.0, gx = 0.0, gy = 0.0;
    for (std::size_t start = 0; start < n_blocks; start += 128) {  // then on to double precision
        L sum = {}, fx = {}, fy = {};
        for (std::size_t b = start; b < std::min(n_blocks, start + 128); ++b) {
            const L dx = x - load<L>(xs + b * kLanes), dy = y - load<L>(ys + b * kLanes);
            const L q = 1.0f / (1.0f + dx * dx + dy * dy);
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
LATENTSCAPE_KERNEL(repel)

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

// One step of gradient descent with momentum and gains (Jacobs 1988) for n coordinates.
// force: attraction; repulsion: gradient of the potential, times `scale` the repulsive force.
template <int kBytes>
LATENTSCAPE_INLINE void update_on(const float *force, const float *repulsion, std::size_t n,
                                  Step step, float scale, const float *old, float *velocity,
                                  float *gain, float *place) {
    for (std::size_t i = 0; i < n; ++i) {
        const float gradient = force[i] * step.exaggeration + repulsion[i] * scale;
        float g = gradient * velocity[i] > 0.0f ? gain[i] * 0.8f : gain[i] + 0.2f;
        g = g < 0.01f ? 0.01f : g;
        float v = velocity[i] * step.momentum - gradient * g * step.rate;
        v = v > kLongestStep ? kLongestStep : v;
        v = v < -kLongestStep ? -kLongestStep : v;
        gain[i] = g;
        velocity[i] = v;
        place[i] = old[i] + v;
    }
}
LATENTSCAPE_KERNEL(update)

// Spread the lower 16 bits to the even places.
inline std::uint32_t every_second_bit(std::uint32_t v) {
    v = (v | v << 8) & 0x00ff00ffu;
    v = (v | v << 4) & 0x0f0f0f0fu;
    v = (v | v << 2) & 0x33333333u;
    return (v | v << 1) & 0x55555555u;
}

// A map on its way. The affinities must outlive it.
//
// Inside, points are numbered along a Z-curve through the map (Morton 1966), so that neighbours
// are near in memory too.
class Layout {
  public:
    Layout(Affinities affinities, const float *start, float spacing, std::size_t exact_rows,
           int threads)
        : p_(affinities),
          // Few rows are done before a second thread has started.
          threads_(affinities.n < 512 ? 1 : threads),
          exact_(affinities.n <= exact_rows),
          mesh_(affinities.n, spacing),
          rows_(affinities.n),
          place_(start, start + 2 * affinities.n),
          next_(place_),
          velocity_(2 * affinities.n, 0.0f),
          gain_(2 * affinities.n, 1.0f),
          repulsion_(exact_ ? 2 * affinities.n : 0),
          boxes_((affinities.n + kChunk - 1) / kChunk) {
        for (std::size_t i = 0; i < p_.n; ++i) rows_[i] = static_cast<std::int32_t>(i);
        negative_entropy_ = negative_entropy(p_, threads_);
        float largest = std::numeric_limits<float>::min();
        for (std::int64_t e = 0; e < p_.starts[p_.n]; ++e) largest = std::max(largest, p_.values[e]);
        scale_ = std::ldexp(1.0f, std::ilogb(largest) + 1);
        find_box();
        renumber();
    }

    std::size_t size() const { return p_.n; }

    void places(float *xy) const { original_order(place_.data(), xy); }

    // Number the points anew, by where they lie now. This changes only the rounding of sums.
    void renumber() {
        std::vector<std::pair<std::uint32_t, std::int32_t>> codes(p_.n);
        const float span = std::max(box_.high[0] - box_.low[0], box_.high[1] - box_.low[1]);
        const float unit = span > 0.0f ? 65535.0f / span : 0.0f;
        for (std::size_t i = 0; i < p_.n; ++i) {
            std::uint32_t cell[2];
            for (std::size_t a = 0; a < 2; ++a)
                cell[a] = static_cast<std::uint32_t>(
                    std::min((place_[2 * i + a] - box_.low[a]) * unit, 65535.0f));
            codes[i] = {every_second_bit(cell[0]) | every_second_bit(cell[1]) << 1,
                        static_cast<std::int32_t>(i)};
        }
        std::sort(codes.begin(), codes.end());
        permute(codes, 1, rows_);
        permute(codes, 2, place_);
        permute(codes, 2, velocity_);
        permute(codes, 2, gain_);
        pack();
        find_box();
    }

    void run(std::size_t n_steps, Step step) {
        for (std::size_t s = 0; s < n_steps; ++s) {
            const auto scale = static_cast<float>(0.5 / solve());
            parallel_for(p_.n, kChunk, threads_, [&](std::size_t begin, std::size_t end) {
                float force[2 * kChunk], repulsion[2 * kChunk];
                attract(edges(), place_.data(), begin, end, force);
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
        std::vector<float> inside(2 * p_.n);
        parallel_for(p_.n, kChunk, threads_, [&](std::size_t begin, std::size_t end) {
            float repulsion[2 * kChunk];
            attract(edges(), place_.data(), begin, end, inside.data() + 2 * begin);
            read(begin, end, repulsion);
            for (std::size_t i = 0; i < 2 * (end - begin); ++i) {
                float &value = inside[2 * begin + i];
                value = value * exaggeration + repulsion[i] * scale;
            }
        });
        original_order(inside.data(), values);
    }

    double divergence() {
        std::vector<double> sums(boxes_.size());
        parallel_for(p_.n, kChunk, threads_, [&](std::size_t begin, std::size_t end) {
            sums[begin / kChunk] = packed_stretch(edges(), place_.data(), begin, end);
        });
        double total = negative_entropy_ + std::log(solve());
        for (const double sum : sums) total += sum;
        return total;
    }

  private:
    static constexpr std::size_t kChunk = 128;
    static constexpr int kBucket = 15;  // bits: two buckets of columns share one base
    struct Box {
        float low[2], high[2];
    };
    typedef std::pair<std::int32_t, float> Entry;

    Edges edges() const { return {starts_.data(), bases_.data(), lines_.data(), scale_}; }

    template <class T>
    static void permute(const std::vector<std::pair<std::uint32_t, std::int32_t>> &order,
                        std::size_t width, std::vector<T> &values) {
        std::vector<T> old(values);
        for (std::size_t i = 0; i < order.size(); ++i)
            for (std::size_t a = 0; a < width; ++a)
                values[width * i + a] = old[width * static_cast<std::size_t>(order[i].second) + a];
    }

    void original_order(const float *inside, float *xy) const {
        for (std::size_t i = 0; i < p_.n; ++i)
            std::memcpy(xy + 2 * static_cast<std::size_t>(rows_[i]), inside + 2 * i, 8);
    }

    // Lay out the entries of point i in lines: emit(first, end, base) for each line.
    template <class Emit>
    void lines_of(std::size_t i, const std::vector<std::int32_t> &number,
                  std::vector<Entry> &entries, std::vector<Entry> &sorted,
                  std::vector<std::size_t> &fill, Emit &&emit) const {
        const auto row = static_cast<std::size_t>(rows_[i]);
        const auto begin = static_cast<std::size_t>(p_.starts[row]);
        const std::size_t count = static_cast<std::size_t>(p_.starts[row + 1]) - begin;
        entries.resize(count);
        for (std::size_t j = 0; j < count; ++j)
            entries[j] = {number[static_cast<std::size_t>(p_.columns[begin + j])],
                          p_.values[begin + j]};
        const bool one_base = p_.n <= 65536;
        if (!one_base) {  // by bucket, so that what shares a line lies together
            std::fill(fill.begin(), fill.end(), 0);
            for (const Entry &entry : entries) ++fill[static_cast<std::size_t>(entry.first >> kBucket) + 1];
            for (std::size_t b = 1; b < fill.size(); ++b) fill[b] += fill[b - 1];
            sorted.resize(count);
            for (const Entry &entry : entries)
                sorted[fill[static_cast<std::size_t>(entry.first >> kBucket)]++] = entry;
            entries.swap(sorted);
        }
        for (std::size_t first = 0; first < count;) {
            const std::int32_t base = one_base ? 0 : (entries[first].first >> kBucket) << kBucket;
            std::size_t end = first + 1;
            while (end < count && end < first + kLanes && entries[end].first - base < 65536) ++end;
            emit(first, end, base);
            first = end;
        }
    }

    void pack() {
        std::vector<std::int32_t> number(p_.n);
        for (std::size_t i = 0; i < p_.n; ++i)
            number[static_cast<std::size_t>(rows_[i])] = static_cast<std::int32_t>(i);
        const std::size_t n_buckets = (p_.n >> kBucket) + 2;
        starts_.assign(p_.n + 1, 0);
        parallel_for(p_.n, 1024, threads_, [&](std::size_t begin, std::size_t end) {
            std::vector<Entry> entries, sorted;
            std::vector<std::size_t> fill(n_buckets);
            for (std::size_t i = begin; i < end; ++i)
                lines_of(i, number, entries, sorted, fill,
                         [&](std::size_t, std::size_t, std::int32_t) { ++starts_[i + 1]; });
        });
        for (std::size_t i = 0; i < p_.n; ++i) starts_[i + 1] += starts_[i];
        const auto n_lines = static_cast<std::size_t>(starts_[p_.n]);
        if (lines_.size() < n_lines * kLine) {
            bases_ = {};
            lines_ = {};
            bases_.resize(n_lines);
            lines_ = Aligned<std::uint16_t>(n_lines * kLine);
        }
        const float inverse = 1.0f / scale_;
        parallel_for(p_.n, 1024, threads_, [&](std::size_t begin, std::size_t end) {
            std::vector<Entry> entries, sorted;
            std::vector<std::size_t> fill(n_buckets);
            for (std::size_t i = begin; i < end; ++i) {
                auto e = static_cast<std::size_t>(starts_[i]);
                lines_of(i, number, entries, sorted, fill,
                         [&](std::size_t first, std::size_t last, std::int32_t base) {
                             bases_[e] = base;
                             std::uint16_t *const line = lines_.data() + e * kLine;
                             std::fill(line, line + kLine, std::uint16_t{0});
                             for (std::size_t j = first; j < last; ++j) {
                                 line[j - first] = static_cast<std::uint16_t>(entries[j].first - base);
                                 line[j - first + kLanes] = pack_value(entries[j].second * inverse);
                             }
                             ++e;
                         });
            }
        });
    }

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
    std::vector<std::int32_t> rows_;  // the row behind each point
    std::vector<float> place_, next_, velocity_, gain_, repulsion_;
    std::vector<Box> boxes_;
    Box box_{};
    double negative_entropy_ = 0.0;
    float scale_ = 1.0f;  // of the packed values, a power of two
    std::vector<std::int64_t> starts_;
    std::vector<std::int32_t> bases_;
    Aligned<std::uint16_t> lines_;
};

}  // namespace latentscape
