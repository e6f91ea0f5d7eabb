"""Published figures of maps of MNIST's pixels, reproduced.

arXiv 2009.12981: trustworthiness (k = 5) of 10,000 digits: t-SNE .9874, UMAP .9601. arXiv
1802.03426: label accuracy of 100 neighbours on maps of 70,000 digits: .967 for both, PCA .462.
(PCA's trustworthiness, .7434, and the dimension of the images are in tests/quality.)
"""

from __future__ import annotations

import numpy as np
import pytest

from latentscape.images import ImageSet
from latentscape.maps import PCA, TSNE, UMAP
from latentscape.neighbors import NeighborGraph
from latentscape.quality import knn_label_accuracy, trustworthiness
from latentscape.types import FloatArray


def pixels(images: ImageSet) -> FloatArray:
    """Rows of pixels from 0 to 1."""
    return images.images.reshape(len(images.images), -1).astype(np.float32) / np.float32(255)


@pytest.mark.slow
def test_trustworthiness_of_10000_digits(mnist: ImageSet) -> None:
    rows = pixels(mnist.test)
    graph = NeighborGraph.build(rows, 90)
    tsne = TSNE(random_state=0).fit_transform(rows, graph=graph)
    umap = UMAP(random_state=0).fit_transform(rows, graph=graph)
    assert trustworthiness(rows, tsne, 5) >= 0.985
    assert trustworthiness(rows, umap, 5) >= 0.955


@pytest.mark.published
def test_label_accuracy_of_70000_digits(mnist: ImageSet) -> None:
    rows, labels = pixels(mnist), mnist.labels
    graph = NeighborGraph.build(rows, 90)
    assert graph.recall > 0.98
    for kind in (TSNE, UMAP):
        places = kind(random_state=0).fit_transform(rows, graph=graph)
        assert knn_label_accuracy(places, labels, 100) >= 0.96
    assert knn_label_accuracy(PCA().fit_transform(rows), labels, 100) == pytest.approx(
        0.462, abs=0.01
    )
