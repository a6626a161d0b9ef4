"""Looks of an object detector beside motion: what it recognises counts, and without it motion goes on."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge_agent.camera.looks.budget import LookBudget
from edge_agent.config import AgentSettings, CameraSettings, DetectorSettings, LookSettings, SyntheticCamera
from edge_agent.frames import Frame
from edge_agent.vision.looks import PATIENCE_S, Look, Looks
from edge_agent.vision.motion import MotionDetector
from edge_agent.vision.motion.masks import Masks
from edge_agent.vision.pipeline import Pipeline
from edge_agent.vision.track import Recognised, Sight, Track, Tracker
from edge_agent.vision.track.recognition import assign
from edge_agent.vision.tripwire import Crossing
from models.objects import WHOLE, Found, Region
from provisioning.lab.edge.sequences import as_frame
from shared.objects import ObjectClass, ObjectGroup
from shared.scene import Mask, Scene, Tripwire
from tests.unit.test_tracks import SIZE, UPRIGHT, body, ground

HIGH = 80
SECONDS = 12.0
Walk = Callable[[float], tuple[float, float]]


def walking(late_s: float = 0.0, foot: float = 250.0) -> Walk:
    """From the left to the right, 60 pixels a second, after three seconds."""
    return lambda time_s: (20 + 60 * max(0.0, time_s - 3 - late_s), foot)


def as_found(walk: Walk, time_s: float, kind: ObjectClass = ObjectClass.PERSON, score: float = 0.8) -> Found:
    x, foot = walk(time_s)
    wide = HIGH / 3
    left, right = (x - wide / 2) / SIZE[0], (x + wide / 2) / SIZE[0]
    return Found(left, (foot - HIGH) / SIZE[1], right, foot / SIZE[1], score, kind)


class Truthful:
    """Sees those that are said to be seen, at once; nothing where the kind of its turn is None."""

    def __init__(self, walks: Sequence[Walk] = (), *kinds: ObjectClass | None, score: float = 0.8) -> None:
        self._walks, self._score = walks, score
        self._kinds = kinds or (ObjectClass.PERSON,)
        self.asked_s: list[float] = []
        self.regions: list[Region] = []

    def ask(self, frame: Frame, region: Region, *, urgent: bool) -> Future[Look]:
        self.asked_s.append(frame.time_s)
        self.regions.append(region)
        answer = Future[Look]()
        kind = self._kinds[len(self.asked_s) % len(self._kinds)]
        found = [] if kind is None else [as_found(walk, frame.time_s, kind, self._score) for walk in self._walks]
        answer.set_result(Look(found, region))
        return answer


class Silent:
    """Never answers."""

    def ask(self, frame: Frame, region: Region, *, urgent: bool) -> Future[Look]:
        return Future()


class Slow:
    """Answers so long after it was asked, one at a time, as a small board does."""

    def __init__(self, walks: Sequence[Walk], takes_s: float) -> None:
        self._truth, self._takes_s = Truthful(walks), takes_s
        self._now_s = 0.0
        self._at_work: tuple[float, Future[Look], Look] | None = None

    def pass_to(self, now_s: float) -> None:
        """Let time pass."""
        self._now_s = now_s
        if self._at_work and now_s >= self._at_work[0] + self._takes_s:
            _, answer, found = self._at_work
            self._at_work = None
            if not answer.cancelled():
                answer.set_result(found)

    def ask(self, frame: Frame, region: Region, *, urgent: bool) -> Future[Look] | None:
        if self._at_work:
            return None
        answer = Future[Look]()
        self._at_work = self._now_s, answer, self._truth.ask(frame, region, urgent=urgent).result()
        return answer


class Broken:
    """Answers with an error."""

    def ask(self, frame: Frame, region: Region, *, urgent: bool) -> Future[Look]:
        answer = Future[Look]()
        answer.set_exception(RuntimeError("the model returned nothing"))
        return answer


class Busy:
    """Has no time."""

    def ask(self, frame: Frame, region: Region, *, urgent: bool) -> None:
        return None


def run(walks: Sequence[Walk], looks: Looks | None, line: Tripwire = UPRIGHT) -> list[tuple[Crossing, float]]:
    """Crossings, each with the moment at which it was told."""
    pipeline, empty = Pipeline(Scene([line]), looks=looks), ground()
    told = []
    for number in range(1, round(SECONDS * 10) + 1):
        time_s, picture = (number - 1) / 10, empty.copy()
        for walk in walks:
            x, foot = walk(time_s)
            if -60 < x < SIZE[0] + 60:
                body(picture, x, foot, 60, HIGH)
        told += [(event, time_s) for event in pipeline.step(as_frame(picture, number, time_s))]
    told += [(event, SECONDS) for event in pipeline.finish()]
    return [(event, told_s) for event, told_s in told if isinstance(event, Crossing)]


def frames(told: Sequence[tuple[Crossing, float]]) -> list[float]:
    return [event.frame for event, _ in told]


def test_two_that_are_one_blob_are_two() -> None:
    abreast = [walking(), walking(late_s=0.2, foot=254.0)]
    assert len(run(abreast, None)) == 1
    assert len(run(abreast, Looks(Truthful(abreast), 5))) == 2


def test_what_the_detector_does_not_know_is_told_all_the_same() -> None:
    tractor = [walking()]
    assert len(run(tractor, Looks(Truthful(), 5))) == 1


def test_what_keeps_beside_something_recognised_and_never_is_itself_belongs_to_it() -> None:
    car, beam = walking(), walking(late_s=-0.8)
    assert len(run([car, beam], None)) == 2
    assert len(run([car, beam], Looks(Truthful([car]), 5))) == 1


def test_pieces_that_looks_do_not_know_cross_once_and_what_comes_later_counts() -> None:
    """Upper and lower half of a tall load, which motion takes for two; far apart in time they are two things."""
    upper, lower, later = walking(), walking(0.1, foot=335), walking(1.5, foot=335)
    assert len(run([upper, lower], None)) == 2, "motion alone takes them for two"
    assert len(run([upper, lower], Looks(Truthful(), 10))) == 1
    assert len(run([upper, later], Looks(Truthful(), 10))) == 2
    assert len(run([upper, lower], Looks(Truthful([upper, lower]), 10))) == 2, "what is known counts"


@pytest.mark.parametrize(
    ("objects", "seen_as", "counted"),
    [
        ([], [ObjectClass.ANIMAL], 1),
        (["person"], [ObjectClass.PERSON], 1),
        (["person"], [ObjectClass.ANIMAL], 0),
        (["person"], [ObjectClass.TWO_WHEELER], 1),
        (["person"], [ObjectClass.ANIMAL, ObjectClass.PERSON], 1),
        (["person"], [ObjectClass.LORRY], 0),
        (["person", "vehicle"], [ObjectClass.LORRY], 1),
        (["vehicle"], [ObjectClass.LORRY, ObjectClass.BUS, ObjectClass.CAR], 1),
        (["two_wheeler"], [ObjectClass.PERSON], 0),
    ],
)
def test_a_line_leaves_out_only_what_is_surely_something_else(
    objects: list[ObjectGroup], seen_as: list[ObjectClass], counted: int
) -> None:
    walk, line = [walking()], msgspec.structs.replace(UPRIGHT, objects=objects)
    assert len(run(walk, Looks(Truthful(walk, *seen_as), 5), line)) == counted


@pytest.mark.parametrize(
    ("seen_as", "told"),
    [
        ([ObjectClass.PERSON], ObjectClass.PERSON),
        ([ObjectClass.TWO_WHEELER], ObjectClass.TWO_WHEELER),
        ([ObjectClass.BUS], ObjectClass.BUS),
        ([ObjectClass.BUS, ObjectClass.LORRY], ObjectClass.VEHICLE),
        ([ObjectClass.CAR, ObjectClass.CAR, ObjectClass.PERSON], ObjectClass.CAR),
    ],
)
def test_a_crossing_says_what_it_was_and_how_sure_that_is(seen_as: list[ObjectClass], told: ObjectClass) -> None:
    walk = [walking()]
    ((crossing, _),) = run(walk, Looks(Truthful(walk, *seen_as), 5))
    assert crossing.object is told
    agreed = sum(one is told or told is ObjectClass.VEHICLE for one in seen_as) / len(seen_as)
    assert crossing.score == pytest.approx(0.8 * agreed, abs=0.12)


@pytest.mark.parametrize("looks", [None, Looks(Truthful(), 5)])
def test_what_no_look_knows_is_unknown(looks: Looks | None) -> None:
    ((crossing, _),) = run([walking()], looks)
    assert (crossing.object, crossing.score) == (ObjectClass.UNKNOWN, 0.0)


def test_what_the_detector_does_not_know_or_hardly_ever_saw_passes_every_line() -> None:
    walk, line = [walking()], msgspec.structs.replace(UPRIGHT, objects=["person"])
    assert len(run(walk, Looks(Truthful(), 5), line)) == 1
    assert len(run(walk, Looks(Silent(), 5), line)) == 1
    assert len(run(walk, None, line)) == 1


@pytest.mark.parametrize(
    ("looker", "counted"),
    [
        (Truthful([walking()], ObjectClass.CAR, None, None), 0),
        (Truthful([walking()], ObjectClass.CAR, *[None] * 7), 1),
        (Truthful([walking()], ObjectClass.ANIMAL, score=0.31), 1),
        (Truthful([walking()], ObjectClass.ANIMAL, score=0.36), 0),
    ],
)
def test_a_look_in_three_tells_enough_and_faint_ones_do_not(looker: Truthful, counted: int) -> None:
    line = msgspec.structs.replace(UPRIGHT, objects=["person"])
    assert len(run([walking()], Looks(looker, 5), line)) == counted


def test_what_is_seen_now_and_then_counts_once() -> None:
    walk = [walking()]
    told = run(walk, Looks(Truthful(walk), 1))
    assert len(told) == 1
    assert frames(told)[0] == pytest.approx(frames(run(walk, None))[0], abs=2)


@pytest.mark.parametrize("looker", [Silent(), Broken(), Busy()])
def test_without_answers_motion_goes_on(looker: Silent | Broken | Busy) -> None:
    walk = [walking()]
    alone, looks = run(walk, None), Looks(looker, 5)
    told = run(walk, looks)
    assert frames(told) == frames(alone)
    assert told[0][1] <= alone[0][1] + PATIENCE_S + 0.15


def test_an_empty_place_is_not_looked_at() -> None:
    looker = Truthful()
    run([], Looks(looker, 10))
    assert max(looker.asked_s) < 2  # while the first background is learnt, what moves is not known yet


def test_a_budget_is_kept_on_average_and_what_is_saved_serves_a_burst() -> None:
    budget = LookBudget(2.0)
    assert budget.take(100.0)
    assert not budget.take(100.4)
    assert budget.left(100.4) == pytest.approx(0.8)
    assert budget.left(99.0) == pytest.approx(0.8), "a clock that was read before gives nothing"
    assert budget.take(100.5)
    taken = sum(budget.take(160.0 + 0.01 * number) for number in range(10))
    assert taken == 6, "three seconds' worth, however long nothing moved"
    every = sum(budget.take(200.0 + 0.01 * number) for number in range(6000))
    assert every == pytest.approx(2 * 60 + 6, abs=1)
    assert LookBudget(0.5).take(0.0), "one at least"


def test_looks_are_made_when_something_nears_a_line() -> None:
    looker = Truthful([walking()])
    run([walking()], Looks(looker, 2))
    near = [at_s for at_s in looker.asked_s if 7 < at_s < 9]  # the line is reached after 8 s
    far = [at_s for at_s in looker.asked_s if 4 < at_s < 6]
    assert len(near) > 12
    assert len(far) <= 3


def test_what_stands_on_a_mask_is_not_recognised() -> None:
    def recognised(scene: Scene) -> int:
        walk, empty = walking(), ground()
        pipeline, most = Pipeline(scene, looks=Looks(Truthful([walk]), 5)), 0
        for number in range(1, 100):
            picture = empty.copy()
            body(picture, *walk((number - 1) / 10), 60, HIGH)
            pipeline.step(as_frame(picture, number, (number - 1) / 10))
            most = max([most, *(track.recognised for track in pipeline.tracks)])
        return most

    assert recognised(Scene()) > 10
    assert recognised(Scene(masks=[Mask([(0, 0.5), (1, 0.5), (1, 1), (0, 1)])])) == 0


def test_the_first_time_it_is_recognised_tells_no_speed() -> None:
    track = Track(1, SIZE, 240.0, 200.0, 30.0, 80.0, seen_s=0.2, born_s=0.1, vx=5.0, sightings=3)
    walker = Recognised((225.0, 120.0, 255.0, 200.0), 0.9, ObjectClass.PERSON)
    track.recognise(walker, 0.4, 0.2, None)
    assert abs(track.vx) < 60, "240 pixels in 0.4 s are where it is, not how far it went"


def test_a_parked_lorry_is_not_the_walker_before_it() -> None:
    walker = Track(1, SIZE, 240.0, 200.0, 30.0, 80.0, seen_s=1.0, born_s=0.1)
    labels = np.zeros(SIZE[::-1], np.int32)
    labels[120:200, 225:255] = 1
    lorry = Recognised((150.0, 60.0, 350.0, 210.0), 0.9, ObjectClass.LORRY)
    assert assign([lorry], [walker], 1.1, labels) == []
    labels[60:210, 150:350] = 1
    assert assign([lorry], [walker], 1.1, labels) == [(walker, lorry)]


def test_a_camera_with_a_detector_of_its_own_takes_no_share(tmp_path: Path) -> None:
    source = SyntheticCamera("gate")
    watched = CameraSettings("a", tmp_path, source), CameraSettings("b", tmp_path, source)
    own = CameraSettings("c", tmp_path, source, DetectorSettings(tmp_path))
    settings = AgentSettings(site="s", agent="a", data_dir=tmp_path, cameras=[*watched, own], looks=LookSettings(8))
    assert settings.sharing_looks == 2


def test_a_picture_of_another_shape_ends_nothing() -> None:
    walk, empty = walking(), ground()
    pipeline = Pipeline(Scene([UPRIGHT]))
    for number in range(1, 160):
        time_s, picture = number / 10, empty.copy()
        body(picture, *walk(min(time_s, 8.0)), 60, HIGH)  # from there on it stands
        pipeline.step(as_frame(picture, number, time_s))
    for number in range(160, 220):
        pipeline.step(as_frame(np.ascontiguousarray(empty[:240]), number, number / 10))
    assert pipeline.tracks == []


def test_where_looks_are_few_they_are_at_what_nears_a_line_and_else_at_all() -> None:
    few, many = Truthful([walking()]), Truthful([walking()])
    run([walking()], Looks(few, 2))
    run([walking()], Looks(many, 10))
    assert {region == WHOLE for region in many.regions} == {True}
    near = [region for at_s, region in zip(few.asked_s, few.regions, strict=True) if 7.5 < at_s < 8.5]
    assert near
    for left, top, right, bottom in near:
        assert left > 0.2
        assert right < 0.8
        assert 0.3 - 1e-6 <= right - left < 0.5
        assert 0 <= top < bottom <= 1


def test_a_look_says_nothing_of_what_it_did_not_see_whole() -> None:
    sight = Sight([], (100.0, 0.0, 300.0, math.inf))
    assert sight.holds((150.0, 50.0, 200.0, 150.0))
    assert sight.holds((150.0, 300.0, 200.0, 500.0)), "beyond the picture's edge there is no more to look at"
    assert not sight.holds((280.0, 50.0, 340.0, 150.0))
    assert not sight.holds((260.0, 50.0, 299.0, 150.0)), "the border may cut what reaches a little further"


def test_what_went_beside_something_recognised_out_of_sight_of_looks_is_not_doubted() -> None:
    """A line is never silent because of looks that were at something else."""
    tracker, empty, motion = Tracker(), ground(), MotionDetector()
    beside = []
    for number in range(1, 90):
        time_s, picture = number / 10, empty.copy()
        x = 40 + 5.0 * max(0, number - 30)
        if number > 30:
            body(picture, x, 250.0, 60, HIGH)
            body(picture, x + 45, 250.0, 60, HIGH)
        for moment in motion.viewed(as_frame(picture, number, time_s)):
            seen = motion.step(moment, Masks([]), tracker.held(), tracker.travelling())
            scale = seen.labels.shape[1] / SIZE[0]
            left, foot = (x - 14) * scale, 250 * scale
            person = Recognised((left, foot - HIGH * scale, left + 28 * scale, foot), 0.9, ObjectClass.PERSON)
            sight = Sight([person], (left - 5, 0.0, left + 28 * scale + 5, math.inf)) if number > 45 else None
            tracks = tracker.step(seen, moment.time_s, moment.number, sight)
            beside = [track for track in tracks if track.x > left + 40 * scale]
    assert len(beside) == 1
    assert (beside[0].looks, beside[0].beside, beside[0].doubted) == (0, 0, False)


@pytest.mark.parametrize("takes_s", [0.1, 0.3, 0.5, 2.0])
def test_an_event_comes_within_a_second_however_long_looks_take(takes_s: float) -> None:
    """A look of 0.3 s is what a Raspberry Pi 4 needs. Times are the stream's, so the machine's pace plays no part."""
    walks: list[Walk] = [
        lambda time_s, number=number: (60 * (time_s - 4 - 2 * number), 250.0)  # type: ignore[misc]
        for number in range(4)
    ]
    looker = Slow(walks, takes_s)
    pipeline, empty, late_s = Pipeline(Scene([UPRIGHT]), looks=Looks(looker, 10)), ground(), []
    for number in range(1, 190):
        time_s, picture = (number - 1) / 10, empty.copy()
        looker.pass_to(time_s)
        for walk in walks:
            x, foot = walk(time_s)
            if -60 < x < SIZE[0] + 60:
                body(picture, x, foot, 60, HIGH)
        found = pipeline.step(as_frame(picture, number, time_s))
        late_s += [time_s - event.confirmed_time_s for event in found if isinstance(event, Crossing)]
    assert len(late_s) == len(walks)
    assert max(late_s) <= min(takes_s, PATIENCE_S) + 0.2
    assert max(late_s) < 1
