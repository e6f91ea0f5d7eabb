"""The description of a network for the page does what the network does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jsonschema import Draft202012Validator
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.nn import functional

from latentscape.autoencoder import ConvAutoencoder
from latentscape.errors import ModelFileError
from latentscape.explorer.container import schema
from latentscape.explorer.networks import ExportedModel, UnknownNetworkError, export_model


def weights_of(layer: dict[str, Any], stream: list[float]) -> list[Tensor]:
    """Take a layer's weight and bias from the numbers of all."""
    taken = []
    for count, part in zip(layer["counts"], ("weight", "bias"), strict=True):
        low, step = layer[part]
        taken.append(torch.tensor([low + step * stream.pop(0) for _ in range(count)]))
    return taken


def run(layers: list[dict[str, Any]], stream: list[float], x: Tensor) -> Tensor:
    """Run described layers with PyTorch's functions."""
    for layer in layers:
        op = layer["op"]
        if op in ("linear", "conv2d", "conv_transpose2d"):
            weight, bias = weights_of(layer, stream)
            i, o = layer["inputs"], layer["outputs"]
            if op == "linear":
                x = functional.linear(x, weight.reshape(o, i), bias)
                continue
            k = layer["kernel"]
            sides: dict[str, Any] = {"stride": layer["stride"], "padding": layer["padding"]}
            if op == "conv2d":
                x = functional.conv2d(x, weight.reshape(o, i, k, k), bias, **sides)
            else:
                sides["output_padding"] = tuple(layer["output_padding"])
                x = functional.conv_transpose2d(x, weight.reshape(i, o, k, k), bias, **sides)
        elif op == "scale":
            weight, bias = weights_of(layer, stream)
            x = x * weight[:, None, None] + bias[:, None, None]
        elif op == "residual":
            x = x + run(layer["body"], stream, x)
        elif op == "flatten":
            x = x.flatten(1)
        elif op == "unflatten":
            x = x.reshape(-1, *layer["shape"])
        else:
            x = getattr(torch if op == "sigmoid" else functional, op)(x)
    return x


def run_half(model: ExportedModel, part: str, x: Tensor) -> Tensor:
    """Run the encoder or the decoder."""
    stream = [float(number) for number in model.weights]
    assert model.encoder is not None
    assert model.decoder is not None
    if part == "decoder":  # its weights stand behind the encoder's
        del stream[: sum(counted(model.encoder))]
        found = run(model.decoder, stream, x)
        assert not stream
        return found
    return run(model.encoder, stream, x)


def counted(layers: list[dict[str, Any]]) -> list[int]:
    """Return how many numbers each layer takes."""
    return [sum(layer.get("counts", ())) + sum(counted(layer.get("body", []))) for layer in layers]


def stored(path: Path, network: nn.Module, **header: Any) -> Path:
    """Store a network as a model file does."""
    tensors = {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}
    content = {"params": {"network": "own", "latent_dim": 4, "random_state": 3}, **header}
    save_file(tensors, path, metadata={"latentscape": json.dumps(content)})
    return path


def normalised(channels: int) -> nn.BatchNorm2d:
    """Return a batch normalisation that has seen data."""
    norm = nn.BatchNorm2d(channels)
    for tensor, low in ((norm.weight, 0.5), (norm.bias, -1.0)):
        nn.init.uniform_(tensor, low, low + 2)
    norm.running_mean = torch.randn(channels)
    norm.running_var = torch.rand(channels) + 0.5
    return norm


class Own(nn.Module):
    """A network in colour with layers that the reference network lacks."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1, bias=False), normalised(6))
        self.first = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.alone = normalised(6)
        self.code = nn.Linear(6 * 5 * 6, 4)
        self.back = nn.Linear(4, 6 * 5 * 6)
        self.last = nn.ConvTranspose2d(6, 3, 3, stride=2, padding=1, output_padding=1, bias=False)
        self.norm = normalised(3)

    def encode(self, x: Tensor) -> Tensor:
        """Encode."""
        x = self.alone(functional.silu(self.first(x)))
        x = functional.gelu(x + self.block(x))
        found: Tensor = self.code(x.flatten(1))
        return found

    def decode(self, z: Tensor) -> Tensor:
        """Decode."""
        x = functional.relu(self.back(z)).reshape(-1, 6, 5, 6)
        return torch.sigmoid(self.norm(self.last(x)))


def norm(name: str) -> dict[str, Any]:
    """Describe a batch normalisation."""
    return {"op": "batch_norm2d", "weights": name, "eps": 1e-5}


ARCHITECTURE: dict[str, Any] = {
    "encoder": [
        {"op": "conv2d", "weights": "first", "inputs": 3, "outputs": 6}
        | {"kernel": 3, "stride": 2, "padding": 1},
        {"op": "silu"},
        norm("alone"),
        {
            "op": "residual",
            "body": [
                {"op": "conv2d", "weights": "block.0", "inputs": 6, "outputs": 6}
                | {"kernel": 3, "stride": 1, "padding": 1},
                norm("block.1"),
            ],
        },
        {"op": "gelu"},
        {"op": "flatten"},
        {"op": "linear", "weights": "code", "inputs": 180, "outputs": 4},
    ],
    "decoder": [
        {"op": "linear", "weights": "back", "inputs": 4, "outputs": 180},
        {"op": "relu"},
        {"op": "unflatten", "shape": [6, 5, 6]},
        {"op": "conv_transpose2d", "weights": "last", "inputs": 6, "outputs": 3}
        | {"kernel": 3, "stride": 2, "padding": 1, "output_padding": [1, 1]},
        norm("norm"),
        {"op": "sigmoid"},
    ],
}


def test_a_described_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Own().eval()
    path = stored(
        tmp_path / "own.safetensors", network, image_shape=[10, 12, 3], architecture=ARCHITECTURE
    )
    model = export_model(path)
    assert (model.height, model.width, model.channels) == (10, 12, 3)
    assert (model.latent_dim, model.seed) == (4, 3)
    layer = Draft202012Validator({"$ref": "#/$defs/LayerEntry", "$defs": schema()["$defs"]})
    for each in [*(model.encoder or ()), *(model.decoder or ())]:
        layer.validate(each)
    images, codes = torch.rand(5, 3, 10, 12), torch.randn(5, 4)
    with torch.no_grad():
        assert torch.allclose(run_half(model, "encoder", images), network.encode(images), atol=2e-3)
        assert torch.allclose(run_half(model, "decoder", codes), network.decode(codes), atol=2e-3)


def test_the_reference_network_needs_no_description(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (64, 28, 28)).astype(np.uint8)
    fitted = ConvAutoencoder(latent_dim=3, n_epochs=1, random_state=0).fit(images)
    fitted.save(tmp_path / "model.safetensors")
    model = export_model(tmp_path / "model.safetensors")
    given = torch.from_numpy(images[:8] / 255).float()[:, None]
    found = run_half(model, "encoder", given).detach().numpy()
    codes = fitted.transform(images[:8])
    assert np.abs(found - codes).max() < 2e-3 * max(1.0, float(np.abs(codes).max()))
    made = run_half(model, "decoder", torch.from_numpy(codes)).numpy()[:, 0]
    assert np.abs(made - fitted.inverse_transform(codes)).max() < 2e-3


def test_a_half_that_is_not_there(tmp_path: Path) -> None:
    described = ARCHITECTURE | {"encoder": None}
    path = stored(tmp_path / "m", Own(), image_shape=[10, 12, 3], architecture=described)
    model = export_model(path)
    assert model.encoder is None
    assert model.decoder


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        (None, "'own' does not describe its layers"),
        ({"encoder": [{"op": "attention"}], "decoder": []}, "layers of the kind 'attention'"),
    ],
)
def test_a_network_that_the_page_cannot_run(tmp_path: Path, described: Any, reason: str) -> None:
    path = stored(tmp_path / "m", Own(), image_shape=[10, 12, 3], architecture=described)
    with pytest.raises(UnknownNetworkError, match=reason):
        export_model(path)


def test_no_model(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"nothing")
    with pytest.raises(ModelFileError, match="damaged or no model"):
        export_model(tmp_path / "m")
    path = stored(tmp_path / "n", nn.Linear(2, 2), image_shape=[4, 4], architecture=ARCHITECTURE)
    with pytest.raises(ModelFileError, match=r"first\.weight"):
        export_model(path)
