"""Renderers of others', by the entry point group ``relip.renderers``.

A plug-in's entry point names a function ``make(entry, device) -> renderer``
that gets the description in models.toml (:class:`relip.render.catalogue.ModelEntry`,
its checksum already verified) and the :class:`torch.device` to compute on.
The renderer is an object with two methods:

``prepare(sources) -> None``
    Called once, with a :class:`Sources`: the dialogue, the mouth controls,
    the rate. Whatever it hears in the whole recording it hears here.
``draw(view) -> numpy.ndarray [shape=(height, width, 3), dtype=float32]``
    One frame's new picture of ``view.picture``'s crop and size, display
    encoded, 0 to 1. It must be a function of the frame alone, in any order
    and from any number of threads, or a farm would give other pixels.

and one attribute, ``crop``, a :class:`Crop`: what part of the face it wants to
see. The matte, the colour match, the grain and the comp are the same as for
the shot's own network. One adapter is built in, ``mel96``
(:mod:`relip.render.mel96`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from importlib import metadata
from typing import Any, Protocol

import numpy as np

from relip.errors import ModelError, RelipError, SettingError
from relip.render.catalogue import ModelEntry
from relip.speech.audio import Audio

GROUP = "relip.renderers"


@dataclass(frozen=True)
class Crop:
    """A square of the stabilised face.

    Attributes
    ----------
    size : int
        Pixels of a side.
    width : float
        Side in face widths.
    centre : tuple of float
        Where its middle lies, in face widths from the middle between the
        eyes; x right, y down.
    """

    size: int
    width: float = 1.15
    centre: tuple[float, float] = (0.0, 0.35)


@dataclass(frozen=True)
class Sources:
    """What a renderer may hear and be driven by.

    Attributes
    ----------
    audio : Audio or None
        The dialogue, 16 kHz mono; None when the shot has none.
    offset : float
        Seconds into the shot at which it begins.
    rate : Fraction
        Frames per second.
    frames : range
        The shot's.
    controls : callable
        Gives the mouth controls ``[shape=(F, 10)]`` of the shot's drive.
    """

    audio: Audio | None
    offset: float
    rate: Fraction
    frames: range
    controls: Callable[[], np.ndarray]


@dataclass(frozen=True)
class View:
    """One frame as a renderer sees it.

    Attributes
    ----------
    frame : int
    picture : np.ndarray [shape=(size, size, 3), dtype=float32]
        The plate in the renderer's crop, display encoded, 0 to 1.
    landmarks : np.ndarray [shape=(478, 2)]
        In its pixels, pixel centres at +0.5.
    """

    frame: int
    picture: np.ndarray
    landmarks: np.ndarray


class Renderer(Protocol):
    """What a plug-in makes."""

    crop: Crop

    def prepare(self, sources: Sources) -> None:
        """Get ready for a shot."""

    def draw(self, view: View) -> np.ndarray:
        """Draw one frame."""


def make_renderer(entry: ModelEntry, device: Any) -> Renderer:
    """The renderer of a description; its file's checksum is verified first.

    Parameters
    ----------
    entry : ModelEntry
    device : torch.device

    Raises
    ------
    SettingError
        If no plug-in has the adapter's name; the message lists those there are.
    ModelError
        If the file is not the one described, or cannot be loaded.
    """
    entry.verify()
    points = {p.name: p for p in metadata.entry_points(group=GROUP)}
    if entry.adapter in points:
        point = points[entry.adapter]
        with others_code(f"the renderer {entry.name!r} ({point.value}) cannot be made"):
            return point.load()(entry, device)
    if entry.adapter == "mel96":
        from relip.render.mel96 import Mel96

        return Mel96(entry, device)
    known = ", ".join(sorted({*points, "mel96"}))
    raise SettingError(
        f"renderer {entry.name!r}: the adapter {entry.adapter!r} is unknown",
        mend=f"installed: {known}",
    )


@contextmanager
def others_code(failed: str) -> Iterator[None]:
    """Whatever another's code raises is told by its name, after what could not be done.

    Raises
    ------
    ModelError
    """
    try:
        yield
    except RelipError:
        raise
    except Exception as error:
        raise ModelError(
            f"{failed}: {type(error).__name__}: {error}",
            mend="mend or uninstall the plug-in, or set render.renderer to shot",
        ) from None
