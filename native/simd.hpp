// Vector code chosen when the program runs, so that one wheel is fast everywhere.
//
// A function marked LATENTSCAPE_CLONES is compiled for the baseline, for AVX2 and for AVX-512, and
// the loader takes the best that the processor has. Nothing is contracted to fused operations
// (-ffp-contract=off) and sums have a fixed order, so all versions give the same bits. What such a
// function calls must be LATENTSCAPE_INLINE to be compiled along with it.
#pragma once

#include <cstdint>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LATENTSCAPE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LATENTSCAPE_SANITIZED 1
#endif
#endif

// The choice at load time needs GCC and glibc; elsewhere (Clang, ARM, macOS, musl) there is one
// version, which the compiler vectorises for the target's own baseline (NEON on 64-bit ARM). The
// sanitizers' run-time libraries are not ready when the loader chooses.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__) && \
    !defined(LATENTSCAPE_SANITIZED)
#define LATENTSCAPE_CLONES \
    __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define LATENTSCAPE_CLONES
#endif

#if defined(__GNUC__)
#define LATENTSCAPE_INLINE inline __attribute__((always_inline))
#else
#define LATENTSCAPE_INLINE inline
#endif

namespace latentscape {

constexpr int kLanes = 16;  // floats that are worked on together: one AVX-512 register

#if defined(__GNUC__)
// The compiler splits these into whatever registers the target has.
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef std::int32_t IntLanes __attribute__((vector_size(kLanes * sizeof(std::int32_t))));
typedef std::uint32_t UIntLanes __attribute__((vector_size(kLanes * sizeof(std::uint32_t))));
#else
#error "latentscape's kernels need the vector extensions of GCC or Clang"
#endif

}  // namespace latentscape
