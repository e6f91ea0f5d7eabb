"""The optimiser of the default recipe: Muon for weights, Adam for the rest.

Muon (K. Jordan and others, "Muon: An optimizer for hidden layers in neural
networks", 2024) replaces the momentum of each weight matrix by the nearest
semi-orthogonal matrix, so that a step moves all its directions alike. The
bottleneck of an autoencoder makes plain gradients badly conditioned, and here
that pays more than anywhere: see docs/training.md for the measurements.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

# Coefficients of the quintic iteration, from the paper named above: they trade
# exact convergence to 1 for speed, and leave singular values in about [0.7, 1.2].
_QUINTIC = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5


def orthogonalize(matrix: Tensor) -> Tensor:
    """Return nearly the closest semi-orthogonal matrix by Newton-Schulz steps.

    Parameters
    ----------
    matrix : Tensor, shape (r, c), floating point
        Any matrix; its scale does not matter.

    Returns
    -------
    Tensor, shape (r, c)
        A matrix with the same singular vectors, whose singular values lie in
        about [0.7, 1.2]; zero where ``matrix`` is zero.
    """
    a, b, c = _QUINTIC
    tall = matrix.size(0) > matrix.size(1)
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Orthogonalised momentum for parameters of two and more dimensions.

    A convolution's weight is treated as the matrix (first axis × the others).

    Parameters
    ----------
    params : iterable of Parameter
        Parameters with at least two dimensions.
    lr : float
        Step length: the spectral norm of a step is about
        ``lr * sqrt(max(1, rows / columns))``.
    momentum : float, default 0.9
        Weight of the past in the running mean of the gradients, in [0, 1).
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float, *, momentum: float = 0.9) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step along the orthogonalised Nesterov momentum."""
        for group in self.param_groups:
            keep = group["momentum"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(parameter)
                buffer = state["momentum_buffer"].lerp_(parameter.grad, 1 - keep)
                update = parameter.grad.lerp(buffer, keep).flatten(1)
                rows, columns = update.shape
                scale = max(1.0, rows / columns) ** 0.5
                parameter.add_(orthogonalize(update).view_as(parameter), alpha=-group["lr"] * scale)
