"""Several processes on the same frames of one stage: each takes what no other has made.

A shared file system has no locks to rely on, so nothing is locked. Frames are
taken in small blocks; before each, those that another process has finished
meanwhile are left out. Processes that see each other begin at different places
of what is left, so that two that started together do not walk in step. What is
still made twice is a race's own block, with the same bits.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType

from relip import records
from relip.plate.base import BadFrame, Picture, Plate
from relip.records import FrameRecord

#: Frames taken at once.
BLOCK = 4

_NAME = ".working"


class Sharing:
    """The frames that one process makes of a stage; used in a ``with`` block.

    Parameters
    ----------
    record : FrameRecord
        Of the stage.
    todo : mapping of int to str
        Key of each frame to be made.
    output : callable
        The file of a frame.
    alone : bool
        Make all frames whatever others do (``--force``).

    Attributes
    ----------
    taken : list of int
        Frames that other processes made in the meantime.
    """

    def __init__(
        self,
        record: FrameRecord,
        todo: Mapping[int, str],
        output: Callable[[int], Path],
        *,
        alone: bool = False,
    ) -> None:
        self.taken: list[int] = []
        self._record, self._todo, self._output, self._alone = record, todo, output, alone
        self._met = False
        # A file like the temporary ones, so that what a killed process leaves is swept away.
        name = f"{_NAME}{records.temporary_mark(os.getpid())}{os.urandom(4).hex()}"
        self._sign = record.status_folder / name

    def __enter__(self) -> Sharing:
        if self._todo and not self._alone:
            with contextlib.suppress(OSError):  # only the order of the work hangs on it
                self._sign.parent.mkdir(parents=True, exist_ok=True)
                self._sign.touch()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._sign.unlink()

    def pictures(self, plate: Plate) -> Iterator[Picture | BadFrame]:
        """The plate's pictures of the frames that are this process's to make."""
        for part in self.parts(plate):
            yield from plate.iter(part, on_error="mark")

    def parts(self, plate: Plate) -> Iterator[list[int]]:
        """The frames that are this process's to make, in the runs in which they are taken."""
        if plate.kind != "sequence" or self._alone:
            # A movie is decoded in one pass: jumping about would cost more than it saves.
            yield sorted(self._todo)
        else:
            yield from self.blocks()

    def made_by_another(self, frame: int) -> bool:
        """Whether a frame was finished by another process since it was taken: look before work."""
        if self._alone or not self._is_made(frame):
            return False
        self.taken.append(frame)
        self._met = True
        return True

    def blocks(self) -> Iterator[list[int]]:
        """Runs of frames that are not made yet, until none is left."""
        left = sorted(self._todo)
        place, together = 0, False
        while left:
            rank, number = self._rank()
            if number > 1 and not together:
                # Each begins in a part of its own.
                place, together = len(left) * rank // number, True
            if self._met:
                # This process follows another: it goes to where none is, as far as it can tell.
                self._met = False
                gone = [f for f in left if self._is_made(f)]
                self.taken += gone
                left = [f for f in left if f not in gone]
                place = len(left) * (rank + 1) // (number + 1)
            place = place if place < len(left) else 0
            block = left[place : place + BLOCK]
            del left[place : place + BLOCK]
            made = [f for f in block if self._is_made(f)]
            self.taken += made
            self._met = self._met or bool(made)
            fresh = [f for f in block if f not in made]
            if fresh:
                yield fresh

    def _is_made(self, frame: int) -> bool:
        return self._record.is_current(frame, self._todo[frame], self._output(frame))

    def _rank(self) -> tuple[int, int]:
        """This process's place among all that work here now, and how many they are."""
        try:
            names = os.listdir(self._sign.parent)
        except OSError:
            return 0, 1
        signs = sorted(n for n in names if n.startswith(_NAME))
        if self._sign.name not in signs:
            return 0, 1
        return signs.index(self._sign.name), len(signs)
