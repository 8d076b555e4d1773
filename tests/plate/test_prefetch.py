"""Items made ahead: same order, errors at their place, nothing left running."""

from __future__ import annotations

import threading

import pytest

from relip.plate.prefetch import prefetch


def test_order_is_kept():
    assert list(prefetch(range(100))) == list(range(100))


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        yield 2
        raise ValueError("third")

    seen = []
    with pytest.raises(ValueError, match="third"):
        for item in prefetch(items()):
            seen.append(item)
    assert seen == [1, 2]


def test_it_works_ahead_but_only_so_far():
    made = []
    gate = threading.Event()

    def items():
        for i in range(50):
            made.append(i)
            if i == 3:
                gate.set()
            yield i

    stream = prefetch(items(), depth=2)
    assert next(stream) == 0
    assert gate.wait(5)
    assert len(made) <= 5
    stream.close()


def test_closing_early_ends_the_thread():
    stream = prefetch(iter(range(10**9)))
    next(stream)
    stream.close()
    assert not [t for t in threading.enumerate() if t.name == "prefetch"]
