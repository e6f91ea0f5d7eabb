// Vector code chosen when the program runs, so that one wheel is fast everywhere.
//
// A kernel is a template over the width of registers: `template <int kBytes> ... name_on(...)`.
// LATENTSCAPE_KERNEL(name) compiles it for the baseline, for AVX2 and for AVX-512, and `name(...)`
// takes the best that the processor has. Nothing is contracted to fused operations
// (-ffp-contract=off), and sums have an order that does not depend on the width, so all versions
// give the same bits. What a kernel calls must be LATENTSCAPE_INLINE to be compiled along with it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if !defined(__GNUC__)
#error "latentscape's kernels need the vector extensions of GCC or Clang"
#endif

#define LATENTSCAPE_INLINE inline __attribute__((always_inline))

namespace latentscape {

// --- the choice ----------------------------------------------------------------------------------

enum class Instructions { baseline, avx2, avx512 };

// The best that this processor has. On ARM the baseline holds all there is (NEON).
inline Instructions best_instructions() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2"))
        return Instructions::baseline;
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    return wide ? Instructions::avx512 : Instructions::avx2;
#else
    return Instructions::baseline;
#endif
}

// What the kernels use. Tests choose less than the best, to see that it changes no bit.
inline std::atomic<Instructions> chosen_instructions{best_instructions()};

#if defined(__x86_64__)
#define LATENTSCAPE_AVX2 __attribute__((target("avx2,bmi,bmi2")))
#define LATENTSCAPE_AVX512 \
    __attribute__((target("avx2,bmi,bmi2,avx512f,avx512vl,avx512bw,avx512dq")))
#define LATENTSCAPE_KERNEL(name)                                                      \
    template <class... Arguments>                                                     \
    LATENTSCAPE_AVX2 auto name##_avx2(Arguments &...arguments) {                      \
        return name##_on<32>(arguments...);                                           \
    }                                                                                 \
    template <class... Arguments>                                                     \
    LATENTSCAPE_AVX512 auto name##_avx512(Arguments &...arguments) {                  \
        return name##_on<64>(arguments...);                                           \
    }                                                                                 \
    template <class... Arguments>                                                     \
    auto name(Arguments &&...arguments) {                                             \
        const auto chosen = chosen_instructions.load(std::memory_order_relaxed);      \
        if (chosen == Instructions::avx512) return name##_avx512(arguments...);       \
        if (chosen == Instructions::avx2) return name##_avx2(arguments...);           \
        return name##_on<16>(arguments...);                                           \
    }
#else
#define LATENTSCAPE_KERNEL(name)                                                      \
    template <class... Arguments>                                                     \
    auto name(Arguments &&...arguments) {                                             \
        return name##_on<16>(arguments...);                                           \
    }
#endif

// --- numbers side by side ------------------------------------------------------------------------

// N numbers in registers of R each. Vectors wider than a register are taken through memory by
// compilers, so they are halved here until they fit.
template <class T, int N, int R>
struct Pack {
    typedef T Value;
    static constexpr int kRegister = R;
    static constexpr bool one = false;
    Pack<T, N / 2, R> low, high;
};
template <class T, int R>
struct Pack<T, R, R> {
    typedef T Value;
    static constexpr int kRegister = R;
    static constexpr bool one = true;
    typedef T Register __attribute__((vector_size(R * sizeof(T))));
    Register whole;
};

constexpr int kLanes = 16;  // floats that are worked on together: one AVX-512 register
template <int kBytes>
using Lanes = Pack<float, kLanes, kBytes / 4>;

// As many floats in memory.
struct alignas(64) Block {
    float lane[kLanes];
};

template <class P>
LATENTSCAPE_INLINE P load(const typename P::Value *from) {
    P pack;
    if constexpr (P::one) {
        std::memcpy(&pack.whole, from, sizeof pack.whole);
    } else {
        pack.low = load<decltype(pack.low)>(from);
        pack.high = load<decltype(pack.high)>(from + sizeof pack.low / sizeof *from);
    }
    return pack;
}

template <class T, int N, int R>
LATENTSCAPE_INLINE void store(const Pack<T, N, R> &pack, T *to) {
    if constexpr (N == R) {
        std::memcpy(to, &pack.whole, sizeof pack.whole);
    } else {
        store(pack.low, to);
        store(pack.high, to + N / 2);
    }
}

// Blocks that a kernel reads as packs.
template <int kBytes>
struct Reader {
    const Block *blocks;
    LATENTSCAPE_INLINE Lanes<kBytes> operator[](std::size_t i) const {
        return load<Lanes<kBytes>>(blocks[i].lane);
    }
};

// The same number in all places.
template <class P>
LATENTSCAPE_INLINE P all_of(typename P::Value value) {
    if constexpr (P::one) {
        return {typename P::Register{} + value};
    } else {
        P pack;
        pack.low = pack.high = all_of<decltype(pack.low)>(value);
        return pack;
    }
}

#define LATENTSCAPE_OPERATOR(op)                                                              \
    template <class T, int N, int R>                                                          \
    LATENTSCAPE_INLINE Pack<T, N, R> operator op(Pack<T, N, R> a, Pack<T, N, R> b) {          \
        if constexpr (N == R)                                                                 \
            return {a.whole op b.whole};                                                      \
        else                                                                                  \
            return {a.low op b.low, a.high op b.high};                                        \
    }                                                                                         \
    template <class T, int N, int R>                                                          \
    LATENTSCAPE_INLINE Pack<T, N, R> operator op(Pack<T, N, R> a,                             \
                                                 typename Pack<T, N, R>::Value b) {           \
        if constexpr (N == R)                                                                 \
            return {a.whole op b};                                                            \
        else                                                                                  \
            return {a.low op b, a.high op b};                                                 \
    }                                                                                         \
    template <class T, int N, int R>                                                          \
    LATENTSCAPE_INLINE Pack<T, N, R> operator op(typename Pack<T, N, R>::Value a,             \
                                                 Pack<T, N, R> b) {                           \
        if constexpr (N == R)                                                                 \
            return {a op b.whole};                                                            \
        else                                                                                  \
            return {a op b.low, a op b.high};                                                 \
    }
LATENTSCAPE_OPERATOR(+)
LATENTSCAPE_OPERATOR(-)
LATENTSCAPE_OPERATOR(*)
LATENTSCAPE_OPERATOR(/)
#undef LATENTSCAPE_OPERATOR

template <class T, int N, int R>
LATENTSCAPE_INLINE void operator+=(Pack<T, N, R> &a, Pack<T, N, R> b) {
    a = a + b;
}
template <class T, int N, int R>
LATENTSCAPE_INLINE void operator-=(Pack<T, N, R> &a, Pack<T, N, R> b) {
    a = a - b;
}

template <class T, int N, int R>
LATENTSCAPE_INLINE Pack<T, N, R> operator<<(Pack<T, N, R> a, int bits) {
    if constexpr (N == R)
        return {a.whole << bits};
    else
        return {a.low << bits, a.high << bits};
}
template <class T, int N, int R>
LATENTSCAPE_INLINE Pack<T, N, R> operator>>(Pack<T, N, R> a, int bits) {
    if constexpr (N == R)
        return {a.whole >> bits};
    else
        return {a.low >> bits, a.high >> bits};
}

// Whole numbers of the same size.
template <class T>
using Whole = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

// -1 where a < b, else 0.
template <class T, int N, int R>
LATENTSCAPE_INLINE Pack<Whole<T>, N, R> operator<(Pack<T, N, R> a,
                                                  typename Pack<T, N, R>::Value b) {
    if constexpr (N == R)
        return {a.whole < b};
    else
        return {a.low < b, a.high < b};
}

// a where `which` is -1, b where it is 0.
template <class T, int N, int R>
LATENTSCAPE_INLINE Pack<T, N, R> choose(Pack<Whole<T>, N, R> which, Pack<T, N, R> a,
                                        Pack<T, N, R> b) {
    if constexpr (N == R)
        return {which.whole ? a.whole : b.whole};
    else
        return {choose(which.low, a.low, b.low), choose(which.high, a.high, b.high)};
}

// The same bits as numbers of another type.
template <class To, class T, int N, int R>
LATENTSCAPE_INLINE Pack<To, N, R> bits_as(Pack<T, N, R> a) {
    if constexpr (N == R) {
        Pack<To, N, R> b;
        static_assert(sizeof a == sizeof b, "both types must have the same size");
        std::memcpy(&b.whole, &a.whole, sizeof b.whole);
        return b;
    } else {
        return {bits_as<To>(a.low), bits_as<To>(a.high)};
    }
}

// The same numbers in another type.
template <class To, class T, int N, int R>
LATENTSCAPE_INLINE Pack<To, N, R> converted(Pack<T, N, R> a) {
    if constexpr (N == R)
        return {__builtin_convertvector(a.whole, typename Pack<To, N, R>::Register)};
    else
        return {converted<To>(a.low), converted<To>(a.high)};
}

// Sum of all: halves are added to each other until one number is left.
template <class T, int N, int R>
LATENTSCAPE_INLINE T sum_of(Pack<T, N, R> a) {
    if constexpr (N > R) {
        return sum_of(a.low + a.high);
    } else {
        T s[N];
        std::memcpy(s, &a.whole, sizeof s);
        for (int width = N / 2; width > 0; width /= 2)
            for (int l = 0; l < width; ++l) s[l] += s[l + width];
        return s[0];
    }
}

}  // namespace latentscape
