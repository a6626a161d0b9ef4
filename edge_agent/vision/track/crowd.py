"""Several tracks on common blobs: each is placed in what is seen of all of them, and what none explains may be new."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.motion import Blob, components
from edge_agent.vision.track import bounding_boxes, occlusion
from edge_agent.vision.track.frame_context import FrameContext
from edge_agent.vision.track.track import Track

_MARGIN_PX = 24
_UNSURE_PX = 12
"""Pixels a second by which a track that hides gets less sure of its place."""
_SUPPORT_S = 1.0
_DWARF = 0.5
_ALIKE = 0.85
"""From here on a track is seen well enough to keep how it looks."""
_NEW_HIGH, _NEW_WIDE = 0.6, 0.45
"""What no track explains is a thing from this part of the size on that things have there."""
_LEAST_NEW = 0.3
_FAINT = 5.0
"""Grey levels a pixel: what no track explains and whose outline is less steep is the light around a body."""
_ANEW_WIDTHS = 1.2
_SIZE_S, _SHRINK_S = 0.45, 1.0
"""Time constants of the size: towards what is typical where it stands, and towards what is seen of it."""


def settle(tracks: list[Track], blobs: list[Blob], context: FrameContext) -> list[tuple[Blob, Track]]:
    """Look for each track of a crowd.

    Returns:
        What none of them explains and is as large as a thing, each with the track that is nearest.
    """
    left = max(0, int(min(blob.left for blob in blobs)) - _MARGIN_PX)
    top = max(0, int(min(blob.top for blob in blobs)) - _MARGIN_PX)
    right = int(max(blob.right for blob in blobs)) + _MARGIN_PX
    bottom = int(max(blob.bottom for blob in blobs)) + _MARGIN_PX
    labels = context.seen.labels[top:bottom, left:right]
    mask = np.zeros(labels.shape, np.uint8)
    for label in (label for blob in blobs for label in blob.labels):
        mask[labels == label] = 255
    members = [_member(track, context, left, top) for track in tracks]
    places, left_over = occlusion.place(members, mask, context.shown((left, top, right, bottom)))
    hidden = []
    for track, member, spot in zip(tracks, members, places, strict=True):
        if spot.found:
            _place(track, member, spot, tracks, context, (left, top))
        else:
            hidden.append(track)
    new = []
    for blob in _unclaimed(left_over, tracks, (left, top), context):
        typical = context.typical(blob.bottom)
        if typical is None:
            known = _nearest([track for track in tracks if track.confirmed] or tracks, blob)
            typical = known.wide, known.high
        if blob.bottom - blob.top < _NEW_HIGH * typical[1] or blob.right - blob.left < _NEW_WIDE * typical[0]:
            continue
        waiting = min(hidden, key=lambda track: _away_squared(track, blob, context), default=None)
        if waiting is not None and _away_squared(waiting, blob, context) < (_ANEW_WIDTHS * waiting.wide) ** 2:
            hidden.remove(waiting)
            waiting.measure(bounding_boxes.of(blob), context.now_s, context.typical(blob.bottom))
        else:
            new.append((blob, _nearest(tracks, blob)))
    return new


def _nearest(tracks: list[Track], blob: Blob) -> Track:
    return min(tracks, key=lambda track: bounding_boxes.apart_squared((track.x, track.y - track.high / 2), blob))


def _away_squared(track: Track, blob: Blob, context: FrameContext) -> float:
    x, y = track.expected(context.now_s)
    return bounding_boxes.apart_squared((x, y - track.high / 2), blob)


def _member(track: Track, context: FrameContext, left: int, top: int) -> occlusion.Member:
    x, y = track.expected(context.now_s)
    dx, dy = track.likeness.at if track.likeness is not None else (track.wide / 2, track.high)
    slack_px = _UNSURE_PX * (context.now_s - track.seen_s)
    return occlusion.Member(x - left - dx, y - top - dy, (dx, dy), track.wide, track.high, slack_px, track.likeness)


def _place(
    track: Track,
    member: occlusion.Member,
    spot: occlusion.Place,
    tracks: list[Track],
    context: FrameContext,
    corner: tuple[int, int],
) -> None:
    x, y = track.expected(context.now_s)
    x, y = x + spot.left - member.left, y + spot.top - member.top
    track.support += (1 - math.exp(-context.dt_s / _SUPPORT_S)) * ((spot.fresh > 0.3) - track.support)
    _resize(track, spot, context)
    if spot.extent is not None:
        left, _, right, bottom = spot.extent
        x += 0.3 * ((left + right) / 2 + corner[0] - x)
        y += 0.3 * (bottom + corner[1] - y)
    track.move_to(x, y, context.now_s)
    beside = (other for other in tracks if other.track_id < track.track_id)
    if track.scale is not None and min(track.scale) < _DWARF:
        track.riding_s += context.dt_s
    elif spot.fresh > 0.6 and not any(bounding_boxes.within(track.box_px, other.box_px) > 0.45 for other in beside):
        track.own_s += context.dt_s
    if spot.alike > _ALIKE:
        track.likeness = context.look(track) or track.likeness


def _resize(track: Track, spot: occlusion.Place, context: FrameContext) -> None:
    """In a crowd a track keeps its size, in proportion to where it stands."""
    typical = context.typical(track.y)
    if typical is not None and track.scale is not None:
        rate = 1 - math.exp(-context.dt_s / _SIZE_S)
        track.wide += rate * (min(1.3, max(0.7, track.scale[0])) * typical[0] - track.wide)
        track.high += rate * (min(1.3, max(0.7, track.scale[1])) * typical[1] - track.high)
    elif spot.extent is not None:
        left, top, right, bottom = spot.extent
        rate = 1 - math.exp(-context.dt_s / _SHRINK_S)
        track.wide += rate * max(-0.4 * track.wide, min(0.0, right - left - track.wide))
        track.high += rate * max(-0.4 * track.high, min(0.0, bottom - top - track.high))


def _unclaimed(
    left_over: NDArray[np.uint8], tracks: list[Track], corner: tuple[int, int], context: FrameContext
) -> list[Blob]:
    """Blobs of what no track explains, as large as a good part of the smallest and with an outline of their own."""
    opened = np.asarray(cv2.morphologyEx(left_over, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    least = _LEAST_NEW * min(track.wide * track.high for track in tracks)
    x, y = corner
    labels, found = components(opened)
    blobs = []
    for label, (left, top, wide, high, area) in enumerate(found, start=1):
        own = (labels[top : top + high, left : left + wide] == label).astype(np.uint8)
        picture = context.seen.picture[y + top : y + top + high, x + left : x + left + wide]
        if area >= least and _outline(own, picture) >= _FAINT:
            blobs.append(Blob(x + left, y + top, x + left + wide, y + top + high, area))
    return blobs


def _outline(own: NDArray[np.uint8], picture: NDArray[np.uint8]) -> float:
    """How steep the picture is along the outline of a region, in grey levels a pixel."""
    outline = cv2.subtract(own, cv2.erode(own, np.ones((5, 5), np.uint8), borderValue=0))
    across, down = cv2.Sobel(picture, cv2.CV_16S, 1, 0), cv2.Sobel(picture, cv2.CV_16S, 0, 1)
    return cv2.mean(cv2.add(cv2.convertScaleAbs(across), cv2.convertScaleAbs(down)), outline)[0] / 8
