// The bindings: the only file that sees Python.
//
// Each function checks shapes, lets go of the interpreter's lock and calls one stage.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "affinities.hpp"
#include "fft.hpp"
#include "fuzzy.hpp"
#include "ivf.hpp"
#include "neighbors.hpp"
#include "ranks.hpp"
#include "tsne.hpp"
#include "umap.hpp"

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

// A vector's memory, handed over.
template <class T>
NewVector<T> array_of(std::vector<T> &&values) {
    auto *kept = new std::vector<T>(std::move(values));
    nb::capsule owner(kept, [](void *p) noexcept { delete static_cast<std::vector<T> *>(p); });
    return NewVector<T>(kept->data(), {kept->size()}, owner);
}

latentscape::Rows rows_of(const Matrix<float> &matrix) {
    return {matrix.data(), matrix.shape(0), matrix.shape(1)};
}

void require(bool fine, const char *message) {
    if (!fine) throw nb::value_error(message);
}

// --- instructions ------------------------------------------------------------------------------

const char *const kInstructionNames[] = {"baseline", "avx2", "avx512"};

std::vector<std::string> instruction_sets() {
    const auto best = static_cast<std::size_t>(latentscape::best_instructions());
    return {kInstructionNames, kInstructionNames + best + 1};
}

std::string instruction_set() {
    return kInstructionNames[static_cast<std::size_t>(latentscape::chosen_instructions.load())];
}

void use_instruction_set(const std::string &name) {
    const std::vector<std::string> known = instruction_sets();
    const auto found = std::find(known.begin(), known.end(), name);
    require(found != known.end(), "this processor has no such instruction set");
    latentscape::chosen_instructions =
        static_cast<latentscape::Instructions>(found - known.begin());
}

// --- fft ---------------------------------------------------------------------------------------

auto fourier(Matrix<float> real, Matrix<float> imaginary, bool inverse) {
    const std::size_t n = real.shape(0);
    require(real.shape(1) == latentscape::kLanes && imaginary.shape(1) == latentscape::kLanes &&
                imaginary.shape(0) == n,
            "need two arrays of shape (n, 16)");
    require(n >= 1 && latentscape::fft_length(n) == n, "n must be 16 times 2^a 3^b 5^c");
    const std::size_t count = n * latentscape::kLanes;
    Buffer<float> re(count), im(count);
    {
        nb::gil_scoped_release unlocked;
        const latentscape::Fft transform(n);
        latentscape::FftScratch scratch;
        scratch.fit(n);
        latentscape::Block *r = scratch.re.data(), *i = scratch.im.data(),
                           *other_r = scratch.other_re.data(), *other_i = scratch.other_im.data();
        std::memcpy(static_cast<void *>(r), real.data(), count * sizeof(float));
        std::memcpy(static_cast<void *>(i), imaginary.data(), count * sizeof(float));
        if (inverse)
            transform(i, r, other_i, other_r, false, false);
        else
            transform(r, i, other_r, other_i, false, false);
        std::memcpy(re.data(), static_cast<const void *>(r), count * sizeof(float));
        std::memcpy(im.data(), static_cast<const void *>(i), count * sizeof(float));
    }
    return std::make_pair(re.matrix(n, latentscape::kLanes), im.matrix(n, latentscape::kLanes));
}

// --- neighbors ---------------------------------------------------------------------------------

auto nearest_rows(Matrix<float> queries, Matrix<float> rows, std::size_t k, bool same, int threads,
                  std::optional<std::tuple<Matrix<float>, Matrix<float>, Vector<std::int32_t>>>
                      sketch) {
    const std::size_t n = queries.shape(0);
    require(queries.shape(1) == rows.shape(1), "queries and rows differ in width");
    require(!same || n == rows.shape(0), "same: queries must be the rows");
    require(k >= 1 && k + same <= rows.shape(0), "need 1 <= k <= number of (other) rows");
    latentscape::Sketch narrow{};
    if (sketch) {
        const auto &[asked, seen, order] = *sketch;
        narrow = {rows_of(asked), rows_of(seen), order.data()};
        bool fits = narrow.queries.n == n && narrow.rows.n == rows.shape(0) &&
                    narrow.queries.d == narrow.rows.d && order.shape(0) == rows.shape(0);
        std::vector<bool> stands(rows.shape(0), false);
        for (std::size_t i = 0; fits && i < order.shape(0); ++i) {
            const auto row = static_cast<std::size_t>(order.data()[i]);
            fits = row < stands.size() && !stands[row];
            if (fits) stands[row] = true;
        }
        require(fits, "the sketch does not fit");
    }
    Buffer<std::int32_t> indices(n * k);
    Buffer<double> squared(n * k);
    {
        nb::gil_scoped_release unlocked;
        latentscape::nearest_rows(rows_of(queries), rows_of(rows), k, same,
                                  sketch ? &narrow : nullptr, threads, indices.data(),
                                  squared.data());
    }
    return std::make_pair(indices.matrix(n, k), squared.matrix(n, k));
}

// An inverted file, and the rows that it looks things up in.
class InvertedFile {
  public:
    InvertedFile(Matrix<float> rows, std::size_t n_regions, std::size_t n_train, int n_iter,
                 std::uint64_t seed, int threads)
        : rows_(std::move(rows)) {
        require(n_regions >= 1 && n_regions <= n_train && n_regions <= rows_.shape(0),
                "need 1 <= n_regions <= n_train, number of rows");
        nb::gil_scoped_release unlocked;
        file_ = std::make_unique<latentscape::InvertedFile>(rows_of(rows_), n_regions, n_train,
                                                            n_iter, seed, threads);
    }
    std::size_t n_cells() const { return file_->n_cells(); }
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

// --- t-SNE -------------------------------------------------------------------------------------

auto conditional_affinities(Matrix<double> squared, double perplexity, int threads) {
    const std::size_t n = squared.shape(0), k = squared.shape(1);
    require(k >= 1 && perplexity > 0, "need a neighbour and a perplexity greater than 0");
    Buffer<double> weights(n * k);
    {
        nb::gil_scoped_release unlocked;
        latentscape::conditional_affinities(squared.data(), n, k, perplexity, threads,
                                            weights.data());
    }
    return weights.matrix(n, k);
}

auto joint_affinities(Matrix<std::int32_t> indices, Matrix<float> distances, double perplexity,
                      int threads) {
    const std::size_t n = indices.shape(0), k = indices.shape(1);
    require(distances.shape(0) == n && distances.shape(1) == k, "one distance for each neighbour");
    require(n >= 1 && k >= 1 && perplexity > 0,
            "need a row, a neighbour and a perplexity greater than 0");
    for (std::size_t e = 0; e < n * k; ++e)
        require(indices.data()[e] >= 0 && static_cast<std::size_t>(indices.data()[e]) < n,
                "a neighbour is no row");
    latentscape::SparseRows joint;
    {
        nb::gil_scoped_release unlocked;
        joint = latentscape::joint_affinities(indices.data(), distances.data(), n, k, perplexity,
                                              threads);
    }
    return std::make_tuple(array_of(std::move(joint.starts)), array_of(std::move(joint.columns)),
                           array_of(std::move(joint.values)));
}

// Affinities in arrays of NumPy's, checked once.
class SharedAffinities {
  public:
    SharedAffinities(Vector<std::int64_t> starts, Vector<std::int32_t> columns,
                     Vector<float> values)
        : starts_(std::move(starts)), columns_(std::move(columns)), values_(std::move(values)) {
        require(starts_.shape(0) >= 2 && columns_.shape(0) == values_.shape(0),
                "need a row, and one value for each column");
        const std::size_t n = starts_.shape(0) - 1;
        const std::int64_t *s = starts_.data();
        require(s[0] == 0 && s[n] == static_cast<std::int64_t>(columns_.shape(0)),
                "starts do not fit the columns");
        for (std::size_t i = 0; i < n; ++i) require(s[i] <= s[i + 1], "starts must ascend");
        for (std::size_t e = 0; e < columns_.shape(0); ++e)
            require(columns_.data()[e] >= 0 && static_cast<std::size_t>(columns_.data()[e]) < n,
                    "a column is no row");
    }
    latentscape::Affinities view() const {
        return {starts_.data(), columns_.data(), values_.data(), starts_.shape(0) - 1};
    }

  private:
    Vector<std::int64_t> starts_;
    Vector<std::int32_t> columns_;
    Vector<float> values_;
};

double kl_divergence(Vector<std::int64_t> starts, Vector<std::int32_t> columns,
                     Vector<float> values, Matrix<float> embedding, int threads) {
    const SharedAffinities shared(std::move(starts), std::move(columns), std::move(values));
    const latentscape::Affinities p = shared.view();
    require(embedding.shape(0) == p.n && embedding.shape(1) == 2, "one place for each row");
    nb::gil_scoped_release unlocked;
    std::vector<float> gradient(2 * p.n);
    const double repulsion =
        latentscape::repel_exactly(embedding.data(), p.n, threads, gradient.data());
    return latentscape::divergence(p, embedding.data(), repulsion,
                                   latentscape::negative_entropy(p, threads), threads);
}

class TsneLayout {
  public:
    TsneLayout(Vector<std::int64_t> starts, Vector<std::int32_t> columns, Vector<float> values,
               Matrix<float> start, float spacing, std::size_t exact_rows, int threads)
        : shared_(std::move(starts), std::move(columns), std::move(values)) {
        require(start.shape(0) == shared_.view().n && start.shape(1) == 2,
                "one place for each row");
        require(spacing > 0, "spacing must be greater than 0");
        nb::gil_scoped_release unlocked;
        layout_ = std::make_unique<latentscape::Layout>(shared_.view(), start.data(), spacing,
                                                        exact_rows, threads);
    }
    void run(std::size_t n_steps, float exaggeration, float momentum, float learning_rate) {
        nb::gil_scoped_release unlocked;
        layout_->run(n_steps, {exaggeration, momentum, learning_rate});
    }
    void renumber() {
        nb::gil_scoped_release unlocked;
        layout_->renumber();
    }
    auto gradient(float exaggeration) {
        Buffer<float> values(2 * layout_->size());
        {
            nb::gil_scoped_release unlocked;
            layout_->gradient(exaggeration, values.data());
        }
        return values.matrix(layout_->size(), 2);
    }
    double divergence() {
        nb::gil_scoped_release unlocked;
        return layout_->divergence();
    }
    auto places() const {
        Buffer<float> values(2 * layout_->size());
        layout_->places(values.data());
        return values.matrix(layout_->size(), 2);
    }

  private:
    SharedAffinities shared_;
    std::unique_ptr<latentscape::Layout> layout_;
};

// --- umap --------------------------------------------------------------------------------------

latentscape::NeighborLists lists_of(const Matrix<std::int32_t> &indices,
                                    const Matrix<float> &distances, std::size_t k) {
    const std::size_t n = indices.shape(0), stride = indices.shape(1);
    require(distances.shape(0) == n && distances.shape(1) == stride,
            "indices and distances differ in shape");
    require(k >= 1 && k <= stride, "need 1 <= k <= number of neighbours");
    return {indices.data(), distances.data(), n, k, stride};
}

auto smooth_distances(Matrix<std::int32_t> indices, Matrix<float> distances, std::size_t k,
                      int threads) {
    const auto lists = lists_of(indices, distances, k);
    Buffer<float> rho(lists.n), sigma(lists.n);
    {
        nb::gil_scoped_release unlocked;
        latentscape::smooth_distances(lists, threads, rho.data(), sigma.data());
    }
    return std::make_pair(rho.vector(lists.n), sigma.vector(lists.n));
}

auto fuzzy_graph(Matrix<std::int32_t> indices, Matrix<float> distances, std::size_t k,
                 int threads) {
    const auto lists = lists_of(indices, distances, k);
    latentscape::SparseMatrix graph;
    bool in_range = true;
    {
        nb::gil_scoped_release unlocked;
        for (std::size_t i = 0; in_range && i < lists.n; ++i)
            for (std::size_t j = 0; j < k; ++j) {
                const std::int32_t index = lists.indices[i * lists.stride + j];
                in_range &= index >= 0 && static_cast<std::size_t>(index) < lists.n;
            }
        if (in_range) {
            std::vector<float> rho(lists.n), sigma(lists.n);
            latentscape::smooth_distances(lists, threads, rho.data(), sigma.data());
            graph = latentscape::fuzzy_graph(lists, rho.data(), sigma.data(), threads);
        }
    }
    require(in_range, "indices out of range");
    return std::make_tuple(array_of(std::move(graph.starts)), array_of(std::move(graph.columns)),
                           array_of(std::move(graph.values)));
}

// A symmetric graph in CSR form, checked to be one.
struct GraphView {
    const std::int64_t *starts;
    const std::int32_t *columns;
    const float *weights;
    std::size_t n;
};

GraphView graph_of(const Vector<std::int64_t> &starts, const Vector<std::int32_t> &columns,
                   const Vector<float> &weights, const Matrix<float> &places) {
    const std::size_t n = places.shape(0), n_entries = columns.shape(0);
    require(n >= 1 && places.shape(1) == 2, "places must have shape (n, 2), n >= 1");
    require(starts.shape(0) == n + 1 && weights.shape(0) == n_entries, "the graph does not fit");
    const std::int64_t *s = starts.data();
    bool fine = s[0] == 0 && s[n] == static_cast<std::int64_t>(n_entries);
    for (std::size_t i = 0; i < n; ++i) fine &= s[i] <= s[i + 1];
    for (std::size_t e = 0; e < n_entries; ++e)
        fine &= columns.data()[e] >= 0 && static_cast<std::size_t>(columns.data()[e]) < n;
    require(fine, "this is no graph in CSR form");
    return {s, columns.data(), weights.data(), n};
}

class UmapLayout {
  public:
    UmapLayout(Vector<std::int64_t> starts, Vector<std::int32_t> columns, Vector<float> weights,
               Matrix<float> places, double a, double b, int negative_sample_rate, int n_epochs,
               std::uint32_t seed, int threads)
        : n_(places.shape(0)) {
        const GraphView graph = graph_of(starts, columns, weights, places);
        require(negative_sample_rate >= 0 && n_epochs >= 1, "need rates >= 0 and epochs >= 1");
        nb::gil_scoped_release unlocked;
        layout_ = std::make_unique<latentscape::UmapLayout>(
            graph.starts, graph.columns, graph.weights, graph.n, places.data(), a, b,
            negative_sample_rate, n_epochs, seed, threads);
    }
    int advance(int epochs) {
        nb::gil_scoped_release unlocked;
        layout_->advance(epochs);
        return layout_->done();
    }
    auto places() const {
        Buffer<float> copy(2 * n_);
        std::copy_n(layout_->places(), 2 * n_, copy.data());
        return copy.matrix(n_, 2);
    }

  private:
    std::size_t n_;
    std::unique_ptr<latentscape::UmapLayout> layout_;
};

double fuzzy_cross_entropy(Vector<std::int64_t> starts, Vector<std::int32_t> columns,
                           Vector<float> weights, Matrix<float> places, double a, double b,
                           int threads) {
    const GraphView graph = graph_of(starts, columns, weights, places);
    nb::gil_scoped_release unlocked;
    return latentscape::fuzzy_cross_entropy(graph.starts, graph.columns, graph.weights, graph.n,
                                            places.data(), a, b, threads);
}

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

    m.def("instruction_sets", &instruction_sets,
          "Names of the instruction sets that this processor has, the best one last.");
    m.def("instruction_set", &instruction_set, "The one in use: the best, unless told otherwise.");
    m.def("use_instruction_set", &use_instruction_set, "name"_a,
          "Take another one for all kernels. It changes no bit of any result: this is for tests.");

    m.def("fourier", &fourier, "real"_a.noconvert(), "imaginary"_a.noconvert(), nb::kw_only(),
          "inverse"_a = false,
          "Fourier transforms of 16 columns of n = 16 * 2^a 3^b 5^c numbers, unscaled: real and "
          "imaginary parts float32 (n, 16).");

    m.def("nearest_rows", &nearest_rows, "queries"_a.noconvert(), "rows"_a.noconvert(), "k"_a,
          nb::kw_only(), "same"_a = false, "threads"_a = 0, "sketch"_a = nb::none(),
          "Exact k nearest rows of each query: indices int32 and squared distances float64, (m, k). "
          "sketch: queries and rows times orthonormal columns, and an order in which near rows follow "
          "each other; makes the search faster.");

    nb::class_<InvertedFile>(m, "InvertedFile", "Approximate k nearest rows: regions, and in them cells around centroids.")
        .def(nb::init<Matrix<float>, std::size_t, std::size_t, int, std::uint64_t, int>(),
             "rows"_a.noconvert(), nb::kw_only(), "n_regions"_a, "n_train"_a, "n_iter"_a = 8,
             "seed"_a = 0, "threads"_a = 0)
        .def_prop_ro("n_cells", &InvertedFile::n_cells)
        .def("query", &InvertedFile::query, "queries"_a.noconvert(), "k"_a, nb::kw_only(),
             "n_probes"_a, "selves"_a = nb::none(), "threads"_a = 0,
             "As nearest_rows, among the rows of the nearest cells; index -1 where there are too few.");

    // --- t-SNE ---

    m.def("conditional_affinities", &conditional_affinities, "squared"_a.noconvert(),
          "perplexity"_a, nb::kw_only(), "threads"_a = 0,
          "Gaussian weights of each row's neighbours, float64 (n, k), from squared distances.");
    m.def("joint_affinities", &joint_affinities, "indices"_a.noconvert(), "distances"_a.noconvert(),
          "perplexity"_a, nb::kw_only(), "threads"_a = 0,
          "Symmetric affinities that add up to 1, as CSR: starts, columns, values.");
    m.def("kl_divergence", &kl_divergence, "starts"_a.noconvert(), "columns"_a.noconvert(),
          "values"_a.noconvert(), "embedding"_a.noconvert(), nb::kw_only(), "threads"_a = 0,
          "Kullback-Leibler divergence of a map from CSR affinities, over all pairs.");
    nb::class_<TsneLayout>(m, "TsneLayout", "A t-SNE map on its way.")
        .def(nb::init<Vector<std::int64_t>, Vector<std::int32_t>, Vector<float>, Matrix<float>,
                      float, std::size_t, int>(),
             "starts"_a.noconvert(), "columns"_a.noconvert(), "values"_a.noconvert(),
             "start"_a.noconvert(), nb::kw_only(), "spacing"_a = 0.5f, "exact_rows"_a = 1000,
             "threads"_a = 0)
        .def("run", &TsneLayout::run, "n_steps"_a, nb::kw_only(), "exaggeration"_a, "momentum"_a,
             "learning_rate"_a, "Take steps of gradient descent.")
        .def("renumber", &TsneLayout::renumber,
             "Sort the points in memory by where they lie now, which makes steps faster.")
        .def("gradient", &TsneLayout::gradient, nb::kw_only(), "exaggeration"_a = 1.0f,
             "A quarter of the gradient of the divergence, float32 (n, 2).")
        .def("divergence", &TsneLayout::divergence, "Kullback-Leibler divergence, by the mesh.")
        .def("places", &TsneLayout::places, "Positions, float32 (n, 2).");

    // --- umap ---

    m.def("smooth_distances", &smooth_distances, "indices"_a.noconvert(),
          "distances"_a.noconvert(), "k"_a, nb::kw_only(), "threads"_a = 0,
          "rho and sigma of the first k neighbours, float32 (n,) each.");
    m.def("fuzzy_graph", &fuzzy_graph, "indices"_a.noconvert(), "distances"_a.noconvert(), "k"_a,
          nb::kw_only(), "threads"_a = 0,
          "Fuzzy union of the memberships of the first k neighbours, as CSR: starts int64 (n + 1,), "
          "columns int32 and weights float32.");
    nb::class_<UmapLayout>(m, "UmapLayout", "Negative-sampling descent, a few epochs at a time.")
        .def(nb::init<Vector<std::int64_t>, Vector<std::int32_t>, Vector<float>, Matrix<float>,
                      double, double, int, int, std::uint32_t, int>(),
             "starts"_a.noconvert(), "columns"_a.noconvert(), "weights"_a.noconvert(),
             "places"_a.noconvert(), nb::kw_only(), "a"_a, "b"_a, "negative_sample_rate"_a,
             "n_epochs"_a, "seed"_a = 0, "threads"_a = 0)
        .def("advance", &UmapLayout::advance, "epochs"_a,
             "Go on by so many epochs at most; return how many are done.")
        .def("places", &UmapLayout::places, "Where the vertices are now: float32 (n, 2).");
    m.def("fuzzy_cross_entropy", &fuzzy_cross_entropy, "starts"_a.noconvert(),
          "columns"_a.noconvert(), "weights"_a.noconvert(), "places"_a.noconvert(),
          nb::kw_only(), "a"_a, "b"_a, "threads"_a = 0,
          "Fuzzy cross-entropy of a map, over all ordered pairs.");

    // --- ranks ---
    m.def("target_ranks", &target_ranks, "rows"_a.noconvert(), "targets"_a.noconvert(),
          nb::kw_only(), "k"_a = 0, "threads"_a = 0,
          "Ranks int32 (n, t) of each row's targets among all other rows, and its k nearest rows.");
    m.def("coranking", &coranking, "reference"_a.noconvert(), "others"_a, "anchors"_a.noconvert(),
          "sizes"_a.noconvert(), nb::kw_only(), "threads"_a = 0,
          "For each other space, seen from each anchor: overlap int32 (m, sizes), sum of R_NX(K)/K "
          "(m,), and rank sums of false and of missing neighbours (m, sizes).");
}
