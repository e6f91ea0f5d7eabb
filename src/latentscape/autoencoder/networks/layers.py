"""The few layers that torch does not have as modules."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn


class Residual(nn.Module):
    """Adds to its input what a body makes of it (K. He and others, CVPR 2016).

    Parameters
    ----------
    body : Sequential
        Layers whose output has the shape of their input.
    """

    def __init__(self, body: nn.Sequential) -> None:
        super().__init__()
        self.body = body

    def forward(self, images: Tensor) -> Tensor:
        """Return ``images + body(images)``."""
        return images + cast(Tensor, self.body(images))


class Crop(nn.Module):
    """Cuts images down to their upper left part.

    Parameters
    ----------
    height, width : int
        Size of what is left.
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height = height
        self.width = width

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, C, H, W) to (n, C, height, width)."""
        return images[:, :, : self.height, : self.width]

    def extra_repr(self) -> str:
        """Return the size, for the printed network."""
        return f"{self.height}, {self.width}"
