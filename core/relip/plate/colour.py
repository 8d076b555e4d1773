"""Colour through OpenColorIO: to the encoding the network sees and back, and for detection."""

from __future__ import annotations

import difflib
import functools
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np

from relip.errors import ColourError

#: Used when the OCIO environment variable is not set: the newest ACES studio config built in.
BUILTIN_CONFIG = "ocio://studio-config-latest"

#: The encoding the network sees: logarithmic, so that highlights above 1 survive.
WORKING = "ACEScct"

#: The encoding detection sees, under the names configs give it.
DISPLAY_NAMES = (
    "sRGB Encoded Rec.709 (sRGB)",
    "sRGB - Texture",
    "srgb_texture",
    "Utility - sRGB - Texture",
    "sRGB - Display",
    "sRGB",
    "Output - sRGB",
)

#: The largest half float.
_BRIGHTEST = 65504.0

#: Rows converted at once, so that temporary arrays stay small.
_ROWS = 256


class Colour:
    """Conversions of one OCIO config.

    Safe to use from several threads. Processors are made once per pair of
    colourspaces.

    Parameters
    ----------
    config : str or Path, optional
        A config file or a built-in ``ocio://…`` name. By default the file
        named by the environment variable ``OCIO``, else the newest built-in
        ACES studio config.

    Raises
    ------
    ColourError
        If the config cannot be read.
    """

    def __init__(self, config: str | Path | None = None) -> None:
        import PyOpenColorIO as ocio

        ocio.SetLoggingLevel(ocio.LOGGING_LEVEL_NONE)
        source = str(config or os.environ.get("OCIO") or BUILTIN_CONFIG)
        if not source.startswith("ocio://") and not Path(source).is_file():
            where = "" if config else " (from the environment variable OCIO)"
            raise ColourError(f"OCIO config {source}{where} does not exist", mend="check its path")
        try:
            self._config = ocio.Config.CreateFromFile(source)
            self._config.validate()
        except Exception as error:
            raise ColourError(
                f"OCIO config {source}: {_first_line(error)}",
                mend="mend it, or take another; without one the ACES studio config is used",
            ) from None
        self._ocio = ocio
        self._lock = threading.Lock()
        self._processors: dict[tuple[str, str, bool], Any] = {}
        self.source = source
        #: Changes when the config does, for records.
        self.name: str = self._config.getName() or Path(source).name

    def resolve(self, name: str) -> str:
        """The config's own name of a colourspace, alias or role.

        Raises
        ------
        ColourError
            If the config does not know it; lists names that look like it.
        """
        found = self.find(name)
        if found is None:
            raise ColourError(
                f"colourspace {name!r} is not in the OCIO config {self.name}",
                mend=self._close(name),
            )
        return found

    def find(self, *names: str) -> str | None:
        """The first of these names that the config knows, as :meth:`resolve` gives it, or None."""
        for name in names:
            space = self._config.getColorSpace(name) if name else None
            if space is not None:
                return space.getName()
        return None

    def names(self) -> list[str]:
        """All colourspaces of the config."""
        return list(self._config.getColorSpaceNames())

    def from_file_rules(self, path: str | Path) -> str | None:
        """What the config's file rules say of a path; None when only the default rule matches."""
        path = str(path)
        if self._config.filepathOnlyMatchesDefaultRule(path):
            return None
        name, _rule = self._config.getColorSpaceFromFilepath(path)
        return self.find(name)

    def to_working(self, rgb: np.ndarray, colourspace: str, working: str = WORKING) -> np.ndarray:
        """Convert to the encoding the network sees.

        Parameters
        ----------
        rgb : (..., 3) float
            In ``colourspace``; not changed.
        colourspace, working : str

        Returns
        -------
        (..., 3) float32, contiguous

        Raises
        ------
        ColourError
            If a name is unknown.
        """
        return self._convert(rgb, colourspace, working)

    def from_working(self, rgb: np.ndarray, colourspace: str, working: str = WORKING) -> np.ndarray:
        """The inverse of :meth:`to_working`."""
        return self._convert(rgb, working, colourspace)

    def is_display_encoded(self, colourspace: str) -> bool:
        """Whether a colourspace is an SDR display encoding (gamma, sRGB), by the config's word."""
        space = self._config.getColorSpace(self.resolve(colourspace))
        return bool(space.getEncoding() == "sdr-video")

    def is_linear(self, colourspace: str) -> bool:
        """Whether a colourspace is linear in light, by its encoding or by what OCIO finds.

        Raises
        ------
        ColourError
            If the name is unknown.
        """
        name = self.resolve(colourspace)
        if self._config.getColorSpace(name).getEncoding() in ("scene-linear", "display-linear"):
            return True
        try:
            scene = self._ocio.REFERENCE_SPACE_SCENE
            return bool(self._config.isColorSpaceLinear(name, scene))
        except self._ocio.Exception as error:
            raise ColourError(f"colourspace {name!r}: {_first_line(error)}") from None

    def to_display(self, rgb: np.ndarray, colourspace: str) -> np.ndarray:
        """Convert to 8-bit sRGB, for detection and previews.

        No view transform: what is above 1 is clipped. NaN becomes 0.

        Parameters
        ----------
        rgb : (H, W, 3) float
        colourspace : str

        Returns
        -------
        (H, W, 3) uint8
        """
        processor = self._processor(colourspace, self._display(), quick=True)
        rgb = np.asarray(rgb)
        out = np.empty(rgb.shape, np.uint8)
        if rgb.size == 0:
            return out
        if self._by_code(colourspace, processor):
            return self._display_by_code(np.array(rgb, np.float32, order="C"), processor)
        rows = rgb.reshape(-1, *rgb.shape[-2:]) if rgb.ndim > 1 else rgb.reshape(1, 1, 3)
        into = out.reshape(rows.shape)
        for top in range(0, rows.shape[0], _ROWS):
            strip = np.array(rows[top : top + _ROWS], np.float32, order="C")
            # Infinities would cancel to NaN in a matrix.
            np.clip(strip, -_BRIGHTEST, _BRIGHTEST, out=strip)
            processor.applyRGB(strip)
            strip *= 255.0
            strip += 0.5
            np.nan_to_num(strip, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
            np.clip(strip, 0.0, 255.0, out=strip)
            into[top : top + _ROWS] = strip.astype(np.uint8)
        return out

    def _by_code(self, colourspace: str, processor: Any) -> bool:
        """Whether 8 bits are enough: a display encoding with the display's own primaries."""
        if processor is None:
            return True
        return self.is_display_encoded(colourspace) and not processor.hasChannelCrosstalk()

    @staticmethod
    def _display_by_code(rgb: np.ndarray, processor: Any) -> np.ndarray:
        """Round to 8 bits, then look the codes up: within one code, in a fifth of the time."""
        import cv2

        shape = rgb.shape
        flat = rgb.reshape(-1, shape[-1])
        cv2.patchNaNs(flat, 0.0)
        np.clip(flat, 0.0, 1.0, out=flat)
        codes = cv2.convertScaleAbs(flat, alpha=255.0)
        if processor is not None:
            table = np.repeat(np.arange(256, dtype=np.float32)[:, None] / 255, 3, axis=1)
            processor.applyRGB(table)
            table = np.rint(np.clip(table[:, 0], 0.0, 1.0) * 255).astype(np.uint8)
            codes = cv2.LUT(codes, table)
        return codes.reshape(shape)

    def _display(self) -> str:
        found = self.find(*DISPLAY_NAMES)
        if found is None:
            raise ColourError(f"the OCIO config {self.name} has no sRGB colourspace")
        return found

    def _convert(self, rgb: np.ndarray, source: str, target: str) -> np.ndarray:
        out = np.array(rgb, np.float32, order="C")
        processor = self._processor(source, target)
        if processor is not None and out.size:
            processor.applyRGB(out)
        return out

    def _processor(self, source: str, target: str, *, quick: bool = False) -> Any:
        key = (source, target, quick)
        lossless = self._ocio.OPTIMIZATION_LOSSLESS
        with self._lock:
            if key in self._processors:
                return self._processors[key]
            a, b = self.resolve(source), self.resolve(target)
            try:
                processor = self._config.getProcessor(a, b)
                # Exact logarithms and powers: ten times closer on the way there and back than
                # the quick ones, in a third more time. Detection needs no such care.
                care = self._ocio.OPTIMIZATION_DEFAULT if quick else lossless
                cpu = None if processor.isNoOp() else processor.getOptimizedCPUProcessor(care)
            except self._ocio.Exception as error:
                raise ColourError(f"colour {a!r} to {b!r}: {_first_line(error)}") from None
            self._processors[key] = cpu
            return cpu

    def _close(self, name: str) -> str:
        known: dict[str, str] = {}
        for space in self._config.getColorSpaces():
            for label in (space.getName(), *space.getAliases()):
                known.setdefault(label.lower(), space.getName())
        hits = difflib.get_close_matches(name.lower(), list(known), n=8, cutoff=0.4)
        hits += [label for label in known if name.lower() in label]
        close = list(dict.fromkeys(known[hit] for hit in hits))[:4]
        if not close:
            close = self.names()[:4]
        return "did you mean " + ", ".join(repr(n) for n in close) + "?"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


@functools.lru_cache(maxsize=8)
def _shared(source: str) -> Colour:
    return Colour(source or None)


def default_colour() -> Colour:
    """The shared :class:`Colour` of the environment's config."""
    return _shared(os.environ.get("OCIO", ""))


def to_working(rgb: np.ndarray, colourspace: str, working: str = WORKING) -> np.ndarray:
    """:meth:`Colour.to_working` of the environment's config."""
    return default_colour().to_working(rgb, colourspace, working)


def from_working(rgb: np.ndarray, colourspace: str, working: str = WORKING) -> np.ndarray:
    """:meth:`Colour.from_working` of the environment's config."""
    return default_colour().from_working(rgb, colourspace, working)


def to_display(rgb: np.ndarray, colourspace: str) -> np.ndarray:
    """:meth:`Colour.to_display` of the environment's config."""
    return default_colour().to_display(rgb, colourspace)
