"""Movies that the tests make themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


def smooth_codes(
    rng: np.random.Generator, shape: tuple[int, int], low: int, high: int, dtype: type
) -> np.ndarray:
    """Random codes that vary slowly, from ``low`` to ``high``."""
    import cv2

    small = rng.random((max(shape[0] // 16, 2), max(shape[1] // 16, 2))).astype(np.float32)
    large = cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(low + large * (high - low), low, high).astype(dtype)


def write_planes(
    path: Path,
    pictures: Sequence[list[np.ndarray]],
    pix_fmt: str,
    *,
    codec: str = "libx264",
    rate: Fraction = Fraction(25),
    options: dict[str, str] | None = None,
    times: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    gop: int = 12,
    setup: Callable[[Any], None] | None = None,
) -> Path:
    """A movie of the given codes; lossless with x264's default here."""
    if options is None:
        options = {"qp": "0"} if codec == "libx264" else {}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width = pictures[0][0].shape
        stream.pix_fmt = pix_fmt
        stream.gop_size = gop
        if time_base is not None:
            stream.time_base = stream.codec_context.time_base = time_base
        if setup is not None:
            setup(stream)
        for number, planes in enumerate(pictures):
            frame = av.VideoFrame(stream.width, stream.height, pix_fmt)
            for plane, codes in zip(frame.planes, planes, strict=True):
                rows = np.frombuffer(plane, codes.dtype)
                rows = rows.reshape(-1, plane.line_size // codes.itemsize)
                rows[: codes.shape[0], : codes.shape[1]] = codes
            frame.pts = times[number] if times is not None else number
            frame.time_base = time_base or 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def moving_pictures(
    count: int, size: tuple[int, int] = (96, 64), *, depth: int = 8, seed: int = 0
) -> list[list[np.ndarray]]:
    """4:2:0 pictures of a pattern that moves, each unlike the others."""
    width, height = size
    dtype = np.uint8 if depth == 8 else np.uint16
    rng = np.random.default_rng(seed)
    scale = 1 << (depth - 8)
    luma = smooth_codes(rng, (height, width), 16 * scale, 235 * scale, dtype)
    chroma = [
        smooth_codes(rng, (height // 2, width // 2), 60 * scale, 190 * scale, dtype)
        for _ in range(2)
    ]
    return [[np.roll(luma, 2 * i, 1), *(np.roll(c, i, 1) for c in chroma)] for i in range(count)]
