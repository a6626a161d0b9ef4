"""Where a blob that no track expects comes from: it was hidden, it broke away from another, or it is new."""

import math
from collections import deque

from edge_agent.vision.motion import Blob
from edge_agent.vision.track import bounding_boxes
from edge_agent.vision.track.bounding_boxes import Box
from edge_agent.vision.track.frame_context import FrameContext
from edge_agent.vision.track.track import CONFIRM_S, Spot, Track

_LEAST_AREA = 0.0006
"""Smallest thing as a part of the picture: a person of 1/16 of the picture's height."""
_REMNANT, _REMNANT_S = 0.4, 1.5
"""What is lower than this part of something in whose trail it lies must last so long: it may be a reflection."""
_CONTACT = 0.035
"""Part of the height by which what differs reaches below the feet: light does not get there. Measured on PETS09."""
_STAYED = 0.75
"""Of two that part, the one that gets this part as far is what stays: a trace that shrinks moves its foot as well."""
_PACE = 1.2
"""Own heights a second that something may have gone while it was out of sight: a person who runs."""
_UNSURE_WIDTHS = 0.3
_AWAY_S = 1.2
"""Longer out of sight, and there is a door: it is another person."""
_SHARED_S = 0.6
"""How far back two tracks on one thing may have lost the other thing."""
_SAME_HEIGHT, _WIDEST = (0.7, 1.3), 2.0
"""It may be narrower: who comes out from behind a wall is a strip at first."""
_ALIKE = 0.3
"""Least likeness; where that cannot be told, it must be `_UNTOLD` times as near."""
_UNTOLD = 0.5
_NEARER = 0.3
"""What the whole reach is worth against looks."""


def returning(blob: Blob, tracks: list[Track], context: FrameContext) -> Track | None:
    """The track that comes back as this blob: nothing appears in the middle of the picture that was not there before.

    Looked for among the tracks out of sight, and those that share one thing with another: one of the two lost its
    own. The one that looks most like the blob, of those that can have come so far.
    """
    x, y, wide, high = (blob.left + blob.right) / 2, blob.bottom, blob.right - blob.left, blob.bottom - blob.top
    if blob.shade or context.cut(bounding_boxes.of(blob)):
        return None
    best, best_worth = None, -math.inf
    for track in tracks:
        if not (track.confirmed and track.travelling):
            continue
        if not _SAME_HEIGHT[0] * track.high < high < _SAME_HEIGHT[1] * track.high:
            continue
        if wide > _WIDEST * track.wide:
            continue
        gone_s = context.now_s - track.seen_s
        if track.seen_now:
            if not any(_share(track, other) for other in tracks):
                continue
            gone_s = _SHARED_S
        elif not context.gap_s < gone_s <= _AWAY_S:
            continue
        reach = _PACE * track.high * gone_s + _UNSURE_WIDTHS * track.wide
        away = min(math.dist((x, y), (track.x, track.y)), math.dist((x, y), track.expected(context.now_s)))
        if away >= reach:
            continue
        alike = context.alike(track, blob)
        if (away > _UNTOLD * reach) if alike is None else (alike < _ALIKE):
            continue
        worth = (alike or 0.0) - _NEARER * away / reach
        if worth > best_worth:
            best, best_worth = track, worth
    return best


def _share(track: Track, other: Track) -> bool:
    """Whether two tracks are on one thing."""
    return (
        other is not track
        and other.confirmed
        and other.seen_now
        and bounding_boxes.within(track.box_px, other.box_px) > 0.6
        and bounding_boxes.within(other.box_px, track.box_px) > 0.5
    )


def spawn(number: int, blob: Blob, parent: Track | None, tracks: list[Track], context: FrameContext) -> Track | None:
    """Begin a track.

    Args:
        number: its id.
        blob: what it begins with.
        parent: what the blob broke away from, if anything.
        tracks: all there are.
        context: this frame.

    Returns:
        The new track, None where the blob is too small or only light.
    """
    size = context.size
    if blob.shade or blob.area < _LEAST_AREA * size[0] * size[1]:
        return None
    x, y = (blob.left + blob.right) / 2, blob.bottom
    wide, high = blob.right - blob.left, blob.bottom - blob.top
    track = Track(number, size, x, y, wide, high, context.now_s, context.now_s, rest=(x, y), moved_s=context.now_s)
    track.contact = 0.0 if context.seen.detected else _CONTACT
    typical = context.typical(y)
    track.scale = (wide / typical[0], high / typical[1]) if typical else None
    if any(
        high < _REMNANT * other.high
        and bounding_boxes.within(bounding_boxes.of(blob), other.trail(context.now_s)) > 0.5
        for other in tracks
        if other.confirmed and other.travelled
    ):
        track.need_s = _REMNANT_S
    if blob.beside:
        track.need_s = _REMNANT_S
    if parent is not None:
        track.vx, track.vy = parent.vx, parent.vy
        if high > 0.5 * parent.high and abs(y - parent.y) < 0.35 * parent.high:
            _descend(track, parent, context, recognised=blob.recognised)
    return track


def _descend(track: Track, parent: Track, context: FrameContext, recognised: bool) -> None:
    """What breaks away has gone the other's way so far; `check_descent` looks later whether that was so."""
    track.parent = parent.track_id
    track.need_s = 2 * CONFIRM_S
    track.from_standing = parent.stands(context.now_s)
    track.travelling = parent.travelling
    dx, dy = (track.x - parent.x) / context.size[0], (track.y - parent.y) / context.size[1]
    if track.from_standing:  # it was where the other stands, and walks out of it
        dx = dy = 0.0
    # What was recognised was alone then: the two were together since the time before at most.
    since_s = parent.recognised_before_s if recognised else 0.0
    track.path.extend(Spot(s.frame, s.time_s, s.x + dx, s.y + dy) for s in parent.path if s.time_s >= since_s)


def as_blob(box: Box) -> Blob:
    """What was recognised, as something that a track may begin with."""
    left, top, right, bottom = box
    lower = bottom + _CONTACT * (bottom - top)
    return Blob(left, top, right, lower, (right - left) * (bottom - top), upright=True, recognised=True)


def check_descent(track: Track, tracks: list[Track]) -> None:
    """What broke away from another keeps that one's path only if the two went together since."""
    parent = next((other for other in tracks if other.track_id == track.parent), None)
    track.parent = 0
    own = [spot for spot in track.path if spot.time_s >= track.born_s]
    others = [spot for spot in parent.path if spot.time_s >= track.born_s] if parent else []
    if parent and own and others:
        mine, its = _walked(own, track.picture_px), _walked(others, track.picture_px)
        if track.from_standing and math.hypot(*its) < _STAYED * math.hypot(*mine):
            parent.travelled = False  # what is left there may be no more than a trace of the one that went
            return
        if math.dist(mine, its) <= 0.5 * max(math.hypot(*mine), math.hypot(*its)):
            return
    track.path = deque(own)


def _walked(spots: list[Spot], picture_px: tuple[int, int]) -> tuple[float, float]:
    return (spots[-1].x - spots[0].x) * picture_px[0], (spots[-1].y - spots[0].y) * picture_px[1]
