"""From one face to another: the tracked mouth of a voice actor as mouth controls.

An actor's mouth is measured against his own face: a rig is fitted to the
recording (:mod:`relip.render.rig`), which takes the head's turning away and
knows the actor's closed lips, full opening, width at rest, narrowest and
widest. The controls say where between those the mouth is. The shot's own rig
turns them into lines of the shot's face, where the same controls mean the
shot's own closed lips and full opening. So neither the two faces' shapes nor
their sizes in the picture matter, nor whether one is mirrored.
"""

from __future__ import annotations

import numpy as np

from relip.render import rig as rig_module
from relip.render.rig import FEATURES, OPENING, THICKNESS, UNIT, UPPER, WIDTH
from relip.speech import MOUTH_CONTROLS
from relip.track import pose
from relip.track.facetrack import FaceTrack

#: Openings this little above the closed lips (face widths) are the tracker's noise.
DEAD = 0.004

#: Pictures without a face are bridged for this long (seconds); longer ones are at rest,
#: which the mouth goes to and leaves in the time given second.
BRIDGE, EASE = 0.3, 0.12


def actor_controls(track: FaceTrack) -> np.ndarray:
    """Mouth controls of a tracked actor, by his own neutral and range.

    Parameters
    ----------
    track : FaceTrack

    Returns
    -------
    np.ndarray [shape=(F, 10)]
        0 to 1, in the order of :data:`relip.speech.MOUTH_CONTROLS`; NaN where
        no face is visible. The jaw's opening, stretch, pucker, the lower
        lip's roll and the upper lip's raise are measured, the rest is 0.
    """
    rig = rig_module.fit(track)
    curves = pose.pose_curves(track)
    lines = rig_module.track_lines(track).reshape(len(track.frames), -1)
    free = lines - curves @ rig.pose_weights
    rest_opening, full, width_rest, narrow, wide, mean_opening = rig.levels
    opening, width = free @ FEATURES[OPENING], free @ FEATURES[WIDTH]
    low = min(rest_opening + DEAD * UNIT, 0.5 * full)
    result = np.zeros((len(lines), len(MOUTH_CONTROLS)))

    def put(name: str, values: np.ndarray) -> None:
        result[:, MOUTH_CONTROLS.index(name)] = np.clip(values, 0, 1)

    put("jawOpen", (opening - low) / (full - low))
    put("mouthStretch", (width - width_rest) / (wide - width_rest))
    put("mouthPucker", (width_rest - width) / (width_rest - narrow))
    # what opening and width do not explain, in units of what the rig does at 1
    wanted = np.stack([opening - mean_opening, width - FEATURES[WIDTH] @ rig.mean], -1)
    left = free - rig.mean - wanted @ rig.gain.T
    for name, feature, moves in (
        ("mouthRollLower", THICKNESS, rig.extra[0]),
        ("mouthUpperUp", UPPER, rig.extra[1]),
    ):
        reach = float(FEATURES[feature] @ moves)
        if abs(reach) > 1e-9:
            put(name, (left @ FEATURES[feature]) / reach)
    result[~track.visible] = np.nan
    return result


def bridged(controls: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Controls with the pictures that show no face filled in.

    Gaps of at most :data:`BRIDGE` seconds are bridged by straight lines; in
    longer ones the mouth goes to rest and comes back.

    Parameters
    ----------
    controls : np.ndarray [shape=(W, C)]
        NaN in the gaps.
    times : np.ndarray [shape=(W,)]
        Seconds, rising.
    """
    seen = np.isfinite(controls[:, 0])
    if not seen.any():
        return np.zeros_like(controls)
    knots, values = list(times[seen]), list(controls[seen])
    rest = np.zeros(controls.shape[1])
    for first, last in pose.visible_runs(~seen):
        before = times[first - 1] if first else times[0] - 2 * EASE
        after = times[last + 1] if last + 1 < len(times) else times[-1] + 2 * EASE
        if after - before > BRIDGE or not first or last + 1 == len(times):
            ease = min(EASE, (after - before) / 2)
            knots += [before + ease, after - ease]
            values += [rest, rest]
    order = np.argsort(knots, kind="stable")
    at, heights = np.array(knots)[order], np.array(values)[order]
    return np.stack(
        [np.interp(times, at, heights[:, i]) for i in range(controls.shape[1])], axis=-1
    )


def resample(
    curves: np.ndarray, times: np.ndarray, span: float, wanted: np.ndarray, period: float
) -> np.ndarray:
    """Curves known at some times, at others; at rest outside the recording.

    Between its points a curve is a straight line. A recording of a higher
    rate is averaged over what it lacks to a frame of the shot's, without
    shift; one of the same or a lower rate is taken as it is.

    Parameters
    ----------
    curves : np.ndarray [shape=(W, C)]
    times : np.ndarray [shape=(W,)]
        Middles of the pictures in seconds, rising.
    span : float
        Time of a picture.
    wanted : np.ndarray [shape=(F,)]
        Middles of the shot's frames, in seconds of the recording.
    period : float
        Time of a frame of the shot.

    Returns
    -------
    np.ndarray [shape=(F, C)]
    """
    width = period - span
    result = np.empty((len(wanted), curves.shape[1]))
    for i in range(curves.shape[1]):
        if width > 1e-6 and len(times) > 1:
            result[:, i] = _mean_over(times, curves[:, i], wanted - width / 2, wanted + width / 2)
        else:
            result[:, i] = np.interp(wanted, times, curves[:, i])
    slack = max(span, period) / 2 + 1e-6
    result[(wanted < times[0] - slack) | (wanted > times[-1] + slack)] = 0.0
    return result


def _mean_over(x: np.ndarray, y: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Means of the piecewise linear curve through (x, y), held at its ends, over intervals."""
    areas = np.concatenate([[0.0], np.cumsum(np.diff(x) * (y[1:] + y[:-1]) / 2)])

    def integral(t: np.ndarray) -> np.ndarray:
        inside = np.clip(t, x[0], x[-1])
        place = np.clip(np.searchsorted(x, inside, side="right") - 1, 0, len(x) - 2)
        height = np.interp(inside, x, y)
        area = areas[place] + (inside - x[place]) * (y[place] + height) / 2
        return area + np.minimum(t - x[0], 0) * y[0] + np.maximum(t - x[-1], 0) * y[-1]

    return (integral(end) - integral(begin)) / (end - begin)
