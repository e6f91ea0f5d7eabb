// The fuzzy graph of UMAP: how strongly each row belongs to its neighbours, made symmetric.
//
// McInnes, Healy and Melville 2018 (arXiv:1802.03426), algorithms 2 and 3.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "threads.hpp"

namespace latentscape {

// k nearest other rows of each of n rows; each row of the arrays holds `stride` of them, or more.
struct NeighborLists {
    const std::int32_t *indices;
    const float *distances;
    std::size_t n, k, stride;
};

// A symmetric sparse matrix: row i holds the entries starts[i] .. starts[i + 1], columns ascending.
struct SparseMatrix {
    std::vector<std::int64_t> starts;
    std::vector<std::int32_t> columns;
    std::vector<float> values;
};

// Distance as the kernels take it: what overflowed counts as the largest float.
inline double finite_distance(float distance) {
    return std::min(distance, std::numeric_limits<float>::max());
}

// For each row rho, the smallest distance above zero, and sigma, with which the memberships
// exp(-max(0, d - rho) / sigma) of its k neighbours add up to log2(k + 1): the row itself counts as
// a neighbour.
//
// sigma is at least a thousandth of the mean distance (the row itself, at zero, counted in), so
// that ties do not cut a row off.
inline void smooth_distances(const NeighborLists &lists, int threads, float *rho, float *sigma) {
    constexpr double kTolerance = 1e-5, kLeastShare = 1e-3;
    constexpr int kHalvings = 64;
    const std::size_t k = lists.k;
    const double target = std::log2(static_cast<double>(k + 1));
    std::vector<double> means(lists.n);
    parallel_for(lists.n, 256, threads, [&](std::size_t begin, std::size_t end) {
        std::vector<double> beyond(k);
        for (std::size_t i = begin; i < end; ++i) {
            const float *row = lists.distances + i * lists.stride;
            double sum = 0.0, least = 0.0;
            for (std::size_t j = 0; j < k; ++j) {
                const double d = finite_distance(row[j]);
                sum += d;
                if (least == 0.0) least = d;  // distances ascend
            }
            means[i] = sum / static_cast<double>(k + 1);
            double mean_beyond = 0.0;
            for (std::size_t j = 0; j < k; ++j) {
                beyond[j] = std::max(0.0, finite_distance(row[j]) - least);
                mean_beyond += beyond[j] / static_cast<double>(k);
            }
            double low = 0.0, high = std::numeric_limits<double>::infinity(), middle = mean_beyond;
            for (int step = 0; middle > 0.0 && step < kHalvings; ++step) {
                double total = 0.0;
                for (std::size_t j = 0; j < k; ++j)
                    total += beyond[j] > 0.0 ? std::exp(-beyond[j] / middle) : 1.0;
                if (std::fabs(total - target) < kTolerance) break;
                (total > target ? high : low) = middle;
                middle = std::isinf(high) ? 2.0 * middle : 0.5 * (low + high);
            }
            rho[i] = static_cast<float>(least);
            sigma[i] = static_cast<float>(
                least > 0.0 ? std::max(middle, kLeastShare * means[i]) : middle);
        }
    });
    double mean = 0.0;
    for (std::size_t i = 0; i < lists.n; ++i) mean += means[i] / static_cast<double>(lists.n);
    for (std::size_t i = 0; i < lists.n; ++i)  // rows that coincide with all their neighbours
        if (rho[i] == 0.0f) sigma[i] = std::max(sigma[i], static_cast<float>(kLeastShare * mean));
}

// The fuzzy union a + b - a b of both directions' memberships.
inline SparseMatrix fuzzy_graph(const NeighborLists &lists, const float *rho, const float *sigma,
                                int threads) {
    using Entry = std::pair<std::int32_t, float>;
    const std::size_t n = lists.n, k = lists.k;
    // Each row's own neighbours, by index.
    std::vector<Entry> own(n * k);
    parallel_for(n, 256, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            Entry *entries = own.data() + i * k;
            for (std::size_t j = 0; j < k; ++j) {
                const double beyond =
                    finite_distance(lists.distances[i * lists.stride + j]) - rho[i];
                const double share = beyond <= 0.0 || sigma[i] == 0.0f
                                         ? 1.0
                                         : std::exp(-beyond / static_cast<double>(sigma[i]));
                entries[j] = {lists.indices[i * lists.stride + j], static_cast<float>(share)};
            }
            std::sort(entries, entries + k);
        }
    });
    // Whose neighbour each row is; filled in order, so these are ascending too.
    std::vector<std::int64_t> starts(n + 1, 0);
    for (const Entry &entry : own) ++starts[static_cast<std::size_t>(entry.first) + 1];
    for (std::size_t i = 0; i < n; ++i) starts[i + 1] += starts[i];
    std::vector<Entry> others(n * k);
    {
        std::vector<std::int64_t> next(starts.begin(), starts.end() - 1);
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < k; ++j) {
                const Entry &entry = own[i * k + j];
                const std::int64_t place = next[static_cast<std::size_t>(entry.first)]++;
                others[static_cast<std::size_t>(place)] = {static_cast<std::int32_t>(i),
                                                           entry.second};
            }
    }
    const auto merge = [&](std::size_t i, auto &&take) {
        const Entry *a = own.data() + i * k, *a_end = a + k;
        const Entry *b = others.data() + starts[i], *b_end = others.data() + starts[i + 1];
        while (a != a_end || b != b_end) {
            std::int32_t column;
            float value;
            if (b == b_end || (a != a_end && a->first < b->first)) {
                column = a->first;
                value = a++->second;
            } else if (a == a_end || b->first < a->first) {
                column = b->first;
                value = b++->second;
            } else {  // in this order it is the same from both ends
                column = a->first;
                value = (a->second + b->second) - a->second * b->second;
                ++a;
                ++b;
            }
            if (value > 0.0f) take(column, value);  // exp may vanish
        }
    };
    SparseMatrix graph;
    graph.starts.assign(n + 1, 0);
    parallel_for(n, 256, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            merge(i, [&](std::int32_t, float) { ++graph.starts[i + 1]; });
    });
    for (std::size_t i = 0; i < n; ++i) graph.starts[i + 1] += graph.starts[i];
    graph.columns.resize(static_cast<std::size_t>(graph.starts[n]));
    graph.values.resize(graph.columns.size());
    parallel_for(n, 256, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            auto place = static_cast<std::size_t>(graph.starts[i]);
            merge(i, [&](std::int32_t column, float value) {
                graph.columns[place] = column;
                graph.values[place++] = value;
            });
        }
    });
    return graph;
}

}  // namespace latentscape
