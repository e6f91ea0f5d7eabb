"""Networks in ONNX files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from latentscape.autoencoder.foreign.encoder import ForeignNetwork
from latentscape.errors import ModelFileError, SettingError, StorageError
from latentscape.types import AnyArray

_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}


def onnx_network(path: Path, what: str, *, n_threads: int = 1) -> ForeignNetwork:
    """Open an ONNX file.

    Parameters
    ----------
    path : path
        The file.
    what : {"encoder", "decoder"}
        What it is, for messages.
    n_threads : int, default 1
        Threads that run it; they are part of the last bits.

    Raises
    ------
    StorageError, ModelFileError
        When the file cannot be read, or is no ONNX file.
    SettingError
        When onnxruntime is not installed, or it takes several inputs or
        something else than numbers.
    """
    try:
        import onnxruntime
    except ImportError as error:
        msg = f'an ONNX {what} needs onnxruntime: pip install "latentscape[onnx]"'
        raise SettingError(msg) from error
    if not path.is_file():
        msg = f"there is no file {path}; check the path"
        raise StorageError(msg)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised as well
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        msg = (
            f"{path} is damaged or no ONNX file that can be run here ({_first_line(error)}); "
            "export or copy it again"
        )
        raise ModelFileError(msg) from error
    inputs = session.get_inputs()
    name = f"the {what} {path.name}"
    if len(inputs) != 1:
        names = ", ".join(node.name for node in inputs) or "none"
        msg = f"{name} must take one input, but takes {len(inputs)} ({names}); export it anew"
        raise SettingError(msg)
    if inputs[0].type not in _TYPES:
        msg = f"{name} takes {inputs[0].type}, expected one of {', '.join(_TYPES)}"
        raise SettingError(msg)
    output = session.get_outputs()[0].name

    def forward(array: AnyArray) -> Any:
        return session.run([output], {inputs[0].name: array})[0]

    shape = inputs[0].shape or None  # an unknown number of axes is written as none at all
    return ForeignNetwork(
        name, forward, None if shape is None else tuple(shape), _TYPES[inputs[0].type]
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
