"""The edge of what stands before the face, in the plate's own pixels.

An occluder is found in the crop at 128 (:mod:`relip.mask.occlusion`); here its
alpha is found around that, as the mixture of its colour and the face's.
"""

from __future__ import annotations

import cv2
import numpy as np

from relip.mask.channels import squared, total
from relip.mask.coverage import disc
from relip.mask.crop import SMALL
from relip.mask.lines import Lines, along
from relip.mask.parsing import OVAL
from relip.track import geometry, points

#: Half the width of the band in which an edge is looked for (pixels of 128).
_BAND = 1.8

#: Difference of occluder and face (display-encoded) at which the band's colours count half.
_ALIKE = 0.09

#: Distance of a colour from all mixtures of occluder and face at which the band's colours count
#: half, outside and inside of what was found: lips beside a microphone are no mixture, nor is the
#: dark rim of its stick.
_UNMIXED, _UNMIXED_INSIDE = 0.07, 0.16

#: Distance of a colour from the face's from which it is surely the occluder's; half the width of
#: what may be seen through, like strands of hair (pixels of 128).
_UNLIKE, _THIN = 0.25, 10

#: Power of a pixel's distance from the face, against the largest beside it, by which it counts for
#: the occluder's colour.
_PUREST = 4

#: Standard deviation of the softening of alpha (pixels of 128), and the values that become 0 and 1:
#: of what is thin, and of what is half as broad as this (pixels of 128), whose edge is rather found
#: too far inside.
_SOFT = 0.2
_FINE_ENDS, _BROAD_ENDS, _STOUT = (0.2, 0.85), (0.08, 0.82), 4

#: Half the width of what is followed as a line, and room around what is broader (pixels of 128);
#: how much of it there must be (such pixels).
_SLIM, _AROUND, _LEAST = 6, 3, 18

#: Core pixels that a line shares with what was found, in squares of half its width and as a share
#: of its own (a dark collar joins lines that are none), and the share of its pixels that are core.
_BEGUN, _BEGUN_SHARE, _CORES = 0.3, 0.1, 0.3

#: Standard deviation in pixels that a wide blur keeps when it is made of fewer.
_FINE = 2.5

#: Room around the inner lips, whose line is dark too (pixels of 256); the jaw's corners.
_LIPS = 2.0
_CORNERS = (172, 397)


def refine(cover: np.ndarray, picture: np.ndarray, to_crop: np.ndarray) -> np.ndarray:
    """The occluder's alpha in a window of the plate.

    In a band around the edge that was found, alpha is the share of the
    occluder's colour in each pixel, between the colours of what is surely
    occluder and surely face beside it (Smith and Blinn 1996 with both colours
    known; the colours are local means). Where the two look alike, and where a
    pixel is no mixture of them, the edge that was found stays. Between strands
    of hair the face is seen as beside them: what was found as one is opened
    where its pixels are the face's.

    Parameters
    ----------
    cover : np.ndarray [shape=(128, 128), dtype=float32]
        From :func:`relip.mask.occlusion.find`.
    picture : np.ndarray [shape=(height, width, 3), dtype=uint8]
        The window, display-encoded.
    to_crop : np.ndarray [shape=(2, 3)]
        Pixels of the window to crop units.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=float32]
        0 to 1.
    """
    height, width = picture.shape[:2]
    small = to_crop * SMALL
    result = np.zeros((height, width), np.float32)
    inside = (_placed(cover, small, (width, height)) > 0).astype(np.uint8)
    x, y, across, down = cv2.boundingRect(inside)
    if not across:
        return result
    pixel = 1.0 / float(np.hypot(small[0, 0], small[1, 0]))  # a pixel of the crop in the plate
    sigma = 2.2 * _BAND * pixel
    room = int(np.ceil(5 * sigma))  # the band, and what the means in it see
    x0, y0 = max(x - room, 0), max(y - room, 0)
    part = np.s_[y0 : y + down + room, x0 : x + across + room]
    small = geometry.shifted(small, x0, y0)
    result[part] = _edge(cover, picture[part], inside[part], small, pixel, sigma)
    return result


def _edge(
    cover: np.ndarray,
    picture: np.ndarray,
    inside: np.ndarray,
    small: np.ndarray,
    pixel: float,
    sigma: float,
) -> np.ndarray:
    """Alpha in a window, given what is ``inside`` and how wide the local means are."""
    height, width = picture.shape[:2]
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    outside = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    signed = np.where(inside > 0, depth, -outside) / pixel
    soft = np.clip(0.5 + signed / 1.5, 0, 1)
    surely, hardly = signed > _BAND * 0.7, signed < -_BAND
    values = picture.astype(np.float32) / np.float32(255)
    # a strand of hair has no inside so deep: its middle shows its colour
    side = 2 * max(round(_BAND * pixel), 1) + 1
    deepest = cv2.dilate(signed.astype(np.float32), np.ones((side, side), np.uint8))
    middle = (signed > 0) & (signed > 0.7 * np.minimum(deepest, _BAND))
    back, weight_b = _local_mean(values, hardly, sigma)
    apart = squared(values - back)
    # and of a strand of two pixels even the middle is mixed: the least mixed pixels speak
    purest = cv2.dilate(apart * middle, np.ones((side, side), np.uint8))
    pure = np.clip(apart / np.maximum(purest, 1e-6), 0, 1) ** _PUREST
    weight = middle * pure * np.clip(apart / _UNLIKE**2, 0.02, 1)
    front, weight_f = _local_mean(values, weight, sigma)
    between = front - back
    size = squared(between)
    share = total((values - back) * between) / np.maximum(size, 1e-6)
    trust = size / (size + _ALIKE**2) * (np.minimum(weight_f, weight_b) > 0.01)
    share = np.clip(share, 0, 1)
    unmixed = squared(values - back - share[..., None] * between)
    usual = np.where(signed < 0, np.float32(_UNMIXED**2), np.float32(_UNMIXED_INSIDE**2))
    trust /= 1 + np.square(unmixed / usual)
    alpha = trust * share + (1 - trust) * soft
    # between strands and beside a cable the face is seen as it is beside them
    wide = cv2.morphologyEx((cover > 0).astype(np.float32), cv2.MORPH_OPEN, disc(_THIN))
    through = (apart < (0.35**2) * size) & (size > _UNLIKE**2) & (weight_b > 0.01)
    through &= _placed(wide, small, (width, height)) < 0.5
    alpha = np.where(surely & ~through, 1, np.where(hardly, 0, alpha)).astype(np.float32)
    alpha = cv2.GaussianBlur(alpha, (0, 0), max(_SOFT * pixel, 0.3))
    there = (cover > 0).astype(np.uint8)
    broad = cv2.dilate(cv2.morphologyEx(there, cv2.MORPH_OPEN, disc(_STOUT)), disc(_AROUND))
    broad = _placed(broad.astype(np.float32), small, (width, height))
    low, high = (
        own + broad * (other - own) for own, other in zip(_FINE_ENDS, _BROAD_ENDS, strict=True)
    )
    return np.clip((alpha - low) / (high - low), 0, 1).astype(np.float32)


def continued(
    found: np.ndarray,
    picture: np.ndarray,
    to_crop: np.ndarray,
    face: np.ndarray,
    posed: np.ndarray,
    held: np.ndarray | None = None,
) -> np.ndarray:
    """An occluder's alpha with its thin parts followed to where they end.

    The lower end of a strand or of a microphone's stick, before lips or a
    shaded neck, may be too like these to be found; in the plate it is a dark
    line that goes on, the way it came: the mouth's corner, a fold or the jaw's
    shadow that it crosses run another way.

    Parameters
    ----------
    found : np.ndarray [shape=(height, width), dtype=float32]
        From :func:`refine`.
    picture, to_crop
        As for :func:`refine`.
    face, posed : np.ndarray [shape=(478, 2)]
        Landmarks in crop units, as found and as the head's pose alone has them.
    held : np.ndarray [shape=(256, 256), dtype=float32] or None
        Hair beside the face, which is no occluder's; see :func:`relip.mask.rim.held`.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=float32]
    """
    height, width = found.shape
    small = to_crop * SMALL
    pixel = 1.0 / float(np.hypot(small[0, 0], small[1, 0]))
    # strands that hang close together are one in the crop, and are told apart in the plate
    there = (found > 0.5).astype(np.uint8)
    broad = cv2.morphologyEx(there, cv2.MORPH_OPEN, disc(max(round(_SLIM * pixel), 1)))
    broad = cv2.dilate(broad, disc(max(round(_AROUND * pixel), 1)))
    where = (broad == 0) & _before(posed, to_crop, (width, height))
    if held is not None:
        where &= _placed(held, to_crop * len(held), (width, height)) < 0.5
    seen = where & (there > 0)
    if np.count_nonzero(seen) < _LEAST * pixel**2:
        return found
    lines = Lines.of(picture, where & along(picture, seen, pixel / 2), pixel / 2)
    if lines is None:
        return found
    begun = lines.holding(seen & lines.core)
    keep = (begun >= _BEGUN * lines.half**2) & (begun >= _BEGUN_SHARE * lines.size)
    share = lines.share(keep & (lines.cores >= _CORES * lines.size))
    if share is None:
        return found
    mouth = _filled(face, points.INNER_LIPS, to_crop, (width, height))
    mouth = cv2.dilate(mouth, disc(max(round(_LIPS * pixel / 2), 1)))
    result: np.ndarray = np.maximum(found, np.where(mouth > 0, 0, share))
    return result


def _before(face: np.ndarray, to_crop: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The face, and below it what lies between the jaw's corners: beside it hair is no occluder."""
    oval = _filled(face, OVAL, to_crop, size)
    left, right = geometry.apply(geometry.invert(to_crop), face[list(_CORNERS)])
    down = np.array([-(right - left)[1], (right - left)[0]])
    below = np.round([left, right, right + down, left + down]).astype(np.int32)
    return cv2.fillConvexPoly(oval, below, 1) > 0


def _filled(
    face: np.ndarray, line: tuple[int, ...], to_crop: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """What a closed line of landmarks encloses in a window of the plate, 0 and 1."""
    outline = geometry.apply(geometry.invert(to_crop), face[list(line), :2])
    canvas = np.zeros(size[::-1], np.uint8)
    return cv2.fillPoly(canvas, [np.round(outline).astype(np.int32)], 1)


def _placed(picture: np.ndarray, to_small: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture of the crop at 128 in a window of the plate."""
    placed: np.ndarray = cv2.warpAffine(
        picture,
        geometry.for_opencv(geometry.invert(to_small)),
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return placed


def _local_mean(
    values: np.ndarray, weight: np.ndarray, sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means around every pixel, and the weight that they have.

    So wide a blur is made of fewer pixels: what it leaves is smooth.
    """
    height, width = weight.shape
    weight = weight.astype(np.float32)
    fewer = max(int(sigma / _FINE), 1)
    size = (-(-width // fewer), -(-height // fewer))
    weighed = cv2.merge([*cv2.split(values * weight[..., None]), weight])
    small = cv2.resize(weighed, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / fewer)
    around = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    there = np.ascontiguousarray(around[..., 3])
    return around[..., :3] / np.maximum(there, 1e-4)[..., None], there
