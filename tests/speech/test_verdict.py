from __future__ import annotations

import pytest
from speech_material import demo_audio

from relip.speech import verdict
from relip.speech.alignment import Interval
from relip.speech.confidence import Fit
from relip.speech.piece import Piece
from relip.speech.pronunciation import find_language
from relip.speech.recording import Recording


@pytest.mark.parametrize("code, refused", [("fi", True), ("en", False)])
def test_a_foreign_transcript_none_of_whose_words_is_sure(code: str, refused: bool) -> None:
    """Its sounds fit as well as those that are said; its words are all doubtful."""
    recording = Recording(demo_audio("dialogue"), find_language(code))

    def piece(score: float, count: int) -> Piece:
        words = [Interval(0.4 * i, 0.4 * i + 0.3, "sana") for i in range(count)]
        fits = [Fit(score, 0.3 * score, 0.05)] * count
        frames = 30 * count
        return Piece(words, [], [], fits, frames * (recording.mismatch + 1.0), frames, "exact")

    assert verdict.mismatch(recording, [piece(-6.0, 6)]) is refused
    assert not verdict.mismatch(recording, [piece(0.0, 6)])
    # three words say too little, and a few doubtful ones among sure ones are mistakes
    assert not verdict.mismatch(recording, [piece(-6.0, 3)])
    assert not verdict.mismatch(recording, [piece(-6.0, 2), piece(0.0, 6)])
