"""Examples whose surroundings are another frame's: what a dub asks of the network.

In a plate a mouth and what is around it belong together: a shout has a long throat
and folded cheeks, so a network that is only shown plates reads the mouth from its
surroundings, and draws a chin that fades away when a shout is asked for where the
plate is silent. In a dub the lines hardly ever belong to the plate around them. So
some examples are put into the surroundings of another frame with its head held
alike and another mouth: the network sees that frame's cheeks and throat, this one's
lines, and has to draw this one's mouth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from relip.mask.coverage import depth
from relip.render.rig import N_INNER, N_OUTER

if TYPE_CHECKING:
    from relip.render.examples import Examples

#: Share of the whole windows whose surroundings are borrowed.
BORROWED = 0.5

#: How differently heads may be held: mean distance of the regions' outlines in the crop (its side
#: is 1) at which a frame is lent a tenth as often as from the very same place (a Gaussian).
ALIKE = 0.03

#: Over how far from the region's edge a borrowed example begins to count (pixels per 256): there
#: the two frames meet, and neither is right.
INWARD = 8.0

#: Most by which the light of the two frames may differ (network encoding).
LIGHT = 0.1


class Lenders:
    """Which frames lend their surroundings to which.

    Parameters
    ----------
    examples : Examples
    share : float
        How often one does.
    """

    def __init__(self, examples: Examples, share: float = BORROWED) -> None:
        self._share = share
        size, count = examples.window.size, len(examples.frames)
        corners = examples.corners[:, None]
        outlines = ((examples.outlines + corners) / size).astype(np.float32)
        lips = (examples.lines[:, : N_OUTER + N_INNER] + corners).astype(np.float32) / size
        self._sums = np.empty((count, count), np.float32)
        for i in range(count):
            apart = np.linalg.norm(outlines - outlines[i], axis=-1).mean(1)
            mouths = np.linalg.norm(lips - lips[i], axis=-1).mean(1)
            chance = mouths * 0.1 ** np.square(apart / ALIKE)
            chance[(apart > 1.5 * ALIKE) | (examples.plates != examples.plates[i])] = 0
            self._sums[i] = np.cumsum(chance)

    def draw(self, index: int, rng: np.random.Generator) -> int | None:
        """A frame for the surroundings of an example; None: its own.

        Frames whose mouth is more different are drawn more often, and none from another plate.
        """
        share, place = rng.random(2)
        sums = self._sums[index]
        if share >= self._share or not sums[-1] > 0:
            return None
        return int(min(np.searchsorted(sums, place * sums[-1], side="right"), len(sums) - 1))


def inward(region: np.ndarray, unit: float) -> np.ndarray:
    """0 at the region's edge, 1 from :data:`INWARD` on ``[shape=(h, w), dtype=float32]``."""
    return depth(region > 0, 0.0, INWARD * unit)


def light_between(lent: np.ndarray, picture: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """By how much the lender's light is another ``[shape=(3,), dtype=float32]``.

    Parameters
    ----------
    lent, picture : np.ndarray [shape=(height, width, 3)]
        The two frames in the network's encoding.
    inside : np.ndarray [shape=(height, width)]
        From :func:`inward`; the ring along the edge is compared.
    """
    ring = (inside > 0) & (inside < 1)
    if not ring.any():
        return np.zeros(3, np.float32)
    apart = np.median(lent[ring] - picture[ring], axis=0)
    return np.clip(apart, -LIGHT, LIGHT).astype(np.float32)
