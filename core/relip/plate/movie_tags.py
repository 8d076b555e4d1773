"""What a movie's tags (ITU-T H.273) say of its colours: matrix, and the colourspace by OCIO."""

from __future__ import annotations

from collections.abc import Mapping

from relip.errors import ColourError, PlateError
from relip.plate.colour import BUILTIN_CONFIG, Colour
from relip.plate.yuv import Coding

#: H.273 matrix coefficients that are understood.
_MATRIX = {0: "rgb", 1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}

#: Names of H.273 colour primaries.
PRIMARIES = {1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020", 11: "dci-p3", 12: "display-p3"}

#: Names of H.273 transfer characteristics.
TRANSFER = {
    1: "bt709",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    8: "linear",
    13: "srgb",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "pq",
    18: "hlg",
}

#: Names of the encoding in the ACES studio configs and in older ones, by transfer and gamut.
_SPACES = {
    ("video", "709"): (
        "Gamma 2.4 Rec.709 - Texture",
        "Rec.1886 Rec.709 - Display",
        "Output - Rec.709",
    ),
    ("srgb", "709"): ("sRGB - Texture", "srgb_texture", "Utility - sRGB - Texture"),
    ("gamma22", "709"): ("Gamma 2.2 Rec.709 - Texture", "g22_rec709"),
    ("linear", "709"): ("Linear Rec.709 (sRGB)", "lin_rec709"),
    ("linear", "2020"): ("Linear Rec.2020", "lin_rec2020"),
    ("linear", "p3"): ("Linear P3-D65", "lin_p3d65"),
    ("srgb", "p3"): ("sRGB Encoded P3-D65", "srgb_p3d65"),
    ("video", "p3"): ("sRGB Encoded P3-D65", "srgb_p3d65"),
    ("pq", "2020"): ("Rec.2100-PQ - Display", "rec2100_pq_display"),
    ("hlg", "2020"): ("Rec.2100-HLG - Display", "rec2100_hlg_display"),
    ("pq", "p3"): ("ST2084-P3-D65 - Display", "pq_p3d65_display"),
}


def matrix_of(tag: int, coding: Coding, height: int, path: str) -> tuple[str, str]:
    """The colour matrix of a movie's pictures, and what says so: its format, its tag, or nothing.

    Raises
    ------
    PlateError
        If the tag is of a matrix that is not known.
    """
    if coding.matrix == "rgb":
        return "rgb", "format"
    if coding.planes == 1:
        return "bt709", "format"
    if tag == 0 or tag == 2:
        # What players do: high definition was always BT.709.
        return ("bt709" if height >= 720 else "bt601"), "default"
    name = _MATRIX.get(tag)
    if name is None or name == "rgb":
        raise PlateError(f"{path}: colour matrix {tag} (ITU-T H.273) is not supported")
    return name, "tag"


def colourspace_of(tags: Mapping[str, int], path: str, colour: Colour) -> tuple[str, str]:
    """The colourspace of a movie, and what says so: its tags, the config's file rules, or nothing.

    Parameters
    ----------
    tags : mapping
        The movie's ``transfer`` and ``primaries``.
    path : str
    colour : Colour

    Raises
    ------
    ColourError
        If the config has no colourspace for them.
    """
    transfer, primaries = tags["transfer"], tags["primaries"]
    gamut = {9: "2020", 11: "p3", 12: "p3"}.get(primaries, "709")
    if transfer in (0, 2, 3):
        if colour.source != BUILTIN_CONFIG:
            by_rule = colour.from_file_rules(path)
            if by_rule:
                return by_rule, "file rules"
        encoding, source = "video", "default"
    else:
        encoding = {
            1: "video",
            4: "gamma22",
            6: "video",
            8: "linear",
            13: "srgb",
            14: "video",
            15: "video",
            16: "pq",
            18: "hlg",
        }.get(transfer, "")
        source = "tag"
        if encoding in ("pq", "hlg") and primaries in (0, 2):
            gamut = "2020"
    name = colour.find(*_SPACES.get((encoding, gamut), ()))
    if name is None:
        label = f"transfer {TRANSFER.get(transfer, transfer)}, primaries {primaries}"
        raise ColourError(
            f"{path}: the OCIO config {colour.name} has no colourspace for its tags ({label})",
            mend="give one with --colourspace",
        )
    return name, source
