from __future__ import annotations

import pytest
import torch
from torch import nn

from latentscape.autoencoder.optimizer import Muon, orthogonalize


@pytest.mark.parametrize("shape", [(8, 9), (128, 288), (288, 128), (2, 128), (128, 1)])
def test_orthogonalize_keeps_singular_vectors_and_evens_out_the_values(
    shape: tuple[int, int],
) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    u, s, vt = torch.linalg.svd(matrix, full_matrices=False)
    result = orthogonalize(matrix)
    in_its_basis = u.T @ result @ vt.T
    values = in_its_basis.diagonal()
    torch.testing.assert_close(in_its_basis, torch.diag(values), rtol=0, atol=1e-8)
    assert values.min() > 0.3
    assert values.max() < 1.3
    if min(shape) > 2:
        assert s.max() / s.min() > 1.4  # before, they were not even
        assert values.max() / values.min() < s.max() / s.min()


def test_orthogonalize_of_zero_is_zero_and_ignores_scale() -> None:
    assert torch.equal(orthogonalize(torch.zeros(3, 4)), torch.zeros(3, 4))
    matrix = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(orthogonalize(matrix), orthogonalize(1000 * matrix))


def test_muon_solves_an_ill_conditioned_problem_where_plain_descent_is_slow() -> None:
    scales = torch.logspace(0, -3, 8)
    target = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))

    def final_loss(optimizer_of: str) -> float:
        weight = nn.Parameter(torch.zeros(4, 8))
        optimizer = (
            Muon([weight], 0.1, momentum=0.9)
            if optimizer_of == "muon"
            else torch.optim.SGD([weight], 0.1, momentum=0.9)
        )
        for _ in range(200):
            optimizer.zero_grad()
            loss = (((weight - target) * scales) ** 2).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return float(((weight.detach() - target) ** 2).mean())

    assert final_loss("muon") < 0.5 * final_loss("sgd")


def test_parameters_without_gradient_stay() -> None:
    weight = nn.Parameter(torch.ones(3, 3))
    Muon([weight], 0.1).step()
    assert torch.equal(weight, torch.ones(3, 3))
