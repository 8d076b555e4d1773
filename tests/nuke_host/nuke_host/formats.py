"""Nuke's picture formats."""

from __future__ import annotations

from .faults import fault


class Format:
    """A named picture size: width, height, the image area within it, pixel aspect."""

    def __init__(
        self,
        width: int,
        height: int,
        x: int = 0,
        y: int = 0,
        r: int | None = None,
        t: int | None = None,
        pixelAspect: float = 1.0,
    ) -> None:
        self._size = [int(width), int(height)]
        self._area = [x, y, width if r is None else r, height if t is None else t]
        self._aspect = float(pixelAspect)
        self._name = ""

    def width(self) -> int:
        return self._size[0]

    def height(self) -> int:
        return self._size[1]

    def x(self) -> int:
        return self._area[0]

    def y(self) -> int:
        return self._area[1]

    def r(self) -> int:
        return self._area[2]

    def t(self) -> int:
        return self._area[3]

    def pixelAspect(self) -> float:
        return self._aspect

    def name(self) -> str:
        return self._name

    def setName(self, name: str) -> None:
        self._name = name

    def add(self, name: str) -> None:
        from .state import host

        self._name = name
        host().formats[name] = self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Format):
            return NotImplemented
        return (self._size, self._area, self._aspect) == (other._size, other._area, other._aspect)

    def __hash__(self) -> int:
        return hash((*self._size, *self._area, self._aspect))

    def _to_text(self) -> str:
        numbers = [*self._size, *self._area, self._aspect]
        return " ".join([*(f"{n:g}" for n in numbers), self._name]).strip()

    @property
    def _key(self) -> tuple[int, int, float]:
        return (self._size[0], self._size[1], self._aspect)


def from_text(text: str) -> Format:
    """A format from ``"w h [x y r t] aspect [name]"``.

    Raises
    ------
    HostFault
        If the text is none.
    """
    parts = text.split()
    numbers = []
    for part in parts:
        try:
            numbers.append(float(part))
        except ValueError:
            break
    name = " ".join(parts[len(numbers) :])
    if len(numbers) == 2:
        numbers.append(1.0)
    if len(numbers) == 3:
        made = Format(int(numbers[0]), int(numbers[1]), pixelAspect=numbers[2])
    elif len(numbers) == 7:
        w, h, x, y, r, t = (int(n) for n in numbers[:6])
        made = Format(w, h, x, y, r, t, numbers[6])
    else:
        fault(f"{text!r} is no format")
    if made.width() < 1 or made.height() < 1:
        fault(f"{text!r} is no format")
    made._name = name
    return made


def builtin() -> dict[str, Format]:
    """The formats a new script knows."""
    known = {}
    for text in (
        "640 480 0 0 640 480 1 PC_Video",
        "1280 720 0 0 1280 720 1 HD_720",
        "1920 1080 0 0 1920 1080 1 HD_1080",
        "3840 2160 0 0 3840 2160 1 UHD_4K",
        "2048 1556 0 0 2048 1556 1 2K_Super_35(full-ap)",
        "2048 1080 0 0 2048 1080 1 2K_DCP",
        "4096 2160 0 0 4096 2160 1 4K_DCP",
        "256 256 0 0 256 256 1 square_256",
        "512 512 0 0 512 512 1 square_512",
        "1024 1024 0 0 1024 1024 1 square_1K",
        "2048 2048 0 0 2048 2048 1 square_2K",
    ):
        made = from_text(text)
        known[made.name()] = made
    return known
