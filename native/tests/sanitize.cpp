// Runs every kernel on small random data with one and several threads, for the sanitizers.
//
//     make sanitize
//
// Whether the results are right is tested from Python; here they only have to be the same whatever
// the number of threads, without a wrong access, undefined behaviour or a race on the way.
#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <vector>

#include "../affinities.hpp"
#include "../fuzzy.hpp"
#include "../ivf.hpp"
#include "../neighbors.hpp"
#include "../ranks.hpp"
#include "../tsne.hpp"
#include "../umap.hpp"

namespace {

int failures = 0;

void expect(bool fine, const char *what) {
    std::printf("%-44s %s\n", what, fine ? "ok" : "FAILED");
    failures += !fine;
}

std::vector<float> gaussian(std::size_t n, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(n);
    for (float &value : values) value = normal(random);
    return values;
}

void threads() {
    for (const std::size_t n : {0, 1, 7, 1000}) {
        for (const int threads : {1, 2, 5}) {
            std::vector<int> visits(n, 0);
            latentscape::parallel_for(n, 3, threads, [&](std::size_t begin, std::size_t end) {
                for (std::size_t i = begin; i < end; ++i) ++visits[i];
            });
            expect(visits == std::vector<int>(n, 1), "each item once");
        }
    }
    bool thrown = false;
    try {
        latentscape::parallel_for(100, 1, 4, [](std::size_t begin, std::size_t) {
            if (begin == 40) throw std::runtime_error("40");
        });
    } catch (const std::runtime_error &) {
        thrown = true;
    }
    expect(thrown, "what a thread throws arrives");
}

using Found = std::pair<std::vector<std::int32_t>, std::vector<double>>;

void neighbors() {
    for (const std::size_t n : {2, 5, 16, 17, 1000}) {
        for (const std::size_t d : {1, 3, 33}) {
            const std::vector<float> values = gaussian(n * d, 1);
            const latentscape::Rows rows{values.data(), n, d};
            const std::size_t k = std::min<std::size_t>(n - 1, 20);
            const auto search = [&](int threads) {
                Found found{std::vector<std::int32_t>(n * k), std::vector<double>(n * k)};
                latentscape::nearest_rows(rows, rows, k, true, nullptr, threads, found.first.data(),
                                          found.second.data());
                return found;
            };
            expect(search(1) == search(3), "exact neighbours");
            // The first column is a space in which no two rows are farther apart than here.
            std::vector<float> column(n);
            std::vector<std::int32_t> order(n);
            for (std::size_t i = 0; i < n; ++i) {
                column[i] = values[i * d];
                order[i] = static_cast<std::int32_t>(n - 1 - i);
            }
            const latentscape::Rows narrow{column.data(), n, 1};
            const latentscape::Sketch sketch{narrow, narrow, order.data()};
            Found found{std::vector<std::int32_t>(n * k), std::vector<double>(n * k)};
            latentscape::nearest_rows(rows, rows, k, true, &sketch, 2, found.first.data(),
                                      found.second.data());
            expect(search(1) == found, "exact neighbours by a sketch");
        }
    }
}

void inverted_file() {
    const std::size_t n = 3000, d = 7, k = 12;
    const std::vector<float> values = gaussian(n * d, 2);
    const latentscape::Rows rows{values.data(), n, d};
    std::vector<std::int32_t> own(n);
    std::iota(own.begin(), own.end(), 0);
    const auto search = [&](int threads, std::size_t probes) {
        const latentscape::InvertedFile file(rows, 50, 1500, 4, 0, threads);
        Found found{std::vector<std::int32_t>(n * k), std::vector<double>(n * k)};
        file.query(rows, own.data(), k, probes, threads, found.first.data(), found.second.data());
        return found;
    };
    expect(search(1, 5) == search(3, 5), "neighbours by cells");
    expect(search(1, 1) == search(2, 1), "too few members in a cell");
}

void umap() {
    const std::size_t d = 5;
    for (const std::size_t n : {2, 33, 2000}) {
        const std::vector<float> values = gaussian(n * d, 3);
        const std::vector<float> start = gaussian(n * 2, 4);
        const latentscape::Rows rows{values.data(), n, d};
        const std::size_t k = std::min<std::size_t>(n - 1, 14);
        std::vector<std::int32_t> indices(n * k);
        std::vector<double> squared(n * k);
        latentscape::nearest_rows(rows, rows, k, true, nullptr, 1, indices.data(), squared.data());
        const std::vector<float> distances(squared.begin(), squared.end());
        const auto layout = [&](int threads) {
            const latentscape::NeighborLists lists{indices.data(), distances.data(), n, k, k};
            std::vector<float> rho(n), sigma(n);
            latentscape::smooth_distances(lists, threads, rho.data(), sigma.data());
            const latentscape::SparseMatrix graph =
                latentscape::fuzzy_graph(lists, rho.data(), sigma.data(), threads);
            latentscape::UmapLayout made(graph.starts.data(), graph.columns.data(),
                                         graph.values.data(), n, start.data(), 1.6, 0.9, 7, 10, 0,
                                         threads);
            made.advance(3);
            made.advance(100);
            const double entropy = latentscape::fuzzy_cross_entropy(
                graph.starts.data(), graph.columns.data(), graph.values.data(), n, made.places(), 1.6,
                0.9, threads);
            return std::make_pair(std::vector<float>(made.places(), made.places() + 2 * n), entropy);
        };
        expect(layout(1) == layout(3), "UMAP");
    }
}

void tsne() {
    for (const std::size_t n : {4, 17, 600, 5000, 70000}) {
        const std::size_t k = n == 4 ? 2 : 12;
        std::vector<std::int32_t> indices(n * k);
        std::vector<float> distances(n * k);
        std::mt19937 random(1);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < k; ++j) {  // a ring, with some links across
                const std::size_t step = j + 1 < k ? j + 1 : std::max(k, n / 2);
                indices[i * k + j] = static_cast<std::int32_t>((i + step) % n);
                distances[i * k + j] = static_cast<float>(j + random() % 2);
            }
        }
        const auto affinities = [&](int threads) {
            return latentscape::joint_affinities(indices.data(), distances.data(), n, k, 3.0,
                                                 threads);
        };
        const latentscape::SparseRows p = affinities(1), q = affinities(3);
        expect(p.starts == q.starts && p.columns == q.columns && p.values == q.values,
               "affinities of t-SNE");
        const latentscape::Affinities view{p.starts.data(), p.columns.data(), p.values.data(), n};
        std::vector<float> start = gaussian(2 * n, 2);
        start[0] = 40.0f;
        const auto descend = [&](std::size_t exact_rows, int threads) {
            latentscape::Layout layout(view, start.data(), 0.5f, exact_rows, threads);
            layout.run(2, {4.0f, 0.8f, 50.0f});
            layout.renumber();
            layout.run(2, {1.0f, 0.8f, 50.0f});
            std::vector<float> places(2 * n + 1);
            layout.places(places.data());
            places[2 * n] = static_cast<float>(layout.divergence());
            return places;
        };
        expect(descend(0, 1) == descend(0, 3), "t-SNE by the mesh");
        if (n < 10000) expect(descend(n, 1) == descend(n, 3), "t-SNE by all pairs");
    }
}

void ranks() {
    for (const std::size_t n : {8, 17, 1000}) {
        const std::size_t d = 5, k = 3;
        const std::vector<float> values = gaussian(n * d, 4), plane = gaussian(n * 2, 5);
        const latentscape::Rows rows{values.data(), n, d}, other{plane.data(), n, 2};
        std::vector<std::int32_t> targets(n * k), anchors{0, static_cast<std::int32_t>(n - 1)};
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < k; ++j)
                targets[i * k + j] = static_cast<std::int32_t>((i + j + 1) % n);
        const auto rank = [&](int threads) {
            std::vector<std::int32_t> found(2 * n * k);
            std::vector<double> squared(n * k);
            latentscape::target_ranks(rows, targets.data(), k, k, threads, found.data(),
                                      found.data() + n * k, squared.data());
            return std::make_pair(found, squared);
        };
        expect(rank(1) == rank(3), "ranks of neighbours");
        const std::vector<std::int32_t> sizes{1, 2, static_cast<std::int32_t>(n - 2)};
        const std::size_t cells = anchors.size() * sizes.size();
        const auto compare = [&](int threads) {
            std::vector<std::int32_t> overlap(cells);
            std::vector<double> sums(anchors.size() + 2 * cells);
            const latentscape::CoRanking view{overlap.data(), sums.data(),
                                              sums.data() + anchors.size(),
                                              sums.data() + anchors.size() + cells};
            latentscape::coranking(rows, &other, 1, anchors.data(), anchors.size(), sizes.data(),
                                   sizes.size(), threads, &view);
            return std::make_pair(overlap, sums);
        };
        expect(compare(1) == compare(3), "ranks in two spaces");
    }
}

}  // namespace

// For each set of instructions that this processor has.
int main() {
    threads();
    const auto best = static_cast<int>(latentscape::best_instructions());
    for (int set = 0; set <= best; ++set) {
        latentscape::chosen_instructions = static_cast<latentscape::Instructions>(set);
        std::printf("instruction set %d of %d\n", set, best);
        neighbors();
        inverted_file();
        umap();
        tsne();
        ranks();
    }
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
