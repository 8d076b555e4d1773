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
            up.append(Block(low + high, low))
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
        h = self.stem(F.pixel_unshuffle(x, self.fold))
        skips = []
        for i, block in enumerate(self.down):
            if i:
                h = F.avg_pool2d(h, 2)
            h = block(h)
            skips.append(h)
        for block, skip in zip(self.up, skips[-2::-1], strict=True):
            h = block(torch.cat([skip, F.interpolate(h, scale_factor=2.0, mode="nearest")], 1))
        h = self.out(_silu(self.norm(h)))
        return F.pixel_shuffle(h, self.fold)
