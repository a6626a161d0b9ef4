"""Which checkpoints close a place off first: the next ones along each road, the near before the far. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

_EARTH_KM = 6371.0


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a checkpoint's box stands.

    Attributes:
        latitude, longitude: degrees, WGS-84; None where nobody has said it.
        road: that it stands at; empty: unknown.
        road_km: how far along it, counted from any end.
        above: what its site lies in, the narrowest first.
    """

    site: str
    agent: str
    latitude: float | None = None
    longitude: float | None = None
    road: str = ""
    road_km: float | None = None
    above: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranked:
    """A checkpoint, and how far it is.

    Attributes:
        km: as the crow flies; None where either is at no known position.
    """

    spot: Spot
    km: float | None


def ranked(spots: Sequence[Spot], site: str, agent: str = "", above: Sequence[str] = ()) -> list[Ranked]:
    """Checkpoints in the order in which they close a site off; its own are the first.

    A second one on the same road in the same direction counts as twice as far as it is, a third one as three times: who
    has passed the first is told of by it. Those of which nobody has said where they stand come behind, by how far the
    tree of places has to be climbed.

    Args:
        site: what is closed off, a site or what lies above sites.
        agent: one box of it, where the place is a checkpoint.
        above: what it lies in, the narrowest first.
    """
    own = [spot for spot in spots if (spot.site == site or site in spot.above) and agent in ("", spot.agent)]
    here = [spot for spot in own if spot.latitude is not None]
    middle = _middle(here) if here else None
    km = {_name(spot): _km(middle, spot) for spot in spots}
    along = {_name(spot): number for spot, number in _along(spots, here, km)}

    def weight(spot: Spot) -> tuple[int, float, str, str]:
        far = km[_name(spot)]
        is_own = spot in own
        if is_own or far is not None:
            return 0 if is_own else 1, (far or 0.0) * (1 + along.get(_name(spot), 0)), spot.site, spot.agent
        shared = next((step for step, place in enumerate(above) if place in spot.above), len(above))
        return 2, float(-1 if spot.site == site else shared), spot.site, spot.agent

    return [Ranked(spot, km[_name(spot)]) for spot in sorted(spots, key=weight)]


def _along(
    spots: Sequence[Spot], here: Sequence[Spot], km: dict[tuple[str, str], float | None]
) -> Iterator[tuple[Spot, int]]:
    """Of those on a road, how many stand before each in its direction from here."""
    on_roads = sorted((spot for spot in spots if spot.road and spot.road_km is not None), key=lambda spot: spot.road)
    for road, group in groupby(on_roads, key=lambda spot: spot.road):
        of_road = list(group)
        start = next((spot for spot in here if spot.road == road and spot.road_km is not None), None)
        if start is None:  # the place lies beside it: the nearest of the road is where one comes onto it
            known = [spot for spot in of_road if km[_name(spot)] is not None]
            if not known:
                continue
            start = min(known, key=lambda spot: km[_name(spot)] or 0.0)
        at = start.road_km or 0.0
        others = [spot for spot in of_road if spot is not start]
        yield start, 0
        for way in (1, -1):
            ahead = sorted(
                (spot for spot in others if ((spot.road_km or 0.0) >= at) == (way > 0)),
                key=lambda spot: way * (spot.road_km or 0.0),
            )
            yield from ((spot, number) for number, spot in enumerate(ahead))


def _middle(spots: Sequence[Spot]) -> tuple[float, float]:
    return (
        sum(spot.latitude or 0.0 for spot in spots) / len(spots),
        sum(spot.longitude or 0.0 for spot in spots) / len(spots),
    )


def _km(middle: tuple[float, float] | None, spot: Spot) -> float | None:
    if middle is None or spot.latitude is None or spot.longitude is None:
        return None
    one, other = map(math.radians, (middle[0], spot.latitude))
    turn = math.radians(spot.longitude - middle[1])
    chord = math.sin((other - one) / 2) ** 2 + math.cos(one) * math.cos(other) * math.sin(turn / 2) ** 2
    return 2 * _EARTH_KM * math.asin(math.sqrt(chord))


def _name(spot: Spot) -> tuple[str, str]:
    return spot.site, spot.agent
