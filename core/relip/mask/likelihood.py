"""How likely a pixel's colour is as an occluder's, and as what the shot shows there without one."""

from __future__ import annotations

import cv2
import numpy as np

from relip.mask import parsing
from relip.mask.parsing import BINS, COLOURS, Palette

#: Share of an occluder's colours that its seed may not show; of the face's that the model may not
#: know, in the face, beside it, and in the mouth.
_UNSEEN, _DOUBT, _DOUBT_BESIDE, _DOUBT_MOUTH = 0.05, 0.05, 0.8, 0.999

#: Where the mouth opens and beside the face, colours that these classes show there so often
#: (against any colour) count so much more as theirs.
_AROUND = [parsing.MOUTH, parsing.HAIR, parsing.BACKGROUND]
_COMMON, _PREFER = 2.0, 1.5

#: Share of a frame's own colours where the shot's are known.
_OWN = 0.7

#: Standard deviation of an occluder's colours over neighbouring bins, in bins; the bins it takes.
_BLUR, _BLUR_SIDE = 0.8, 7

#: How far a class may lie from where the mesh has it (pixels of 128), how often it does, and how
#: often any class may be anywhere; what every colour has beside the classes' own.
_ASIDE, _OFTEN, _ANYWHERE, _ANY = 4.0, 0.3, 0.002, 0.02


def _spread_over(count: int) -> np.ndarray:
    """Spreads colours over neighbouring bins of lightness, their ends repeated."""
    reach = _BLUR_SIDE // 2
    kernel = cv2.getGaussianKernel(_BLUR_SIDE, _BLUR)[:, 0]
    result = np.zeros((count, count))
    for row in range(count):
        np.add.at(
            result[row], np.clip(np.arange(row - reach, row + reach + 1), 0, count - 1), kernel
        )
    return result.astype(np.float32)


_SPREAD_LIGHT = _spread_over(BINS[0])


def _usual(palette: Palette, where: parsing.Places, bins: np.ndarray) -> np.ndarray:
    """How often each class shows each pixel's colour there ``[shape=(6, 128, 128)]``.

    1 is as often as if all colours were alike. The mesh that says where each
    class is may lie some pixels off.
    """
    size, half = bins.shape[::-1], (bins.shape[1] // 2, bins.shape[0] // 2)
    place, wide = [], []
    for each in where.whole():
        place.append(cv2.resize(each, size, interpolation=cv2.INTER_AREA))
        small = cv2.resize(place[-1], half, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), _ASIDE / 2)
        wide.append(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR))
    chance = (1 - _OFTEN) * np.stack(place) + _OFTEN * np.stack(wide) + np.float32(_ANYWHERE)
    chance /= chance.sum(0)
    result: np.ndarray = chance * np.take(palette.densities, bins, axis=1)
    return result


def as_face(
    expected: np.ndarray,
    palette: Palette,
    where: parsing.Places,
    bins: np.ndarray,
    *,
    telling: np.ndarray,
    mouth: np.ndarray,
    inside: np.ndarray,
) -> np.ndarray:
    """Log-likelihood of each pixel's colour without any occluder ``[shape=(128, 128)]``.

    Parameters
    ----------
    expected : np.ndarray [shape=(128, 128)]
        As the model has it, see :meth:`relip.mask.sight.Suspicion.likelihood`.
    palette : Palette
    where : Places
    bins : np.ndarray [shape=(128, 128)]
        Colours.
    telling, mouth, inside : np.ndarray [shape=(128, 128), dtype=bool]
        The face without its lips, the open mouth, and the face.
    """
    doubt = np.where(telling, _DOUBT, _DOUBT_BESIDE).astype(np.float32)
    doubt[mouth] = _DOUBT_MOUTH
    shown = _usual(palette, where, bins)
    usual = shown.sum(0) + np.float32(_ANY)
    behind: np.ndarray = cv2.log(cv2.exp(expected) * (1 - doubt) + usual * doubt)
    # a microphone as dark as the mouth and the hair must not annex them
    theirs = palette.densities[_AROUND].max(0) > 2 * palette.flesh
    home = (shown[_AROUND].sum(0) > _COMMON) & theirs[bins]
    behind[home & (mouth | ~inside)] += _PREFER
    return behind


def as_occluder(bins: np.ndarray, shown: np.ndarray, colours: np.ndarray | None) -> np.ndarray:
    """Log-likelihood of each pixel's colour as the occluder's.

    Its colours are those of the pixels ``shown``, and in part the shot's.
    """
    counts = np.bincount(bins[shown], minlength=COLOURS).astype(np.float32)
    share = counts / max(float(counts.sum()), 1.0)
    if colours is not None:
        own = _OWN if shown.any() else 0.0
        share = own * share + (1 - own) * colours / colours.sum()
    density = np.take(frequency(share), bins)
    return cv2.log(np.float32(1 - _UNSEEN) * density + np.float32(_UNSEEN))


def frequency(counts: np.ndarray) -> np.ndarray:
    """How often colours are seen, from their counts; 1 is as often as if all were alike."""
    cube = counts.reshape(BINS[0], -1) * np.float32(COLOURS / max(float(counts.sum()), 1e-6))
    # over lightness, then over both differences, each lightness a channel
    planes = np.ascontiguousarray((_SPREAD_LIGHT @ cube).T).reshape(BINS[1], BINS[2], BINS[0])
    blurred = cv2.GaussianBlur(
        planes, (_BLUR_SIDE, _BLUR_SIDE), _BLUR, borderType=cv2.BORDER_REPLICATE
    )
    return np.ascontiguousarray(blurred.reshape(-1, BINS[0]).T).reshape(-1)
