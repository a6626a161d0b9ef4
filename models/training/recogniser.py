"""The network that reads a crop: eight places, each of which looks where its character is, in one row or two."""

import torch
from torch import Tensor, nn

from shared.plates import ALPHABET, COLOURS, LAYOUTS

PLACES = 8
NOTHING = len(ALPHABET)
"""Class of a place that holds no character: the eighth of a plate with seven."""


def _conv(into: int, out: int, size: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(into, out, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(out), nn.ReLU()
    )


class _Around(nn.Module):
    """Depthwise wide and pointwise: what stands left and right of here."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            nn.Conv2d(channels, channels, (3, 7), padding=(1, 3), groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.steps(x))


class Recogniser(nn.Module):
    """Crop (batch, 3, 48, 128), 0 to 1 → characters (batch, 8, 74), colour (batch, 6), layout (batch, 2), all
    logarithms of probabilities.

    Every place has its own map of where it looks, made from the picture, so one network reads both layouts and plates
    that stand askew, and every character has a confidence of its own.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(3, width // 2, stride=2),
            _conv(width // 2, width),
            nn.MaxPool2d(2),
            _conv(width, 2 * width),
            _conv(2 * width, 2 * width),
            _Around(2 * width),
        )
        self.far = nn.Sequential(nn.MaxPool2d(2), _conv(2 * width, 3 * width), _Around(3 * width), _Around(3 * width))
        rows, columns = 12, 32
        down, across = torch.meshgrid(torch.linspace(-1, 1, rows), torch.linspace(-1, 1, columns), indexing="ij")
        self.register_buffer("where", torch.stack([down, across, down * across, across * across])[None])
        self.look = nn.Conv2d(5 * width + 4, PLACES, 1)
        self.features = nn.Sequential(_conv(5 * width, 4 * width, 1), nn.Dropout2d(0.05))
        self.read = nn.Linear(4 * width + 16, NOTHING + 1)
        self.place = nn.Parameter(torch.randn(PLACES, 16) * 0.3)
        self.colour = nn.Linear(3 * width, len(COLOURS))
        self.layout = nn.Linear(3 * width, len(LAYOUTS))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # Every crop has its own light: a plate at dusk and one in the sun come to the same spread of values.
        off = x - x.mean((1, 2, 3), keepdim=True)
        near = self.body(off / ((off * off).mean((1, 2, 3), keepdim=True) + 1e-4).sqrt())
        far = self.far(near)
        both = torch.cat([near, nn.functional.interpolate(far, scale_factor=2.0, mode="nearest")], 1)
        where = self.where.expand(x.shape[0], -1, -1, -1)
        look = self.look(torch.cat([both, where], 1)).flatten(2).softmax(2)
        seen = look @ self.features(both).flatten(2).transpose(1, 2)
        place = self.place.expand(x.shape[0], -1, -1)
        pooled = far.mean((2, 3))
        said = self.read(torch.cat([seen, place], 2)), self.colour(pooled), self.layout(pooled)
        return said[0].log_softmax(2), said[1].log_softmax(1), said[2].log_softmax(1)
