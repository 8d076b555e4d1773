"""Similarity transforms in the plane: fit, apply, invert, compose.

A similarity is a float64 array ``[shape=(..., 2, 3)]`` ``[sR | t]`` acting on
column points ``(x, y)``: x right, y down, pixel centres at +0.5.
"""

from __future__ import annotations

import numpy as np


def fit_similarity(source: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None):
    """Least-squares similarity that takes ``source`` to ``target``.

    Parameters
    ----------
    source, target : np.ndarray [shape=(n, 2)]
    weights : np.ndarray [shape=(n,)], optional

    Returns
    -------
    np.ndarray [shape=(2, 3)]

    Notes
    -----
    The closed form of Umeyama (1991) in the plane, written as a complex
    regression: ``b = (a* · z) / (a* · a)`` on centred points.
    """
    w = np.ones(len(source)) if weights is None else np.asarray(weights, float)
    return _matrix(*_regress(_complex(source), _complex(target), w))


def _complex(points: np.ndarray) -> np.ndarray:
    """Points ``[shape=(n, 2)]`` as ``x + iy``."""
    whole: np.ndarray = np.ascontiguousarray(points, float).view(complex)
    return whole[:, 0]


def _regress(a: np.ndarray, z: np.ndarray, weights: np.ndarray) -> tuple[complex, complex]:
    """The ``b`` and ``t`` of ``z = b a + t`` by weighted least squares."""
    w = weights / weights.sum()
    mean_a, mean_z = w @ a, w @ z
    a = a - mean_a
    weighed = w * a.conj()
    b = complex((weighed @ (z - mean_z)) / (weighed @ a).real)
    return b, complex(mean_z - b * mean_a)


def _matrix(b: complex, t: complex) -> np.ndarray:
    return np.array([[b.real, -b.imag, t.real], [b.imag, b.real, t.imag]])


def fit_similarity_robust(source: np.ndarray, target: np.ndarray, *, rounds: int = 6):
    """Similarity by iteratively reweighted least squares with Cauchy weights.

    Parameters
    ----------
    source, target : np.ndarray [shape=(n, 2)]
    rounds : int

    Returns
    -------
    transform : np.ndarray [shape=(2, 3)]
    residual : float
        Median distance left, in the units of ``target``.
    """
    a, z = _complex(source), _complex(target)
    b, t = _regress(a, z, np.ones(len(a)))
    distance = np.abs(b * a + t - z)
    for _ in range(rounds):
        scale = max(1.4826 * median(distance), 1e-6)
        weights = 1.0 / (1.0 + (distance / (2.0 * scale)) ** 2)
        b, t = _regress(a, z, weights)
        distance = np.abs(b * a + t - z)
    return _matrix(b, t), median(distance)


def median(values: np.ndarray) -> float:
    """``np.median`` of a few numbers, which takes longer to check its arguments than to sort."""
    ordered, half = np.sort(values), len(values) // 2
    return float(ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def apply(transform: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Transform points ``[shape=(..., n, 2)]`` by ``[shape=(..., 2, 3)]``."""
    return points @ np.swapaxes(transform[..., :2], -1, -2) + transform[..., None, :, 2]


def invert(transform: np.ndarray) -> np.ndarray:
    """Inverse of affine transforms ``[shape=(..., 2, 3)]``."""
    inverse = np.linalg.inv(transform[..., :2])
    shift = -(inverse @ transform[..., 2:])
    return np.concatenate([inverse, shift], axis=-1)


def compose(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The transform that does ``first``, then ``second``."""
    linear = second[..., :2] @ first[..., :2]
    shift = second[..., :2] @ first[..., 2:] + second[..., 2:]
    return np.concatenate([linear, shift], axis=-1)


def shifted(transform: np.ndarray, x0: int, y0: int) -> np.ndarray:
    """The same map for a window of the source picture whose top-left pixel is (x0, y0) of it."""
    result = transform.copy()
    result[:, 2] += transform[:, :2] @ np.array([x0, y0], float)
    return result


def for_opencv(transform: np.ndarray) -> np.ndarray:
    """The same map for OpenCV, whose pixel centres lie at whole numbers.

    A map on +0.5 coordinates, ``y = A x + t``, becomes
    ``y' = A x' + t + (A − I)·(½, ½)`` on whole-number coordinates.
    """
    half = np.array([0.5, 0.5])
    shift = transform[:, 2] + transform[:, :2] @ half - half
    return np.c_[transform[:, :2], shift]
