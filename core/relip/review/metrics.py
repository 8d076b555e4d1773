"""Picture and motion metrics: PSNR, SSIM, sharpness, flicker, LMD, correlation and lag."""

from __future__ import annotations

import cv2
import numpy as np

from relip.track import points

#: Room around the outer lips of the mouth box, as a share of their width and height.
MOUTH_ROOM = (0.15, 0.25)

#: Pixels: what a Gaussian of this sigma takes away from a mouth box is its detail.
DETAIL_SIGMA = 2.0


def mouth_box(landmarks: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
    """The mouth box x0, y0, x1, y1: outer lips plus 15 % at the sides, 25 % above and below."""
    lips = landmarks[list(points.OUTER_LIPS), :2]
    low, high = lips.min(0), lips.max(0)
    room = (high - low) * np.array(MOUTH_ROOM)
    x0, y0 = np.floor(low - room).astype(int)
    x1, y1 = np.ceil(high + room).astype(int)
    return max(int(x0), 0), max(int(y0), 0), min(int(x1), width), min(int(y1), height)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of pictures on a scale of 0 to 1."""
    error = float(np.mean(np.square(a.astype(np.float64) - b.astype(np.float64))))
    return float("inf") if error == 0 else 10 * np.log10(1 / error)


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """SSIM of RGB pictures on a scale of 0 to 1 (scikit-image, 7×7 windows)."""
    from skimage.metrics import structural_similarity

    side = min(7, (min(a.shape[:2]) - 1) | 1)
    return float(structural_similarity(a, b, channel_axis=2, data_range=1.0, win_size=side))


def sharpness(picture: np.ndarray) -> float:
    """RMS of the Laplacian of the luminance: how much fine detail a picture holds."""
    grey = picture.mean(2).astype(np.float32)
    return float(np.sqrt(np.mean(np.square(cv2.Laplacian(grey, cv2.CV_32F)))))


def detail_correlation(a: np.ndarray, b: np.ndarray, sigma: float = DETAIL_SIGMA) -> float:
    """HFncc: Pearson's r of the fine bands of two pictures of one place.

    The fine band is what a Gaussian takes away from the luminance. A sharp
    picture with detail in the wrong place scores about 0, a blurred one what is
    left of the right detail.

    Parameters
    ----------
    a, b : np.ndarray [shape=(height, width, 3)]
    sigma : float
        Of the Gaussian, in pixels.
    """
    fine = []
    for picture in (a, b):
        grey = picture.mean(2).astype(np.float32)
        fine.append((grey - cv2.GaussianBlur(grey, (0, 0), sigma)).ravel())
    return correlation(fine[0], fine[1])


def landmark_distance(a: np.ndarray, b: np.ndarray, face_width: float) -> float:
    """LMD: mean distance of the 40 lip points, as a share of the face width.

    Parameters
    ----------
    a, b : np.ndarray [shape=(478, 2 or 3)]
        In plate pixels.
    face_width : float
        In plate pixels.
    """
    lips = list(points.LIPS)
    return float(np.linalg.norm(a[lips, :2] - b[lips, :2], axis=1).mean() / face_width)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r; 0 when either does not vary."""
    if len(a) < 3 or np.std(a) < 1e-9 or np.std(b) < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def best_lag(driven: np.ndarray, seen: np.ndarray, reach: int = 8) -> tuple[int, float]:
    """Lag in frames at which ``seen`` follows ``driven`` best, and the correlation there.

    Parameters
    ----------
    driven, seen : np.ndarray [shape=(n,)]
    reach : int
        Largest lag tried.

    Returns
    -------
    lag : int
        Positive when ``seen`` comes late.
    r : float
    """
    best = (0, -2.0)
    reach = min(reach, max(len(driven) - 3, 0))
    for lag in sorted(range(-reach, reach + 1), key=abs):
        a = driven[max(0, -lag) : len(driven) - max(0, lag)]
        b = seen[max(0, lag) : len(seen) - max(0, -lag)]
        r = correlation(a, b)
        if r > best[1] + 1e-9:
            best = (lag, r)
    return best


def flicker(pictures: list[np.ndarray], truth: list[np.ndarray]) -> float:
    """Ratio of frame-to-frame change (mean absolute) in the result to that in the truth."""
    made = np.mean([np.abs(b - a).mean() for a, b in zip(pictures, pictures[1:], strict=False)])
    real = np.mean([np.abs(b - a).mean() for a, b in zip(truth, truth[1:], strict=False)])
    return float(made / max(real, 1e-9))
