"""One moving thing: where it is, how large, where it goes, and how well that is backed by what is seen."""

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from itertools import pairwise

from edge_agent.vision.track.bounding_boxes import Box
from edge_agent.vision.track.likeness import Likeness
from edge_agent.vision.track.recognised import Recognised
from shared.objects import GROUPS, ObjectClass

CONFIRM_S = 0.3
"""Seen on its own for this long, a track is believed; half a walker's step."""
_CONFIRM_SIGHTINGS = 3
_PATH_S = 4.0
"""How much of its path a track remembers, for what breaks away from it."""
_FOLLOW, _FOLLOW_IN_CROWD = 0.8, 0.6
"""Weight of the measured against the expected place."""
_STEER_S, _STEER_IN_CROWD_S = 0.3, 1.2
"""Time constant with which the velocity follows: in a crowd places are less sure."""
_SIZE_S, _HIDDEN_SIZE_S = 0.6, 1.2
"""Time constants of the size: seen whole, and partly hidden, when the size is rather kept."""
_SHORT, _NARROW = 0.8, 0.6
"""Less than this part of the known size is seen: something hides the rest."""
_SETTLED = 6
"""Sightings after which a size is known."""
_STANDING_S, _STANDING = 0.7, 0.4
"""Who moves less than this part of the own width in that time stands; a walker goes two widths."""
_TRAIL_S = 1.0
_GONE_WIDTHS, _GONE_HEIGHTS = 1.0, 0.5
"""So far, in its own size, something must get before it is believed to go anywhere."""
_RECOGNISED_GONE = 0.4
"""What was recognised is no leaf: this part of the way is enough."""
_RECOGNISED, _RECOGNISED_PART = 3, 0.5
"""So often, and in this part of the looks, a thing must be recognised for that."""
_LOOK_PACE_S = 0.15, 1.2
_DOUBT_LOOKS, _DOUBT_PART, _DOUBT_BESIDE = 4, 0.3, 0.5
"""After so many looks, what was recognised in no more of them than the first part, and lay beside something that was in
the second or more, is its beam, its spray, or a piece of it. What lies alone may be unknown to the detector."""
_SURELY_PART, _SURELY_SCORE, _SURELY_NOT = 0.25, 0.33, 0.25
"""What was recognised in the first part of the looks, with the second as mean score, and as something else in all but
the third, is surely that: a goat is now and then a dog, seldom a person; a car at night is often nothing, never a
person. Chosen on the trunk road by day and at night, and on drawn animals."""
_TOLD_APART = 0.7
"""Part of what speaks for a vehicle that must speak for one kind of them."""
_UNREST = 12.0
"""Grey levels of restlessness that double the way: among leaves everything seems to go somewhere."""
_GONE_STRAIGHT = 0.5
"""Part of what it walked of late that must have brought it on."""
_GONE_STRIDE = 0.6
"""Largest part of the way that a single step may be: a track that jumps between two leaves goes nowhere."""
_STEP_S = 0.5
_EDGE_PX = 2
"""A box that comes this near to the picture's edge is cut by it."""


def cut_by_edge(box: Box, picture_px: tuple[int, int]) -> bool:
    """Whether the picture's edge cuts a box."""
    width, height = picture_px
    return min(box[0], box[1], width - box[2], height - box[3]) <= _EDGE_PX


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a track was, normalised, in which frame and when."""

    frame: int
    time_s: float
    x: float
    y: float


@dataclass(slots=True)
class Track:
    """A moving thing, in pixels of the analysed picture; (x, y) is its ground point, velocities are per second."""

    track_id: int
    picture_px: tuple[int, int]
    x: float
    y: float
    wide: float
    high: float
    seen_s: float
    born_s: float
    vx: float = 0.0
    vy: float = 0.0
    sightings: int = 1
    seen_now: bool = True
    own_s: float = 0.0
    """How long it has been seen as a thing of its own."""
    need_s: float = CONFIRM_S
    support: float = 1.0
    """0 to 1: how much of it is backed by pixels that no other track explains."""
    inside_s: float = 0.0
    """How long it has lain within another track."""
    riding_s: float = 0.0
    """How long it has been a part of what another track holds."""
    outgrown_s: float = 0.0
    """How long what is seen has been larger than it may be."""
    looks: int = 0
    """How often the detector looked at where it is."""
    recognised: int = 0
    """In how many of them it was recognised."""
    beside: int = 0
    """In how many of them something else was recognised beside it."""
    recognised_as: dict[ObjectClass, float] = field(default_factory=dict)
    """As what: the sum of the detector's scores."""
    recognised_s: float = 0.0
    """When, last."""
    recognised_at: tuple[float, float] = (0.0, 0.0)
    """Where, last: its ground point."""
    recognised_before_s: float = 0.0
    """When, the time before that."""
    parent: int = 0
    """The track it broke away from, until it is clear whether they go together."""
    from_standing: bool = False
    contact: float = 0.0
    """Part of its height that is the dark between its feet or tyres and the ground."""
    scale: tuple[float, float] | None = None
    """Its size in units of what is typical where it stands."""
    likeness: Likeness | None = field(default=None, repr=False)
    travelled: bool = False
    travelling: bool = False
    """Whether it has gone somewhere, as leaves, rain and light never do."""
    origin: tuple[float, float] | None = None
    stride: float = 0.0
    unrest: float = 0.0
    """How restless its places were, in grey levels."""
    rest: tuple[float, float] = (0.0, 0.0)
    moved_s: float = 0.0
    path: deque[Spot] = field(default_factory=deque)

    def kept(self, *, with_past: bool) -> "Track":
        """As it is now, for later: whatever becomes of it, this stays.

        Args:
            with_past: with the way that it came; else with its last place alone.
        """
        path = deque(self.path if with_past else [self.path[-1]])
        return replace(self, path=path, recognised_as=dict(self.recognised_as), likeness=None)

    @property
    def confirmed(self) -> bool:
        """Whether it is believed."""
        return self.own_s >= self.need_s - 1e-6 and self.sightings >= _CONFIRM_SIGHTINGS

    @property
    def doubted(self) -> bool:
        """Whether the detector looked at it often, nearly never saw it, and saw what it belongs to."""
        return (
            self.looks >= _DOUBT_LOOKS
            and self.recognised <= _DOUBT_PART * self.looks
            and self.beside >= _DOUBT_BESIDE * self.looks
        )

    @property
    def ground(self) -> tuple[float, float]:
        """Where it stands, normalised: the middle of the box's lower edge."""
        return self.x / self.picture_px[0], self.y / self.picture_px[1]

    @property
    def box(self) -> Box:
        """Normalised; beyond 0 to 1 where the thing goes on outside the picture."""
        left, top, right, bottom = self.box_px
        width, height = self.picture_px
        return left / width, top / height, right / width, bottom / height

    @property
    def box_px(self) -> Box:
        return self.x - self.wide / 2, self.y - self.high, self.x + self.wide / 2, self.y

    def expected(self, time_s: float) -> tuple[float, float]:
        """Ground point at a later time, at constant velocity."""
        dt_s = time_s - self.seen_s
        return self.x + self.vx * dt_s, self.y + self.vy * dt_s

    def expected_box(self, time_s: float) -> Box:
        """Box at a later time."""
        x, y = self.expected(time_s)
        return x - self.wide / 2, y - self.high, x + self.wide / 2, y

    def measure(self, box: Box, time_s: float, typical: tuple[float, float] | None) -> None:
        """Take in a box that was seen and holds nothing else.

        Args:
            box: in pixels.
            time_s: when.
            typical: width and height of things there, where known.
        """
        dt_s = max(1e-3, time_s - self.seen_s)
        whole, hidden = self._completed(box, time_s)
        self._move((whole[0] + whole[2]) / 2, whole[3], time_s, _FOLLOW, _STEER_S)
        wide, high = box[2] - box[0], box[3] - box[1]
        if hidden and typical is not None and self.scale is not None:
            wide = max(wide, 0.8 * self.scale[0] * typical[0])
            high = max(high, 0.8 * self.scale[1] * typical[1])
        rate = max(1 - math.exp(-dt_s / (_HIDDEN_SIZE_S if hidden else _SIZE_S)), 1 / self.sightings)
        self.wide += rate * (wide - self.wide)
        self.high += rate * (high - self.high)
        self.scale = (self.wide / typical[0], self.high / typical[1]) if typical else None

    @property
    def is_known(self) -> bool:
        """Whether the detector recognised it often enough to believe what it says."""
        return self.recognised >= max(_RECOGNISED, _RECOGNISED_PART * self.looks)

    def is_surely_none_of(self, classes: Collection[ObjectClass]) -> bool:
        """Whether it was recognised often enough and clearly, and nearly always as something else."""
        scored = sum(self.recognised_as.values())
        return (
            self.recognised >= max(_RECOGNISED, _SURELY_PART * self.looks)
            and scored >= _SURELY_SCORE * self.recognised
            and self._scored(classes) < _SURELY_NOT * scored
        )

    @property
    def object_class(self) -> tuple[ObjectClass, float]:
        """What it is, and how sure that is, 0 to 1: the detector's mean score; a look that says otherwise is 0."""
        if not self.is_known:
            return ObjectClass.UNKNOWN, 0.0
        group = max(GROUPS.values(), key=self._scored)
        scored = self._scored(group)
        single = max(group, key=lambda one: self._scored((one,)))
        if self._scored((single,)) < _TOLD_APART * scored:
            single = ObjectClass.VEHICLE  # the only group of several
        return single, min(1.0, scored / self.recognised)

    def _scored(self, classes: Collection[ObjectClass]) -> float:
        return sum(score for one, score in self.recognised_as.items() if one in classes)

    def recognise(self, thing: Recognised, time_s: float, dt_s: float, typical: tuple[float, float] | None) -> None:
        """Take in what the detector says: what it is, where, whole, and that it is a thing of its own.

        Args:
            thing: its box's lower edge is at the feet or tyres.
            time_s: when.
            dt_s: how long that holds.
            typical: width and height of things there, where known.
        """
        left, top, right, bottom = thing.box
        self.recognised_as[thing.object_class] = self.recognised_as.get(thing.object_class, 0.0) + thing.score
        velocity, seen_s, before_s = (self.vx, self.vy), self.seen_s, self.recognised_s
        self.measure((left, top, right, bottom + self.contact * (bottom - top)), time_s, typical)
        away_s = time_s - before_s
        if seen_s > before_s and away_s >= _LOOK_PACE_S[0]:
            # Motion saw it last. What the two differ by is no motion of the thing.
            self.vx, self.vy = velocity
        if self.recognised and _LOOK_PACE_S[0] <= away_s <= _LOOK_PACE_S[1]:
            self.vx, self.vy = (self.x - self.recognised_at[0]) / away_s, (self.y - self.recognised_at[1]) / away_s
        self.recognised_at = self.x, self.y
        self.support, self.riding_s, self.outgrown_s = 1.0, 0.0, 0.0
        self.need_s = min(self.need_s, CONFIRM_S)
        self.own_s += dt_s
        self.recognised += 1
        self.recognised_before_s, self.recognised_s = self.recognised_s, time_s

    def move_to(self, x: float, y: float, time_s: float) -> None:
        """Take in a ground point found in a crowd, in pixels; the size stays."""
        self._move(x, y, time_s, _FOLLOW_IN_CROWD, _STEER_IN_CROWD_S)

    def come_back(self, box: Box, time_s: float) -> None:
        """Go on from a place where the tracker did not look for it; its size and velocity stay."""
        self.x, self.y = (box[0] + box[2]) / 2, box[3]
        self.seen_s, self.seen_now = time_s, True
        self.sightings += 1
        self.support, self.riding_s, self.inside_s = 1.0, 0.0, 0.0

    def remember(self, frame: int, time_s: float, gap_s: float) -> None:
        """Add where it is now to its path; longer than `gap_s` unseen, it was out of sight."""
        if math.hypot(self.x - self.rest[0], self.y - self.rest[1]) > max(4.0, 0.5 * self.wide):
            self.travelled = self.travelled or self.sightings > _SETTLED
            self.moved_s, self.rest = time_s, (self.x, self.y)
        self._judge_purpose(gap_s)
        self.path.append(Spot(frame, time_s, *self.ground))
        while self.path[0].time_s < time_s - _PATH_S:
            self.path.popleft()

    def trail(self, now_s: float) -> Box:
        """What its box covered of late, in pixels."""
        width, height = self.picture_px
        recent = [spot for spot in self.path if spot.time_s >= now_s - _TRAIL_S] or [Spot(0, now_s, *self.ground)]
        xs, ys = [spot.x * width for spot in recent], [spot.y * height for spot in recent]
        return min(xs) - self.wide / 2, min(ys) - self.high, max(xs) + self.wide / 2, max(ys)

    def stands(self, now_s: float) -> bool:
        """Whether it has hardly moved of late."""
        recent = [spot for spot in self.path if spot.time_s >= now_s - _STANDING_S]
        if not recent or len(recent) == len(self.path):
            return False
        dx = (self.path[-1].x - recent[0].x) * self.picture_px[0]
        dy = (self.path[-1].y - recent[0].y) * self.picture_px[1]
        return math.hypot(dx, dy) < _STANDING * self.wide

    def _judge_purpose(self, gap_s: float) -> None:
        """Far enough from where it began, not to and fro, and not in one leap."""
        if self.travelling:
            return
        if self.origin is None or not self.path:
            self.origin = self.x, self.y
            return
        width, height = self.picture_px
        dx, dy = self.x - self.path[-1].x * width, self.y - self.path[-1].y * height
        if self.seen_s - self.path[-1].time_s > gap_s:  # a way that we did not see may be from one leaf to the next
            self.origin = self.origin[0] + dx, self.origin[1] + dy
            return
        step = math.hypot(dx, dy)
        self.stride = max(self.stride, step)
        gone = math.hypot(self.x - self.origin[0], self.y - self.origin[1])
        if self.is_known:
            least = _RECOGNISED_GONE * max(_GONE_WIDTHS * self.wide, _GONE_HEIGHTS * self.high)
            self.travelling = gone >= least and self._straightness() >= _GONE_STRAIGHT
            return
        doubt = 1 + self.unrest / _UNREST
        self.travelling = (
            gone >= doubt * max(_GONE_WIDTHS * self.wide, _GONE_HEIGHTS * self.high)
            and self.stride <= _GONE_STRIDE * gone
            and self._straightness() >= _GONE_STRAIGHT
        )

    def _straightness(self) -> float:
        """How straight it went of late: 1 straight, 0 to and fro; in steps of half a second, which even out jitter."""
        width, height = self.picture_px
        places = [(self.x, self.y)]
        at_s = self.seen_s
        for spot in reversed(self.path):
            if at_s - spot.time_s >= _STEP_S:
                places.append((spot.x * width, spot.y * height))
                at_s = spot.time_s
        if len(places) < 2:
            return 1.0
        walked = sum(math.dist(a, b) for a, b in pairwise(places))
        return math.dist(places[0], places[-1]) / walked if walked else 1.0

    def _move(self, x: float, y: float, time_s: float, follow: float, steer_s: float) -> None:
        dt_s = max(1e-3, time_s - self.seen_s)
        expected_x, expected_y = self.expected(time_s)
        young = 1 / self.sightings
        along = max(follow, young)
        steer = max(1 - math.exp(-dt_s / steer_s), young)
        self.x, self.y = expected_x + along * (x - expected_x), expected_y + along * (y - expected_y)
        self.vx += steer * (x - expected_x) / dt_s
        self.vy += steer * (y - expected_y) / dt_s
        self.seen_s, self.seen_now = time_s, True
        self.sightings += 1

    def _completed(self, box: Box, time_s: float) -> tuple[Box, bool]:
        """The box with its known size restored where only a part is seen, and whether that was so."""
        left, top, right, bottom = box
        if self.sightings < _SETTLED:
            return box, False
        width, height = self.picture_px
        known = self.expected_box(time_s)
        hidden = False
        if bottom - top < _SHORT * self.high:
            hidden = True
            below = bottom >= height - _EDGE_PX or (top > _EDGE_PX and abs(top - known[1]) < abs(bottom - known[3]))
            if below:
                bottom = top + self.high
            top = bottom - self.high
        if right - left < _NARROW * self.wide:
            hidden = True
            if right >= width - _EDGE_PX or (left > _EDGE_PX and abs(left - known[0]) < abs(right - known[2])):
                right = left + self.wide
            left = right - self.wide
        return (left, top, right, bottom), hidden
