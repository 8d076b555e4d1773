"""A part of the recording, aligned."""

from __future__ import annotations

from typing import NamedTuple

from relip.speech.alignment import Interval
from relip.speech.confidence import Fit


class Piece(NamedTuple):
    """A part of the recording, aligned: times are seconds of the whole recording."""

    words: list[Interval]
    phones: list[Interval]
    ipa: list[str]
    fits: list[Fit]
    total: float
    frames: int
    rung: str
    speech: bool = True
    #: The same total for the best of wrong words, where there was doubt.
    decoy: float | None = None


#: A part in which nobody speaks, and one that is music.
PAUSE = Piece([], [], [], [], 0.0, 0, "pause")

MUSIC_ALONE = PAUSE._replace(rung="music")


def first_words(piece: Piece, count: int) -> Piece:
    """The piece without the words that the next window aligns again."""
    if count == len(piece.words):
        return piece
    until = piece.words[count].start
    kept = sum(p.end <= until + 1e-6 for p in piece.phones)
    share = count / len(piece.words)
    return piece._replace(
        words=piece.words[:count],
        phones=piece.phones[:kept],
        ipa=piece.ipa[:kept],
        fits=piece.fits[:count],
        total=piece.total * share,
        frames=round(piece.frames * share),
        decoy=None if piece.decoy is None else piece.decoy * share,
    )
