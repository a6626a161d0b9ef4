"""What a camera's process sends: events, and pictures in which nothing private is to be seen."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from edge_agent.camera.checkpoint_watch import VehicleSeen
from edge_agent.camera.picture_maker import NoPicture, Picture, PictureMaker
from edge_agent.camera.sight_watch import SightWatch
from edge_agent.camera.survey_watch import SurveyAsked, SurveyWatch
from edge_agent.camera.worker import EventSeen, PassageSeen, ViewConfirmed, Wanted, _obey, _Watch
from edge_agent.config import Camera, CameraSettings, SyntheticCamera
from edge_agent.frames import Colour, Frame, SourceEvent, Still
from edge_agent.vision.detect import Detection
from edge_agent.vision.motion.masks import Masks
from edge_agent.vision.pipeline import Pipeline
from edge_agent.vision.plate.veil import PlateVeil
from shared.events import CameraState, Direction, PlateColour, VehicleClass
from shared.scene import Mask, Scene, Tripwire


class Street:
    """A source of bright frames, and nothing else."""

    dropped = damaged = lost = 0

    def frames(self) -> Iterator[Frame]:
        for number in range(1, 60):
            grey = np.full((180, 320), 200, np.uint8)
            yield Frame(number, number / 10, number / 10, grey, lambda: np.full((180, 320, 3), 200, np.uint8))

    def picture_at(self, captured_at_s: float) -> None:
        return None

    def close(self) -> None:
        pass


class Walker:
    def detect(self, frame: Frame) -> list[Detection]:
        x = frame.number / 60
        return [Detection(x, 0.4, x + 0.08, 0.7, 0.9)]


class Pipe:
    def __init__(self) -> None:
        self.sent: list[object] = []

    def send(self, report: object) -> None:
        self.sent.append(report)


def test_private_parts_leave_the_process_black() -> None:
    private = Mask([(0.0, 0.0), (0.4, 0.0), (0.4, 0.3), (0.0, 0.3)], privacy=True)
    scene = Scene([Tripwire("middle", [(0.5, 1.0), (0.5, 0.3)])], masks=[private])
    pipe = Pipe()
    camera = Camera(CameraSettings("door", Path("scene.toml"), SyntheticCamera("gate")), scene)
    _Watch(camera, Street(), pipe, Walker()).run()  # type: ignore[arg-type]
    sightings = [report for report in pipe.sent if isinstance(report, EventSeen)]
    pictures = [report for report in pipe.sent if isinstance(report, Picture)]
    assert len(sightings) == len(pictures) == 1
    seen = cv2.imdecode(np.frombuffer(pictures[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    assert seen[:50, :120].max() < 30
    assert seen[80:, 160:].min() > 170


class Plain(PlateVeil):
    """Sees no plates, and takes no time."""

    def __init__(self) -> None:
        pass

    def cover(self, picture: np.ndarray, spared: object = ()) -> np.ndarray:
        return picture


class SlowStreet(Street):
    """No picture of it is made before all frames are analysed."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def frames(self) -> Iterator[Frame]:
        yield from (replace(frame, colour=partial(self._colour, frame)) for frame in super().frames())
        self.ended.set()

    def _colour(self, frame: Frame) -> Colour:
        assert self.ended.wait(20)
        return frame.colour()


def test_the_picture_of_an_alarm_comes_before_those_of_a_busy_unarmed_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PlateVeil, "shipped", Plain)
    busy = [Tripwire(f"{n}", [(0.2 + n / 100, 1.0), (0.2 + n / 100, 0.3)], armed=False) for n in range(40)]
    scene = Scene([*busy, Tripwire("fence", [(0.7, 1.0), (0.7, 0.3)])])
    pipe = Pipe()
    camera = Camera(CameraSettings("door", Path("scene.toml"), SyntheticCamera("gate")), scene)
    _Watch(camera, SlowStreet(), pipe, Walker()).run()  # type: ignore[arg-type]
    sightings = [report for report in pipe.sent if isinstance(report, EventSeen)]
    pictures = [report.ticket for report in pipe.sent if isinstance(report, Picture)]
    missing = [report.ticket for report in pipe.sent if isinstance(report, NoPicture)]
    assert len(sightings) == 41
    assert sightings[-1].found.line == "fence"  # type: ignore[union-attr]
    assert 41 in pictures[:2], "behind the one that was being made"
    assert sorted(pictures + missing) == list(range(1, 42)), "what is given up is told"


def wait(look: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_what_the_agent_says_of_an_event_counts_more_than_its_line() -> None:
    street, sent = SlowStreet(), list[Picture | NoPicture]()
    frame = next(street.frames())
    maker = PictureMaker(street, Masks([]), sent.append, Plain)  # type: ignore[arg-type]
    maker.add(1, 2, 0.0, frame)
    wait(lambda: not maker._waiting)
    for ticket, priority in ((2, 2), (3, 0), (4, 0), (5, 1)):
        maker.add(ticket, priority, 0.0, frame)
    maker.rank(2, 0)  # disarmed by order
    maker.rank(4, 2)  # armed by order
    street.ended.set()
    maker.stop()
    assert [picture.ticket for picture in sent] == [1, 5, 4, 3]


def test_the_agent_calls_pictures_off_over_the_pipe_and_any_other_word_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended, ours_theirs = list[int](), multiprocessing.Pipe()
    monkeypatch.setattr("edge_agent.camera.worker.os._exit", ended.append)
    street, sent = SlowStreet(), list[Picture | NoPicture]()
    maker = PictureMaker(street, Masks([]), sent.append, Plain)
    frame = next(street.frames())
    maker.add(1, 2, 0.0, frame)
    wait(lambda: not maker._waiting)
    for ticket in (2, 3):
        maker.add(ticket, 2, 0.0, frame)
    for word in (Wanted(2, 0), Wanted(3, 1), ViewConfirmed(7), SurveyAsked(4, None), Wanted(9, 0), "leave"):
        ours_theirs[0].send(word)
    settings = CameraSettings(name="gate", scene=Path("s"), source=SyntheticCamera(scene="gate"))
    sight = SightWatch(Camera(settings, Scene([])))
    surveys = SurveyWatch(Pipeline(Scene()))
    _obey(ours_theirs[1], street, SimpleNamespace(maker=maker, sight=sight, surveys=surveys))  # type: ignore[arg-type]
    assert sight._wanted_ms == 7
    assert surveys.due(frame) == [SurveyAsked(4, None)]
    street.ended.set()
    maker.stop()
    assert ([picture.ticket for picture in sent], ended) == ([1, 3], [0])


class TwoStreams(Street):
    def picture_at(self, captured_at_s: float) -> Still:  # type: ignore[override]
        return Still(np.full((180, 320, 3), 90, np.uint8), captured_at_s - 0.4)


def test_a_picture_of_the_large_stream_is_told_with_its_own_time() -> None:
    sent = list[Picture | NoPicture]()
    maker = PictureMaker(TwoStreams(), Masks([]), sent.append, Plain)
    maker.add(1, 2, 5.0, next(Street().frames()))
    maker.stop()
    assert [picture.taken_at_s for picture in sent if isinstance(picture, Picture)] == [4.6]


def test_of_too_many_alarms_the_least_important_picture_is_given_up() -> None:
    street, sent = SlowStreet(), list[Picture | NoPicture]()
    frame = next(street.frames())
    maker = PictureMaker(street, Masks([]), sent.append, Plain)  # type: ignore[arg-type]
    maker.add(1, 3, 0.0, frame)
    wait(lambda: not maker._waiting)
    for ticket in range(2, 34):
        maker.add(ticket, 3, 0.0, frame)
    maker.add(34, 3, 0.0, frame)
    maker.add(35, 1, 0.0, frame)
    street.ended.set()
    maker.stop()
    assert [none.ticket for none in sent if isinstance(none, NoPicture)] == [34, 33]


class Gantry:
    """Stands in for a checkpoint: counts how often it was told that pictures end."""

    def __init__(self) -> None:
        self.ends = 0

    def see(self, frame: Frame, time_s: float) -> Iterator[VehicleSeen]:
        yield from ()

    def finish(self) -> Iterator[VehicleSeen]:
        self.ends += 1
        yield VehicleSeen(7, "lane", Direction.LEFT_TO_RIGHT, 0.0, VehicleClass.CAR, PlateColour.BLUE, True)


class Told(Street):
    """A few frames, and what is said between them."""

    def __init__(self, *said: SourceEvent | None) -> None:
        self.said = said

    def frames(self) -> Iterator[Frame | SourceEvent | None]:  # type: ignore[override]
        frames = super().frames()
        for each in self.said:
            yield next(frames)
            yield each


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ((SourceEvent(CameraState.DEGRADED), SourceEvent(CameraState.WATCHING)), 1),
        ((SourceEvent(CameraState.STALLED),), 2),
        ((None,), 2),
        ((), 0),
    ],
)
def test_who_is_on_the_way_is_told_when_pictures_end_and_not_when_they_are_bad(
    said: tuple[SourceEvent | None, ...], ends: int
) -> None:
    pipe, gantry = Pipe(), Gantry()
    camera = Camera(CameraSettings("door", Path("scene.toml"), SyntheticCamera("gate")), Scene([]))
    _Watch(camera, Told(*said), pipe, None, None, gantry).run()  # type: ignore[arg-type]
    assert gantry.ends == ends
    seen = [report for report in pipe.sent if isinstance(report, PassageSeen)]
    assert len(seen) == ends
    assert all(report.reached == len(said) for report in seen)
