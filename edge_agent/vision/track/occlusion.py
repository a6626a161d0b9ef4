"""Several tracks on common blobs: where is each of them?

The one that stands lowest in the picture is nearest to the camera and hides the others, so it is placed first: where it
looks as it did, on foreground that no track claims yet, near the place where it was expected. What it covers counts
little for the next. A track that finds no place is hidden, and waits where its motion would have taken it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.track.likeness import PART, Likeness

Bytes = NDArray[np.uint8]

_REACH_PX = 6
_HIDDEN_WORTH = 0.25
"""What a pixel that another track covers is worth."""
_ALIKE = 0.3
_FOUND = 0.45
"""Worth of a place, 0 to 1, from which on a track is seen there."""


@dataclass(frozen=True, slots=True)
class Member:
    """One track as it is expected, in pixels.

    Attributes:
        left: of its likeness, or of its box without one.
        top: the same.
        at: from that corner to its ground point.
        wide: of its box.
        high: the same.
        slack_px: how uncertain its place is.
        likeness: how it looked.
    """

    left: float
    top: float
    at: tuple[float, float]
    wide: float
    high: float
    slack_px: float
    likeness: Likeness | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member was found: its upper left corner; `worth` is 0 to 1, `alike` -1 to 1."""

    left: float
    top: float
    worth: float
    alike: float
    fresh: float = 0.0
    extent: tuple[float, float, float, float] | None = None

    @property
    def found(self) -> bool:
        return self.worth >= _FOUND and self.alike >= _ALIKE


def place(members: Sequence[Member], mask: Bytes, shown: Bytes) -> tuple[list[Place], Bytes]:
    """Place every member.

    Args:
        members: the tracks of the crowd.
        mask: 255 where the crowd's blobs are, shape of the analysed picture.
        shown: the picture, with everything but foreground painted out; grey, or grey and colour.

    Returns:
        A place for each member, and the mask of what none of them explains.
    """
    free, left_over = mask.copy(), mask.copy()
    windows = [_window(member, shown) for member in members]
    places = [_best(member, window, mask, mask) for member, window in zip(members, windows, strict=True)]
    for index in sorted(range(len(members)), key=lambda i: -(places[i].top + members[i].at[1])):
        member = members[index]
        spot = _best(member, windows[index], mask, free)
        if spot.found:
            spot = _measured(spot, member, mask, free)
            free[_part(spot, member, -0.08, 0.0)] = 0
            left_over[_part(spot, member, 0.1, 0.06)] = 0
        places[index] = spot
    return places, left_over


def _box(spot: Place, member: Member) -> tuple[float, float]:
    """Upper left corner of the member's box where it was found."""
    return spot.left + member.at[0] - member.wide / 2, spot.top + member.at[1] - member.high


def _part(spot: Place, member: Member, beside: float, above: float) -> tuple[slice, slice]:
    """A found member's box, made larger by parts of its width and height."""
    mx, my = beside * member.wide, above * member.high
    x, y = _box(spot, member)
    left, top = max(0, round(x - mx)), max(0, round(y - my))
    right, bottom = round(x + member.wide + mx), round(y + member.high + my)
    return np.s_[top : max(0, bottom), left : max(0, right)]


def _measured(spot: Place, member: Member, mask: Bytes, free: Bytes) -> Place:
    """The place with what it covers first, and the extent of that."""
    x, y = _box(spot, member)
    left, top = max(0, round(x - 0.15 * member.wide)), max(0, round(y - 0.1 * member.high))
    right, bottom = round(x + 1.15 * member.wide), round(y + 1.1 * member.high)
    patch = free[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    fresh = cv2.countNonZero(patch) / max(1.0, cv2.countNonZero(mask[top:bottom, left:right])) if patch.size else 0.0
    extent = None
    if fresh > 0.8:
        columns = np.flatnonzero((patch > 0).sum(0) > 0.12 * member.high)
        rows = np.flatnonzero((patch > 0).sum(1) > 0.12 * member.wide)
        if len(columns) > 2 and len(rows) > 2:
            extent = (left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1)
    return Place(spot.left, spot.top, spot.worth, spot.alike, fresh, extent)


@dataclass(frozen=True, slots=True)
class _Window:
    """Where a member is looked for: corners of that part, size of what is looked for, how alike each place is."""

    x0: int
    y0: int
    x1: int
    y1: int
    wide: int
    high: int
    reach: tuple[int, int]
    alike: NDArray[np.float32] | None


def _window(member: Member, shown: Bytes) -> _Window | None:
    """The part of the picture where a member may be; None where it does not fit in."""
    height, width = shown.shape[:2]
    wide, high = max(4, round(member.wide)), max(4, round(member.high * PART))
    if member.likeness is not None:
        wide, high = member.likeness.size
    reach_x = round(min(18.0, _REACH_PX + member.slack_px))
    reach_y = round(min(12.0, 0.7 * _REACH_PX + 0.6 * member.slack_px))
    x0, y0 = max(0, round(member.left) - reach_x), max(0, round(member.top) - reach_y)
    x1, y1 = min(width, round(member.left) + wide + reach_x + 1), min(height, round(member.top) + high + reach_y + 1)
    if x1 - x0 < wide or y1 - y0 < high:
        return None
    alike = member.likeness.match(shown[y0:y1, x0:x1]) if member.likeness is not None else None
    return _Window(x0, y0, x1, y1, wide, high, (reach_x, reach_y), alike)


def _best(member: Member, at: _Window | None, mask: Bytes, free: Bytes) -> Place:
    """The best place of a member, given what others have left free."""
    if at is None:
        return Place(member.left, member.top, 0.0, -1.0)
    window = np.s_[at.y0 : at.y1, at.x0 : at.x1]
    credit = cv2.addWeighted(
        mask[window], _HIDDEN_WORTH / 255, free[window], (1 - _HIDDEN_WORTH) / 255, 0, dtype=cv2.CV_32F
    )
    rows, columns = at.y1 - at.y0 - at.high + 1, at.x1 - at.x0 - at.wide + 1
    filled = cv2.boxFilter(credit, -1, (at.wide, at.high), anchor=(0, 0))[:rows, :columns]
    cover = np.minimum(1.0, filled / 0.6)
    alike = cover if at.alike is None else at.alike
    down = np.arange(rows)[:, None] + at.y0 - member.top
    across = np.arange(columns)[None] + at.x0 - member.left
    worth = 0.5 * alike + 0.5 * cover
    favoured = worth - 0.15 * ((down / at.reach[1]) ** 2 + (across / at.reach[0]) ** 2)
    row, column = np.unravel_index(int(favoured.argmax()), favoured.shape)
    return Place(float(column + at.x0), float(row + at.y0), float(worth[row, column]), float(alike[row, column]))
