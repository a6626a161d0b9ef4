"""Blobs become tracks, through merging, splitting and hiding.

Every frame, tracks and blobs that touch form a group. One track with its blobs is measured by their box. Several tracks
on common blobs are a crowd, and each is looked for in it. A blob that no track expects was hidden, or broke away from
a track and inherits that one's path, because it was there all the time, or it is new.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.motion import Blob, Foreground
from edge_agent.vision.track import bounding_boxes, crowd, origin, recognition, regions
from edge_agent.vision.track.bounding_boxes import Box
from edge_agent.vision.track.frame_context import FrameContext
from edge_agent.vision.track.perspective import Perspective
from edge_agent.vision.track.recognised import Sight
from edge_agent.vision.track.recognition import BEGINS
from edge_agent.vision.track.track import Track

_LOST_S = 2.0
"""A believed track unseen for this long is over."""
_DOUBT_S = 0.4
"""The same for one that was not believed yet."""
_HOLD_S = 300.0
"""What came and stands is not background for this long."""
_OUTGROWN_S = 0.6
_RIDE_S = 0.8
_SLICE = 0.5
"""When all that was known in a blob is lower than this part of it, it was slices of one thing that came into view."""
_ONE_THING = 0.7, 1.25
"""A blob from so many to so many times the height that is typical there, and no wider than that, is one thing."""
_GAP_S, _GAP_FRAMES, _PACE_RATE = 0.25, 2.5, 0.1
"""What is unseen for longer, in time and in frames of the usual distance, was out of sight."""
_SHRUNK = 0.5
"""After that a track does not come back at less than this part of its height."""
_OUT_OF, _RIDES_IN = 0.6, 0.7
"""What is recognised and lay so far within a track broke away from it; a track so far within what is recognised rides
on it."""
_BESIDE = 1.0
"""Nearer than so many times its width something may belong to what is recognised beside it."""
_LOOK_HOLDS_S = 0.5
_INSIDE_S = 0.5
_AHEAD_WIDTHS = 0.2
_UNDER_WAY = 0.3
"""Own widths a second from which on it is clear where ahead is."""


class Tracker:
    """Holds the tracks of one camera. Ids count from 1 and are not used again."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._next_id = 1
        self._now_s = 0.0
        self._pace_s = 0.0
        self._size = (1, 1)
        self._perspective = Perspective()
        self._looked_s = 0.0
        self._new: list[tuple[Blob, Track | None]] = []
        """What no track explains in this frame, and what it may have broken away from."""

    def step(self, seen: Foreground, time_s: float, frame: int = 0, sight: Sight | None = None) -> list[Track]:
        """Match what moves to what is known.

        Args:
            seen: what differs from the background; its labels may be changed.
            time_s: media time, growing.
            frame: the frame's number.
            sight: what a detector found that looked at this picture, or a part of it; None where none looked.

        Returns:
            The tracks believed and seen in this frame.
        """
        dt_s = max(0.0, time_s - self._now_s)
        self._pace_s += _PACE_RATE * (min(dt_s, 1.0) - self._pace_s) if self._pace_s else min(dt_s, 1.0)
        gap_s = max(_GAP_S, _GAP_FRAMES * self._pace_s)
        context = FrameContext(seen, time_s, dt_s, self._perspective, gap_s)
        self._now_s, self._size, self._new = time_s, context.size, []
        self._tracks = [t for t in self._tracks if time_s - t.seen_s <= (_LOST_S if t.confirmed else _DOUBT_S)]
        for track in self._tracks:
            track.seen_now = False
        things = seen.blobs
        if not seen.detected:
            known = [track.expected_box(time_s) for track in self._tracks if track.confirmed]
            parts = regions.gather(regions.part(seen.blobs, seen.labels, self._perspective, known))
            things = regions.join(parts, self._perspective, context.size[1])
        unseen = self._tracks
        if sight is not None:
            things, unseen = self._recognise(sight, things, context)
        for tracks, blobs in _groups(unseen, things, time_s):
            if not tracks:
                self._new += [(blob, None) for blob in blobs]
            elif len(tracks) == 1 and blobs:
                self._alone(tracks[0], blobs, context)
            elif blobs:
                self._together(tracks, blobs, context)
        self._explain(context)
        self._drop_doubles(context)
        for track in self._tracks:
            if track.parent and track.confirmed:
                origin.check_descent(track, self._tracks)
            if track.seen_now:
                _feel_unrest(track, context)
                track.remember(frame, time_s, gap_s)
        return [track for track in self._tracks if track.seen_now and track.confirmed]

    def held(self) -> NDArray[np.uint8] | None:
        """Mask of where a track came to stand, so that it is not taken for background; None where none did."""
        return self._boxes(
            [t for t in self._tracks if t.travelled and t.travelling and self._now_s - t.moved_s <= _HOLD_S]
        )

    def travelling(self) -> NDArray[np.uint8] | None:
        """Mask of what has gone somewhere: it does not make its place restless, as leaves do."""
        return self._boxes([track for track in self._tracks if track.travelling])

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

    def _recognise(self, sight: Sight, blobs: list[Blob], context: FrameContext) -> tuple[list[Blob], list[Track]]:
        """Give tracks what was recognised; the blobs and the tracks that are left are returned."""
        labels = context.seen.labels
        masked = [thing.box for thing in sight.things if thing.masked]
        found = [thing for thing in sight.things if not thing.masked]
        begins = [thing for thing in found if thing.score >= BEGINS and recognition.moves(thing, labels)]
        pairs = recognition.assign(found, self._tracks, context.now_s, labels)
        expected = [(track, track.expected_box(context.now_s)) for track, _ in pairs]
        said_of = set[int]()
        for track in self._tracks:
            # Of what stands on a masked place with its feet the look says nothing, nor of what it did not see whole.
            box = track.expected_box(context.now_s)
            if sight.holds(box) and not any(bounding_boxes.within(box, other) > _OUT_OF for other in masked):
                said_of.add(track.track_id)
                track.looks += 1
        # What a look says holds since the one before.
        since_s = min(_LOOK_HOLDS_S, context.now_s - self._looked_s)
        self._looked_s = context.now_s
        for track, thing in pairs:
            track.recognise(thing, context.now_s, since_s, context.typical(thing.box[3]))
            track.likeness = context.look(track) or track.likeness
            _learn_size(track, thing.box, context)
        taken = [thing for _, thing in pairs]
        new = [thing for thing in begins if not any(thing is other for other in taken)]
        boxes = [thing.box for thing in (*taken, *new)]
        for thing in new:
            within = [track for track, box in expected if bounding_boxes.within(thing.box, box) > _OUT_OF]
            self._new.append((origin.as_blob(thing.box), max(within, key=lambda track: track.own_s, default=None)))
        unseen = [track for track in self._tracks if not any(track is other for other, _ in pairs)]
        for track in unseen:
            expected_box = track.expected_box(context.now_s)
            if any(bounding_boxes.within(expected_box, box) > _RIDES_IN for box in boxes):
                track.riding_s += since_s
            near = any(bounding_boxes.gap(expected_box, box) < _BESIDE * track.wide for box in boxes)
            track.beside += near and track.track_id in said_of
        return recognition.outside(blobs, labels, boxes), unseen

    def _explain(self, context: FrameContext) -> None:
        """Every blob that no track expected is one that comes back, or begins a track."""
        for blob, parent in self._new:
            # What was recognised begins anew: taken for one that hid, it swaps people at a post (PETS 0.94, not 0.96).
            back = None if blob.recognised else origin.returning(blob, self._tracks, context)
            if back is not None:
                back.come_back(bounding_boxes.of(blob), context.now_s)
                back.likeness = context.look(back) or back.likeness
                continue
            born = origin.spawn(self._next_id, blob, parent, self._tracks, context)
            if born is not None:
                self._tracks.append(born)
                self._next_id += 1

    def _alone(self, track: Track, blobs: list[Blob], context: FrameContext) -> None:
        """One track, and the blobs that touch it and no other."""
        x, y = track.expected(context.now_s)
        near = sorted(blobs, key=lambda blob: bounding_boxes.apart_squared((x, y - track.high / 2), blob) / blob.area)
        rest = []
        box = bounding_boxes.of(near[0])
        if (
            context.now_s - track.seen_s > context.gap_s
            and box[3] - box[1] < _SHRUNK * track.high
            and not context.cut(box)
        ):
            # It went on out of sight, and what lies in its way there is something else.
            self._new += [(blob, None) for blob in blobs]
            return
        most = _most(track, context)
        for blob in near[1:]:
            if _completes(track, near[0], box, blob, most):
                box = bounding_boxes.union(box, bounding_boxes.of(blob))
            else:
                rest.append(blob)
        too_large = box[2] - box[0] > most[0] or box[3] - box[1] > most[1]
        track.outgrown_s = track.outgrown_s + context.dt_s if too_large else 0.0
        entering = context.cut(box) or context.cut(track.box_px)
        if too_large and track.confirmed and track.outgrown_s < _OUTGROWN_S and not entering:
            # Something else has come to it: nothing grows that fast in the middle of the picture.
            self._new += crowd.settle([track], blobs, context)
            return
        if near[0].upright and box == bounding_boxes.of(near[0]):
            track.wide = min(track.wide, 1.2 * (box[2] - box[0]))
        track.measure(box, context.now_s, context.typical(box[3]))
        track.likeness = context.look(track) or track.likeness
        _learn_size(track, box, context)
        track.support, track.riding_s = 1.0, 0.0
        track.own_s += context.dt_s
        around = (
            track.x - track.wide * 0.7,
            track.y - track.high * 1.1,
            track.x + track.wide * 0.7,
            track.y + track.high * 0.15,
        )
        self._new += [(blob, track) for blob in rest if bounding_boxes.within(bounding_boxes.of(blob), around) < 0.6]

    def _together(self, tracks: list[Track], blobs: list[Blob], context: FrameContext) -> None:
        """Several tracks on common blobs: parts of one thing go with it, the rest is a crowd."""
        for blob in list(blobs):
            lead, riders = _riders(blob, tracks, context)
            if lead is None:
                continue
            for rider in riders:
                rider.riding_s += context.dt_s
                rider.path.clear()
                tracks = [track for track in tracks if track is not rider]
            beside = (t for t in tracks if t is not lead)
            if not any(bounding_boxes.within(track.box_px, bounding_boxes.of(blob)) > 0.3 for track in beside):
                tracks = [track for track in tracks if track is not lead]
                blobs = [other for other in blobs if other is not blob]
                self._alone(lead, [blob], context)
        if not blobs or not tracks:
            self._new += [(blob, None) for blob in blobs]
        elif len(tracks) == 1:
            self._alone(tracks[0], blobs, context)
        else:
            if len(blobs) == 1:
                _doubt_doubles(tracks, blobs[0], context)
            self._new += crowd.settle(tracks, blobs, context)

    def _drop_doubles(self, context: FrameContext) -> None:
        """What lies within an older track, rides on one, or is backed by nothing of its own, is no thing of its own."""
        for young in self._tracks:
            inside = any(
                old.track_id < young.track_id and bounding_boxes.within(young.box_px, old.box_px) > 0.75
                for old in self._tracks
            )
            young.inside_s = young.inside_s + context.dt_s if inside else 0.0
        self._tracks = [track for track in self._tracks if _stands(track)]


def _completes(track: Track, first: Blob, box: Box, blob: Blob, most: tuple[float, float]) -> bool:
    """Whether a second blob is a part of the same thing."""
    both = bounding_boxes.union(box, bounding_boxes.of(blob))
    return (
        both[2] - both[0] <= most[0]
        and both[3] - both[1] <= most[1]
        and not (blob.upright and first.upright)
        and blob.area < 0.6 * track.wide * track.high
        and bounding_boxes.gap(box, bounding_boxes.of(blob)) < 0.3 * max(track.wide, track.high)
    )


def _most(track: Track, context: FrameContext) -> tuple[float, float]:
    """The largest box that one thing where the track stands may have."""
    typical = context.typical(track.y) or (0.0, 0.0)
    return max(1.5 * track.wide, 1.3 * typical[0]) + 3, max(1.25 * track.high, 1.2 * typical[1]) + 3


def _learn_size(track: Track, box: Box, context: FrameContext) -> None:
    """What walks alone, whole and in the open, tells how large things are there."""
    if not track.confirmed or not track.path or context.cut(box):
        return
    first = track.path[0]
    moved = math.hypot(first.x * context.size[0] - track.x, first.y * context.size[1] - track.y)
    if moved > track.wide:
        context.perspective.learn(track.y / context.size[1], box[2] - box[0], box[3] - box[1])


def _riders(blob: Blob, tracks: list[Track], context: FrameContext) -> tuple[Track | None, list[Track]]:
    """Parts of one thing that were taken for things: the track that holds the blob, and the smaller ones in it."""
    high, wide = blob.bottom - blob.top, blob.right - blob.left
    around = blob.left - 0.15 * wide, blob.top - 0.15 * high, blob.right + 0.15 * wide, blob.bottom + 0.15 * high
    inside = [track for track in tracks if bounding_boxes.within(track.expected_box(context.now_s), around) > 0.6]
    if len(inside) < 2 or wide > 1.5 * max(track.wide for track in inside):
        return None, []
    whole = [track for track in inside if track.high >= 0.7 * high]
    lead = max(whole or inside, key=lambda track: track.own_s)
    typical = context.typical(blob.bottom)
    sliced = all(track.high < _SLICE * high for track in inside)
    if not sliced and high > 1.2 * max(lead.high, typical[1] if typical else 0.0):
        return None, []
    riders = [track for track in inside if track is not lead and track.high < 0.7 * high]
    return (lead, riders) if riders else (None, [])


def _doubt_doubles(tracks: list[Track], blob: Blob, context: FrameContext) -> None:
    """Several tracks on a blob that is one thing by its size: all but the one that fits it best ride on it."""
    typical = context.typical(blob.bottom)
    box = bounding_boxes.of(blob)
    if typical is None or context.cut(box):
        return
    least, most = _ONE_THING
    if box[2] - box[0] > most * typical[0] or not least * typical[1] <= box[3] - box[1] <= most * typical[1]:
        return

    def fits(track: Track) -> float:
        expected = track.expected_box(context.now_s)
        return bounding_boxes.within(expected, box) * bounding_boxes.within(box, expected)

    best = max([track for track in tracks if track.confirmed] or tracks, key=fits)
    for track in tracks:
        if track is not best:
            track.riding_s += context.dt_s


def _feel_unrest(track: Track, context: FrameContext) -> None:
    """Feel how restless it is just ahead: where the track is, its own legs are what comes and goes."""
    if track.travelling:
        return
    x, y = track.x, track.y - track.high / 2
    pace = math.hypot(track.vx, track.vy)
    if pace > _UNDER_WAY * track.wide:
        x += (track.wide / 2 + _AHEAD_WIDTHS * track.wide) * track.vx / pace
        y += (track.high / 2 + _AHEAD_WIDTHS * track.wide) * track.vy / pace
    if 0 <= x < context.size[0] and 0 <= y < context.size[1]:
        track.unrest += 0.3 * (context.unrest(x, y) - track.unrest)


def _stands(track: Track) -> bool:
    doubt = 1.0 if track.confirmed else 0.25
    return (
        track.inside_s < 4 * _INSIDE_S * doubt
        and track.riding_s < _RIDE_S
        and track.support > (0.3 if track.confirmed else 0.7)
    )


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
            box = bounding_boxes.of(blob)
            if bounding_boxes.within(box, around) > 0.25 or bounding_boxes.within(around, box) > 0.25:
                parent[root(len(tracks) + j)] = root(i)
    groups: dict[int, tuple[list[Track], list[Blob]]] = {}
    for i, track in enumerate(tracks):
        groups.setdefault(root(i), ([], []))[0].append(track)
    for j, blob in enumerate(blobs):
        groups.setdefault(root(len(tracks) + j), ([], []))[1].append(blob)
    return list(groups.values())
