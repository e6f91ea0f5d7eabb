// The one place that owns threads.
//
// std::thread instead of OpenMP: it survives a fork, wants no runtime library in the wheel and does
// not meet the one that PyTorch brings. Work is cut into chunks whose borders depend on the size of
// the work alone, and each output belongs to one chunk, so results do not depend on the number of
// threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace latentscape {

// Number of threads that `asked` means: 0 or less takes one for each core.
inline int thread_count(int asked) {
    if (asked > 0) return asked;
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// Call body(begin, end) for every chunk of [0, n); `chunk` items at most in each.
//
// The first exception thrown by a chunk is thrown again here, when all threads have ended.
template <class Body>
void parallel_for(std::size_t n, std::size_t chunk, int threads, Body &&body) {
    if (n == 0) return;
    chunk = std::max<std::size_t>(1, chunk);
    const std::size_t n_chunks = (n + chunk - 1) / chunk;
    const std::size_t n_threads =
        std::min<std::size_t>(n_chunks, static_cast<std::size_t>(thread_count(threads)));
    if (n_threads == 1) {
        for (std::size_t i = 0; i < n_chunks; ++i) body(i * chunk, std::min(n, (i + 1) * chunk));
        return;
    }
    std::atomic<std::size_t> next{0};
    std::exception_ptr failure;
    std::mutex guard;
    const auto work = [&] {
        for (;;) {
            const std::size_t i = next.fetch_add(1, std::memory_order_relaxed);
            if (i >= n_chunks) return;
            try {
                body(i * chunk, std::min(n, (i + 1) * chunk));
            } catch (...) {
                const std::lock_guard<std::mutex> lock(guard);
                if (!failure) failure = std::current_exception();
                next.store(n_chunks, std::memory_order_relaxed);
            }
        }
    };
    std::vector<std::thread> others;
    others.reserve(n_threads - 1);
    try {
        for (std::size_t t = 1; t < n_threads; ++t) others.emplace_back(work);
    } catch (...) {  // no thread to be had: the ones that started do the work
    }
    work();
    for (std::thread &other : others) other.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace latentscape
