"""Blobs become tracks, through merging, splitting and hiding.

Every frame, tracks and blobs that touch form a group. One track with its blobs is measured by their box. Several tracks
on common blobs are a crowd, and each is looked for in it. A blob that no track expects is born as a new track; one that
breaks away from a track inherits that track's path, because it was there all the time.
"""

import math
from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.motion import Blob, Foreground, components
from edge_agent.track import crowd, likeness, regions
from edge_agent.track.perspective import Perspective
from edge_agent.track.track import CONFIRM_S, Box, Spot, Track

_LOST_S = 2.0
"""A believed track unseen for this long is over."""
_DOUBT_S = 0.4
"""The same for one that was not believed yet."""
_HOLD_S = 300.0
"""What came and stands is not background for this long."""
_LEAST_AREA = 0.0006
"""Smallest thing as a part of the picture: a person of 1/16 of the picture's height."""
_OUTGROWN_S = 0.6
_RIDE_S = 0.8
_REMNANT, _REMNANT_S = 0.4, 1.5
"""What is lower than this part of something in whose trail it lies must last so long: it may be a reflection."""
_DWARF = 0.5
_SLICE = 0.5
"""When all that was known in a blob is lower than this part of it, it was slices of one thing that came into view."""
_INSIDE_S = 0.5
_SUPPORT_S = 1.0
_MARGIN_PX = 24
_PAINT = 110
"""Grey of everything that is not foreground, where looks are compared."""


class Tracker:
    """Holds the tracks of one camera. Ids count from 1 and are not used again."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._next_id = 1
        self._now_s = 0.0
        self._dt_s = 0.0
        self._size = (1, 1)
        self._perspective = Perspective()

    def step(self, seen: Foreground, time_s: float, frame: int = 0) -> list[Track]:
        """Match what moves to what is known.

        Args:
            seen: what differs from the background; its labels may be changed.
            time_s: media time, growing.
            frame: the frame's number.

        Returns:
            The tracks believed and seen in this frame.
        """
        self._dt_s, self._now_s = max(0.0, time_s - self._now_s), time_s
        self._size = seen.labels.shape[1], seen.labels.shape[0]
        self._seen = seen
        self._tracks = [t for t in self._tracks if time_s - t.seen_s <= (_LOST_S if t.confirmed else _DOUBT_S)]
        for track in self._tracks:
            track.seen_now = False
        things = seen.blobs
        if not seen.detected:
            parts = regions.gather(regions.part(seen.blobs, seen.labels))
            things = regions.join(parts, self._perspective, self._size[1])
        for tracks, blobs in _groups(self._tracks, things, time_s):
            if not tracks:
                for blob in blobs:
                    self._bear(blob)
            elif len(tracks) == 1 and blobs:
                self._alone(tracks[0], blobs)
            elif blobs:
                self._together(tracks, blobs)
        self._drop_doubles()
        for track in self._tracks:
            if track.parent and track.confirmed:
                self._check_descent(track)
            if track.seen_now:
                self._feel_unrest(track)
                track.remember(frame, time_s)
        return [track for track in self._tracks if track.seen_now and track.confirmed]

    def held(self) -> NDArray[np.uint8] | None:
        """Mask of where a track came to stand, so that it is not taken for background; None where none did."""
        return self._boxes(
            [t for t in self._tracks if t.travelled and t.purposeful and self._now_s - t.moved_s <= _HOLD_S]
        )

    def purposeful(self) -> NDArray[np.uint8] | None:
        """Mask of what has gone somewhere: it does not make its place restless, as leaves do."""
        return self._boxes([track for track in self._tracks if track.purposeful])

    def _boxes(self, tracks: list[Track]) -> NDArray[np.uint8] | None:
        if not tracks:
            return None
        mask = np.zeros((self._size[1], self._size[0]), np.uint8)
        for track in tracks:
            left, top, right, bottom = (round(edge) for edge in track.box_px)
            mask[max(0, top - 3) : max(0, bottom + 3), max(0, left - 3) : max(0, right + 3)] = 255
        return mask

    def living(self) -> set[int]:
        """Ids that may still be seen; state kept for others can go."""
        return {track.track_id for track in self._tracks}

    def _typical(self, y: float) -> tuple[float, float] | None:
        return self._perspective.typical(y / self._size[1])

    def _alone(self, track: Track, blobs: list[Blob]) -> None:
        """One track, and the blobs that touch it and no other."""
        x, y = track.expected(self._now_s)
        near = sorted(blobs, key=lambda blob: _apart(x, y - track.high / 2, blob) / blob.area)
        rest = []
        box = regions.box(near[0])
        most = self._most(track)
        for blob in near[1:]:
            if self._completes(track, near[0], box, blob, most):
                box = regions.union(box, regions.box(blob))
            else:
                rest.append(blob)
        too_large = box[2] - box[0] > most[0] or box[3] - box[1] > most[1]
        track.outgrown_s = track.outgrown_s + self._dt_s if too_large else 0.0
        entering = self._cut(track, box) or self._cut(track, track.box_px)
        if too_large and track.confirmed and track.outgrown_s < _OUTGROWN_S and not entering:
            # Something else has come to it: nothing grows that fast in the middle of the picture.
            self._crowd([track], blobs)
            return
        if near[0].upright and box == regions.box(near[0]):
            track.wide = min(track.wide, 1.2 * (box[2] - box[0]))
        track.measure(box, self._now_s, self._typical(box[3]))
        self._keep_likeness(track)
        self._learn_size(track, box)
        track.support, track.riding_s = 1.0, 0.0
        track.own_s += self._dt_s
        around = (
            track.x - track.wide * 0.7,
            track.y - track.high * 1.1,
            track.x + track.wide * 0.7,
            track.y + track.high * 0.15,
        )
        for blob in rest:
            if regions.within(regions.box(blob), around) < 0.6:
                self._bear(blob, track)

    def _cut(self, track: Track, box: Box) -> bool:
        """Whether the picture's edge or a mask cuts a box: there is more of the thing than is seen."""
        ignored = self._seen.ignored
        if track.cut(box) or ignored is None:
            return track.cut(box)
        left, top, right, bottom = (max(0, round(edge)) for edge in box)
        return bool(ignored[max(0, top - 8) : bottom + 8, max(0, left - 8) : right + 8].any())

    def _completes(self, track: Track, first: Blob, box: Box, blob: Blob, most: tuple[float, float]) -> bool:
        """Whether a second blob is a part of the same thing."""
        both = regions.union(box, regions.box(blob))
        return (
            both[2] - both[0] <= most[0]
            and both[3] - both[1] <= most[1]
            and not (blob.upright and first.upright)
            and blob.area < 0.6 * track.wide * track.high
            and regions.gap(box, regions.box(blob)) < 0.3 * max(track.wide, track.high)
        )

    def _most(self, track: Track) -> tuple[float, float]:
        """The largest box that one thing where the track stands may have."""
        typical = self._typical(track.y) or (0.0, 0.0)
        return max(1.5 * track.wide, 1.3 * typical[0]) + 3, max(1.25 * track.high, 1.2 * typical[1]) + 3

    def _learn_size(self, track: Track, box: Box) -> None:
        """What walks alone, whole and in the open, tells how large things are there."""
        if not track.confirmed or not track.path or self._cut(track, box):
            return
        first = track.path[0]
        moved = math.hypot(first.x * self._size[0] - track.x, first.y * self._size[1] - track.y)
        if moved > track.wide:
            self._perspective.learn(track.y / self._size[1], box[2] - box[0], box[3] - box[1])

    def _shown(self, window: tuple[slice, slice]) -> NDArray[np.uint8]:
        """A part of the picture with everything but foreground painted out."""
        return np.where(self._seen.labels[window] > 0, self._seen.picture[window], np.uint8(_PAINT))

    def _keep_likeness(self, track: Track) -> None:
        left, top, right, bottom = (round(edge) for edge in track.box_px)
        bottom = round(track.y - (1 - likeness.PART) * track.high)
        left, top, right, bottom = max(0, left), max(0, top), min(self._size[0], right), min(self._size[1], bottom)
        track.likeness = likeness.look(self._shown(np.s_[top:bottom, left:right])) if bottom > top else None
        track.likeness_at = track.x - left, track.y - top

    def _together(self, tracks: list[Track], blobs: list[Blob]) -> None:
        """Several tracks on common blobs: parts of one thing go with it, the rest is a crowd."""
        for blob in list(blobs):
            lead, riders = self._riders(blob, tracks)
            if lead is None:
                continue
            for rider in riders:
                rider.riding_s += self._dt_s
                rider.path.clear()
                tracks = [track for track in tracks if track is not rider]
            beside = (t for t in tracks if t is not lead)
            if not any(regions.within(track.box_px, regions.box(blob)) > 0.3 for track in beside):
                tracks = [track for track in tracks if track is not lead]
                blobs = [other for other in blobs if other is not blob]
                self._alone(lead, [blob])
        if not blobs or not tracks:
            for blob in blobs:
                self._bear(blob)
        elif len(tracks) == 1:
            self._alone(tracks[0], blobs)
        else:
            self._crowd(tracks, blobs)

    def _riders(self, blob: Blob, tracks: list[Track]) -> tuple[Track | None, list[Track]]:
        """Parts of one thing that were taken for things: the track that holds the blob, and the smaller ones in it."""
        high, wide = blob.bottom - blob.top, blob.right - blob.left
        around = blob.left - 0.15 * wide, blob.top - 0.15 * high, blob.right + 0.15 * wide, blob.bottom + 0.15 * high
        inside = [track for track in tracks if regions.within(track.expected_box(self._now_s), around) > 0.6]
        if len(inside) < 2 or wide > 1.5 * max(track.wide for track in inside):
            return None, []
        whole = [track for track in inside if track.high >= 0.7 * high]
        lead = max(whole or inside, key=lambda track: track.own_s)
        typical = self._typical(blob.bottom)
        sliced = all(track.high < _SLICE * high for track in inside)
        if not sliced and high > 1.2 * max(lead.high, typical[1] if typical else 0.0):
            return None, []
        riders = [track for track in inside if track is not lead and track.high < 0.7 * high]
        return (lead, riders) if riders else (None, [])

    def _crowd(self, tracks: list[Track], blobs: list[Blob]) -> None:
        """Look for each track in what is seen of all of them; what none explains may be new."""
        left = max(0, int(min(blob.left for blob in blobs)) - _MARGIN_PX)
        top = max(0, int(min(blob.top for blob in blobs)) - _MARGIN_PX)
        right = int(max(blob.right for blob in blobs)) + _MARGIN_PX
        bottom = int(max(blob.bottom for blob in blobs)) + _MARGIN_PX
        window = np.s_[top:bottom, left:right]
        labels = self._seen.labels[window]
        mask = np.zeros(labels.shape, np.uint8)
        for label in (label for blob in blobs for label in blob.labels):
            mask[labels == label] = 255
        members = [self._member(track, left, top) for track in tracks]
        places, left_over = crowd.place(members, mask, self._shown(window))
        hidden = []
        for track, member, spot in zip(tracks, members, places, strict=True):
            if spot.found:
                self._place(track, member, spot, tracks, left, top)
            else:
                hidden.append(track)
        for blob in self._unclaimed(left_over, tracks, left, top):
            nearest = min(tracks, key=lambda track: _apart(track.x, track.y - track.high / 2, blob))
            typical = self._typical(blob.bottom) or (nearest.wide, nearest.high)
            if blob.bottom - blob.top < 0.6 * typical[1] or blob.right - blob.left < 0.45 * typical[0]:
                continue
            waiting = min(hidden, key=lambda track: self._away(track, blob), default=None)
            if waiting is not None and self._away(waiting, blob) < (1.2 * waiting.wide) ** 2:
                hidden.remove(waiting)
                waiting.measure(regions.box(blob), self._now_s, self._typical(blob.bottom))
            else:
                self._bear(blob, nearest)

    def _member(self, track: Track, left: int, top: int) -> crowd.Member:
        x, y = track.expected(self._now_s)
        x, y = x - left, y - top
        dx, dy = track.likeness_at if track.likeness is not None else (track.wide / 2, track.high)
        slack_px = 12 * (self._now_s - track.seen_s)
        return crowd.Member(x - dx, y - dy, track.wide, track.high, slack_px, track.likeness)

    def _place(
        self, track: Track, member: crowd.Member, spot: crowd.Place, tracks: list[Track], left: int, top: int
    ) -> None:
        x, y = track.expected(self._now_s)
        x, y = x + spot.left - member.left, y + spot.top - member.top
        track.support += (1 - math.exp(-self._dt_s / _SUPPORT_S)) * ((spot.fresh > 0.3) - track.support)
        self._resize(track, spot)
        if spot.extent is not None:
            x += 0.3 * ((spot.extent[0] + spot.extent[2]) / 2 + left - x)
            y += 0.3 * (spot.extent[3] + top - y)
        track.move_to(x, y, self._now_s)
        beside = (other for other in tracks if other.track_id < track.track_id)
        if track.scale is not None and min(track.scale) < _DWARF:
            track.riding_s += self._dt_s
        elif spot.fresh > 0.6 and not any(regions.within(track.box_px, other.box_px) > 0.45 for other in beside):
            track.own_s += self._dt_s
        if spot.alike > 0.85:
            self._keep_likeness(track)

    def _resize(self, track: Track, spot: crowd.Place) -> None:
        """In a crowd a track keeps its size, in proportion to where it stands."""
        typical = self._typical(track.y)
        if typical is not None and track.scale is not None:
            rate = 1 - math.exp(-self._dt_s / 0.45)
            track.wide += rate * (min(1.3, max(0.7, track.scale[0])) * typical[0] - track.wide)
            track.high += rate * (min(1.3, max(0.7, track.scale[1])) * typical[1] - track.high)
        elif spot.extent is not None:
            left, top, right, bottom = spot.extent
            rate = 1 - math.exp(-self._dt_s / 1.0)
            track.wide += rate * max(-0.4 * track.wide, min(0.0, right - left - track.wide))
            track.high += rate * max(-0.4 * track.high, min(0.0, bottom - top - track.high))

    def _away(self, track: Track, blob: Blob) -> float:
        x, y = track.expected(self._now_s)
        return _apart(x, y - track.high / 2, blob)

    def _unclaimed(self, left_over: NDArray[np.uint8], tracks: list[Track], x: int, y: int) -> list[Blob]:
        """Blobs of what no track explains, as large as a good part of the smallest."""
        opened = np.asarray(cv2.morphologyEx(left_over, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
        least = 0.3 * min(track.wide * track.high for track in tracks)
        return [
            Blob(x + left, y + top, x + left + wide, y + top + high, area)
            for left, top, wide, high, area in components(opened)[1]
            if area >= least
        ]

    def _bear(self, blob: Blob, parent: Track | None = None) -> None:
        if blob.shade or blob.area < _LEAST_AREA * self._size[0] * self._size[1]:
            return
        x, y = (blob.left + blob.right) / 2, blob.bottom
        wide, high = blob.right - blob.left, blob.bottom - blob.top
        track = Track(
            self._next_id, self._size, x, y, wide, high, self._now_s, self._now_s, rest=(x, y), moved_s=self._now_s
        )
        self._next_id += 1
        typical = self._typical(y)
        track.scale = (wide / typical[0], high / typical[1]) if typical else None
        if any(
            high < _REMNANT * other.high and regions.within(regions.box(blob), other.trail(self._now_s)) > 0.5
            for other in self._tracks
            if other.confirmed and other.travelled
        ):
            track.need_s = _REMNANT_S
        if parent is not None:
            track.vx, track.vy = parent.vx, parent.vy
            if high > 0.5 * parent.high and abs(y - parent.y) < 0.35 * parent.high:
                track.parent = parent.track_id
                track.need_s = 2 * CONFIRM_S
                dx, dy = (x - parent.x) / self._size[0], (y - parent.y) / self._size[1]
                track.from_standing = parent.stands(self._now_s)
                track.purposeful = parent.purposeful
                if track.from_standing:  # it was where the other stands, and walks out of it
                    dx = dy = 0.0
                track.path.extend(Spot(s.frame, s.time_s, s.x + dx, s.y + dy) for s in parent.path)
        self._tracks.append(track)

    def _feel_unrest(self, track: Track) -> None:
        allowance = self._seen.allowance
        if allowance is None or track.purposeful:
            return
        x = min(self._size[0] - 1, max(0, round(track.x)))
        y = min(self._size[1] - 1, max(0, round(track.y - track.high / 2)))
        track.unrest += 0.3 * (float(allowance[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5].mean()) - track.unrest)

    def _check_descent(self, track: Track) -> None:
        """What broke away from another keeps that one's path only if the two went together since."""
        parent = next((other for other in self._tracks if other.track_id == track.parent), None)
        track.parent = 0
        own = [spot for spot in track.path if spot.time_s >= track.born_s]
        others = [spot for spot in parent.path if spot.time_s >= track.born_s] if parent else []
        if parent and own and others:
            mine, its = self._walked(own), self._walked(others)
            if track.from_standing and math.hypot(*its) < 0.5 * math.hypot(*mine):
                parent.travelled = False  # what is left there may be no more than a trace of the one that went
                return
            apart = math.hypot(mine[0] - its[0], mine[1] - its[1])
            if apart <= 0.5 * max(math.hypot(*mine), math.hypot(*its)):
                return
        track.path = deque(own)

    def _walked(self, spots: list[Spot]) -> tuple[float, float]:
        return (spots[-1].x - spots[0].x) * self._size[0], (spots[-1].y - spots[0].y) * self._size[1]

    def _drop_doubles(self) -> None:
        """What lies within an older track, rides on one, or is backed by nothing of its own, is no thing of its own."""
        for young in self._tracks:
            inside = any(
                old.track_id < young.track_id and regions.within(young.box_px, old.box_px) > 0.75
                for old in self._tracks
            )
            young.inside_s = young.inside_s + self._dt_s if inside else 0.0
        self._tracks = [track for track in self._tracks if _stands(track)]


def _stands(track: Track) -> bool:
    doubt = 1.0 if track.confirmed else 0.25
    return (
        track.inside_s < 4 * _INSIDE_S * doubt
        and track.riding_s < _RIDE_S
        and track.support > (0.3 if track.confirmed else 0.7)
    )


def _apart(x: float, y: float, blob: Blob) -> float:
    return ((blob.left + blob.right) / 2 - x) ** 2 + ((blob.top + blob.bottom) / 2 - y) ** 2


def _groups(tracks: list[Track], blobs: Sequence[Blob], time_s: float) -> list[tuple[list[Track], list[Blob]]]:
    """Tracks and blobs that touch, directly or through others."""
    parent = list(range(len(tracks) + len(blobs)))

    def root(index: int) -> int:
        while parent[index] != index:
            index = parent[index]
        return index

    for i, track in enumerate(tracks):
        left, top, right, bottom = track.expected_box(time_s)
        grow = min(0.6, 0.5 * (time_s - track.seen_s)) / 2
        mx, my = grow * track.wide, grow * track.high
        around = left - mx, top - my, right + mx, bottom + my
        for j, blob in enumerate(blobs):
            box = regions.box(blob)
            if regions.within(box, around) > 0.25 or regions.within(around, box) > 0.25:
                parent[root(len(tracks) + j)] = root(i)
    groups: dict[int, tuple[list[Track], list[Blob]]] = {}
    for i, track in enumerate(tracks):
        groups.setdefault(root(i), ([], []))[0].append(track)
    for j, blob in enumerate(blobs):
        groups.setdefault(root(len(tracks) + j), ([], []))[1].append(blob)
    return list(groups.values())
