// The bindings: the only file that sees Python.
//
// Each function checks shapes, lets go of the interpreter's lock and calls one stage.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "ivf.hpp"
#include "neighbors.hpp"

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
}
