"""The movie of ``relip review --stage``: a drawing over every frame of the plate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from relip.plate import BadFrame, Colour
from relip.plate.prefetch import prefetch
from relip.progress import Progress
from relip.records import StageReport
from relip.review.preview import PreviewWriter
from relip.shot import Shot
from relip.track.picture import detection_picture


def write_stage_movie(
    shot: Shot,
    path: Path,
    frames: Sequence[int],
    draw: Callable[[int, np.ndarray], np.ndarray],
    *,
    report: StageReport,
    progress: Progress,
) -> None:
    """Draw every frame and write the drawings as a movie; it appears whole or not at all.

    A frame that cannot be read is reported as failed and shows the drawing
    before it, so that the movie keeps its length.

    Parameters
    ----------
    path : Path
    frames : sequence of int
    draw : callable
        Takes a frame's number and its plate ``[shape=(height, width, 3), dtype=uint8]``,
        display-encoded; gives a picture of that type whose size is even and always the same.
    report : StageReport
        Told which frames were done and which failed.
    progress : Progress
        Steps once a frame.
    """
    movie: PreviewWriter | None = None
    last: np.ndarray | None = None
    colour = Colour()
    with shot.open_plate() as plate:
        try:
            for picture in prefetch(plate.iter(frames, on_error="mark")):
                if isinstance(picture, BadFrame):
                    if not picture.skipped:
                        report.failed[picture.frame] = picture.reason
                else:
                    last = draw(picture.frame, detection_picture(picture.rgb, plate, colour))
                    report.done.append(picture.frame)
                if last is not None:
                    if movie is None:
                        movie = PreviewWriter(path, (last.shape[1], last.shape[0]), shot.rate)
                    movie.write(last)
                progress.step()
        except BaseException:
            if movie is not None:
                movie.close(discard=True)
            raise
    if movie is not None:
        movie.close()
