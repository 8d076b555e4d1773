"""A long recording aligned in windows that end at pauses."""

from __future__ import annotations

from relip.progress import Progress
from relip.speech.activity import STEP, runs
from relip.speech.alignment import Interval
from relip.speech.laying import lay
from relip.speech.piece import Piece, first_words
from relip.speech.pronunciation import Word
from relip.speech.recording import Recording
from relip.speech.verdict import refusal

#: Longer recordings are aligned in windows. Seconds.
WHOLE = 45.0

#: Length of a window, and how much of its end waits for the next one, seconds.
WINDOW = 40.0
AHEAD = 2.5

#: Words a window may hold at most, per second.
_FASTEST = 7.0

#: A window is first tried with this many times the words that the mean pace suggests.
_MARGIN = 1.3


def windows(recording: Recording, words: list[Word], progress: Progress) -> list[Piece]:
    """Align a long recording window by window; the memory needed does not grow with it.

    Each window may end after any word. What lies before its last pause but
    some seconds is kept; the next window begins in that pause.
    """
    pieces: list[Piece] = []
    start, taken, whole = 0, 0, len(recording.level)
    progress.start("speech", whole)
    while True:
        end = _window_end(recording, start)
        final = end == whole
        rest = words[taken:]
        found = None
        if recording.active[start:end].any() and rest:
            if final and len(rest) > _FASTEST * 1.5 * (end - start) * STEP + 20:
                raise refusal(recording, [w.label for w in rest], pieces)
            found = (
                lay(recording, rest, start, end)
                if final
                else _lay_some(recording, rest, start, end, len(words))
            )
            if final and found is None:
                raise refusal(recording, [w.label for w in rest], pieces)
        if found is None:
            if final:
                break
            progress.step(end - start)
            start = end
            continue
        piece, _ = found
        if final:
            pieces.append(piece._replace(rung=f"windows at pauses, {piece.rung}"))
            break
        count, cut = _commit(piece.words, start, end)
        kept = first_words(piece, count)
        pieces.append(kept._replace(rung=f"windows at pauses, {piece.rung}"))
        taken += count
        progress.step(cut - start)
        start = cut
    progress.step(whole - start)
    return pieces


def _lay_some(
    recording: Recording, rest: list[Word], start: int, end: int, total: int
) -> tuple[Piece, int] | None:
    """Lay the next words on a window that may hold only some of them.

    As many are tried as the recording's mean pace suggests, with a good margin; when most
    of them are there, as many as anybody can say.
    """
    most = rest[: int(_FASTEST * WINDOW)]
    pace = total / max(int(recording.active.sum()), 1)
    likely = round(_MARGIN * pace * int(recording.active[start:end].sum())) + 10
    if likely < len(most):
        found = lay(recording, most[:likely], start, end, open_end=True)
        if found is not None and found[1] < likely * 0.9:
            return found
    return lay(recording, most, start, end, open_end=True)


def _window_end(recording: Recording, start: int) -> int:
    whole = len(recording.level)
    limit = start + round(WINDOW / STEP)
    if whole - start <= limit - start + round(AHEAD / STEP):
        return whole
    low = start + (limit - start) * 2 // 3
    pauses = runs(recording.active[low:limit], False)
    if pauses:
        first, last = max(pauses, key=lambda r: r[1] - r[0])
        if last - first >= 8:
            return low + (first + last) // 2
    return limit


def _commit(words: list[Interval], start: int, end: int) -> tuple[int, int]:
    """How many words of a window to keep, and the frame where the next one begins.

    The cut falls into the last silence between words that lies some seconds
    before the window's end; without one, between two words.
    """
    latest = end * STEP - AHEAD
    best = 0
    for index in range(len(words)):
        following = words[index + 1].start if index + 1 < len(words) else end * STEP
        if words[index].end > latest:
            break
        if following - words[index].end >= 0.15:
            best = index + 1
    if best == 0:
        best = sum(w.end <= latest for w in words)
    if best == 0:  # one very long pause, or nothing said
        if words and words[0].start <= latest:
            best = len(words)
        else:
            return 0, max(round(latest / STEP), start + 1)
    ended = words[best - 1].end
    following = words[best].start if best < len(words) else end * STEP
    middle = min((ended + following) / 2, ended + 1.0)
    return best, min(max(round(middle / STEP), start + 1), end)
