"""What every plate has: frames that are numbered, a rate, a colourspace, pictures."""

from __future__ import annotations

import abc
import copy
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from relip.errors import PlateError
from relip.frames import format_range

#: A rectangle of a picture: x0, y0, x1, y1 in pixels from its top left.
Window = tuple[int, int, int, int]

#: Said of a frame that is not there and is skipped.
MISSING = "missing in the plate; skipped"

#: What helps with a file that is damaged.
AGAIN = "copy or render it again"

#: Bytes hashed at the head, the middle and the tail of a file.
_BLOCK = 1 << 20


@dataclass
class Part:
    """One part of an image file (most have one), as it is stored.

    Parameters
    ----------
    header : OpenImageIO.ImageSpec
        Windows, channel names and types, compression and all other attributes.
    pixels : (h, w, C) array
        Every channel over the data window: float16, float32, or float64 when
        a channel's integers need it. Unsigned integers of an EXR stand in a
        float32 array as their bits.
    """

    header: Any
    pixels: np.ndarray


@dataclass
class PictureSpec:
    """All that an image file holds, so that a comp can keep what is not R, G and B.

    Parameters
    ----------
    format : str
        OpenImageIO's name of the file format, such as ``"openexr"``.
    parts : list of Part
    part : int
        Which of them holds R, G and B.
    rgb_channels : tuple of int
        Their places among its channels; one place for a grey image.
    source : str
        The file.
    stamp : (int, int)
        Its size and time of change when it was read.
    """

    format: str
    parts: list[Part]
    part: int
    rgb_channels: tuple[int, ...]
    source: str = ""
    stamp: tuple[int, int] = (0, 0)

    @property
    def header(self) -> Any:
        """The header of the part that holds R, G and B."""
        return self.parts[self.part].header

    @property
    def origin(self) -> tuple[int, int]:
        """Left column and top row of the data window in the display window."""
        header = self.header
        return header.x - header.full_x, header.y - header.full_y

    @property
    def metadata(self) -> dict[str, Any]:
        """Header attributes by name."""
        return {a.name: a.value for a in self.header.extra_attribs}


class Picture:
    """One frame.

    Parameters
    ----------
    frame : int
    rgb : (H, W, 3) float32
        R, G, B over the display window, in the encoding of the plate's colourspace.
    spec : PictureSpec, optional
        For sequences, everything else the file holds.
    alpha : (H, W) float32, optional
        Of a movie with an alpha channel, 0 to 1; R, G and B are not multiplied by it here.
    """

    def __init__(
        self,
        frame: int,
        rgb: np.ndarray,
        spec: PictureSpec | None = None,
        alpha: np.ndarray | None = None,
    ) -> None:
        self.frame = frame
        self.spec = spec
        self._rgb: np.ndarray | None = rgb
        self._alpha = alpha

    def __repr__(self) -> str:
        height, width = self.shape
        return f"{type(self).__name__}(frame={self.frame}, {width}x{height})"

    @classmethod
    def of(cls, pixels: Picture | np.ndarray) -> Picture:
        """A picture as it is, or one of bare pixels ``[shape=(H, W, 3)]``."""
        return pixels if isinstance(pixels, Picture) else Picture(0, pixels)

    def numbered(self, frame: int) -> Picture:
        """The same picture under another number."""
        other = copy.copy(self)
        other.frame = frame
        return other

    @property
    def rgb(self) -> np.ndarray:
        """R, G, B ``[shape=(H, W, 3), dtype=float32]`` in the plate's colourspace."""
        assert self._rgb is not None
        return self._rgb

    @property
    def alpha(self) -> np.ndarray | None:
        """Alpha ``[shape=(H, W), dtype=float32]``; None where there is none."""
        return self._alpha

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.rgb.shape[:2]
        return height, width

    def cut(self, x0: int, y0: int, x1: int, y1: int, *, exact: bool = True) -> np.ndarray:
        """``rgb[y0:y1, x0:x1]``, contiguous; of a movie's picture nothing else is converted.

        Parameters
        ----------
        x0, y0, x1, y1 : int
            Clipped to the picture.
        exact : bool
            False where values that are not rounded to half floats do as well.
        """
        return np.ascontiguousarray(self.rgb[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)])

    def sparse(self, height: int, width: int) -> np.ndarray:
        """Pixels evenly spread over the picture, for a look at all of it.

        Of a movie's picture nothing else is converted; each has the colour of
        the chroma sample that it lies in.

        Parameters
        ----------
        height, width : int
            How many rows and columns.

        Returns
        -------
        np.ndarray [shape=(height, width, 3), dtype=float32]
        """
        rows, columns = spread(self.shape[0], height), spread(self.shape[1], width)
        return np.ascontiguousarray(self.rgb[np.ix_(rows, columns)])

    def painted(self, pixels: np.ndarray, origin: tuple[int, int]) -> np.ndarray:
        """A copy of :attr:`rgb` with a rectangle painted over.

        Parameters
        ----------
        pixels : (h, w, 3) float32
            The rectangle, inside the picture; it may be empty.
        origin : (int, int)
            Its left column and top row.
        """
        (x, y), (height, width) = origin, pixels.shape[:2]
        result = self.rgb.copy()
        result[y : y + height, x : x + width] = pixels
        return result

    def same_pixels(self, other: Picture) -> bool:
        """Whether another picture shows the same, to the last bit; NaN is like NaN."""
        one, two = self.rgb, other.rgb
        # Most pictures differ everywhere: a few rows tell.
        some = slice(None, None, max(one.shape[0] // 8, 1))
        return (
            one.shape == two.shape
            and np.array_equal(one[some], two[some], equal_nan=True)
            and np.array_equal(one, two, equal_nan=True)
        )


def spread(length: int, count: int) -> np.ndarray:
    """Evenly spread places ``[shape=(count,), dtype=int]`` in a row of pixels."""
    return np.arange(count) * length // count


@dataclass(frozen=True)
class BadFrame:
    """Stands in ``iter(on_error="mark")`` for a frame that cannot be read.

    Attributes
    ----------
    frame : int
    reason : str
    skipped : bool
        The plate lacks it, and the shot's policy says that it may.
    """

    frame: int
    reason: str
    skipped: bool = False


class Plate(abc.ABC):
    """The original picture: a movie or an image sequence.

    Made by :func:`relip.plate.open_plate`. One instance is used by one thread
    at a time; several instances of one file may be open at once.

    Attributes
    ----------
    path : str
        As given.
    kind : {"movie", "sequence"}
    width, height : int
        Display window in pixels, after rotation.
    frames : range
        Frame numbers; a movie's first picture is frame 1, a sequence has its files' numbers.
    colourspace : str
        Its name in the OCIO config.
    half : bool
        True when the stored values are exact as half floats.
    info : dict
        What is known about the file, ready for JSON.
    """

    kind: str
    path: str
    width: int
    height: int
    frames: range
    colourspace: str
    half: bool
    info: dict[str, Any]
    _rate: Fraction | None

    @property
    def rate(self) -> Fraction:
        """Frames per second.

        Raises
        ------
        PlateError
            For a sequence whose files do not name a rate and none was given.
        """
        if self._rate is None:
            raise PlateError(f"{self.path} does not say its frame rate", mend="give it with --fps")
        return self._rate

    @abc.abstractmethod
    def read(self, frame: int) -> Picture:
        """One frame, in any order.

        Raises
        ------
        PlateError
            If the frame is not in :attr:`frames` or cannot be read; names file and frame.
        """

    @abc.abstractmethod
    def iter(
        self, frames: Iterable[int] | None = None, *, on_error: str = "raise"
    ) -> Iterator[Any]:
        """Frames in increasing order, in one pass and constant memory.

        Parameters
        ----------
        frames : iterable of int, optional
            Which; all by default. Sorted, each given once.
        on_error : {"raise", "mark"}
            What to do at a frame that cannot be read: raise
            :class:`~relip.errors.PlateError`, or yield a :class:`BadFrame`.

        Yields
        ------
        Picture or BadFrame
            The pixels are those :meth:`read` gives, bit for bit.
        """

    @abc.abstractmethod
    def fingerprint(self, frame: int | None = None) -> str:
        """A short hash of the stored content, cheap on large files.

        Of a movie: its size and its head, middle and tail. Of a frame of a
        sequence: the same of its file; without a frame, of all files.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of open files."""

    def _select(self, frames: Iterable[int] | None, on_error: str) -> list[int] | range:
        if on_error not in ("raise", "mark"):
            raise ValueError(f"on_error={on_error!r}")
        if frames is None:
            return self.frames
        chosen = sorted(set(frames))
        self._check(chosen)
        return chosen

    def _check(self, frames: list[int]) -> None:
        outside = [f for f in frames if f not in self.frames]
        if outside:
            raise PlateError(
                f"{self.path} has frames {self.frames[0]}-{self.frames[-1]}, "
                f"not {format_range(outside)}"
            )

    def __enter__(self) -> Plate:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{self.kind} {self.path!r} {self.width}x{self.height} {len(self.frames)} frames>"


def file_fingerprint(path: str | Path) -> str:
    """Hash of a file's size and of its head, middle and tail (1 MiB each).

    Raises
    ------
    PlateError
        If the file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            digest.update(str(size).encode())
            if size <= 3 * _BLOCK:
                places, length = [0], size
            else:
                places, length = [0, (size - _BLOCK) // 2, size - _BLOCK], _BLOCK
            for place in places:
                file.seek(place)
                digest.update(file.read(length))
    except OSError as error:
        raise PlateError(f"{path}: {error.strerror or error}") from None
    return digest.hexdigest()
