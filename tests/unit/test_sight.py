"""The judge of pictures: what it finds and calls by which name, what it leaves alone, and what it remembers."""

import contextlib
from collections.abc import Callable, Iterator
from functools import cache, lru_cache, partial
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.camera.sight_watch import SightChange, SightWatch
from edge_agent.camera.sources.synthetic import SyntheticScene
from edge_agent.config import Camera, CameraSettings, SightSettings, SyntheticCamera
from edge_agent.frames import Doubt, Frame, Grey
from edge_agent.vision.sight import Memory, SightJudge, SightPicture, UnreadableMemory, pack, sight_picture, unpack
from edge_agent.vision.sight.appearance import look_at
from edge_agent.vision.sight.picture import coarse
from provisioning.lab.edge.days import DayCamera
from provisioning.lab.edge.sight import Clip, crept
from provisioning.lab.edge.tampering import ALL, CREEPING, FOUND_S, Tampering
from shared.events import CameraState, SightFault
from shared.scene import Scene

LEARNT_S = 100
NOON_S = 1_790_000_000 - 1_790_000_000 % 86_400 + 4 * 3600
"""Twelve o'clock in China."""


def pictures(kind: str = "gate", *, grey: bool = False) -> Iterator[SightPicture]:
    """A generated scene, a picture a second, with a colour that it does not have of itself."""
    second = 0
    tint = np.full((2, 9, 15), 128, np.float32) if grey else 128 + np.linspace(-9, 9, 270).reshape(2, 9, 15)
    while True:
        yield SightPicture(drawn(kind, second).copy(), tint.astype(np.float32))
        second += 1


@cache
def scene(kind: str) -> SyntheticScene:
    return SyntheticScene(kind, 5)  # type: ignore[arg-type]


@lru_cache(300)  # they begin with the same pictures, all of them
def drawn(kind: str, second: int) -> Grey:
    luma = cv2.cvtColor(scene(kind).draw(float(second)), cv2.COLOR_BGR2GRAY)
    return cv2.resize(luma, (480, 288))  # type: ignore[return-value]


def watched(judge: SightJudge, seen: Iterator[SightPicture], seconds: int, first_s: int = 0) -> list[SightFault]:
    """What is told as begun."""
    told = list[SightFault]()
    for second in range(first_s, first_s + seconds):
        told += [change.fault for change in judge.step(next(seen), float(second)) if change.active]
    return told


@pytest.mark.parametrize("fault", [each for each in ALL if each.asked], ids=lambda fault: fault.name)
def test_a_fault_is_found_in_time_and_by_its_name(fault: Tampering) -> None:
    judge, seen, spoil = SightJudge(), pictures(), fault.make(np.random.default_rng(3))
    assert watched(judge, seen, LEARNT_S) == []
    spoilt = (spoil(picture, number) for number, picture in enumerate(seen))
    told = watched(judge, spoilt, FOUND_S, LEARNT_S)
    assert told[:1], "nothing was told"
    assert told[0] in fault.faults
    over = [change for second in range(100) for change in judge.step(next(seen), float(LEARNT_S + FOUND_S + second))]
    assert told[-1] in {change.fault for change in over if not change.active}, "it is over when the picture is well"
    assert not judge.active


def test_a_day_with_weather_and_dusk_has_no_fault() -> None:
    camera, judge = DayCamera(4), SightJudge()
    told = list[str]()
    for time_s in range(8 * 3600, 32 * 3600, 60):
        hour = time_s % 86_400 // 3600
        told += [str(change) for change in judge.step(camera.picture(float(time_s)), float(time_s), hour)]
    assert told == []


def test_what_is_known_outlives_a_restart_and_a_view_that_moved_meanwhile_is_found() -> None:
    judge, seen = SightJudge(), pictures("fence")
    watched(judge, seen, LEARNT_S)
    again = unpack(pack(judge.memory))
    assert watched(SightJudge(again), seen, LEARNT_S) == []
    moved = (SightPicture(np.roll(picture.grey, 60, axis=1), picture.chroma) for picture in seen)
    assert watched(SightJudge(unpack(pack(judge.memory))), moved, LEARNT_S) == [SightFault.MOVED]


def test_a_view_that_moved_is_not_learnt_until_a_person_confirms_it() -> None:
    judge, seen = SightJudge(), pictures("fence")
    watched(judge, seen, LEARNT_S)
    moved = (SightPicture(np.roll(picture.grey, 60, axis=1), picture.chroma) for picture in seen)
    assert watched(judge, moved, 900, LEARNT_S) == [SightFault.MOVED]
    judge.forget()
    assert watched(judge, moved, LEARNT_S, 900 + LEARNT_S) == []
    assert not judge.active


def test_a_bit_that_fell_over_on_the_card_is_no_crash() -> None:
    judge = SightJudge()
    watched(judge, pictures(), LEARNT_S)
    kept, rng = pack(judge.memory), np.random.default_rng(2)
    for _ in range(150):
        damaged = bytearray(kept)
        damaged[int(rng.integers(len(kept)))] ^= 1 << int(rng.integers(8))
        with contextlib.suppress(UnreadableMemory):
            unpack(bytes(damaged))


def test_what_is_covered_and_turned_by_turns_and_well_in_between_is_told() -> None:
    judge, seen = SightJudge(), pictures("fence")
    cover = next(each for each in ALL if each.name == "covered 100 %").make(np.random.default_rng(1))
    watched(judge, seen, LEARNT_S)

    def by_turns() -> Iterator[SightPicture]:
        for number, picture in enumerate(seen):
            turned = SightPicture(np.roll(picture.grey, 60, axis=1), picture.chroma)
            yield (cover(picture, number), turned, picture)[number // 15 % 3]

    assert watched(judge, by_turns(), 900, LEARNT_S)


def test_paint_that_dries_within_seconds_is_no_fog() -> None:
    judge, seen = SightJudge(), pictures("fence")
    watched(judge, seen, LEARNT_S)

    def painted() -> Iterator[SightPicture]:
        for number, picture in enumerate(seen):
            thick, noise = min(1.0, number / 12), np.random.default_rng(number).normal(0, 1.5, picture.grey.shape)
            grey = picture.grey * (1 - thick) + 90 * thick + noise
            yield SightPicture(np.clip(grey, 0, 255).astype(np.uint8), picture.chroma)

    assert watched(judge, painted(), FOUND_S, LEARNT_S)[0] is SightFault.COVERED


@pytest.mark.parametrize(
    "kept", [b"", b"PK", b"x" * 500, pack(Memory([]))[:-30], pack(Memory([])).replace(b"format", b"fermat")]
)
def test_what_cannot_be_read_is_an_error_of_its_own(kept: bytes) -> None:
    with pytest.raises(UnreadableMemory):
        unpack(kept)


def test_a_lamp_that_sweeps_over_a_picture_without_colour_does_not_put_its_loss_off() -> None:
    judge, coloured, grey = SightJudge(), pictures(), pictures(grey=True)
    assert watched(judge, coloured, LEARNT_S) == []
    for _ in range(LEARNT_S):
        next(grey)
    swept = (
        SightPicture((0.8 * picture.grey).astype(np.uint8), picture.chroma) if second % 25 < 5 else picture
        for second, picture in enumerate(grey)
    )
    assert watched(judge, swept, FOUND_S, LEARNT_S) == [SightFault.COLOUR]


def test_infrared_is_told_only_where_colour_was_usual_at_that_hour_for_days() -> None:
    judge, coloured, grey = SightJudge(), pictures(), pictures(grey=True)
    watched(judge, coloured, LEARNT_S)
    for day in range(12):
        judge.memory.note(8 + day % 3, grey=False, dt_s=3600)
    told = list[SightFault]()
    for second in range(LEARNT_S, LEARNT_S + 800):
        told += [change.fault for change in judge.step(next(grey), float(second), hour=20)]
    assert told == [], "at night it is no fault"
    for second in range(LEARNT_S + 800, LEARNT_S + 1600):
        told += [change.fault for change in judge.step(next(grey), float(second), hour=9)]
    assert SightFault.INFRARED in told


def test_a_white_wall_cannot_be_judged() -> None:
    rng = np.random.default_rng(1)
    wall = (SightPicture(rng.normal(180, 1.5, (288, 480)).astype(np.uint8), None) for _ in range(10_000))
    assert watched(SightJudge(), wall, 900) == [SightFault.PLAIN]


class Watched:
    """A camera's watch, fed with frames of one a second."""

    def __init__(self, folder: Path | None = None, seed: int = 1, **sight: object) -> None:
        source = SyntheticCamera(scene="gate", seed=seed)
        settings = CameraSettings("gate", Path("s"), source, sight=SightSettings(**sight))  # type: ignore[arg-type]
        self.watch = SightWatch(Camera(settings, Scene([], timezone="Asia/Shanghai"), folder))
        self.second = 0

    def show(self, luma: Callable[[int], np.ndarray], seconds: int, at_s: float = NOON_S) -> list[SightChange]:  # type: ignore[type-arg]
        told = list[SightChange]()
        for _ in range(seconds):
            grey = luma(self.second)
            frame = Frame(self.second, float(self.second), at_s + self.second, grey, partial(_colour, grey))
            told += self.watch.see(frame, float(self.second))
            self.second += 1
        return told


def _colour(grey: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return np.dstack([grey] * 3)


def gate(second: int) -> np.ndarray:  # type: ignore[type-arg]
    return cv2.cvtColor(SyntheticScene("gate", 5).draw(float(second)), cv2.COLOR_BGR2GRAY)


def elsewhere(second: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.roll(gate(second), 80, axis=1)


def test_a_camera_that_can_be_steered_may_be_away_for_a_while_and_sees_its_lines_no_better_for_that() -> None:
    site = Watched(away_s=120)
    site.show(gate, 100)
    (away,) = site.show(elsewhere, 60)
    assert (away.change.fault, away.expected) == (SightFault.MOVED, True), "it rings nobody yet"
    assert site.watch.state[0] is CameraState.IMPAIRED, "and confirms nothing"
    (back,) = site.show(gate, 30)
    assert not back.change.active
    assert site.watch.state[0] is CameraState.WATCHING
    told = site.show(elsewhere, 200)
    assert [(each.change.fault, each.expected) for each in told] == [
        (SightFault.MOVED, True),
        (SightFault.MOVED, False),
    ]


def test_a_calm_view_is_judged_every_other_second_and_one_that_is_not_each_second() -> None:
    judge, seen = SightJudge(), pictures("fence")
    assert watched(judge, seen, LEARNT_S) == []
    judge.step(next(seen), 200.0)
    assert not judge.wants(201.0)
    assert judge.step(SightPicture(np.zeros((288, 480), np.uint8), None), 201.0) == []
    assert not judge.suspected, "it was not looked at"
    assert judge.wants(202.0)
    assert judge.wants(100.0), "a clock that went back costs no picture"
    judge.step(SightPicture(np.zeros((288, 480), np.uint8), None), 202.0)
    assert judge.suspected
    for second in range(203, 210):
        assert judge.wants(float(second)), "what comes and goes is not judged by every other picture"
        judge.step(next(seen), float(second))


def black(second: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(second).integers(0, 6, (360, 640)).astype(np.uint8)


def test_a_fault_comes_with_a_frame_of_before_and_makes_the_camera_blind() -> None:
    camera = Watched()
    assert camera.watch.told == "", "the view is not known yet"
    camera.show(gate, LEARNT_S)
    assert (camera.watch.state, camera.watch.told) == ((CameraState.WATCHING, ""), "clear")
    (told,) = camera.show(black, 90)
    assert (told.change.fault, told.change.active, told.expected) == (SightFault.DARK, True, False)
    assert told.before is not None
    assert told.before.number < LEARNT_S
    assert (camera.watch.state, camera.watch.told) == ((CameraState.BLIND, "dark"), "dark")
    (over,) = camera.show(gate, 40)
    assert (over.change.active, over.before) == (False, None)
    assert camera.watch.state == (CameraState.WATCHING, "")


def test_darkness_that_is_normal_rings_nobody_and_is_blind_all_the_same_until_it_lasts_too_long() -> None:
    camera = Watched(dark=("daily 20:00-06:00",))
    evening_s = NOON_S + 8 * 3600 + 60
    camera.show(gate, LEARNT_S, evening_s)
    (told,) = camera.show(black, 90, evening_s)
    assert told.expected
    assert camera.watch.state == (CameraState.BLIND, "dark, as is usual here")
    assert camera.watch.told == "clear", "nothing is the matter"
    (longer,) = camera.show(black, 90, evening_s + 10 * 3600)
    assert (longer.change.active, longer.expected) == (True, False)


def test_pictures_that_were_decoded_in_part_are_judged_only_where_no_others_come() -> None:
    camera = Watched()
    camera.show(gate, LEARNT_S)
    smeared = [
        Frame(n, float(LEARNT_S + n), NOON_S, black(n), partial(_colour, black(n)), doubt=Doubt.SMEAR)
        for n in range(1, 9)
    ]
    assert [change for each in smeared for change in camera.watch.see(each, each.time_s)] == []
    assert not camera.watch._judge.suspected


def test_what_is_kept_is_of_one_source_and_a_file_that_is_damaged_costs_nothing(tmp_path: Path) -> None:
    camera = Watched(tmp_path)
    camera.show(gate, LEARNT_S)
    camera.watch.keep()
    assert (tmp_path / "gate.sight").stat().st_size < 400_000
    assert len(Watched(tmp_path).watch._judge.memory.appearances) == 1
    assert Watched(tmp_path, seed=2).watch._judge.memory.appearances == [], "another source is another view"
    kept = (tmp_path / "gate.sight").read_bytes()
    (tmp_path / "gate.sight").write_bytes(kept[:1000])
    assert Watched(tmp_path).watch._judge.memory.appearances == []


def test_a_picture_of_any_size_is_judged_at_one() -> None:
    for shape in ((1080, 1920), (240, 320), (2160, 100), (17, 33)):
        grey = np.zeros(shape, np.uint8)
        frame = Frame(1, 0.0, 0.0, grey, partial(_colour, grey), (grey[::2, ::2], grey[::2, ::2]))
        picture = sight_picture(frame)
        assert (picture.grey.shape, picture.chroma.shape) == ((288, 480), (2, 9, 15))  # type: ignore[union-attr]


def test_a_view_that_is_confirmed_is_seen_anew_and_only_once(tmp_path: Path) -> None:
    def turned(second: int) -> np.ndarray:  # type: ignore[type-arg]
        return np.roll(gate(second), 80, axis=1)

    camera = Watched(tmp_path)
    camera.show(gate, LEARNT_S)
    (moved,) = camera.show(turned, 60)
    assert moved.change.fault is SightFault.MOVED
    assert moved.detail.startswith("by ")
    camera.watch.confirm(1000)
    (over,) = camera.show(turned, LEARNT_S)
    assert (over.change.fault, over.change.active) == (SightFault.MOVED, False)
    assert camera.watch.state == (CameraState.WATCHING, "")
    camera.watch.keep()
    again = Watched(tmp_path)
    again.watch.confirm(1000)
    assert again.show(turned, LEARNT_S) == []
    (moved,) = again.show(gate, 60)
    assert moved.change.fault is SightFault.MOVED, "what was confirmed before is no news"


def test_what_is_amiss_outlives_a_restart_and_ends_once_it_is_well() -> None:
    judge, seen = SightJudge(), pictures("fence")
    watched(judge, seen, LEARNT_S)
    moved = (SightPicture(np.roll(picture.grey, 60, axis=1), picture.chroma) for picture in seen)
    assert watched(judge, moved, 60, LEARNT_S) == [SightFault.MOVED]
    again = SightJudge(unpack(pack(judge.memory)))
    assert list(again.active) == [SightFault.MOVED]
    assert watched(again, moved, LEARNT_S) == [], "it is known, and does not begin once more"
    over = [change.fault for second in range(60) for change in again.step(next(seen), float(LEARNT_S + second))]
    assert over == [SightFault.MOVED]


def test_what_creeps_is_told_though_each_picture_is_like_the_last(amount: Callable[[int, int], int]) -> None:
    for fault in CREEPING[: amount(1, len(CREEPING))]:
        found = crept(Clip(list(islice(pictures("fence"), 120))), fault, 1, step_s=10)
        assert found.minutes is not None, fault.name
        assert not found.early, fault.name
        assert found.stays, f"{fault.name}: also at hours that were never seen before"


def test_hours_that_were_never_seen_tell_nothing_and_end_nothing() -> None:
    """A view that slipped is no less wrong because it is another hour, and is not learnt there."""
    judge, seen = SightJudge(), cycle(islice(pictures("fence"), 60))
    for second in range(0, 7200, 4):
        judge.step(next(seen), float(second), 12)
    moved = SightPicture(np.roll(next(seen).grey, 24, axis=1), None)
    look = look_at(moved.grey, coarse(moved.grey))
    gone = judge.memory.daily.gone(12, look)
    assert gone is not None
    assert gone[0] > 0.3
    assert judge.memory.daily.gone(18, look) is None
    judge.memory.slow.slipped_s, judge.active[SightFault.MOVED] = 1800.0, 0.05
    over = [
        change
        for second in range(7200, 7400)
        for change in judge.step(next(seen), float(second), 18)
        if not change.active
    ]
    assert over == []
    assert 6 not in judge.memory.daily.spans


def test_dirt_is_fine_edges_that_go_while_coarse_ones_stay() -> None:
    judge, seen = SightJudge(), cycle(islice(pictures("fence"), 60))
    for second in range(0, 18_000, 10):
        judge.step(next(seen), float(second), 12)
    known, daily = judge.memory.appearances[0], judge.memory.daily
    look = look_at(next(seen).grey, coarse(next(seen).grey))
    assert not daily.dulled(12, known, look).any()
    daily.spans[4].fineness[3:6] *= 4  # as it was before
    assert np.count_nonzero(daily.dulled(12, known, look)) > 8
    assert not daily.dulled(18, known, look).any(), "no day has shown it"


@pytest.mark.parametrize("phase", [0, 1])
def test_cars_that_pass_close_by_do_not_blur_the_view(phase: int) -> None:
    """Their edges come and go; what is known of the view's own sharpness has to allow for that."""
    judge, seen = SightJudge(), pictures()
    rng = np.random.default_rng(5)
    told = list[SightFault]()
    for second in range(1500):
        picture = next(seen)
        if second % 3 == phase:
            grey = picture.grey.copy()
            grey[150:250, 100:330] = rng.integers(0, 255, (100, 230), np.uint8)
            picture = SightPicture(grey, picture.chroma)
        told += [change.fault for change in judge.step(picture, float(second)) if change.active]
    assert told == []
    # Where the view began with cars in every picture it is begun anew: else nothing would ever be learnt.
    assert judge.memory.appearances[0].is_proven
    assert judge.memory.appearances[0].crisp_unrest > 0.1


def covered(second: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.clip(np.random.default_rng(second).normal(70, 1.5, (360, 640)), 0, 255).astype(np.uint8)


def test_a_cover_that_is_confirmed_before_it_is_told_is_told_all_the_same() -> None:
    camera = Watched()
    camera.show(gate, LEARNT_S)
    camera.watch.confirm(1)
    told = camera.show(covered, 60)
    assert [(each.change.fault, each.change.active) for each in told] == [(SightFault.COVERED, True)]
    assert camera.watch.state[0] is CameraState.BLIND
    assert [each.change.active for each in camera.show(gate, 60)] == [False]
    camera.show(gate, LEARNT_S)
    assert [each.change.fault for each in camera.show(covered, 60)] == [SightFault.COVERED], "and the next one, too"


def test_a_view_that_is_confirmed_and_shows_nothing_is_no_view() -> None:
    judge, seen = SightJudge(), pictures("fence")
    watched(judge, seen, LEARNT_S)
    judge.forget()
    wall = (SightPicture(covered(second)[:288, :480].copy(), picture.chroma) for second, picture in enumerate(seen))
    assert watched(judge, wall, LEARNT_S, LEARNT_S) == [SightFault.COVERED]
    watched(judge, seen, 4 * LEARNT_S, 2 * LEARNT_S)
    assert not judge.active, "it is learnt once there is something to see"
