"""A training watched: a picture of what it draws by now, and the curve of its loss.

Both are written into the model's folder every few seconds, whole or not at
all, so that a viewer that looks at them again and again never sees half a
file. Nothing of the training depends on them.
"""

from __future__ import annotations

import contextlib
import copy
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from relip import records
from relip.errors import OutputError
from relip.render.checkpoint import Moment
from relip.render.examples import Examples, draw_inputs

#: Frames shown, and the height of each in pixels.
COLUMNS, TILE = 6, 160

#: Size of the loss curve in pixels.
PLOT = (720, 300)

PREVIEW, LOSS = "progress.png", "loss.png"


class Monitor:
    """Writes ``progress.png`` and ``loss.png`` while a network is trained.

    Parameters
    ----------
    folder : Path
        The model's.
    examples : Examples
        What it learns from; frames spread over them are shown.
    steps : int
        How long the training is to be.
    every : float
        Seconds between two pictures; 0: none.
    """

    def __init__(self, folder: Path, examples: Examples, steps: int, every: float) -> None:
        self._folder = folder
        self._steps = steps
        self._every = every
        self._last = time.monotonic()
        count = len(examples.frames)
        self._rows = np.unique(np.linspace(0, count - 1, min(COLUMNS, count)).round().astype(int))
        self._examples = examples

    def __call__(self, moment: Moment) -> None:
        """Write the pictures when it is time, and at the end."""
        ended = moment.stopped or moment.step >= self._steps
        if self._every > 0 and (ended or time.monotonic() - self._last >= self._every):
            self.write(moment)
            self._last = time.monotonic()

    def write(self, moment: Moment) -> None:
        """Write the pictures now; a full disk does not stop the training."""
        with contextlib.suppress(OSError, OutputError):
            _write_png(self._folder / PREVIEW, self._drawn(moment))
            _write_png(self._folder / LOSS, loss_picture(moment, self._steps))

    def _drawn(self, moment: Moment) -> np.ndarray:
        """Plate windows above, what the averaged weights draw of them below."""
        network = copy.deepcopy(moment.network)
        network.load_state_dict(moment.average)
        network.eval()
        device = next(network.parameters()).device
        columns = []
        for row in self._rows:
            plate, inputs, region = example_inputs(self._examples, int(row))
            with torch.inference_mode():
                output = network(torch.from_numpy(inputs)[None].to(device))[0].float().cpu().numpy()
            made = output.transpose(1, 2, 0) + self._examples.mean
            made = np.where(region[..., None] > 0, made, plate)
            columns.append(np.concatenate([_tile(plate), _tile(made)]))
        return np.concatenate(columns, axis=1)


def example_inputs(examples: Examples, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An example as it is: its window, the network's input for it, and the region."""
    pad = examples.pad
    height, width = examples.pictures.shape[1:3]
    plate = examples.pictures[row, pad : height - pad, pad : width - pad].astype(np.float32)
    inputs, region = draw_inputs(
        plate, examples.lines[row], examples.outlines[row], examples.window, examples.mean
    )
    return plate, inputs, region


def loss_picture(moment: Moment, steps: int) -> np.ndarray:
    """The loss over the steps on a logarithmic scale, held-out checks as dots; RGB, 8 bits."""
    width, height = PLOT
    picture = np.full((height, width, 3), 24, np.uint8)
    left, right, top, bottom = 60, width - 16, 30, height - 34
    points = [(s, v) for s, v, _ in moment.history if v > 0]
    values = [v for _, v in points] + [v for _, v in moment.checks if v > 0]
    if not values:
        return picture
    low, high = np.log10(min(values)) - 0.02, np.log10(max(values)) + 0.02

    def place(step: float, value: float) -> tuple[int, int]:
        x = left + (right - left) * step / max(steps, 1)
        y = bottom - (bottom - top) * (np.log10(value) - low) / (high - low)
        return round(x), round(float(y))

    grey, write = (120, 120, 120), cv2.FONT_HERSHEY_SIMPLEX
    for share in (0.0, 0.5, 1.0):
        value = 10 ** (low + share * (high - low))
        y = place(0, value)[1]
        cv2.line(picture, (left, y), (right, y), (60, 60, 60), 1)
        cv2.putText(picture, f"{value:.3g}", (6, y + 4), write, 0.4, grey, 1, cv2.LINE_AA)
    for share in (0.0, 0.5, 1.0):
        x = left + round((right - left) * share)
        label = f"{round(share * steps)}"
        cv2.putText(picture, label, (x - 16, height - 12), write, 0.4, grey, 1, cv2.LINE_AA)
    curve = np.array([place(s, v) for s, v in points], np.int32)
    cv2.polylines(picture, [curve], False, (230, 180, 90), 2, cv2.LINE_AA)
    for step, value in moment.checks:
        if value > 0:
            cv2.circle(picture, place(step, value), 3, (120, 200, 240), -1, cv2.LINE_AA)
    title = f"step {moment.step} of {steps}, loss {values[len(points) - 1]:.4f}" if points else ""
    cv2.putText(picture, title, (left, 18), write, 0.45, (210, 210, 210), 1, cv2.LINE_AA)
    return picture


def _tile(window: np.ndarray) -> np.ndarray:
    scale = TILE / window.shape[0]
    size = (round(window.shape[1] * scale), TILE)
    shown = cv2.resize(window.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.rint(255 * np.clip(np.nan_to_num(shown), 0, 1)).astype(np.uint8)


def _write_png(path: Path, picture: np.ndarray) -> None:
    good, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    assert good
    with records.atomic_write(path, "wb") as handle:
        handle.write(data.tobytes())
