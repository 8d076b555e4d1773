"""Numbers, curves and vectors as Nuke writes them into knobs."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from relip.handoff import nk

#: Decimals of a place in pixels: 0.0001, about what the float32 of a Roto keeps on a 4K plate.
PIXEL_DECIMALS = 4
#: Decimals of degrees and scales: a turn of 1e-7 degrees moves a 4K plate's far corner 7e-6 pixels.
FINE_DECIMALS = 8


def number(value: float, *, decimals: int = PIXEL_DECIMALS) -> str:
    """A number rounded and written as Nuke does; see :func:`relip.handoff.nk.number`."""
    return nk.number(round(float(value), decimals) + 0.0)


def curve(
    frames: Sequence[int],
    values: Sequence[float] | np.ndarray,
    *,
    interpolation: str = "L",
    decimals: int = PIXEL_DECIMALS,
) -> str:
    """An animation curve with one key for each frame given.

    Parameters
    ----------
    frames : sequence of int
    values : sequence of float
        As many.
    interpolation : {"L", "K", ""}
        Linear, constant (steps), or Nuke's own smooth one.
    decimals : int
        Kept of the values.

    Returns
    -------
    str
        ``curve L x1001 0 0.5 x1005 1``: a frame number where the frames do not
        go on by one.
    """
    rounded = np.round(np.asarray(values, float), decimals) + 0.0  # + 0.0: no minus zero
    return nk.curve(
        dict(zip(map(int, frames), rounded.tolist(), strict=True)), interpolation=interpolation
    )


def vector(frames: Sequence[int], values: np.ndarray, *, decimals: int = PIXEL_DECIMALS) -> str:
    """An animated vector knob: one brace group for each component.

    Parameters
    ----------
    frames : sequence of int
    values : np.ndarray [shape=(F, n)]

    Returns
    -------
    str
        ``{curve L x1001 1 2} {curve L x1001 3 4}``.
    """
    return " ".join(f"{{{curve(frames, column, decimals=decimals)}}}" for column in values.T)


def scalar(
    frames: Sequence[int], values: Sequence[float] | np.ndarray, *, interpolation: str = "L",
    decimals: int = PIXEL_DECIMALS,
) -> str:  # fmt: skip
    """An animated knob of one number: ``{curve L x1001 1 2}``."""
    return f"{{{curve(frames, values, interpolation=interpolation, decimals=decimals)}}}"


def switch(frames: Sequence[int], on: Sequence[bool] | np.ndarray) -> str | None:
    """A steps curve of a checkbox, keyed where it changes; None when it never does.

    Parameters
    ----------
    frames : sequence of int
    on : sequence of bool

    Returns
    -------
    str or None
        ``curve K x1001 1 x1020 0``.
    """
    states = [bool(v) for v in on]
    keys = [i for i, v in enumerate(states) if i == 0 or v != states[i - 1]]
    if len(keys) < 2:
        return None
    return "curve K " + " ".join(f"x{int(frames[i])} {int(states[i])}" for i in keys)


def hex_float(value: float) -> str:
    """A number as a Roto writes it: ``x`` and the big-endian float32 in hexadecimal; 0 as ``0``."""
    packed = struct.pack(">f", value)
    return "0" if packed == b"\0\0\0\0" else "x" + packed.hex()


def from_hex_float(text: str) -> float:
    """The inverse of :func:`hex_float`; plain decimals are read too.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if text.startswith("x"):
        if len(text) != 9:
            raise ValueError(f"{text!r} is not a float in hexadecimal")
        return float(struct.unpack(">f", bytes.fromhex(text[1:]))[0])
    return float(text)
