"""Smooth displacement fields over a sheet of skin that is slit along the mouth.

A thin plate is bent through prescribed displacements. The plate is cut along
the contact line of the lips, so the two lips part without tearing anything
else. The grid is sheared so that the contact line is the straight row
boundary ``v = 0``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Slit:
    """The contact line ``y = c(x)`` between two corners, drawn on smoothly beyond them."""

    centre: float
    half_width: float
    y: float
    rise: float

    def line(self, x: np.ndarray) -> np.ndarray:
        """y of the contact line at ``x``: ``rise`` higher at the corners than at the centre."""
        t2 = ((np.asarray(x, float) - self.centre) / self.half_width) ** 2
        return self.y - 2 * self.rise * t2 / (1 + t2)


@dataclass(frozen=True)
class Pins:
    """Places where displacements are prescribed.

    ``side`` is -1 on the upper lip's edge of the slit, +1 on the lower lip's, 0 elsewhere.
    """

    points: np.ndarray  # (n, 2)
    values: np.ndarray  # (n, m)
    weight: float
    side: int = 0


class SlitSheet:
    """The sheet's grid and its bending energy.

    Parameters
    ----------
    slit : Slit
    left, right : float
        Extent in x.
    above, below : float
        Extent in v, the height relative to the contact line.
    step : float
        Distance of the nodes.
    """

    def __init__(
        self, slit: Slit, left: float, right: float, above: float, below: float, step: float
    ) -> None:
        self.slit, self.step = slit, step
        self.nx = round((right - left) / step) + 1
        self.up = round(above / step)
        self.ny = self.up + round(below / step)
        self.x = left + step * np.arange(self.nx)
        self.v = step * (np.arange(self.ny) - self.up + 0.5)
        self.cut = np.abs(self.x - slit.centre) < slit.half_width

    def solve(self, pins: Sequence[Pins]) -> tuple[np.ndarray, np.ndarray]:
        """Bend the sheet through its pins; its rim stays where it is.

        Returns
        -------
        upper, lower : ndarray, (ny, nx, m)
            The displacement as the upper and as the lower lip continues it across the slit;
            equal outside it.
        """
        from scipy.sparse import coo_matrix
        from scipy.sparse.linalg import splu

        ny, nx = self.ny, self.nx
        index = np.arange(ny * nx).reshape(ny, nx)
        parts: list[tuple[np.ndarray, np.ndarray]] = []  # node indices (r, k), coefficients (k,)

        def add(nodes: list[np.ndarray], coefficients: Sequence[float], keep: np.ndarray) -> None:
            stacked = np.stack(nodes, -1)[keep]
            parts.append((stacked, np.broadcast_to(np.array(coefficients), stacked.shape)))

        every = np.ones((ny, nx), bool)
        add([index[:, :-2], index[:, 1:-1], index[:, 2:]], (1, -2, 1), every[:, 2:])
        crosses = np.zeros((ny - 1, nx), bool)  # vertical edges cut by the slit
        crosses[self.up - 1] = self.cut
        add([index[:-2], index[1:-1], index[2:]], (1, -2, 1), ~(crosses[:-1] | crosses[1:]))
        root2 = np.sqrt(2)
        add(
            [index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]],
            (root2, -root2, -root2, root2),
            ~(crosses[:, :-1] | crosses[:, 1:]),
        )
        add([index[:, :-1], index[:, 1:]], (-0.02, 0.02), every[:, 1:])
        add([index[:-1], index[1:]], (-0.02, 0.02), ~crosses)
        rim = every.copy()
        rim[3:-3, 3:-3] = False
        add([index], (10.0,), rim)

        m = pins[0].values.shape[1]
        blocks = []
        zero_rows = sum(len(p[0]) for p in parts)
        for pin in pins:
            nodes, coefficients = self._interpolation(pin.points, pin.side)
            parts.append((index.reshape(-1)[nodes], coefficients * pin.weight))
            blocks.append(pin.values * pin.weight)
        rows, columns, data, at = [], [], [], 0
        for nodes, coefficients in parts:
            rows.append(np.repeat(at + np.arange(len(nodes)), nodes.shape[1]))
            columns.append(nodes.ravel())
            data.append(np.asarray(coefficients, float).ravel())
            at += len(nodes)
        matrix = coo_matrix(
            (np.concatenate(data), (np.concatenate(rows), np.concatenate(columns))),
            shape=(at, ny * nx),
        ).tocsc()
        right = np.concatenate([np.zeros((zero_rows, m)), *blocks])
        solution = splu((matrix.T @ matrix).tocsc()).solve(matrix.T @ right).reshape(ny, nx, m)
        return self._continued(solution, -1), self._continued(solution, 1)

    def _interpolation(self, points: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Bilinear nodes (n, 4) and weights (n, 4); on a lip, continued from inside it."""
        x = (points[:, 0] - self.x[0]) / self.step
        v = (points[:, 1] - self.slit.line(points[:, 0]) - self.v[0]) / self.step
        j = np.clip(np.floor(x).astype(int), 0, self.nx - 2)
        if side == 0:
            i = np.clip(np.floor(v).astype(int), 0, self.ny - 2)
        else:
            i = np.full(len(points), self.up - 2 if side < 0 else self.up)
        fx, fv = x - j, v - i
        nodes = np.stack([i * self.nx + j, i * self.nx + j + 1, (i + 1) * self.nx + j,
                          (i + 1) * self.nx + j + 1], -1)  # fmt: skip
        weights = np.stack([(1 - fv) * (1 - fx), (1 - fv) * fx, fv * (1 - fx), fv * fx], -1)
        return nodes, weights

    def _continued(self, field: np.ndarray, side: int) -> np.ndarray:
        """Replace the other lip by a membrane stretched from this one's edge."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.linalg import splu

        k = self.up
        reach = 1.6 * self.slit.half_width
        gx = (self.x[None, :] - self.slit.centre) / reach
        gv = self.v[:, None] / reach
        fill = (gx**2 + gv**2 < 1) & ((gv > 0) if side < 0 else (gv < 0))
        # The first row across the slit carries this lip's own slope on, so that interpolation
        # is exact at v = 0; the membrane hangs from it. Beyond the corners that row is true.
        first, near, far = (k, k - 1, k - 2) if side < 0 else (k - 1, k, k + 1)
        known = field.copy()
        known[first, self.cut] = (2 * field[near] - field[far])[self.cut]
        fill[first] = False
        number = np.full(fill.shape, -1)
        number[fill] = np.arange(fill.sum())
        rows, columns, data = [], [], []
        right = np.zeros((int(fill.sum()), field.shape[-1]))
        i, j = np.nonzero(fill)
        for di, dj in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            ni, nj = np.clip(i + di, 0, self.ny - 1), j + dj
            inside = fill[ni, nj]
            rows += [number[i, j], number[i, j][inside]]
            columns += [number[i, j], number[ni, nj][inside]]
            data += [np.ones(len(i)), -np.ones(int(inside.sum()))]
            right[~inside] += known[ni, nj][~inside]
        matrix = coo_matrix(
            (np.concatenate(data), (np.concatenate(rows), np.concatenate(columns)))
        ).tocsc()
        out = known
        out[fill] = splu(matrix).solve(right)
        return out

    def sample(self, field: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Bilinear value (n, m) of a field of :meth:`solve` at points (n, 2)."""
        nodes, weights = self._interpolation(np.asarray(points, float), 0)
        return np.einsum("nk,nkm->nm", weights, field.reshape(-1, field.shape[-1])[nodes])
