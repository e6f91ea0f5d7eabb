"""Write golden.json: what PyTorch makes of small networks, layer by layer of every kind.

``python web/tests/golden.py`` (needs torch and numpy); the vitest suite runs the page's
forward pass on the same layers and compares. Planes are channel by channel here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

torch.manual_seed(0)


def numbers(tensor: Tensor) -> list[float]:
    """Return a tensor's numbers as short as float32 needs them."""
    return [float(f"{value:.7g}") for value in tensor.detach().double().ravel().tolist()]


def weighted(op: str, module: Any, **fields: Any) -> dict[str, Any]:
    """Describe a layer with weights."""
    return {"op": op, **fields, "weight": numbers(module.weight), "bias": numbers(module.bias)}


def conv(module: nn.Conv2d | nn.ConvTranspose2d) -> dict[str, Any]:
    """Describe a convolution of either kind."""
    fields: dict[str, Any] = {
        "inputs": module.in_channels,
        "outputs": module.out_channels,
        "kernel": module.kernel_size[0],
        "stride": module.stride[0],
        "padding": module.padding[0],
    }
    if isinstance(module, nn.ConvTranspose2d):
        fields["output_padding"] = list(module.output_padding)
        return weighted("conv_transpose2d", module, **fields)
    return weighted("conv2d", module, **fields)


def linear(module: nn.Linear) -> dict[str, Any]:
    """Describe a linear layer."""
    return weighted("linear", module, inputs=module.in_features, outputs=module.out_features)


CASES: list[dict[str, Any]] = []


def case(name: str, shape: tuple[int, ...], network: Any, layers: list[dict[str, Any]]) -> None:
    """Run a network on a random input and keep both."""
    given = torch.randn(1, *shape)
    with torch.no_grad():
        made = network(given)[0]
    CASES.append(
        {
            "name": name,
            "shape": [*shape, 1, 1][:3],
            "layers": layers,
            "input": numbers(given),
            "output": numbers(made),
            "output_shape": [*made.shape, 1, 1][:3],
        }
    )


def main() -> None:
    """Make every case and write the file."""
    for kernel, stride, padding in (
        (3, 2, 1),
        (3, 1, 1),
        (5, 3, 0),
        (1, 1, 0),
        (4, 2, 1),
        (2, 2, 0),
    ):
        module: Any = nn.Conv2d(2, 3, kernel, stride=stride, padding=padding)
        case(f"conv2d {kernel} {stride} {padding}", (2, 9, 11), module, [conv(module)])
    for kernel, stride, padding, extra in (
        (3, 2, 1, 1),
        (3, 2, 0, 0),
        (4, 2, 1, 0),
        (5, 3, 2, (2, 0)),
        (3, 1, 1, 0),
    ):
        module = nn.ConvTranspose2d(
            3, 2, kernel, stride=stride, padding=padding, output_padding=extra
        )
        case(f"conv_transpose2d {kernel} {stride} {padding}", (3, 4, 5), module, [conv(module)])
    module = nn.Linear(7, 5)
    case("linear", (7,), module, [linear(module)])
    for name, function in (
        ("relu", nn.ReLU()),
        ("silu", nn.SiLU()),
        ("gelu", nn.GELU()),
        ("sigmoid", nn.Sigmoid()),
        ("tanh", nn.Tanh()),
    ):
        case(name, (2, 3, 4), function, [{"op": name}])
    norm = nn.BatchNorm2d(3).eval()
    norm.running_mean = torch.randn(3)
    norm.running_var = torch.rand(3) + 0.5
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    scale = {
        "op": "scale",
        "weight": numbers(factor),
        "bias": numbers(norm.bias - norm.running_mean * factor),
    }
    case("scale", (3, 2, 5), norm, [scale])
    first, second = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 2, 3, padding=1)
    body = [conv(first), {"op": "relu"}, conv(second)]
    inner = nn.Sequential(first, nn.ReLU(), second)
    case(
        "residual",
        (2, 5, 6),
        lambda x: torch.relu(x + inner(x)),
        [{"op": "residual", "body": body}, {"op": "relu"}],
    )
    # The body must not write over what is added to it.
    case(
        "residual of a rectifier",
        (2, 2, 3),
        lambda x: x + torch.relu(x),
        [{"op": "residual", "body": [{"op": "relu"}]}],
    )
    case(
        "upsample_nearest",
        (2, 2, 3),
        nn.Upsample(scale_factor=3),
        [{"op": "upsample_nearest", "factor": 3}],
    )
    pad = {"op": "pad", "left": 1, "right": 2, "top": 0, "bottom": 3}
    case("pad", (2, 2, 3), nn.ZeroPad2d((1, 2, 0, 3)), [pad])
    crop = {"op": "crop", "top": 1, "left": 2, "height": 3, "width": 2}
    case("crop", (2, 5, 6), lambda x: x[:, :, 1:4, 2:4], [crop])
    case("flatten", (2, 3, 4), nn.Flatten(), [{"op": "flatten"}])
    case("unflatten", (24,), nn.Unflatten(1, (2, 3, 4)), [{"op": "unflatten", "shape": [2, 3, 4]}])
    # A whole way there and back, in colour, of an odd size.
    a, b = nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Linear(4 * 6 * 5, 6)
    c, d = (
        nn.Linear(6, 4 * 6 * 5),
        nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=(0, 0)),
    )
    way = nn.Sequential(
        a, nn.SiLU(), nn.Flatten(), b, c, nn.GELU(), nn.Unflatten(1, (4, 6, 5)), d, nn.Sigmoid()
    )
    case(
        "autoencoder",
        (3, 11, 9),
        way,
        [
            conv(a),
            {"op": "silu"},
            {"op": "flatten"},
            linear(b),
            linear(c),
            {"op": "gelu"},
            {"op": "unflatten", "shape": [4, 6, 5]},
            conv(d),
            {"op": "sigmoid"},
        ],
    )
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in CASES)
    Path(__file__).with_name("golden.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
