"""Metrics of the patch's surface: grain, seam, colour at the edge, steadiness along the flow."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

#: Side of the blocks that grain is compared in, pixels.
BLOCK = 16

#: Share of the blocks, the smoothest of the plate, that count: edges are no grain.
SMOOTH = 0.5

#: Width of the ring on either side of the matte's edge, pixels per 256 of the crop.
RING = 6


def grain_power_ratio(picture: np.ndarray, plate: np.ndarray, mask: np.ndarray) -> float:
    """Power of the result's top octave over the plate's, on smooth skin.

    The top octave is what a 3 × 3 binomial takes away. Blocks of 16 × 16 that
    lie in the mask are compared, the half of them that is smoothest in the
    plate (by its middle frequencies); the ratio is that of their median powers.

    Parameters
    ----------
    picture, plate : np.ndarray [shape=(height, width, 3)]
        Display encoded, 0 to 1.
    mask : np.ndarray [shape=(height, width)]
        Where to look: 1 where the matte is whole and no mouth is.

    Returns
    -------
    float
        NaN when fewer than four blocks fit.
    """
    made, there = _top(picture), _top(plate)
    middle = cv2.GaussianBlur(plate.mean(2), (0, 0), 1.5) - cv2.GaussianBlur(
        plate.mean(2), (0, 0), 5.0
    )
    blocks = [
        (slice(y, y + BLOCK), slice(x, x + BLOCK))
        for y in range(0, mask.shape[0] - BLOCK + 1, BLOCK // 2)
        for x in range(0, mask.shape[1] - BLOCK + 1, BLOCK // 2)
        if mask[y : y + BLOCK, x : x + BLOCK].min() > 0.99
    ]
    if len(blocks) < 4:
        return float("nan")
    texture = [float(np.mean(np.square(middle[b]))) for b in blocks]
    chosen = [blocks[i] for i in np.argsort(texture)[: max(int(SMOOTH * len(blocks)), 4)]]
    power = [
        float(np.median([np.mean(np.square(band[b])) for b in chosen])) for band in (made, there)
    ]
    return power[0] / max(power[1], 1e-12)


def _top(picture: np.ndarray) -> np.ndarray:
    kernel = np.array([0.25, 0.5, 0.25], np.float32)
    grey = picture.astype(np.float32).mean(2)
    return grey - cv2.sepFilter2D(grey, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)


def seam_gradient_ratio(picture: np.ndarray, plate: np.ndarray, matte: np.ndarray) -> float:
    """Gradient across the matte's edge in the result over the plate's.

    The gradient is taken of the luminance, blurred a little so that grain
    does not count, where the matte passes from 0 to 1, in the direction in
    which it rises: a seam is a step along that direction and no other.

    Parameters
    ----------
    picture, plate : np.ndarray [shape=(height, width, 3)]
        Display encoded, 0 to 1.
    matte : np.ndarray [shape=(height, width)]

    Returns
    -------
    float
        1 where the result is as smooth there as the plate; NaN without an edge.
    """
    edge = (matte > 0.02) & (matte < 0.98)
    if edge.sum() < 16:
        return float("nan")
    soft = cv2.GaussianBlur(matte.astype(np.float32), (0, 0), 2.0)
    mx, my = _gradient(soft)
    length = np.maximum(np.hypot(mx, my), 1e-6)
    across = []
    for shown in (picture, plate):
        gx, gy = _gradient(cv2.GaussianBlur(shown.astype(np.float32).mean(2), (0, 0), 1.2))
        across.append(float(np.mean(np.abs((gx * mx + gy * my) / length)[edge])))
    return across[0] / max(across[1], 1e-6)


def _gradient(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    gx = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3) / 8
    return gx, cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3) / 8


def ring_colour_drift(
    picture: np.ndarray,
    plate: np.ndarray,
    matte: np.ndarray,
    width: int = RING,
    *,
    where: np.ndarray | None = None,
) -> float:
    """Colour difference of the patch to its plate just inside its edge, in CIEDE2000.

    Both are averaged over the ring where the matte is nearly whole but its
    edge near, in eight sectors around its middle, so that a tint of one
    cheek is not hidden by the other's; the mean of the sectors' differences.

    Parameters
    ----------
    picture, plate : np.ndarray [shape=(height, width, 3)]
        sRGB, 0 to 1.
    matte : np.ndarray [shape=(height, width)]
    width : int
        Of the ring in pixels.
    where : np.ndarray [shape=(height, width), dtype=bool], optional
        Skin that shows the same in both: not the chin where a jaw moved.

    Returns
    -------
    float
        NaN without a ring.
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    whole = (matte > 0.5).astype(np.uint8)
    inner = cv2.erode(whole, np.ones((2 * width + 1, 2 * width + 1), np.uint8), borderValue=1)
    ring = (whole > 0) & (inner == 0)
    ys, xs = np.nonzero(ring if where is None else ring & where)
    if len(ys) < 16:
        return float("nan")
    angle = np.arctan2(ys - ys.mean(), xs - xs.mean())
    sector = np.minimum(((angle + np.pi) / (2 * np.pi) * 8).astype(int), 7)
    apart = []
    for s in range(8):
        at = ys[sector == s], xs[sector == s]
        if len(at[0]) < 4:
            continue
        # medians: a hair or the collar in one of them is no drift
        a, b = (
            rgb2lab(np.median(np.clip(p[at], 0, 1), axis=0)[None, None]) for p in (picture, plate)
        )
        apart.append(float(deltaE_ciede2000(a, b)[0, 0]))
    return float(np.mean(apart))


def warping_errors(pictures: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> list[float]:
    """How far each picture is from the one before it, carried along by the optical flow.

    Lai et al. 2018: the mean squared difference over pixels that the flow
    (here Farnebäck's) finds there and back.

    Parameters
    ----------
    pictures : sequence of np.ndarray [shape=(height, width, 3)]
        Consecutive frames, 0 to 1.
    masks : sequence of np.ndarray [shape=(height, width)]
        Where to look in each.

    Returns
    -------
    list of float
        One number per pair.
    """
    greys = [np.rint(255 * np.clip(p.mean(2), 0, 1)).astype(np.uint8) for p in pictures]
    errors = []
    for i in range(1, len(pictures)):
        back = _flow(greys[i], greys[i - 1])
        forth = _flow(greys[i - 1], greys[i])
        before = _carried(pictures[i - 1].astype(np.float32), back)
        returned = back + _carried(forth, back)
        good = (masks[i] > 0.5) & (np.hypot(returned[..., 0], returned[..., 1]) < 1.0)
        if good.sum() >= 16:
            errors.append(float(np.mean(np.square(pictures[i] - before)[good])))
    return errors


def warping_error_ratio(
    pictures: Sequence[np.ndarray], plates: Sequence[np.ndarray], masks: Sequence[np.ndarray]
) -> float:
    """The result's warping error over the plate's: 1 is as steady as the plate; NaN for a still."""
    made, there = warping_errors(pictures, masks), warping_errors(plates, masks)
    if not made or not there or np.mean(there) == 0:
        return float("nan")
    return float(np.mean(made) / np.mean(there))


def _flow(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 3, 15, 3, 5, 1.2, 0)


def _carried(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    ys, xs = np.mgrid[0 : flow.shape[0], 0 : flow.shape[1]].astype(np.float32)
    return cv2.remap(
        picture, xs + flow[..., 0], ys + flow[..., 1], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
