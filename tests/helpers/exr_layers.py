"""An EXR's layers over the whole of its display window."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from relip.plate import read_exr


def whole_layers(path: Path) -> dict[str, np.ndarray]:
    """Every channel of a file ``[shape=(height, width)]``, 0 beside its data window."""
    channels, (x, y), (width, height), _ = read_exr(path)
    result = {}
    for name, values in channels.items():
        result[name] = np.zeros((height, width), np.float32)
        result[name][y : y + values.shape[0], x : x + values.shape[1]] = values
    return result
