"""The shot's network: a small U-Net that draws the lower face from lines."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

#: Input channels: plate with the region taken out (3), the region, four maps.
INPUTS = 8
WIDTHS = (24, 48, 96, 144)


class Block(nn.Module):
    """GroupNorm, SiLU, 3×3 convolution, twice, around a skip."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(8, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.conv1(_silu(self.norm1(x)))
        h = self.conv2(_silu(self.norm2(h)))
        return h + self.skip(x) if torch.is_grad_enabled() else h.add_(self.skip(x))


def _silu(x: torch.Tensor) -> torch.Tensor:
    """SiLU; in its place where nothing is learned, which saves a tenth of the time."""
    return F.silu(x, inplace=not torch.is_grad_enabled())


class UpBlock(Block):
    """A block of a picture and, twice enlarged, of the level below it.

    To learn, the two are put together at the picture's size. Where nothing is learned the level
    below is worked on at its own size, before it is enlarged: each of the four pixels that one
    becomes sees 2 × 2 of its neighbours, so that a 3 × 3 filter is four of 2 × 2. That takes a
    fifth less time for the same picture, to rounding.
    """

    skip: nn.Conv2d
    #: The filters parted, and the weights that they were made of.
    _parted: tuple[object, list[torch.Tensor]] | None = None

    def forward(self, skip: torch.Tensor, low: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """``[shape=(batch, channels, height, width)]`` and half as high and wide."""
        if torch.is_grad_enabled():
            return super().forward(torch.cat([skip, _enlarged(low)], 1))
        outputs = self.conv1.out_channels
        near, far, near_skip, far_skip = self._filters(skip.shape[1])
        fine, coarse = _normed_apart(self.norm1, skip, low)
        h = F.conv2d(fine, near, self.conv1.bias, padding=1)
        phases = F.conv2d(coarse, far, padding=1)
        height, width = low.shape[2:]
        for phase, part in enumerate(phases.split(outputs, 1)):
            row, column = divmod(phase, 2)
            h[:, :, row::2, column::2] += part[:, :, row : row + height, column : column + width]
        h = self.conv2(_silu(self.norm2(h)))
        h.add_(F.conv2d(skip, near_skip, self.skip.bias))
        return h.add_(_enlarged(F.conv2d(low, far_skip)))

    def _filters(self, count: int) -> list[torch.Tensor]:
        """Filters of the ``count`` channels of the picture and of the others, of both
        convolutions; made again when the weights have changed.
        """
        weights = (self.conv1.weight, self.skip.weight)
        made_of = None
        if not any(w.is_inference() for w in weights):  # those do not tell when they change
            made_of = (count, [(w.data_ptr(), w._version) for w in weights])
        kept = self._parted
        if kept is not None and made_of is not None and kept[0] == made_of:
            return kept[1]
        near, far = weights[0][:, :count], _phases(weights[0][:, count:])
        parts = (near, far, weights[1][:, :count], weights[1][:, count:])
        found = [p.contiguous(memory_format=torch.channels_last) for p in parts]
        self._parted = (made_of, found)
        return found


def _enlarged(x: torch.Tensor) -> torch.Tensor:
    """Every pixel twice, across and down."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def _phases(filters: torch.Tensor) -> torch.Tensor:
    """3 × 3 filters of an enlarged picture as 2 × 2 filters of what it was enlarged from.

    Of an even row's three rows the first is another than the two that follow; of an odd one's the
    last is. So with columns.

    Parameters
    ----------
    filters : torch.Tensor [shape=(outputs, inputs, 3, 3)]

    Returns
    -------
    torch.Tensor [shape=(4 * outputs, inputs, 2, 2)]
        For the upper left of the four pixels, the upper right, the lower left, the lower right.
    """

    def halves(x: torch.Tensor, axis: int) -> list[torch.Tensor]:
        a, b, c = x.unbind(axis)
        return [torch.stack([a, b + c], axis), torch.stack([a + b, c], axis)]

    return torch.cat([both for rows in halves(filters, 2) for both in halves(rows, 3)])


def _normed_apart(
    norm: nn.GroupNorm, skip: torch.Tensor, low: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """GroupNorm and SiLU of two pictures, one to be enlarged, as if they were put together.

    Enlarging changes no mean: a group's is that of its channels' means.
    """
    batch, channels = len(skip), norm.num_channels

    def of_groups(*means: torch.Tensor) -> torch.Tensor:
        grouped = torch.cat(means, 1).view(batch, norm.num_groups, -1)
        return grouped.mean(2, keepdim=True).expand_as(grouped).reshape(batch, channels)

    mean = of_groups(*(x.mean((2, 3)) for x in (skip, low)))
    square = of_groups(*((x * x).mean((2, 3)) for x in (skip, low)))
    scale = torch.rsqrt(square - mean * mean + norm.eps) * norm.weight
    shift = (norm.bias - mean * scale)[..., None, None]
    scale = scale[..., None, None]
    count = skip.shape[1]
    return (
        _silu(torch.addcmul(shift[:, :count], skip, scale[:, :count])),
        _silu(torch.addcmul(shift[:, count:], low, scale[:, count:])),
    )


class ShotNet(nn.Module):
    """U-Net on space-to-depth pixels with a zero-initialised output.

    Parameters
    ----------
    fold : int
        Space-to-depth factor: 2 for crops of 256, 4 for 512.
    """

    def __init__(self, fold: int = 2) -> None:
        super().__init__()
        self.fold = fold
        self.stem = nn.Conv2d(INPUTS * fold * fold, WIDTHS[0], 3, padding=1)
        down, up = [], []
        for i, width in enumerate(WIDTHS):
            down.append(Block(WIDTHS[max(i - 1, 0)], width))
        for low, high in zip(WIDTHS[-2::-1], WIDTHS[:0:-1], strict=True):
            up.append(UpBlock(low + high, low))
        self.down = nn.ModuleList(down)
        self.up = nn.ModuleList(up)
        self.norm = nn.GroupNorm(8, WIDTHS[0])
        self.out = nn.Conv2d(WIDTHS[0], 3 * fold * fold, 3, padding=1)
        for zeroed in self.out.parameters():
            nn.init.zeros_(zeroed)

    def placed(self, device: torch.device) -> ShotNet:
        """This network, moved to a device, its filters laid out for channels-last pictures."""
        # the signatures that torch declares for Module.to leave out memory_format
        return self.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Picture inside the region, as a difference from the mean colour.

        Parameters
        ----------
        x : torch.Tensor [shape=(batch, 8, height, width)]
            Height and width are multiples of ``8 × fold``.

        Returns
        -------
        torch.Tensor [shape=(batch, 3, height, width)]
        """
        folded = F.pixel_unshuffle(x, self.fold)
        h = self.stem(folded.contiguous(memory_format=torch.channels_last))
        skips = []
        for i, block in enumerate(self.down):
            if i:
                h = F.avg_pool2d(h, 2)
            h = block(h)
            skips.append(h)
        for block, skip in zip(self.up, skips[-2::-1], strict=True):
            h = block(skip, h)
        h = self.out(_silu(self.norm(h)))
        return F.pixel_shuffle(h, self.fold)
