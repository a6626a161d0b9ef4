"""One camera in a process of its own (docs/adr/0005): a crash in a decoder takes this camera down and nothing else."""

import contextlib
import logging
import os
import re
import resource
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from zoneinfo import ZoneInfo

import av
import cv2

from edge_agent.camera.checkpoint_watch import CheckpointWatch, HitSeen, VehicleSeen
from edge_agent.camera.looks.client import LookShare, ServedLooker
from edge_agent.camera.picture_maker import NoPicture, Picture, PictureMaker
from edge_agent.camera.sight_watch import SightChange, SightWatch
from edge_agent.camera.sources.bounds import MOST_ANALYSED_BYTES
from edge_agent.camera.sources.opening import open_source
from edge_agent.camera.survey_watch import PRIORITY, SurveyAsked, SurveyWatch
from edge_agent.config import Camera, DetectorSettings
from edge_agent.frames import Frame, Source, SourceEvent
from edge_agent.orders.arming import priority_at
from edge_agent.orders.watchlists import HeldLists
from edge_agent.vision.detect import ObjectDetector
from edge_agent.vision.judging import Found
from edge_agent.vision.looks import Looks
from edge_agent.vision.motion.masks import Masks
from edge_agent.vision.pipeline import Pipeline
from edge_agent.vision.plate.matching import Match
from shared.errors import HawklineError
from shared.events import CameraState, SightFault
from shared.logs import log_to_stderr
from shared.surveys import Outcome

log = logging.getLogger(__name__)

_STATUS_S = 1.0
_RING_S = 2.0
_RING_BYTES = 48 * 1024 * 1024
_COMES = CameraState.WATCHING, CameraState.DEGRADED
"""Said between two pictures: the stream goes on."""
_SURVEY_NICENESS = 10
_SIGHT_PRIORITY = 3
"""Pictures of alarms that are more urgent are made before those of a blind camera."""


@dataclass(frozen=True, slots=True)
class EventSeen:
    """What a line or zone saw, with wall-clock times; a `Picture` with its `ticket` follows.

    `reached` is the number of the last picture that was analysed, as in `Status`.
    """

    ticket: int
    found: Found
    met_at_s: float
    confirmed_at_s: float
    reached: int = 0


@dataclass(frozen=True, slots=True)
class PassageSeen:
    """A vehicle that passed a lane, and when by the wall clock; `reached` as in `Status`."""

    seen: VehicleSeen
    met_at_s: float
    reached: int


@dataclass(frozen=True, slots=True)
class ListHitSeen:
    """A plate that a list names has passed a lane; a `Picture` with its `ticket` follows. `reached` as in `Status`."""

    ticket: int
    seen: VehicleSeen
    match: Match
    met_at_s: float
    confirmed_at_s: float
    reached: int


@dataclass(frozen=True, slots=True)
class SightSeen:
    """What is the matter with the picture from now on, or no more; a `Picture` with each of its tickets follows."""

    fault: SightFault
    active: bool
    figure: float
    expected: bool
    detail: str
    at_s: float
    tickets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The agent's answer to a sighting: the event's priority; at 0 its picture is not wanted."""

    ticket: int
    priority: int


@dataclass(frozen=True, slots=True)
class ViewConfirmed:
    """A person says that the camera sees what it shall see; when, in Unix milliseconds."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What became of a `SurveyAsked`; a `Picture` with its `ticket` follows, or that there is none."""

    number: int
    ticket: int
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Status:
    """How the camera does."""

    state: CameraState
    detail: str = ""
    frames: int = 0
    dropped: int = 0
    fps: float = 0.0
    last_frame_at_s: float = 0.0
    damaged: int = 0
    lost: int = 0
    reached: int = 0
    sight: str = ""
    """As in `CameraHealth`."""


Report = EventSeen | PassageSeen | ListHitSeen | SightSeen | Surveyed | Picture | NoPicture | Status
"""What a camera process says to the agent."""


def run_camera(
    camera: Camera,
    key: str,
    pipe: Connection,
    after: int = 0,
    looking: LookShare | None = None,
    lists: HeldLists | None = None,
) -> None:
    """Body of the camera process. Ends when the source ends, or when the other end of the pipe goes away.

    Args:
        camera: what to watch.
        key: of its source in the configuration.
        pipe: where reports go.
        after: the last picture that an earlier life of this camera has analysed; a file is not played twice.
        looking: this camera's share of the box's looks.
        lists: that are in force, for a checkpoint.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_to_stderr(camera.settings.name)
    av.logging.set_level(av.logging.FATAL)  # a line for each broken picture would wear out the card; they are counted
    cv2.setNumThreads(1)
    if camera.settings.detector is None:  # which may need what it needs
        _limit_memory(MOST_ANALYSED_BYTES)
    try:
        detector = open_detector(camera.settings.detector)
        looks = Looks(ServedLooker(looking.address), looking.per_second) if looking and detector is None else None
        checkpoint = CheckpointWatch(camera) if camera.settings.checkpoint else None
        if checkpoint and lists:
            checkpoint.hold(lists)
        source = open_source(camera.settings.source, key, after, camera.folder)
    except HawklineError as error:
        pipe.send(Status(CameraState.UNREACHABLE, str(error)))
        return
    watch = _Watch(camera, source, pipe, detector, looks, checkpoint)
    threading.Thread(target=_obey, args=(pipe, source, watch, checkpoint), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        watch.run()


def _limit_memory(most_bytes: int) -> None:
    """Whatever a stream makes its decoder take, the box's other cameras keep theirs.

    Args:
        most_bytes: beyond what the process has reserved by now: its libraries reserve more the more cores there are.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most_bytes += _reserved_bytes()
    resource.setrlimit(resource.RLIMIT_DATA, (most_bytes if hard < 0 else min(most_bytes, hard), hard))


def _reserved_bytes() -> int:
    """What of the limit is used up."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"^VmData:\s+(\d+) kB$", status, re.MULTILINE)
    return 1024 * int(found[1]) if found else 0


def open_detector(settings: DetectorSettings | None) -> ObjectDetector | None:
    """The camera's object detector, None where motion does.

    Raises:
        ConfigError: its model or its providers are not there.
    """
    if settings is None:
        return None
    from edge_agent.vision.detect.onnx import OnnxDetector

    return OnnxDetector(
        settings.model,
        layout=settings.layout,
        classes=settings.classes,
        min_score=settings.min_score,
        providers=settings.providers,
    )


def _obey(pipe: Connection, source: Source, watch: "_Watch", checkpoint: CheckpointWatch | None = None) -> None:
    """Hear which pictures are wanted, whether the view is right, what is listed; what else comes, or the end: leave."""
    with contextlib.suppress(EOFError, OSError):
        while isinstance(told := pipe.recv(), Wanted | ViewConfirmed | SurveyAsked | HeldLists):
            if isinstance(told, Wanted):
                watch.maker.rank(told.ticket, told.priority)
            elif isinstance(told, ViewConfirmed):
                watch.sight.confirm(told.at_ms)
            elif isinstance(told, SurveyAsked):
                watch.surveys.ask(told)
            elif checkpoint:
                checkpoint.hold(told)
    source.close()
    time.sleep(1.0)
    os._exit(0)


class _Watch:
    """Runs the pipeline over a source and reports."""

    def __init__(
        self,
        camera: Camera,
        source: Source,
        pipe: Connection,
        detector: ObjectDetector | None,
        looks: Looks | None = None,
        checkpoint: CheckpointWatch | None = None,
    ) -> None:
        self._checkpoint = checkpoint
        self._source, self._pipe, self._sending = source, pipe, threading.Lock()
        self._pipeline = Pipeline(camera.scene, detector, looks)
        self._watches = {watch.name: watch for watch in camera.scene.watches}
        self._zone = ZoneInfo(camera.scene.timezone)
        self.maker = PictureMaker(source, Masks(camera.scene.masks), self._send)
        self.sight = SightWatch(camera)
        self.surveys = SurveyWatch(self._pipeline)
        self._ring: deque[Frame] = deque()
        self._tickets = 0
        self._frames = self._reached = 0
        self._state, self._detail = CameraState.STARTING, ""
        self._condition = SourceEvent(CameraState.WATCHING)
        """How frames come; says what the state is once they do."""
        self._reported_mono_s, self._reported_frames = time.monotonic(), 0

    def run(self) -> None:
        try:
            last = None
            for item in self._source.frames():
                if isinstance(item, Frame):
                    last = item
                    self._watch(item)
                else:
                    if last is not None:
                        self._report_all(self._pipeline.finish(), last)
                        if item is None or item.state not in _COMES:
                            self._end_passages(last)
                    self._suffer(item)
            if last is not None:
                self._end_passages(last)
        finally:
            self.sight.keep()
            self.maker.stop()

    def _suffer(self, event: SourceEvent | None) -> None:
        """Take what befell the stream, or that nothing did for some seconds."""
        if event is not None and event.state in _COMES:
            self._condition = event
            return
        if event is not None:
            self._state, self._detail = event.state, event.detail
            if event.state is CameraState.ENDED:
                self.maker.stop()  # the supervisor leaves when it hears that
        self._send(self._status())

    def _watch(self, frame: Frame) -> None:
        self._frames += 1
        self._remember(frame)
        found = list[Found]()
        asked = self.surveys.due(frame)
        if self._watches or self.surveys.is_open:
            found = self._pipeline.step(frame)
        else:
            self._pipeline.pass_over(frame)
        self._reached = frame.number
        self._report_all(found, frame)
        for survey in asked:
            self._survey(survey, frame)
        if self._checkpoint:
            self._report_passages(self._checkpoint.see(frame, self._pipeline.time_s), frame)
        for change in self.sight.see(frame, self._pipeline.time_s):
            self._report_sight(change, frame)
        now = self._condition.state, self._condition.detail
        sight = self.sight.state
        if sight[0] is CameraState.BLIND or (self._condition.state is CameraState.WATCHING and sight[1]):
            now = sight
        if (self._state, self._detail) != now or time.monotonic() - self._reported_mono_s > _STATUS_S:
            self._state, self._detail = now
            self._send(self._status(last_frame_at_s=frame.captured_at_s))

    def _report_all(self, found: list[Found], frame: Frame) -> None:
        for one in found:
            self._report(one, frame)

    def _report_passages(self, passages: Iterable[VehicleSeen | HitSeen], frame: Frame) -> None:
        """A passage has no picture, a hit has one."""
        for seen in passages:
            if isinstance(seen, HitSeen):
                self._report_hit(seen, frame)
            else:
                self._send(PassageSeen(seen, self._at_s(seen.met_s, frame), frame.number))

    def _report_hit(self, hit: HitSeen, frame: Frame) -> None:
        self._tickets += 1
        met_at_s, entry = self._at_s(hit.seen.met_s, frame), hit.match.entry
        self._send(ListHitSeen(self._tickets, hit.seen, hit.match, met_at_s, frame.captured_at_s, frame.number))
        if hit.shot:  # of no other picture it is known where the plate is
            self.maker.add_hit(self._tickets, entry.priority, hit.shot.frame, hit.shot.corners)
        else:
            nearest = min(self._ring, key=lambda kept: abs(kept.captured_at_s - met_at_s))
            self.maker.add(self._tickets, entry.priority, met_at_s, nearest)

    def _at_s(self, media_s: float, frame: Frame) -> float:
        """By the wall clock, what was at some media time."""
        return frame.captured_at_s - (self._pipeline.time_s - media_s)

    def _end_passages(self, last: Frame) -> None:
        """No picture comes for a while: who was on the way has gone."""
        if self._checkpoint:
            self._report_passages(self._checkpoint.finish(), last)

    def _report(self, found: Found, frame: Frame) -> None:
        """The event first, its picture after: making it takes longer than telling."""
        self._tickets += 1
        met_at_s = self._at_s(found.time_s, frame)
        self._send(EventSeen(self._tickets, found, met_at_s, frame.captured_at_s, frame.number))
        nearest = min(self._ring, key=lambda kept: abs(kept.captured_at_s - met_at_s))
        # What the agent says of it may come late.
        watch = self._watches[found.watch]
        self.maker.add(self._tickets, priority_at(watch, self._zone, met_at_s), met_at_s, nearest)

    def _report_sight(self, seen: SightChange, frame: Frame) -> None:
        """With a picture of now and one of before, unless it is over or as usual."""
        tickets = list[tuple[int, Frame]]()
        if seen.change.active and not seen.expected:
            for shown in (frame, seen.before):
                if shown is not None:
                    self._tickets += 1
                    tickets.append((self._tickets, shown))
        change, numbers = seen.change, tuple(number for number, _ in tickets)
        told = SightSeen(
            *(change.fault, change.active, change.figure, seen.expected, seen.detail, frame.captured_at_s, numbers)
        )
        self._send(told)
        for number, shown in tickets:
            self.maker.add(number, _SIGHT_PRIORITY, shown.captured_at_s, shown)

    def _survey(self, asked: SurveyAsked, frame: Frame) -> None:
        """A scene is tried on a thread of its own: on a small box that takes a second, and pictures go on coming."""
        self._tickets += 1
        ticket, attempt = self._tickets, self.surveys.attempt(asked, frame)

        def answer() -> None:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _SURVEY_NICENESS)
            try:
                outcome = attempt()
            except Exception:  # what is only being drawn ends no camera that guards
                log.exception("survey %d: its scene cannot be tried", asked.number)
                outcome = None
            with contextlib.suppress(OSError):  # the agent is gone, and this process ends with it
                self._send(Surveyed(asked.number, ticket, outcome))
                self.maker.add(ticket, PRIORITY, frame.captured_at_s, frame)

        threading.Thread(target=answer, name="survey", daemon=True).start()

    def _send(self, report: Report) -> None:
        with self._sending:
            self._pipe.send(report)

    def _remember(self, frame: Frame) -> None:
        """The last two seconds, as far as they fit: a crossing is confirmed some frames after it happened."""
        self._ring.append(frame)
        budget = max(1, _RING_BYTES // (frame.grey.size * 3))
        while len(self._ring) > budget or self._ring[0].time_s < frame.time_s - _RING_S:
            self._ring.popleft()

    def _status(self, last_frame_at_s: float = 0.0) -> Status:
        now_s = time.monotonic()
        fps = (self._frames - self._reported_frames) / max(1e-3, now_s - self._reported_mono_s)
        self._reported_mono_s, self._reported_frames = now_s, self._frames
        return Status(
            self._state,
            self._detail,
            self._frames,
            self._source.dropped,
            fps,
            last_frame_at_s,
            self._source.damaged,
            self._source.lost,
            self._reached,
            self.sight.told,
        )
