from __future__ import annotations

import numpy as np

from relip.speech.ear import Ear
from relip.speech.lattice import Path, Span


def test_only_what_is_of_the_recording_is_kept_of_what_is_heard() -> None:
    ear = Ear(None, np.zeros(0), 30, 130)  # type: ignore[arg-type]
    spans = [Span(0, 0, 0, 50, 70), Span(0, 0, 1, 70, 100), Span(1, 0, 0, 240, 290)]
    score = np.arange(320.0)
    own = ear.own(Path(spans, score, 2))
    assert [(s.start, s.end) for s in own.spans] == [(0, 10), (10, 40), (180, 200)]
    assert own.score[0] == 60 and len(own.score) == 200
    assert ear.holds(spans)
    outside = [Span(0, 0, 0, 40, 61), Span(0, 0, 1, 61, 100)]  # 5 ms of its first sound inside
    assert not ear.holds(outside)
    lost = ear.own(Path([Span(0, 0, 0, 10, 40), Span(1, 0, 0, 290, 310)], score, 2))
    assert [(s.start, s.end) for s in lost.spans] == [(0, 0), (200, 200)]
