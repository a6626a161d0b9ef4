"""Places on the earth: distances, and the two systems in which maps of China give them.

Positions are kept in WGS-84, as GPS has it. Maps that are sold in China show GCJ-02, which lies 100 to 700 m beside it
and is pasted into plans by mistake. Constants: ../shared/STANDARDS.md, 4 (Krasovsky 1940).
"""

import math
from typing import NamedTuple

_A, _EE = 6378245.0, 0.00669342162296594323
_EARTH_M = 6_371_008.8
LONGITUDES, LATITUDES = (73.0, 136.0), (3.0, 54.0)
"""Within which China lies, its seas too."""


class Position(NamedTuple):
    """In degrees."""

    longitude: float
    latitude: float

    @property
    def is_in_china(self) -> bool:
        """Or near it."""
        return LONGITUDES[0] <= self.longitude <= LONGITUDES[1] and LATITUDES[0] <= self.latitude <= LATITUDES[1]


def distance_m(a: Position, b: Position) -> float:
    """On a sphere: right to half a per cent."""
    la, lb = math.radians(a.latitude), math.radians(b.latitude)
    east = math.radians(b.longitude - a.longitude)
    half = math.sin((lb - la) / 2) ** 2 + math.cos(la) * math.cos(lb) * math.sin(east / 2) ** 2
    return 2 * _EARTH_M * math.asin(min(1.0, math.sqrt(half)))


def gcj_of(real: Position) -> Position:
    """What a Chinese map shows for a position of WGS-84; outside China the same."""
    if not real.is_in_china:
        return real
    x, y = real.longitude - 105.0, real.latitude - 35.0
    wave = 20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    north += (wave + 20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    north += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    east += (wave + 20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    east += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    latitude = math.radians(real.latitude)
    magic = 1 - _EE * math.sin(latitude) ** 2
    north = math.degrees(north / ((_A * (1 - _EE)) / (magic * math.sqrt(magic))))
    east = math.degrees(east / (_A / math.sqrt(magic) * math.cos(latitude)))
    return Position(real.longitude + east, real.latitude + north)


def wgs_of(shown: Position) -> Position:
    """The position of WGS-84 that a Chinese map shows there: right to a centimetre."""
    guess = shown
    for _ in range(8):
        again = gcj_of(guess)
        guess = Position(
            guess.longitude + shown.longitude - again.longitude, guess.latitude + shown.latitude - again.latitude
        )
    return guess
