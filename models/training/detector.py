"""The network that finds plates: every eight pixels, whether a plate's middle is there, and where its corners are."""

import torch
from torch import Tensor, nn

STRIDE = 8
"""Pixels between two cells."""
UNIT = 4.0
"""Corners are told in so many cells."""


def _conv(into: int, out: int, size: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(into, out, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(out), nn.ReLU()
    )


class _Block(nn.Module):
    """Depthwise and pointwise, added to what came in."""

    def __init__(self, channels: int, size: int = 5) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            nn.Conv2d(channels, channels, size, padding=size // 2, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, 2 * channels, 1, bias=False),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            nn.Conv2d(2 * channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.steps(x))


class Detector(nn.Module):
    """Scene (batch, 3, height, width), 0 to 1, sides multiples of 32 → heat (batch, 1, height/8, width/8), logits, and
    corners (batch, 8, height/8, width/8): x and y of each from the cell's middle, in four cells, the upper left first.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        near, middle, far = 3 * width, 5 * width, 7 * width
        self.eighth = nn.Sequential(
            _conv(3, width, stride=2), _conv(width, 2 * width, stride=2), _conv(2 * width, near, stride=2), _Block(near)
        )
        self.sixteenth = nn.Sequential(_conv(near, middle, stride=2), _Block(middle), _Block(middle))
        self.thirty_second = nn.Sequential(_conv(middle, far, stride=2), _Block(far), _Block(far))
        self.down = nn.Conv2d(far, middle, 1)
        self.across = nn.Conv2d(middle, near, 1)
        self.mix = _conv(near, near)
        self.heat = nn.Sequential(_conv(near, near), nn.Conv2d(near, 1, 1))
        self.corners = nn.Sequential(_conv(near, near), nn.Conv2d(near, 8, 1))
        last = self.heat[-1]
        assert isinstance(last, nn.Conv2d) and last.bias is not None  # noqa: S101
        nn.init.constant_(last.bias, -4.0)  # plates are rare

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # Every scene has its own light, told by a sixteenth of its pixels: night and noon come to the same spread.
        few = x[:, :, ::4, ::4]
        middle = few.mean((1, 2, 3), keepdim=True)
        spread = (((few - middle) ** 2).mean((1, 2, 3), keepdim=True) + 1e-3).sqrt()
        eighth = self.eighth((x - middle) / spread)
        sixteenth = self.sixteenth(eighth)
        far = self.thirty_second(sixteenth)
        sixteenth = torch.relu(sixteenth + nn.functional.interpolate(self.down(far), scale_factor=2.0))
        eighth = torch.relu(eighth + nn.functional.interpolate(self.across(sixteenth), scale_factor=2.0))
        both = self.mix(eighth)
        return self.heat(both), self.corners(both)
