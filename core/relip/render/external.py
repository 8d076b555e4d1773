"""A renderer of others', put in the place of the shot's own network.

It sees a square of the stabilised face, display encoded, and gives that square
back. The region of its picture goes through the same match, grain and matte
as what the shot's own network draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from relip.errors import ModelError
from relip.mask.coverage import fill
from relip.plate import Picture, default_colour
from relip.plate.colour import DISPLAY_NAMES
from relip.render import canonical
from relip.render import match as matching
from relip.render.canonical import Window
from relip.render.encoding import Encoding
from relip.render.generate import Drawn, cut_frame
from relip.render.renderers import Crop, Renderer, View, others_code
from relip.render.rig import UNIT
from relip.track import geometry

#: Eye corners: their middle is where a :class:`Crop` is measured from.
_EYES = (33, 133, 362, 263)


@dataclass(frozen=True)
class ExternalDrawer:
    """Draws frames by a renderer of others'.

    Attributes
    ----------
    name : str
        The renderer's, for messages.
    renderer : Renderer
        Prepared.
    window : Window
        Of the shot's region.
    encoding : Encoding
        Display encoded, as the renderer sees it.
    to_square : np.ndarray [shape=(2, 3)]
        Crop units to the renderer's pixels.
    """

    name: str
    renderer: Renderer
    window: Window
    encoding: Encoding
    to_square: np.ndarray

    @classmethod
    def of(
        cls, name: str, renderer: Renderer, window: Window, shape: np.ndarray, colourspace: str
    ) -> ExternalDrawer:
        """Made for a shot whose mean face is ``shape`` ``[shape=(478, 2)]`` in crop units."""
        colour = default_colour()
        display = colourspace
        if not colour.is_display_encoded(colourspace):
            display = colour.find(*DISPLAY_NAMES) or colourspace
        encoding = Encoding(colourspace, display, 0.0, 1.0)
        return cls(name, renderer, window, encoding, square_of(renderer.crop, shape))

    def draw(
        self,
        frame: int,
        rgb: Picture | np.ndarray,
        transform: np.ndarray,
        outline: np.ndarray,
        landmarks: np.ndarray,
    ) -> Drawn | None:
        """Draw one frame; parameters as :func:`relip.render.generate.draw_frame` has them.

        Parameters
        ----------
        landmarks : np.ndarray [shape=(478, 3)]
            In plate pixels.

        Returns
        -------
        Drawn or None
            None when the region lies outside the picture.

        Raises
        ------
        ModelError
            If the renderer fails, or gives no picture of its square.
        """
        plate_picture = Picture.of(rgb)
        cut = cut_frame(self.window, self.encoding, plate_picture, transform, outline)
        if cut is None:
            return None
        window = cut.window
        size = self.renderer.crop.size
        square = Window(size, size, size)
        to_square = geometry.compose(self.to_square, transform)
        down, across = plate_picture.shape
        x0, y0, x1, y1 = canonical.plate_rect(to_square, square, across, down, 16)
        piece = self.encoding.encode(plate_picture.cut(x0, y0, x1, y1))
        seen = canonical.cut_out(piece, geometry.shifted(to_square, x0, y0), square)
        view = View(frame, np.clip(seen, 0, 1), geometry.apply(to_square, landmarks[:, :2]))
        made = self._drawn(view)
        # the renderer's square into the window, the plate where it does not reach
        move = geometry.compose(cut.to_window, geometry.invert(to_square))
        where = (window.width, window.height)
        matrix = geometry.for_opencv(move)
        picture = cv2.warpAffine(
            made,
            matrix,
            where,
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        inside = cv2.warpAffine(np.ones((size, size), np.float32), matrix, where)
        edge = window.to_pixels(outline)
        region = (fill(edge, where) > 0).astype(np.float32) * (inside > 0.99)
        # the ring is compared with the plate as coarse as the renderer's own picture
        match = matching.fit(picture, cut.crop, region, window.size)
        match = matching.Match(match.colour, 0.0)
        return Drawn(cut, picture, region, match, edge)

    def _drawn(self, view: View) -> np.ndarray:
        failed = f"the renderer {self.name!r} failed in frame {view.frame}"
        with others_code(failed):
            made = np.ascontiguousarray(self.renderer.draw(view), np.float32)
        if made.shape != view.picture.shape or not np.isfinite(made).all():
            raise ModelError(
                f"{failed}: it gave {made.shape} where a picture of {view.picture.shape} is "
                "wanted, or values that are not numbers",
                mend="mend the plug-in",
            )
        return made


def square_of(crop: Crop, shape: np.ndarray) -> np.ndarray:
    """Crop units to the pixels of a renderer's square ``[shape=(2, 3)]``."""
    eyes = shape[list(_EYES)].mean(0)
    centre = eyes + UNIT * np.array(crop.centre)
    scale = crop.size / (crop.width * UNIT)
    shift = crop.size / 2 - scale * centre
    return np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
