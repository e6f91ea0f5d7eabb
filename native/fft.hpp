// Fourier transforms of 16 columns at once, in float32.
//
// A complex signal lies in two arrays (real and imaginary parts) of n elements, each element one
// register of 16 lanes, and every lane is a signal of its own: no shuffles, the same operations in
// the same order for each lane, so the same bits on every instruction set. Stockham's form, which
// needs no bit reversal (Cochran et al. 1967).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "simd.hpp"

namespace latentscape {

// Zeros at an address that whole registers can be loaded from.
template <class T>
class Aligned {
  public:
    Aligned() = default;
    explicit Aligned(std::size_t n)
        : values_(static_cast<T *>(::operator new(n * sizeof(T) + 1, std::align_val_t(64)))),
          size_(n) {
        std::memset(static_cast<void *>(values_.get()), 0, n * sizeof(T));
    }
    T *data() { return values_.get(); }
    const T *data() const { return values_.get(); }
    std::size_t size() const { return size_; }
    T &operator[](std::size_t i) { return values_.get()[i]; }
    const T &operator[](std::size_t i) const { return values_.get()[i]; }

  private:
    struct Free {
        void operator()(T *p) const { ::operator delete(p, std::align_val_t(64)); }
    };
    std::unique_ptr<T, Free> values_;
    std::size_t size_ = 0;
};

// One step: m groups of `radix` elements that lie m * s apart become s-interleaved. twiddle holds
// radix - 1 complex factors for each group. Stockham: out[q + s (radix p + t)] =
// w^(p t) sum_j in[q + s (p + m j)] exp(-2 pi i j t / radix).

// `first` of a transform whose upper half is zero, `last` of one whose upper half nobody reads.
enum class Half { none, first, last };

template <int kBytes>
LATENTSCAPE_INLINE void fft_pass4_on(const Block *in_re, const Block *in_im, Block *yr, Block *yi,
                                     std::size_t m, std::size_t s, const float *twiddle,
                                     Half half) {
    const Reader<kBytes> xr{in_re}, xi{in_im};
    for (std::size_t p = 0; p < m; ++p, twiddle += 6) {
        const float w1r = twiddle[0], w1i = twiddle[1], w2r = twiddle[2], w2i = twiddle[3],
                    w3r = twiddle[4], w3i = twiddle[5];
        const std::size_t step = m * s;
        if (half == Half::first) {  // s is 1
            const Lanes<kBytes> ar = xr[p], ai = xi[p], br = xr[p + m], bi = xi[p + m];
            Block *const or_ = yr + 4 * p, *const oi = yi + 4 * p;
            store(ar + br, or_[0].lane);
            store(ai + bi, oi[0].lane);
            const Lanes<kBytes> cr = ar + bi, ci = ai - br, dr = ar - br, di = ai - bi, er = ar - bi,
                        ei = ai + br;
            store(cr * w1r - ci * w1i, or_[1].lane);
            store(cr * w1i + ci * w1r, oi[1].lane);
            store(dr * w2r - di * w2i, or_[2].lane);
            store(dr * w2i + di * w2r, oi[2].lane);
            store(er * w3r - ei * w3i, or_[3].lane);
            store(er * w3i + ei * w3r, oi[3].lane);
            continue;
        }
        for (std::size_t q = 0; q < s; ++q) {
            const std::size_t i = q + s * p, o = q + s * 4 * p;
            const Lanes<kBytes> ar = xr[i], ai = xi[i], br = xr[i + step], bi = xi[i + step],
                        cr = xr[i + 2 * step], ci = xi[i + 2 * step], dr = xr[i + 3 * step],
                        di = xi[i + 3 * step];
            const Lanes<kBytes> sr = ar + cr, si = ai + ci, tr = ar - cr, ti = ai - ci, ur = br + dr,
                        ui = bi + di, vr = br - dr, vi = bi - di;
            store(sr + ur, yr[o].lane);
            store(si + ui, yi[o].lane);
            const Lanes<kBytes> er = tr + vi, ei = ti - vr;
            if (half == Half::last) {  // m is 1: all factors are 1
                store(er, yr[o + s].lane);
                store(ei, yi[o + s].lane);
                continue;
            }
            const Lanes<kBytes> fr = sr - ur, fi = si - ui, gr = tr - vi, gi = ti + vr;
            store(er * w1r - ei * w1i, yr[o + s].lane);
            store(er * w1i + ei * w1r, yi[o + s].lane);
            store(fr * w2r - fi * w2i, yr[o + 2 * s].lane);
            store(fr * w2i + fi * w2r, yi[o + 2 * s].lane);
            store(gr * w3r - gi * w3i, yr[o + 3 * s].lane);
            store(gr * w3i + gi * w3r, yi[o + 3 * s].lane);
        }
    }
}
LATENTSCAPE_KERNEL(fft_pass4)

template <int kBytes>
LATENTSCAPE_INLINE void fft_pass2_on(const Block *in_re, const Block *in_im, Block *yr, Block *yi,
                                     std::size_t m, std::size_t s, const float *twiddle) {
    const Reader<kBytes> xr{in_re}, xi{in_im};
    for (std::size_t p = 0; p < m; ++p, twiddle += 2) {
        const float wr = twiddle[0], wi = twiddle[1];
        for (std::size_t q = 0; q < s; ++q) {
            const std::size_t i = q + s * p, o = q + s * 2 * p;
            const Lanes<kBytes> ar = xr[i], ai = xi[i], br = xr[i + m * s], bi = xi[i + m * s];
            const Lanes<kBytes> dr = ar - br, di = ai - bi;
            store(ar + br, yr[o].lane);
            store(ai + bi, yi[o].lane);
            store(dr * wr - di * wi, yr[o + s].lane);
            store(dr * wi + di * wr, yi[o + s].lane);
        }
    }
}
LATENTSCAPE_KERNEL(fft_pass2)

template <int kBytes>
LATENTSCAPE_INLINE void fft_pass3_on(const Block *in_re, const Block *in_im, Block *yr, Block *yi,
                                     std::size_t m, std::size_t s, const float *twiddle) {
    const Reader<kBytes> xr{in_re}, xi{in_im};
    const float half_root = 0.86602540378443864676f;
    for (std::size_t p = 0; p < m; ++p, twiddle += 4) {
        const float w1r = twiddle[0], w1i = twiddle[1], w2r = twiddle[2], w2i = twiddle[3];
        for (std::size_t q = 0; q < s; ++q) {
            const std::size_t i = q + s * p, o = q + s * 3 * p;
            const Lanes<kBytes> ar = xr[i], ai = xi[i], br = xr[i + m * s], bi = xi[i + m * s],
                        cr = xr[i + 2 * m * s], ci = xi[i + 2 * m * s];
            const Lanes<kBytes> sr = br + cr, si = bi + ci;
            const Lanes<kBytes> tr = ar - sr * 0.5f, ti = ai - si * 0.5f;
            const Lanes<kBytes> vr = (br - cr) * half_root, vi = (bi - ci) * half_root;
            store(ar + sr, yr[o].lane);
            store(ai + si, yi[o].lane);
            const Lanes<kBytes> er = tr + vi, ei = ti - vr, fr = tr - vi, fi = ti + vr;
            store(er * w1r - ei * w1i, yr[o + s].lane);
            store(er * w1i + ei * w1r, yi[o + s].lane);
            store(fr * w2r - fi * w2i, yr[o + 2 * s].lane);
            store(fr * w2i + fi * w2r, yi[o + 2 * s].lane);
        }
    }
}
LATENTSCAPE_KERNEL(fft_pass3)

template <int kBytes>
LATENTSCAPE_INLINE void fft_pass5_on(const Block *in_re, const Block *in_im, Block *yr, Block *yi,
                                     std::size_t m, std::size_t s, const float *twiddle) {
    const Reader<kBytes> xr{in_re}, xi{in_im};
    const float c1 = 0.30901699437494742410f, c2 = -0.80901699437494742410f,
                s1 = 0.95105651629515357212f, s2 = 0.58778525229247312917f;
    for (std::size_t p = 0; p < m; ++p, twiddle += 8) {
        for (std::size_t q = 0; q < s; ++q) {
            const std::size_t i = q + s * p, o = q + s * 5 * p, step = m * s;
            const Lanes<kBytes> ar = xr[i], ai = xi[i];
            const Lanes<kBytes> b1r = xr[i + step] + xr[i + 4 * step], b1i = xi[i + step] + xi[i + 4 * step],
                        d1r = xr[i + step] - xr[i + 4 * step], d1i = xi[i + step] - xi[i + 4 * step],
                        b2r = xr[i + 2 * step] + xr[i + 3 * step],
                        b2i = xi[i + 2 * step] + xi[i + 3 * step],
                        d2r = xr[i + 2 * step] - xr[i + 3 * step],
                        d2i = xi[i + 2 * step] - xi[i + 3 * step];
            store(ar + b1r + b2r, yr[o].lane);
            store(ai + b1i + b2i, yi[o].lane);
            const Lanes<kBytes> e1r = ar + c1 * b1r + c2 * b2r, e1i = ai + c1 * b1i + c2 * b2i,
                        e2r = ar + c2 * b1r + c1 * b2r, e2i = ai + c2 * b1i + c1 * b2i,
                        f1r = s1 * d1r + s2 * d2r, f1i = s1 * d1i + s2 * d2i,
                        f2r = s2 * d1r - s1 * d2r, f2i = s2 * d1i - s1 * d2i;
            const Lanes<kBytes> zr[4] = {e1r + f1i, e2r + f2i, e2r - f2i, e1r - f1i};
            const Lanes<kBytes> zi[4] = {e1i - f1r, e2i - f2r, e2i + f2r, e1i + f1r};
            for (std::size_t t = 0; t < 4; ++t) {
                const float wr = twiddle[2 * t], wi = twiddle[2 * t + 1];
                store(zr[t] * wr - zi[t] * wi, yr[o + (t + 1) * s].lane);
                store(zr[t] * wi + zi[t] * wr, yi[o + (t + 1) * s].lane);
            }
        }
    }
}
LATENTSCAPE_KERNEL(fft_pass5)

// The smallest length of a transform that holds n elements: 16 times 2^a 3^b 5^c.
inline std::size_t fft_length(std::size_t n) {
    for (std::size_t length = 16 * ((n + 15) / 16);; length += 16) {
        std::size_t rest = length / 16;
        for (const std::size_t radix : {2, 3, 5})
            while (rest % radix == 0) rest /= radix;
        if (rest == 1 && length > 0) return length;
    }
}

// Working memory of one transform.
struct FftScratch {
    Aligned<Block> re, im, other_re, other_im;
    void fit(std::size_t n) {
        if (re.size() >= n) return;
        re = Aligned<Block>(n);
        im = Aligned<Block>(n);
        other_re = Aligned<Block>(n);
        other_im = Aligned<Block>(n);
    }
};

// The transform of one length, which must be one that fft_length returns.
class Fft {
  public:
    Fft() = default;
    explicit Fft(std::size_t n) : n_(n) {
        // Fours at both ends, where a half can be left out.
        std::size_t rest = n / 16;
        std::vector<std::size_t> middle;
        for (const std::size_t radix : {4, 2, 3, 5})
            for (; rest % radix == 0; rest /= radix) middle.push_back(radix);
        radices_.push_back(4);
        radices_.insert(radices_.end(), middle.begin(), middle.end());
        radices_.push_back(4);
        std::size_t length = n;
        for (const std::size_t radix : radices_) {
            const std::size_t m = length / radix;
            starts_.push_back(twiddles_.size());
            for (std::size_t p = 0; p < m; ++p) {
                for (std::size_t t = 1; t < radix; ++t) {
                    const double angle = -2.0 * 3.14159265358979323846 *
                                         static_cast<double>(p * t) / static_cast<double>(length);
                    twiddles_.push_back(static_cast<float>(std::cos(angle)));
                    twiddles_.push_back(static_cast<float>(std::sin(angle)));
                }
            }
            length = m;
        }
    }
    std::size_t size() const { return n_; }

    // Transform in place; `re` and `im` of the scratch are exchanged for where the result is.
    // zeros: the upper half of the input is taken as zero, whatever it holds. unread: the upper
    // half of the output is left undefined. The inverse (unscaled) is the same transform with
    // real and imaginary parts exchanged on both sides.
    void operator()(Block *&re, Block *&im, Block *&other_re, Block *&other_im, bool zeros,
                    bool unread) const {
        std::size_t length = n_, s = 1;
        for (std::size_t i = 0; i < radices_.size(); ++i) {
            const std::size_t radix = radices_[i], m = length / radix;
            const float *const twiddle = twiddles_.data() + starts_[i];
            if (radix == 4) {
                Half half = Half::none;
                if (i == 0 && zeros) half = Half::first;
                if (i + 1 == radices_.size() && unread) half = Half::last;
                fft_pass4(re, im, other_re, other_im, m, s, twiddle, half);
            } else if (radix == 2) {
                fft_pass2(re, im, other_re, other_im, m, s, twiddle);
            } else if (radix == 3) {
                fft_pass3(re, im, other_re, other_im, m, s, twiddle);
            } else {
                fft_pass5(re, im, other_re, other_im, m, s, twiddle);
            }
            std::swap(re, other_re);
            std::swap(im, other_im);
            length = m;
            s *= radix;
        }
    }

  private:
    std::size_t n_ = 0;
    std::vector<std::size_t> radices_, starts_;
    std::vector<float> twiddles_;
};

}  // namespace latentscape
