// Repulsion of all pairs of points by a particle mesh.
//
// The potential sum_j 1 / (1 + |y_i - y_j|^2) is the convolution of the points with a smooth
// kernel. Points are spread over a grid by cubic B-splines, the grid is multiplied by the kernel's
// transform, and the potential and its gradient are read off by the same splines, as in the smooth
// particle-mesh Ewald method (Essmann et al. 1995); the influence function is the one with the
// least mean square error (Hockney and Eastwood 1981). One real transform forth and one back,
// where interpolation by boxes (Linderman et al. 2019) takes four of each.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fft.hpp"
#include "simd.hpp"
#include "threads.hpp"

namespace latentscape {

constexpr std::size_t kMostNodes = 1536;  // of the mesh on one side; a wider map gets wider cells

constexpr int kOrder = 6;  // nodes of a spline along one axis
constexpr int kBefore = kOrder / 2 - 1;  // of these, before the one at or below the point

constexpr std::size_t kMargin = 8;  // nodes beyond the points, and what whole registers reach past

constexpr int kEight = 8;  // floats that hold the kOrder nodes
template <int kBytes>
using Eight = Pack<float, kEight, (kBytes < 32 ? kBytes : 32) / 4>;

// The polynomials of the B-spline of order kOrder at the nodes around a point and of their slopes,
// by powers of how far the point lies past its node. Lanes beyond kOrder are zero.
struct Spline {
    alignas(32) float value[kOrder][kEight] = {}, slope[kOrder - 1][kEight] = {};
    Spline() {
        // piece[m][d]: power d of the spline on [m, m + 1), order after order.
        double piece[kOrder][kOrder] = {{1.0}};
        for (int order = 2; order <= kOrder; ++order) {
            for (int m = order - 1; m >= 0; --m) {
                double sum[kOrder] = {};
                for (int d = 0; d < order - 1; ++d) {
                    const double left = m > 0 ? piece[m - 1][d] : 0.0, here = piece[m][d];
                    sum[d] += m * here + (order - m) * left;
                    sum[d + 1] += here - left;
                }
                for (int d = 0; d < kOrder; ++d) piece[m][d] = sum[d] / (order - 1);
            }
        }
        for (int node = 0; node < kOrder; ++node) {
            for (int d = 0; d < kOrder; ++d) {
                value[d][node] = static_cast<float>(piece[kOrder - 1 - node][d]);
                if (d > 0) slope[d - 1][node] = static_cast<float>(d * piece[kOrder - 1 - node][d]);
            }
        }
    }
};

template <class E>
LATENTSCAPE_INLINE E polynomial(const float (*coefficients)[kEight], int n, float t) {
    E sum = load<E>(coefficients[n - 1]);
    for (int d = n - 2; d >= 0; --d) sum = sum * t + load<E>(coefficients[d]);
    return sum;
}

// Where the nodes of a mesh lie: node (0, 0) at the corner, `stride` floats from row to row.
struct Grid {
    float x0, y0, spacing;
    std::size_t nx, ny, stride;
};

// The first node of a point's spline, and how far the point lies past the node below it.
LATENTSCAPE_INLINE std::size_t cell_of(float place, float start, float inverse, std::size_t n,
                                       float *past) {
    const float least = static_cast<float>(kBefore), most = static_cast<float>(n - kBefore - 2);
    const float u = std::min(std::max((place - start) * inverse, least), most);
    const auto whole = static_cast<std::int32_t>(u);
    *past = u - static_cast<float>(whole);
    return static_cast<std::size_t>(whole - kBefore);
}

// Add the points [begin, end) to the nodes.
template <int kBytes>
LATENTSCAPE_INLINE void spread_on(const float *xy, std::size_t begin, std::size_t end,
                                  Grid grid, const Spline &spline, float *nodes) {
    using E = Eight<kBytes>;
    const float inverse = 1.0f / grid.spacing;
    for (std::size_t i = begin; i < end; ++i) {
        float tx, ty;
        const std::size_t column = cell_of(xy[2 * i], grid.x0, inverse, grid.nx, &tx);
        const std::size_t row = cell_of(xy[2 * i + 1], grid.y0, inverse, grid.ny, &ty);
        const E wx = polynomial<E>(spline.value, kOrder, tx);
        float wy[kEight];
        store(polynomial<E>(spline.value, kOrder, ty), wy);
        float *target = nodes + row * grid.stride + column;
        for (int r = 0; r < kOrder; ++r, target += grid.stride)
            store(load<E>(target) + wx * wy[r], target);
    }
}
LATENTSCAPE_KERNEL(spread)

// Gradient of the potential at the points [begin, end): (d/dx, d/dy) of each.
template <int kBytes>
LATENTSCAPE_INLINE void read_gradient_on(const float *xy, std::size_t begin, std::size_t end,
                                         Grid grid, const Spline &spline, const float *nodes,
                                         float *gradient) {
    using E = Eight<kBytes>;
    const float inverse = 1.0f / grid.spacing;
    for (std::size_t i = begin; i < end; ++i) {
        float tx, ty;
        const std::size_t column = cell_of(xy[2 * i], grid.x0, inverse, grid.nx, &tx);
        const std::size_t row = cell_of(xy[2 * i + 1], grid.y0, inverse, grid.ny, &ty);
        const E wx = polynomial<E>(spline.value, kOrder, tx),
                vx = polynomial<E>(spline.slope, kOrder - 1, tx);
        float wy[kEight], vy[kEight];
        store(polynomial<E>(spline.value, kOrder, ty), wy);
        store(polynomial<E>(spline.slope, kOrder - 1, ty), vy);
        const float *source = nodes + row * grid.stride + column;
        E value = {}, slope = {};
        for (int r = 0; r < kOrder; ++r, source += grid.stride) {
            const E v = load<E>(source);
            value += v * wy[r];
            slope += v * vy[r];
        }
        float dx[kEight], dy[kEight];
        store(value * vx, dx);
        store(slope * wx, dy);
        float sx = 0.0f, sy = 0.0f;
        for (int l = 0; l < kOrder; ++l) {
            sx += dx[l];
            sy += dy[l];
        }
        gradient[2 * (i - begin)] = sx * inverse;
        gradient[2 * (i - begin) + 1] = sy * inverse;
    }
}
LATENTSCAPE_KERNEL(read_gradient)

// out[c][r] = in[r][c] for 16 rows of 16.
template <int kBytes>
LATENTSCAPE_INLINE void transpose16_on(const float *in, std::size_t in_stride, float *out,
                                       std::size_t out_stride) {
    for (int c = 0; c < kLanes; ++c) {
        float row[kLanes];
        for (int r = 0; r < kLanes; ++r) row[r] = in[static_cast<std::size_t>(r) * in_stride + static_cast<std::size_t>(c)];
        std::memcpy(out + static_cast<std::size_t>(c) * out_stride, row, sizeof row);
    }
}
LATENTSCAPE_KERNEL(transpose16)

// Two real signals a, b went through one transform as a + ib: take their spectra [0, n / 2] apart.
template <int kBytes>
LATENTSCAPE_INLINE void take_apart_on(const Block *in_re, const Block *in_im, std::size_t n,
                                      Block *a_re, Block *a_im, Block *b_re, Block *b_im) {
    const Reader<kBytes> re{in_re}, im{in_im};
    for (std::size_t k = 0; k <= n / 2; ++k) {
        const std::size_t j = k == 0 ? 0 : n - k;
        store((re[k] + re[j]) * 0.5f, a_re[k].lane);
        store((im[k] - im[j]) * 0.5f, a_im[k].lane);
        store((im[k] + im[j]) * 0.5f, b_re[k].lane);
        store((re[j] - re[k]) * 0.5f, b_im[k].lane);
    }
}
LATENTSCAPE_KERNEL(take_apart)

// The reverse: the spectrum of a + ib from those of a and b.
template <int kBytes>
LATENTSCAPE_INLINE void put_together_on(const Block *const *spectra, std::size_t n, Block *re,
                                         Block *im) {
    const Reader<kBytes> a_re{spectra[0]}, a_im{spectra[1]}, b_re{spectra[2]}, b_im{spectra[3]};
    for (std::size_t k = 0; k <= n / 2; ++k) {
        store(a_re[k] - b_im[k], re[k].lane);
        store(a_im[k] + b_re[k], im[k].lane);
    }
    for (std::size_t k = 1; k < n / 2; ++k) {
        store(a_re[k] + b_im[k], re[n - k].lane);
        store(b_re[k] - a_im[k], im[n - k].lane);
    }
}
LATENTSCAPE_KERNEL(put_together)

// Multiply a spectrum [0, n) by the kernel, which is even in k and given for [0, n / 2]; return the
// sum of kernel times power for each lane.
template <int kBytes>
LATENTSCAPE_INLINE void apply_kernel_on(Block *re, Block *im, std::size_t n, const float *kernel,
                                        std::size_t stride, double *power) {
    using L = Lanes<kBytes>;
    L sum = {};
    for (std::size_t k = 0; k < n; ++k) {
        const L factor = load<L>(kernel + std::min(k, n - k) * stride);
        const L old_re = load<L>(re[k].lane), old_im = load<L>(im[k].lane);
        const L new_re = old_re * factor, new_im = old_im * factor;
        sum += old_re * new_re + old_im * new_im;
        store(new_re, re[k].lane);
        store(new_im, im[k].lane);
        if (k % 16 == 15) {  // n is a multiple of 16
            float some[kLanes];
            store(sum, some);
            for (int l = 0; l < kLanes; ++l) power[l] += static_cast<double>(some[l]);
            sum = L{};
        }
    }
}
LATENTSCAPE_KERNEL(apply_kernel)

// Sums of nodes: the first array becomes the sum of all `parts`, which lie `distance` apart.
template <int kBytes>
LATENTSCAPE_INLINE void sum_parts_on(const float *parts, std::size_t n_parts,
                                     std::size_t distance, Block *sum) {
    auto total = load<Lanes<kBytes>>(parts);
    for (std::size_t p = 1; p < n_parts; ++p) total += load<Lanes<kBytes>>(parts + p * distance);
    store(total, sum->lane);
}
LATENTSCAPE_KERNEL(sum_parts)

// The mesh. It keeps its memory and the kernel from call to call, while the size stays the same.
class Mesh {
  public:
    // spacing: of the nodes, in the map's units.
    Mesh(std::size_t n_points, float spacing)
        : spacing_(spacing),
          n_points_(n_points),
          // Each part of the points is spread by one thread over nodes of its own.
          n_parts_(std::clamp<std::size_t>(n_points / 4096, 1, 4)) {}

    // Solve for the potential of points that lie in the box [low, high]; return its sum over all
    // pairs, the pairs of a point with itself left out.
    double solve(const float *xy, const float *low, const float *high, int threads) {
        place(low, high, threads);
        const std::size_t part = (n_points_ + n_parts_ - 1) / n_parts_;
        const std::size_t area = grid_.stride * grid_.ny;
        parallel_for(n_parts_, 1, threads, [&](std::size_t p, std::size_t) {
            float *const nodes = density_.data() + p * area;
            std::fill(nodes, nodes + area, 0.0f);
            spread(xy, p * part, std::min(n_points_, (p + 1) * part), grid_, spline_, nodes);
        });
        transform(density_.data(), n_parts_, grid_.nx, grid_.ny, true, threads);
        std::vector<double> power(width_, 0.0);
        parallel_for(width_ / kLanes, 1, threads, [&](std::size_t block, std::size_t) {
            Transform t(along_x_);
            const std::size_t first = block * kLanes;
            for (std::size_t x = 0; x < grid_.nx; ++x) {
                std::memcpy(&t.re[x], re_.data() + x * width_ + first, sizeof(Block));
                std::memcpy(&t.im[x], im_.data() + x * width_ + first, sizeof(Block));
            }
            clear(t, grid_.nx, along_x_.size() / 2);
            along_x_(t.re, t.im, t.other_re, t.other_im, true, false);
            apply_kernel(t.re, t.im, along_x_.size(), kernel_.data() + first, width_,
                         power.data() + first);
            along_x_(t.im, t.re, t.other_im, t.other_re, false, true);
            for (std::size_t x = 0; x < grid_.nx; ++x) {
                std::memcpy(re_.data() + x * width_ + first, &t.re[x], sizeof(Block));
                std::memcpy(im_.data() + x * width_ + first, &t.im[x], sizeof(Block));
            }
        });
        transform_back(threads);
        // Parseval; all but the first and the last frequency stand for two.
        const std::size_t half = along_y_.size() / 2;
        double total = power[0] + power[half];
        for (std::size_t k = 1; k < half; ++k) total += 2.0 * power[k];
        return std::max(total - static_cast<double>(n_points_), 1e-12);
    }

    // Gradient of the potential at the points [begin, end) of the last solve.
    void gradient(const float *xy, std::size_t begin, std::size_t end, float *values) const {
        read_gradient(xy, begin, end, grid_, spline_, density_.data(), values);
    }

    float spacing() const { return grid_.spacing; }

  private:
    // Buffers of one transform; each thread keeps its own.
    struct Transform {
        explicit Transform(const Fft &fft) {
            thread_local FftScratch scratch;
            scratch.fit(fft.size());
            re = scratch.re.data();
            im = scratch.im.data();
            other_re = scratch.other_re.data();
            other_im = scratch.other_im.data();
        }
        Block *re, *im, *other_re, *other_im;
    };
    static void clear(Transform &t, std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) t.re[i] = t.im[i] = Block{};
    }

    // Lay the nodes around the box, and make the kernel if the size is another one.
    void place(const float *low, const float *high, int threads) {
        const float span = std::max(high[0] - low[0], high[1] - low[1]);
        grid_.spacing = std::max(spacing_, span / static_cast<float>(kMostNodes - kMargin - 1));
        const auto nodes = [&](int axis) {
            return static_cast<std::size_t>((high[axis] - low[axis]) / grid_.spacing) + 1 + kMargin;
        };
        grid_.nx = nodes(0);
        grid_.ny = nodes(1);
        grid_.x0 = low[0] - (kBefore + 0.25f) * grid_.spacing;
        grid_.y0 = low[1] - (kBefore + 0.25f) * grid_.spacing;
        const std::size_t length_x = fft_length(2 * grid_.nx), length_y = fft_length(2 * grid_.ny);
        const bool same = length_x == along_x_.size() && length_y == along_y_.size() &&
                          grid_.spacing == kernel_spacing_;
        grid_.stride = 2 * kLanes * ((grid_.nx + 2 * kLanes - 1) / (2 * kLanes));
        const std::size_t area = grid_.stride * grid_.ny;
        if (density_.size() < n_parts_ * area) density_ = Aligned<float>(n_parts_ * area * 5 / 4);
        if (same && re_.size() >= grid_.stride * width_) return;
        if (!same) {
            along_x_ = Fft(length_x);
            along_y_ = Fft(length_y);
            width_ = kLanes * ((length_y / 2 + 1 + kLanes - 1) / kLanes);
            make_kernel(threads);
        }
        re_ = Aligned<float>(width_ * length_x / 2 + 2 * kLanes * width_);
        im_ = Aligned<float>(width_ * length_x / 2 + 2 * kLanes * width_);
    }

    // Transform real nodes along y, and write the half spectra with x and y exchanged.
    void transform(const float *nodes, std::size_t n_parts, std::size_t nx, std::size_t ny,
                   bool zeros, int threads) {
        const std::size_t pair = 2 * kLanes, stride = pair * ((nx + pair - 1) / pair);
        parallel_for(stride / pair, 1, threads, [&](std::size_t block, std::size_t) {
            Transform t(along_y_);
            const std::size_t first = block * pair;
            for (std::size_t y = 0; y < ny; ++y) {
                const float *row = nodes + y * stride + first;
                sum_parts(row, n_parts, stride * ny, &t.re[y]);
                sum_parts(row + kLanes, n_parts, stride * ny, &t.im[y]);
            }
            if (zeros) clear(t, ny, along_y_.size() / 2);
            along_y_(t.re, t.im, t.other_re, t.other_im, zeros, false);
            store_spectra(t, first);
        });
    }

    void store_spectra(Transform &t, std::size_t first) {
        thread_local FftScratch halves;
        const std::size_t n = along_y_.size();
        halves.fit(width_);
        take_apart(t.re, t.im, n, halves.re.data(), halves.im.data(), halves.other_re.data(),
                   halves.other_im.data());
        const Block *const from[4] = {halves.re.data(), halves.im.data(), halves.other_re.data(),
                                      halves.other_im.data()};
        float *const to[4] = {re_.data() + first * width_, im_.data() + first * width_,
                              re_.data() + (first + kLanes) * width_,
                              im_.data() + (first + kLanes) * width_};
        for (int a = 0; a < 4; ++a)
            for (std::size_t k = 0; k < width_; k += kLanes)
                transpose16(from[a][k].lane, kLanes, to[a] + k, width_);
    }

    // From the half spectra back to real nodes, in the first part of density_.
    void transform_back(int threads) {
        const std::size_t pair = 2 * kLanes;
        parallel_for(grid_.stride / pair, 1, threads, [&](std::size_t block, std::size_t) {
            Transform t(along_y_);
            thread_local FftScratch halves;
            halves.fit(width_);
            const std::size_t first = block * pair;
            Block *const to[4] = {halves.re.data(), halves.im.data(), halves.other_re.data(),
                                  halves.other_im.data()};
            const float *const from[4] = {re_.data() + first * width_, im_.data() + first * width_,
                                          re_.data() + (first + kLanes) * width_,
                                          im_.data() + (first + kLanes) * width_};
            for (int a = 0; a < 4; ++a)
                for (std::size_t k = 0; k < width_; k += kLanes)
                    transpose16(from[a] + k, width_, to[a][k].lane, kLanes);
            put_together(to, along_y_.size(), t.re, t.im);
            along_y_(t.im, t.re, t.other_im, t.other_re, false, true);
            for (std::size_t y = 0; y < grid_.ny; ++y) {
                float *row = density_.data() + y * grid_.stride + first;
                std::memcpy(row, &t.re[y], sizeof(Block));
                std::memcpy(row + kLanes, &t.im[y], sizeof(Block));
            }
        });
    }

    // The influence function: the kernel's transform, sharpened for the two splines.
    void make_kernel(int threads) {
        const std::size_t lx = along_x_.size(), ly = along_y_.size(), columns = lx / 2 + 1;
        const std::size_t pair = 2 * kLanes, stride = pair * ((columns + pair - 1) / pair);
        kernel_spacing_ = grid_.spacing;
        Aligned<float> samples(stride * ly);
        const double h = static_cast<double>(grid_.spacing);
        for (std::size_t y = 0; y < ly; ++y) {
            const double dy = h * static_cast<double>(std::min(y, ly - y));
            for (std::size_t x = 0; x < columns; ++x) {
                const double dx = h * static_cast<double>(x);
                samples[y * stride + x] = static_cast<float>(1.0 / (1.0 + dx * dx + dy * dy));
            }
        }
        re_ = Aligned<float>(width_ * stride);
        im_ = Aligned<float>(width_ * stride);
        transform(samples.data(), 1, columns, ly, false, threads);
        kernel_ = Aligned<float>(width_ * columns);
        const std::vector<double> sharp_x = sharpening(lx), sharp_y = sharpening(ly);
        const double scale = 1.0 / (static_cast<double>(lx) * static_cast<double>(ly));
        parallel_for(width_ / kLanes, 1, threads, [&](std::size_t block, std::size_t) {
            Transform t(along_x_);
            const std::size_t first = block * kLanes;
            for (std::size_t x = 0; x < lx; ++x) {
                std::memcpy(&t.re[x], re_.data() + std::min(x, lx - x) * width_ + first,
                            sizeof(Block));
                t.im[x] = Block{};
            }
            along_x_(t.re, t.im, t.other_re, t.other_im, false, false);
            for (std::size_t x = 0; x < columns; ++x)
                for (std::size_t l = 0; l < kLanes; ++l)
                    if (first + l <= ly / 2)
                        kernel_[x * width_ + first + l] =
                            static_cast<float>(static_cast<double>(t.re[x].lane[l]) * scale *
                                               sharp_x[x] * sharp_y[first + l]);
        });
    }

    // Factor of each frequency [0, n / 2] along one axis: W^2 / (sum of W^2 over all aliases)^2 for
    // the spline's transform W = (sin(a) / a)^kOrder.
    static std::vector<double> sharpening(std::size_t n) {
        const double pi = 3.14159265358979323846;
        std::vector<double> factors;
        for (std::size_t k = 0; k <= n / 2; ++k) {
            const double a = pi * static_cast<double>(k) / static_cast<double>(n);
            double all = k == 0 ? 1.0 : 0.0, own = all;
            for (int alias = -9; alias <= 9 && k > 0; ++alias) {
                const double power = std::pow(std::sin(a) / (a + pi * alias), 2 * kOrder);
                all += power;
                if (alias == 0) own = power;
            }
            factors.push_back(own / (all * all));
        }
        return factors;
    }

    const Spline spline_;
    float spacing_, kernel_spacing_ = 0.0f;
    std::size_t n_points_, n_parts_;
    Grid grid_{};
    Fft along_x_, along_y_;
    std::size_t width_ = 0;  // frequencies along y, filled up to whole registers
    Aligned<float> density_, re_, im_, kernel_;
};

}  // namespace latentscape
