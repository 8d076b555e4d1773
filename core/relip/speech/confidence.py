"""How well words fit the sound: the alignment's score against the free phone loop's.

Per word, (score of the aligned word − score of the phone loop over the same
frames) / frames, in nats per 10 ms frame: about 0 where the words are right,
−6 and below where they are not (bench/speech.py prints the distribution).
"""

from __future__ import annotations

import numpy as np

from relip.speech.sphinx import Segment

#: Below this mean over speech and words the transcript does not match, by the distance in dB
#: between loud and quiet parts of the recording: noise brings right and wrong words together.
#: On the eight recordings of bench/speech.py, from which these limits were also chosen, right
#: pairs were never under -0.1 clean (29 dB and more), -1.4 in white noise at 20 dB (about 25),
#: -1.9 at 15 dB (about 20), -2.0 at 10 dB (about 15); wrong ones never over -5.7, -3.5, -2.9 and
#: -2.2: at 10 dB two of 56 pass. In strong noise the benefit of the doubt goes to the transcript.
_RANGE_DB = (10.0, 15.0, 26.0, 36.0)
_MISMATCH = (-3.0, -2.5, -2.6, -3.8)

#: A word below this is named in a warning.
DOUBTFUL = -5.0


def mismatch_limit(level: np.ndarray) -> float:
    """The mean confidence below which a transcript does not match.

    Parameters
    ----------
    level : ndarray, shape (n,)
        dBFS of every 10 ms of the recording.

    Returns
    -------
    float
        Nats per frame.
    """
    span = float(np.percentile(level, 95) - np.percentile(level, 5))
    return float(np.interp(span, _RANGE_DB, _MISMATCH))


def word_confidences(words: list[Segment], loop: list[Segment]) -> list[float]:
    """Nats per frame of every spoken word against the phone loop.

    Parameters
    ----------
    words : list of Segment
        From the alignment's first pass; silences have the label ``""``.
    loop : list of Segment
        From the phone loop over the same sound.

    Returns
    -------
    list of float
        One per spoken word.
    """
    total = np.concatenate(([0.0], np.cumsum(_per_frame(loop, _length(words, loop)))))
    return [
        (w.score - (total[w.end] - total[w.start])) / max(w.end - w.start, 1)
        for w in words
        if w.label
    ]


def overall(words: list[Segment], loop: list[Segment]) -> tuple[float, int]:
    """Sum of the differences over every frame that either side takes for speech, and their number.

    Speech that the alignment passes over as silence counts against it.
    """
    length = _length(words, loop)
    difference = _per_frame(words, length) - _per_frame(loop, length)
    counted = _spoken(words, length) | _spoken(loop, length)
    counted[min(words[-1].end, loop[-1].end) :] = False
    return float(difference[counted].sum()), int(counted.sum())


def _length(words: list[Segment], loop: list[Segment]) -> int:
    return max(words[-1].end if words else 0, loop[-1].end if loop else 0)


def _per_frame(segments: list[Segment], length: int) -> np.ndarray:
    out = np.zeros(length)
    for _, start, end, score in segments:
        out[start:end] = score / max(end - start, 1)
    return out


def _spoken(segments: list[Segment], length: int) -> np.ndarray:
    out = np.zeros(length, bool)
    for label, start, end, _ in segments:
        if label:
            out[start:end] = True
    return out
