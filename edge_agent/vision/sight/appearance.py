"""How a view looks in one light: the edges that stand in their places, and how surely each cell shows them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.sight.picture import (
    Edges,
    Floats,
    Picture,
    coarse,
    doubled,
    edges_of,
    energy,
    fine_edges,
    product,
)

BEGINS_WITH = 9
"""Pictures that a new appearance is the median of."""
_STEP = 6.0
"""What is learnt of one picture is so many levels at most: what passes leaves little, what stays is learnt in time."""
_LEARNT_S = 300.0
_LEARNS_EVERY_S, _LONGEST_STEP_S = 4.0, 10.0
_TYPICAL_S = 120.0
_SURE, _UNREST = 0.5, 0.2
"""A cell that shows its edges less well on the average, or not always alike, tells nothing."""
_STRONG = 3.0
"""An edge counts as much as so many times the usual one at most: else one bright lamp would be the whole picture."""
_LEAST_ENERGY = 0.02
_OF_NOISE = 0.375
"""What noise of one level adds to the energy of edges."""


Packed = NDArray[np.int8]
"""Edges as they are kept, shape (2, height, width)."""
AGREES = 0.4
"""A cell that keeps less of its usual agreement has lost its edges."""
_STEPS_A_LEVEL = 4


@dataclass(frozen=True, slots=True)
class Look:
    """One picture's edges: fine ones, coarse ones, and coarse ones at twice their angle.

    Attributes:
        noise: standard deviation of its noise, in levels.
    """

    fine: Edges
    coarse: Edges
    doubled: Edges
    noise: float = 0.0

    def fine_energy(self) -> Floats:
        """By cell, without what noise adds."""
        return np.maximum(energy(self.fine) - _OF_NOISE * self.noise**2, 0)  # type: ignore[no-any-return]

    def coarse_energy(self) -> Floats:
        """By cell, without what noise adds that is left when sixteen pixels become one."""
        return np.maximum(energy(self.coarse) - _OF_NOISE * self.noise**2 / 16, 0)  # type: ignore[no-any-return]


def look_at(grey: Picture, small: Picture, noise: float = 0.0) -> Look:
    """The edges of a picture whose noise is known, and of the same at a quarter of its size."""
    edges = edges_of(small)
    return Look(fine_edges(grey), edges, doubled(edges), noise)


@dataclass(frozen=True, slots=True)
class Compared:
    """A picture beside an appearance. The first three by cell, shape (rows, columns).

    Attributes:
        usable: cells that tell something.
        kept: how much of its edges stands in its place, 1 as usual, 0 nothing; whichever side is the brighter one.
        strength: how strong coarse edges are wherever they stand, 1 as usual.
        alike: how alike the edges are with the brighter side the same, over all usable cells; -1 to 1.
        sharpness: how strong fine edges are beside coarse ones where both are in place, 1 as usual.
        crispness: the energy of fine edges wherever they stand, noise among them; 1 is that of the known ones.
    """

    usable: NDArray[np.bool_]
    kept: Floats
    strength: Floats
    alike: float
    sharpness: float
    crispness: float


def packed(edges: Edges | Packed) -> Packed:
    """Edges in an eighth of the room, by a quarter of a level; few are steeper than 31 levels a pixel."""
    if not isinstance(edges, Edges):
        return edges
    both = np.stack([edges.across, edges.down])
    return np.clip(np.rint(both * _STEPS_A_LEVEL), -127, 127).astype(np.int8)


def unpacked(edges: Edges | Packed) -> Edges:
    """What `packed` made of them."""
    if isinstance(edges, Edges):
        return edges
    across, down = (part.astype(np.float32) / _STEPS_A_LEVEL for part in edges)
    return Edges(across, down)


@dataclass(slots=True)
class Appearance:
    """Made with `begin`, goes on with `learn`."""

    fine: Edges | Packed
    """Asleep, while another appearance is in force, it is packed: a camera's four take 5 MB together."""
    coarse: Edges
    doubled: Edges
    typical: Floats
    """By cell, how well its edges agree on the average, 0 to 1."""
    unrest: Floats
    """By cell, how much that varies."""
    level: float
    """Mean luma."""
    chroma: Floats | None
    """Mean U and V by cell; None where the picture is grey."""
    noise: float
    stripes: float
    sharpness: float = 1.0
    crispness: float = 1.0
    """As compared with itself, on the average."""
    crisp_unrest: float = 0.0
    """How much crispness varies, as where cars pass close by."""
    learnt_s: float = 0.0
    is_proven: bool = False
    """Something was learnt since it began: it is like what was seen next."""
    _energies: tuple[Floats, Floats, Floats] = field(init=False)

    def __post_init__(self) -> None:
        self._energies = energy(unpacked(self.fine)), energy(self.coarse), energy(self.doubled)

    def wake(self) -> "Appearance":
        """It is in force from now on."""
        self.fine = unpacked(self.fine)
        return self

    def sleep(self) -> None:
        """Another one is."""
        self.fine = packed(self.fine)

    def likeness(self, look: Look) -> tuple[float, int]:
        """How like it a picture is by its coarse edges, 0 to 2, and by how many cells that is told; awake or asleep."""
        usable = self._usable()
        if not usable.any():
            return 0.0, 0
        small, now = self._energies[1][usable], look.coarse_energy()[usable]
        in_place = product(look.coarse, self.coarse)[usable]
        kept = self._agreement(look)[usable] >= AGREES * self.typical[usable]
        alike = float(in_place.sum() / np.sqrt(max(1e-6, float(small.sum()) * float(now.sum()))))
        return float(kept.mean()) + alike, int(usable.sum())

    def _usable(self) -> NDArray[np.bool_]:
        return (self.typical > _SURE) & (self.unrest < _UNREST) & (self._energies[1] > _LEAST_ENERGY)

    def compare(self, look: Look) -> Compared:
        """A picture beside it, while it is awake."""
        assert isinstance(self.fine, Edges)  # noqa: S101 - asked only then
        fine, small, _ = self._energies
        agreement = self._agreement(look)
        usable = self._usable()
        in_place = product(look.coarse, self.coarse)
        fine_in_place = product(look.fine, self.fine)
        now, fine_now = look.coarse_energy(), look.fine_energy()
        kept = np.minimum(agreement / np.maximum(self.typical, 0.1), 1.5)
        standing = usable & (kept >= AGREES)
        where = standing if np.count_nonzero(standing) > 5 else usable
        most = _STRONG * float(np.median(small[where])) if where.any() else 1.0
        weight = np.minimum(1.0, most / np.maximum(small, 1e-6)) * where
        total = float((small * weight).sum())
        now_total = float((now * weight).sum())
        sharpness = crispness = alike = 1.0
        if total > 0 and now_total > 0:
            fine_total = max(1e-6, float((fine * weight).sum()))
            coarse_part = float((in_place * weight).sum()) / total
            fine_part = float((fine_in_place * weight).sum()) / fine_total
            sharpness = fine_part / max(0.05, coarse_part)
            crispness = float((fine_now * weight).sum()) / fine_total
            alike = float((in_place * weight).sum() / np.sqrt(total * now_total))
        return Compared(
            usable,
            kept,
            np.sqrt(now / np.maximum(small, 1e-6)),
            alike,
            sharpness,
            crispness,
        )

    def softness(self, look: Look, cells: NDArray[np.bool_]) -> float:
        """In some cells, how much of the edges is fine, wherever they stand; 1 as usual."""
        fine, small, _ = self._energies
        usual = float(fine[cells].sum()) / max(1e-6, float(small[cells].sum()))
        now = float(look.fine_energy()[cells].sum()) / max(1e-6, float(look.coarse_energy()[cells].sum()))
        return now / max(1e-6, usual)

    def learn(self, look: Look, time_s: float) -> float:
        """Follow what changes slowly; asked every second, done every few.

        Returns:
            For how many seconds it counts; 0 when nothing was done.
        """
        dt_s = min(_LONGEST_STEP_S, time_s - self.learnt_s)
        if 0 <= dt_s < _LEARNS_EVERY_S:
            return 0.0
        assert isinstance(self.fine, Edges)  # noqa: S101 - it is awake
        self.learnt_s, dt_s = time_s, max(0.0, dt_s)
        self.is_proven = True
        agreement = self._agreement(look)
        rate = dt_s / _TYPICAL_S
        off = np.abs(agreement - self.typical)
        self.typical += rate * np.clip(agreement - self.typical, -0.2, 0.2)
        self.unrest += rate * np.clip(off - self.unrest, -0.2, 0.2)
        for known, seen in ((self.fine, look.fine), (self.coarse, look.coarse), (self.doubled, look.doubled)):
            for mean, slope in ((known.across, seen.across), (known.down, seen.down)):
                step = cv2.min(cv2.max(cv2.subtract(slope, mean), -_STEP), _STEP)  # type: ignore[call-overload]
                cv2.scaleAdd(step, dt_s / _LEARNT_S, mean, mean)
        self._energies = energy(self.fine), energy(self.coarse), energy(self.doubled)
        return dt_s

    def fineness(self) -> Floats:
        """By cell, how strong its fine edges are beside its coarse ones."""
        fine, small, _ = self._energies
        return np.sqrt(fine / np.maximum(small, _LEAST_ENERGY))

    def _agreement(self, look: Look) -> Floats:
        twice = self._energies[2]
        root = np.sqrt(np.maximum(twice * energy(look.doubled), 1e-6))
        return product(look.doubled, self.doubled) / root  # type: ignore[no-any-return]


class Beginning(TypedDict):
    """What some pictures tell of an appearance."""

    fine: Edges
    coarse: Edges
    doubled: Edges
    typical: Floats
    unrest: Floats


def begin(pictures: Sequence[Picture]) -> Beginning:
    """What is in its place in most of some pictures."""
    many = np.stack(pictures)
    many.partition(len(pictures) // 2, axis=0)
    middle = many[len(pictures) // 2].copy()
    del many
    usual = look_at(middle, coarse(middle))
    there = energy(usual.doubled)
    agreements = []
    for picture in pictures:
        seen = doubled(edges_of(coarse(picture)))
        agreements.append(product(seen, usual.doubled) / np.sqrt(np.maximum(there * energy(seen), 1e-6)))
    typical = np.median(agreements, axis=0).astype(np.float32)
    unrest = np.median(np.abs(agreements - typical), axis=0).astype(np.float32)
    return Beginning(fine=usual.fine, coarse=usual.coarse, doubled=usual.doubled, typical=typical, unrest=unrest)
