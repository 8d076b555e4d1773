"""Networks in files: TorchScript by PyTorch, ONNX by OpenCV's reader, called alike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from relip.errors import ModelError

#: Arrays in, in the network's order; one array out.
Network = Callable[..., np.ndarray]


def load_network(path: Path, form: str, device: Any, inputs: Sequence[str]) -> Network:
    """Load a network.

    Parameters
    ----------
    path : Path
    form : {"torchscript", "onnx"}
    device : torch.device
        ONNX files are computed on the CPU.
    inputs : sequence of str
        Names of the inputs in the ONNX file, in the order of the arguments.

    Returns
    -------
    callable
        Of as many float32 arrays as there are inputs; safe to call from several threads.

    Raises
    ------
    ModelError
        If the file is no such network; from the call, if it cannot compute with what it gets.
    """
    load = _torchscript if form == "torchscript" else _onnx
    return load(path, device, inputs)


def _torchscript(path: Path, device: Any, inputs: Sequence[str]) -> Network:
    import torch

    try:
        module = torch.jit.load(str(path), map_location=device).eval()
    except (RuntimeError, ValueError, OSError) as exc:
        raise ModelError(
            f"{path}: no TorchScript network: {_first_line(exc)}",
            mend="save it with torch.jit.trace(...).save(...), or set format to onnx",
        ) from None

    def call(*arrays: np.ndarray) -> np.ndarray:
        try:
            with torch.inference_mode():
                given = [torch.from_numpy(np.ascontiguousarray(a)).to(device) for a in arrays]
                result = module(*given)
                if isinstance(result, (tuple, list)):
                    result = result[0]
                return np.asarray(result.float().cpu().numpy())
        except (RuntimeError, AttributeError, TypeError) as exc:
            raise ModelError(
                f"{path}: the network does not take its input: {_last_line(exc)}",
                mend="its adapter or options in models.toml do not fit it",
            ) from None

    return call


def _onnx(path: Path, device: Any, inputs: Sequence[str]) -> Network:
    import cv2

    try:
        network = cv2.dnn.readNetFromONNX(str(path))
    except cv2.error as exc:
        raise ModelError(
            f"{path}: no ONNX network that OpenCV reads: {_first_line(exc)}",
            mend="export it with a lower opset, or save it as TorchScript",
        ) from None
    # one network holds one input: threads take turns
    lock = threading.Lock()

    def call(*arrays: np.ndarray) -> np.ndarray:
        try:
            with lock:
                for name, array in zip(inputs, arrays, strict=True):
                    network.setInput(np.ascontiguousarray(array, np.float32), name)
                return np.array(network.forward())
        except cv2.error as exc:
            raise ModelError(
                f"{path}: the network does not take its input: {_first_line(exc)}",
                mend="its adapter or options in models.toml do not fit it",
            ) from None

    return call


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
