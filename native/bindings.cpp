// The bindings: the only file that sees Python.
//
// Each function checks shapes, lets go of the interpreter's lock and calls one stage.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "ivf.hpp"
#include "neighbors.hpp"
#include "ranks.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <class T>
using Matrix = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using Vector = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using NewMatrix = nb::ndarray<nb::numpy, T, nb::ndim<2>, nb::c_contig>;
template <class T>
using NewVector = nb::ndarray<nb::numpy, T, nb::ndim<1>, nb::c_contig>;

// Memory that becomes a NumPy array.
template <class T>
class Buffer {
  public:
    explicit Buffer(std::size_t n) : values_(new T[n]) {}
    T *data() { return values_.get(); }
    NewMatrix<T> matrix(std::size_t rows, std::size_t columns) {
        T *values = values_.release();
        nb::capsule owner(values, [](void *p) noexcept { delete[] static_cast<T *>(p); });
        return NewMatrix<T>(values, {rows, columns}, owner);
    }
    NewVector<T> vector(std::size_t n) {
        T *values = values_.release();
        nb::capsule owner(values, [](void *p) noexcept { delete[] static_cast<T *>(p); });
        return NewVector<T>(values, {n}, owner);
    }

  private:
    std::unique_ptr<T[]> values_;
};

latentscape::Rows rows_of(const Matrix<float> &matrix) {
    return {matrix.data(), matrix.shape(0), matrix.shape(1)};
}

void require(bool fine, const char *message) {
    if (!fine) throw nb::value_error(message);
}

// --- neighbors ---------------------------------------------------------------------------------

auto nearest_rows(Matrix<float> queries, Matrix<float> rows, std::size_t k, bool same,
                  int threads) {
    const std::size_t n = queries.shape(0);
    require(queries.shape(1) == rows.shape(1), "queries and rows differ in width");
    require(!same || n == rows.shape(0), "same: queries must be the rows");
    require(k >= 1 && k + same <= rows.shape(0), "need 1 <= k <= number of (other) rows");
    Buffer<std::int32_t> indices(n * k);
    Buffer<double> squared(n * k);
    {
        nb::gil_scoped_release unlocked;
        latentscape::nearest_rows(rows_of(queries), rows_of(rows), k, same, threads, indices.data(),
                                  squared.data());
    }
    return std::make_pair(indices.matrix(n, k), squared.matrix(n, k));
}

// An inverted file, and the rows that it looks things up in.
class InvertedFile {
  public:
    InvertedFile(Matrix<float> rows, std::size_t n_cells, std::size_t n_train, int n_iter,
                 std::uint64_t seed, int threads)
        : rows_(std::move(rows)) {
        require(n_cells >= 1 && n_cells <= n_train && n_cells <= rows_.shape(0),
                "need 1 <= n_cells <= n_train, number of rows");
        nb::gil_scoped_release unlocked;
        file_ = std::make_unique<latentscape::InvertedFile>(rows_of(rows_), n_cells, n_train,
                                                            n_iter, seed, threads);
    }
    auto query(Matrix<float> queries, std::size_t k, std::size_t n_probes,
               std::optional<Vector<std::int32_t>> selves, int threads) const {
        const std::size_t n = queries.shape(0);
        require(queries.shape(1) == rows_.shape(1), "queries and rows differ in width");
        require(k >= 1 && k <= rows_.shape(0) && n_probes >= 1, "need 1 <= k <= rows, 1 <= n_probes");
        require(!selves || selves->shape(0) == n, "one index of itself for each query");
        Buffer<std::int32_t> indices(n * k);
        Buffer<double> squared(n * k);
        {
            nb::gil_scoped_release unlocked;
            file_->query(rows_of(queries), selves ? selves->data() : nullptr, k, n_probes, threads,
                         indices.data(), squared.data());
        }
        return std::make_pair(indices.matrix(n, k), squared.matrix(n, k));
    }

  private:
    Matrix<float> rows_;  // keeps the array alive
    std::unique_ptr<latentscape::InvertedFile> file_;
};

// --- ranks -------------------------------------------------------------------------------------

void require_rows(const std::int32_t *indices, std::size_t count, std::size_t n) {
    for (std::size_t i = 0; i < count; ++i)
        require(indices[i] >= 0 && static_cast<std::size_t>(indices[i]) < n, "an index is no row");
}

auto target_ranks(Matrix<float> rows, Matrix<std::int32_t> targets, std::size_t k, int threads) {
    const std::size_t n = rows.shape(0), n_targets = targets.shape(1);
    require(targets.shape(0) == n, "one row of targets for each row");
    require(k < n, "need k < number of rows");
    require_rows(targets.data(), n * n_targets, n);
    Buffer<std::int32_t> ranks(n * n_targets), indices(n * k);
    Buffer<double> squared(n * k);
    {
        nb::gil_scoped_release unlocked;
        latentscape::target_ranks(rows_of(rows), targets.data(), n_targets, k, threads,
                                  ranks.data(), indices.data(), squared.data());
    }
    return std::make_tuple(ranks.matrix(n, n_targets), indices.matrix(n, k), squared.matrix(n, k));
}

auto coranking(Matrix<float> reference, std::vector<Matrix<float>> others,
               Vector<std::int32_t> anchors, Vector<std::int32_t> sizes, int threads) {
    const std::size_t n = reference.shape(0), m = anchors.shape(0), n_sizes = sizes.shape(0);
    require(n >= 3, "need three rows or more");
    require_rows(anchors.data(), m, n);
    for (std::size_t s = 0; s < n_sizes; ++s)
        require(sizes.data()[s] >= 1 && static_cast<std::size_t>(sizes.data()[s]) <= n - 2 &&
                    (s == 0 || sizes.data()[s] > sizes.data()[s - 1]),
                "sizes must ascend from 1 to n - 2");
    std::vector<latentscape::Rows> spaces;
    for (const Matrix<float> &other : others) {
        require(other.shape(0) == n, "the spaces differ in their number of rows");
        spaces.push_back(rows_of(other));
    }
    struct Result {
        Buffer<std::int32_t> overlap;
        Buffer<double> log_sums, false_sums, missing_sums;
    };
    std::vector<Result> results;
    std::vector<latentscape::CoRanking> views;
    for (std::size_t s = 0; s < others.size(); ++s)
        results.push_back({Buffer<std::int32_t>(m * n_sizes), Buffer<double>(m),
                           Buffer<double>(m * n_sizes), Buffer<double>(m * n_sizes)});
    for (Result &result : results)
        views.push_back({result.overlap.data(), result.log_sums.data(), result.false_sums.data(),
                         result.missing_sums.data()});
    {
        nb::gil_scoped_release unlocked;
        latentscape::coranking(rows_of(reference), spaces.data(), spaces.size(), anchors.data(), m,
                               sizes.data(), n_sizes, threads, views.data());
    }
    std::vector<std::tuple<NewMatrix<std::int32_t>, NewVector<double>, NewMatrix<double>,
                           NewMatrix<double>>>
        arrays;
    for (Result &result : results)
        arrays.emplace_back(result.overlap.matrix(m, n_sizes), result.log_sums.vector(m),
                            result.false_sums.matrix(m, n_sizes),
                            result.missing_sums.matrix(m, n_sizes));
    return arrays;
}

}  // namespace

NB_MODULE(_native, m) {
    m.doc() = "Compiled kernels. Arrays are C-contiguous; threads <= 0 takes all cores.";

    m.def("nearest_rows", &nearest_rows, "queries"_a.noconvert(), "rows"_a.noconvert(), "k"_a,
          nb::kw_only(), "same"_a = false, "threads"_a = 0,
          "Exact k nearest rows of each query: indices int32 and squared distances float64, (m, k).");

    nb::class_<InvertedFile>(m, "InvertedFile", "Approximate k nearest rows: cells around centroids.")
        .def(nb::init<Matrix<float>, std::size_t, std::size_t, int, std::uint64_t, int>(),
             "rows"_a.noconvert(), nb::kw_only(), "n_cells"_a, "n_train"_a, "n_iter"_a = 8,
             "seed"_a = 0, "threads"_a = 0)
        .def("query", &InvertedFile::query, "queries"_a.noconvert(), "k"_a, nb::kw_only(),
             "n_probes"_a, "selves"_a = nb::none(), "threads"_a = 0,
             "As nearest_rows, among the rows of the nearest cells; index -1 where there are too few.");

    // --- ranks ---
    m.def("target_ranks", &target_ranks, "rows"_a.noconvert(), "targets"_a.noconvert(),
          nb::kw_only(), "k"_a = 0, "threads"_a = 0,
          "Ranks int32 (n, t) of each row's targets among all other rows, and its k nearest rows.");
    m.def("coranking", &coranking, "reference"_a.noconvert(), "others"_a, "anchors"_a.noconvert(),
          "sizes"_a.noconvert(), nb::kw_only(), "threads"_a = 0,
          "For each other space, seen from each anchor: overlap int32 (m, sizes), sum of R_NX(K)/K "
          "(m,), and rank sums of false and of missing neighbours (m, sizes).");
}
