"""Opening whatever is given as a plate."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

from relip.errors import PlateError
from relip.frames import parse_range
from relip.plate.base import Plate

#: Suffixes read through OpenImageIO; all others are tried as movies.
IMAGE_SUFFIXES = {
    ".exr", ".dpx", ".cin", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".tga", ".bmp", ".hdr",
    ".sgi", ".rgb", ".jp2", ".j2k", ".webp", ".sxr",
}  # fmt: skip


def open_plate(
    path: str | Path,
    *,
    fps: Fraction | None = None,
    colourspace: str | None = None,
    frames: str | None = None,
    missing: str = "error",
    interlaced: str = "error",
) -> Plate:
    """Open a movie or an image sequence.

    Parameters
    ----------
    path : str or Path
        A movie; or a sequence as ``name.####.exr``, ``name.%04d.exr``,
        ``name.1001-1100.exr``, any one of its files, or the folder that holds
        it alone.
    fps : Fraction, optional
        Frames per second; needed for sequences that do not say theirs.
    colourspace : str, optional
        Its name in the OCIO config; by default what the file says.
    frames : str, optional
        Only these frames of a sequence, as a range (``1001-1100``).
    missing : {"error", "hold", "skip"}
        A frame that the plate lacks: refuse the plate, show the frame before
        it (the first one there is, at the start), or leave it out.
    interlaced : {"error", "progressive"}
        An interlaced movie: refuse it, or take its pictures as whole ones.

    Returns
    -------
    Plate

    Raises
    ------
    PlateError
        If it is missing, unreadable, holds no picture, or lacks files.
    ColourError
        If the colourspace is unknown, or cannot be told from the files.
    FrameRangeError
        If ``frames`` is not a range.
    """
    text = str(path)
    if not text.strip():
        raise PlateError("no plate is named", mend="give a movie or a pattern such as sh.####.exr")
    suffix = os.path.splitext(text)[1].lower()
    if os.path.isdir(text) or suffix in IMAGE_SUFFIXES:
        from relip.plate.sequence import SequencePlate

        wanted = parse_range(frames) if frames else None
        return SequencePlate(path, fps=fps, colourspace=colourspace, frames=wanted, missing=missing)
    from relip.plate.movie import MoviePlate

    plate = MoviePlate(
        path, fps=fps, colourspace=colourspace, missing=missing, interlaced=interlaced
    )
    if frames:
        from relip.frames import select_frames

        chosen = select_frames(frames, plate.frames)
        step = chosen[1] - chosen[0] if len(chosen) > 1 else 1
        span = range(chosen[0], chosen[-1] + 1, step)
        if list(span) != chosen:
            raise PlateError(f"{text}: frames {frames!r} are not one run", mend="give one range")
        plate.frames = span
    return plate
