"""The agent: wires cameras, outbox, publisher, pictures and heartbeat together, and owns their threads."""

import logging
import random
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from importlib.metadata import version
from typing import NamedTuple

import msgspec

from edge_agent import health
from edge_agent.camera.export_renderer import render_apart
from edge_agent.camera.looks.client import LookShare
from edge_agent.camera.looks.supervisor import LookSupervisor
from edge_agent.camera.picture_maker import NoPicture, Picture
from edge_agent.camera.supervisor import CameraSupervisor
from edge_agent.camera.survey_watch import SurveyAsked
from edge_agent.camera.worker import (
    EventSeen,
    ListHitSeen,
    PassageSeen,
    Report,
    SightSeen,
    Status,
    Surveyed,
    Wanted,
)
from edge_agent.config import AgentSettings, Camera, line_specs
from edge_agent.configuration.store import InForce, Store
from edge_agent.inputs.codes import Codes
from edge_agent.inputs.keypads import Keypads
from edge_agent.inputs.panels import Panels, keys_of
from edge_agent.inputs.station import Station, sources_for
from edge_agent.intrusion.memory import Memory
from edge_agent.orders.arming import Arming
from edge_agent.orders.configuration import Configuration
from edge_agent.orders.desired import Desired, Obedient
from edge_agent.orders.exports import Exports
from edge_agent.orders.partitions import Partitions
from edge_agent.orders.surveys import Surveys
from edge_agent.orders.views import Views
from edge_agent.orders.watchlists import HeldLists, Watchlists
from edge_agent.sealing import ByMachine
from edge_agent.uplink.configuration import ConfigurationDoor
from edge_agent.uplink.exports import ExportDoor
from edge_agent.uplink.link import Link
from edge_agent.uplink.outbox import Intake, Outbox
from edge_agent.uplink.outbox.clock_frames import boot_id
from edge_agent.uplink.outbox.intake import Numbered
from edge_agent.uplink.outbox.opening import CardLook, open_outbox
from edge_agent.uplink.own_door import OwnDoor
from edge_agent.uplink.pictures import MemoryRing, PictureRing, PictureWriter, Taken, Uploader
from edge_agent.uplink.surveys import SurveyDoor
from edge_agent.uplink.trust import CertificateRenewal, Door
from edge_agent.vision.tripwire import Crossing
from shared.clock import Clock, to_ms
from shared.desired import DesiredState
from shared.events import (
    CameraChanged,
    CameraState,
    Event,
    Lane,
    LineCrossed,
    ListHit,
    SensorChanged,
    SightChanged,
    VehiclePassed,
    ZoneAlarm,
)
from shared.scene import Scene
from shared.threads import start_vital
from shared.topics import Address

log = logging.getLogger(__name__)

_DRAIN_S = 8.0
_TICKETS = 256
_NEWS_S = 1.0
_SEES = CameraState.WATCHING, CameraState.DEGRADED, CameraState.BLIND, CameraState.IMPAIRED
"""Pictures come."""
_SAME_STATE_S = 60.0
"""A camera that stays away for changing reasons is an event no more often than this."""
_MOST_FIGURE = 1_000_000
_MEMORY_PICTURE_BYTES = 8 * 2**20
"""Pictures that the card does not take wait in so much memory."""


def _waits(outbox: Outbox) -> bool:
    """Whether anything of it is to be sent: events, or pictures."""
    return any(outbox.waiting().values()) or outbox.file.count_pictures_waiting() > 0


class Ending(Enum):
    """Why an agent's run ended."""

    STOPPED = "stopped"
    COPY = "copy"
    """The aggregator knows numbers that this outbox never used: it must go on under a new epoch."""
    CARD = "card"
    """The card takes writes, which it refused when the agent began: it shall be used again."""
    CONFIGURATION = "configuration"
    """Another configuration shall be in force: a new one is tried, or the old one comes back."""


class Left(NamedTuple):
    """What a life of the agent had in memory only, for the next one to send: events, and pictures of them."""

    outbox: Outbox
    ring: MemoryRing


class Agent:
    """One box. An instance runs once.

    Args:
        settings: of the box.
        cameras: of the box, in the order of their numbers.
        clock: wall and monotonic time.
        left: by a life of this process before.
        partitions: how they were armed when that ended: its card may not have taken it.
        configured: where configurations are kept, and the one that settings and cameras are of; None: of a file alone.
    """

    def __init__(
        self,
        settings: AgentSettings,
        cameras: Sequence[Camera],
        clock: Clock,
        left: Sequence[Left] = (),
        partitions: Memory | None = None,
        configured: tuple[Store, InForce] | None = None,
    ) -> None:
        self._settings, self._clock = settings, clock
        self._address = Address(settings.site, settings.agent)
        # Before the outbox: who may not begin shall leave no trace of a life.
        door = Door(settings.trust.url, settings.trust_folder) if settings.trust else None
        self._trust = CertificateRenewal(door) if door else None
        self._path = settings.data_dir / "outbox.db"
        self._outbox = open_outbox(self._path, clock, settings.outbox.max_bytes)
        self._card_look = CardLook(self._path, clock, settings.outbox.max_bytes)
        self._intake = Intake(self._outbox, clock, left=[each.outbox for each in left])
        self._lines = line_specs(cameras)
        self._station = self._build_station(partitions)
        self._armed_with = {line: each.name for each in settings.partitions for line in each.lines}
        self._arming = Arming(cameras, self._is_armed_by_partition)
        self._views = dict[int, int]()
        """When the view of each camera was confirmed, Unix milliseconds."""
        self._cameras: list[CameraSupervisor] = []
        orders: list[Obedient] = [self._arming, Views(cameras, self._confirm_view), Partitions(self._station)]
        self._watchlists: Watchlists | None = None
        if door:  # a box that is no checkpoint any more is told so, too
            told = self._hold, self._lists_settled
            compares = any(camera.settings.checkpoint for camera in cameras)
            box = settings.data_dir, self._address, door, boot_id()
            sealing = ByMachine(settings.data_dir)
            self._watchlists = Watchlists(*box, *told, compares=compares, sealing=sealing)
            orders.append(self._watchlists)
        self._line_numbers = {(line.camera, line.name): number for number, line in enumerate(self._lines)}
        self._revision = self._intake.apply_config(tuple(camera.settings.name for camera in cameras), self._lines)
        tls = self._trust.context if self._trust else None
        memory, most = self._intake.memory, settings.outbox.max_picture_bytes
        # A ring on the card sweeps what its outbox does not know: one in memory knows nothing.
        ring = (
            MemoryRing(self._outbox.file, clock, _MEMORY_PICTURE_BYTES)
            if self._outbox.file.is_volatile
            else PictureRing(settings.data_dir / "pictures", self._outbox.file, clock, most)
        )
        own_door = OwnDoor(settings.http_url, self._address, tls, settings.aggregator.picture_kbit_s)
        self._exports = Exports(ring, ExportDoor(own_door), render_apart)
        names = [camera.settings.name for camera in cameras]
        self._surveys = Surveys(names, self._survey, SurveyDoor(own_door), clock)
        self._configuration: Configuration | None = None
        if configured:
            asked = ConfigurationDoor(own_door), self._configuration_settled
            self._configuration = Configuration(*configured, *asked, clock)
            orders.append(self._configuration)
        self._panels: Panels | None = None
        if settings.panels:
            order = self._station.order if self._station else None
            self._panels = Panels(settings.panels, keys_of(settings.panels), self._append_sensor, clock, order)
        self._keypads = self._build_keypads()
        self._desired = Desired(settings.data_dir / "desired.bin", [*orders, self._exports, self._surveys])
        spare = MemoryRing(memory.file, clock, _MEMORY_PICTURE_BYTES)
        upload = partial(
            Uploader,
            address=self._address,
            url=settings.http_url,
            kbit_s=settings.aggregator.picture_kbit_s,
            tls=tls,
        )
        in_memory = [Left(self._outbox, ring)] if isinstance(ring, MemoryRing) else []
        self._in_memory = [*in_memory, Left(memory, spare), *left]
        self._uploaders = [upload(ring, self._outbox.file), upload(spare, memory.file)]
        self._uploaders += [upload(each.ring, each.outbox.file) for each in left]
        self.left: tuple[Left, ...] = ()
        """What waits in memory only when `run` has ended and the agent shall begin anew."""
        self._picture_writer = PictureWriter(ring, self._outbox, self._stir_uploaders, (spare, memory))
        self._link = Link(
            self._address,
            settings.broker_address,
            self._outbox,
            clock,
            random.Random(),
            version=version("hawkline"),
            health_interval_s=settings.health.interval_s,
            on_listening=self._stir_uploaders,
            on_desired=self._take_desired,
            tls=tls,
            more=self._intake.outboxes[1:],
        )
        if self._trust:
            self._trust.on_renewed = self._connect_anew
        self._publisher = self._link.publisher
        for outbox, publisher in zip(self._intake.outboxes, self._link.publishers, strict=True):
            outbox.on_ready = publisher.stir
        self._looks, share = None, None
        if settings.looks.per_second and settings.sharing_looks:
            self._looks = LookSupervisor(settings.looks, settings.sharing_looks)
            share = LookShare(self._looks.address, settings.looks.per_second / settings.sharing_looks)
        self._cameras = [
            CameraSupervisor(index, camera, self._outbox.new_run, self._reported, share)
            for index, camera in enumerate(cameras)
        ]
        for number, at_ms in self._views.items():
            self._cameras[number].confirm_view(at_ms)
        if self._watchlists:
            self._hold(self._watchlists.held)
        self._tickets: OrderedDict[tuple[int, int, int], tuple[Numbered, bool]] = OrderedDict()
        self._tickets_lock = threading.Lock()
        self._news, self._beaten_s = threading.Event(), 0.0
        self._told_s: dict[int, float] = {}
        """When each camera's state was last an event, by the monotonic clock."""

    def run(self, stopping: threading.Event) -> Ending:
        """Watch, report, beat, until told to stop or found to be a copy; then the outbox is closed."""
        log.info(
            "agent %s/%s: %d cameras, %d lines",
            self._address.site,
            self._address.agent,
            len(self._cameras),
            len(self._lines),
        )
        writer = start_vital("picture-writer", self._picture_writer.run)
        threads = [start_vital("publisher", publisher.run) for publisher in self._link.publishers]
        threads += [start_vital("uploader", uploader.run) for uploader in self._uploaders]
        if self._trust:
            start_vital("trust", self._trust.run)
        if self._watchlists:
            start_vital("watchlists", self._watchlists.run)
        start_vital("exports", self._exports.run)
        start_vital("surveys", self._surveys.run)
        if self._configuration:
            start_vital("configuration", self._configuration.run)
        inputs = [start_vital("panels", self._panels.run)] if self._panels else []
        inputs += [start_vital("sensors", self._station.run)] if self._station else []
        inputs += [start_vital("keypads", self._keypads.run)] if self._keypads else []
        self._link.start()
        if self._looks:
            self._looks.start()
        for camera in self._cameras:
            camera.start()
        started_s = self._clock.monotonic_s()
        beat_s = started_s + min(2.0, self._settings.health.interval_s)
        ending = None
        while ending is None:
            ending = Ending.STOPPED if stopping.wait(0.2) else self._reason_to_begin_anew()
            if self._clock.monotonic_s() >= beat_s:
                beat_s += self._settings.health.interval_s
                self._beat(started_s)
            elif self._news.is_set() and self._clock.monotonic_s() - self._beaten_s > _NEWS_S:
                self._beat(started_s)  # else the camera's event and the heartbeat would contradict each other
        for camera in self._cameras:
            camera.stop()
        if self._panels:
            self._panels.stop()
        if self._keypads:
            self._keypads.stop()
        if self._station:
            self._station.stop()
        for thread in inputs:
            thread.join(_DRAIN_S)
        if self._looks:
            self._looks.stop()
        self._picture_writer.stop()
        writer.join(_DRAIN_S)
        self._card_look.end()
        self._leave(threads, ending)
        return ending

    def _reason_to_begin_anew(self) -> Ending | None:
        if self._publisher.copy_detected.is_set():
            return Ending.COPY
        if self._outbox.file.is_volatile and self._card_look.is_well():
            return Ending.CARD
        if self._configuration and self._configuration.begins_anew(self._camera_states()):
            return Ending.CONFIGURATION
        return None

    def _camera_states(self) -> dict[str, tuple[bool, str]]:
        """Of each camera whether it gives pictures, and what is the matter."""
        told = ((camera.camera.settings.name, camera.status) for camera in self._cameras)
        return {name: (status.state in _SEES, status.detail or status.state.label) for name, status in told}

    def _leave(self, threads: Sequence[threading.Thread], ending: Ending) -> None:
        """What the cameras left is brought out as far as it goes, or left to the next life; then the file is closed."""
        deadline_s = self._clock.monotonic_s() + _DRAIN_S
        while ending is Ending.STOPPED and self._link.is_up and self._clock.monotonic_s() < deadline_s:
            if not any(self._intake.waiting().values()) and not any(uploader.waiting for uploader in self._uploaders):
                break
            threading.Event().wait(0.05)
        if self._trust:
            self._trust.stop()
        if self._watchlists:
            self._watchlists.stop()
        self._exports.stop()
        self._surveys.stop()
        if self._configuration:
            self._configuration.stop()
        for publisher in self._link.publishers:
            publisher.stop()
        for uploader in self._uploaders:
            uploader.stop()
        for thread in threads:
            thread.join(12)
        self._link.stop()
        left = self._intake.waiting()
        if ending is not Ending.STOPPED:
            self.left = tuple(each for each in self._in_memory if _waits(each.outbox))
        self._intake.close(keeping=[each.outbox for each in self.left])
        log.info(
            "agent %s/%s ended; waiting: %d alarm, %d bulk",
            self._address.site,
            self._address.agent,
            left[Lane.ALARM],
            left[Lane.BULK],
        )

    def _connect_anew(self) -> None:
        """What we show has changed, or whom we believe."""
        self._link.reconnect()
        for uploader in self._uploaders:
            uploader.reconnect()

    def _stir_uploaders(self) -> None:
        for uploader in self._uploaders:
            uploader.stir()

    def _take_desired(self, state: DesiredState) -> None:
        try:
            if self._desired.take(state):
                self._news.set()
        except OSError as error:
            self._news.set()
            log.error("what the centre wants cannot be kept, and is obeyed until the agent ends: %s", error)

    def _hold(self, lists: HeldLists) -> None:
        for camera in self._cameras:
            camera.hold(lists)

    def _lists_settled(self) -> None:
        self._settled(Watchlists.name)

    def _configuration_settled(self) -> None:
        self._settled(Configuration.name)

    def _settled(self, section: str) -> None:
        """What a section waited for has come, or will not."""
        self._news.set()
        try:
            self._desired.again(section)
        except OSError as error:
            log.error("that section %s is obeyed cannot be kept: %s", section, error)

    def _survey(self, camera: int, number: int, scene: Scene | None) -> str:
        """Ask a camera; returns why it cannot answer, empty where it can."""
        if not self._cameras:  # it was asked for in a life before
            return "the box has begun anew: ask again"
        status = self._cameras[camera].status
        if status.state not in _SEES:
            return f"the camera gives no pictures: {status.detail or status.state.label}"
        self._cameras[camera].survey(SurveyAsked(number, scene))
        return ""

    def _confirm_view(self, camera: int, at_ms: int) -> None:
        if at_ms > self._views.get(camera, 0):
            self._views[camera] = at_ms
            if self._cameras:
                self._cameras[camera].confirm_view(at_ms)

    @property
    def partitions(self) -> Memory | None:
        """How they are armed; None where the box has no sensors of its own."""
        return self._station.memory() if self._station else None

    def _build_station(self, before: Memory | None) -> Station | None:
        settings = self._settings
        plan = settings.sensors, settings.partitions, settings.outputs
        if not any((*plan, settings.keypads)):
            return None
        sources = sources_for(settings.inputs, settings.sensors, settings.outputs, self._address.agent, self._clock)
        path = settings.data_dir / "partitions.bin"
        append, keypads = self._append_alarm, settings.keypads
        return Station(*plan, sources, settings.inputs, path, append, self._clock, before, keypads)

    def _build_keypads(self) -> Keypads | None:
        settings, station = self._settings, self._station
        if not settings.keypads or station is None:
            return None
        return Keypads(
            settings.keypads,
            settings.inputs.mqtt,
            f"hawkline-keypads-{self._address.agent}",
            Codes(settings.data_dir / settings.inputs.codes_file),
            station.order,
            station.shown,
            station.read,
            self._clock,
        )

    def _append_alarm(self, event: Event) -> None:
        self._intake.append(Lane.ALARM, event)

    def _is_armed_by_partition(self, camera: str, line: str) -> bool | None:
        partition = self._armed_with.get(f"{camera}/{line}")
        return None if partition is None or self._station is None else self._station.is_armed(partition)

    def _append_sensor(self, event: SensorChanged, kept: Callable[[], None]) -> None:
        self._intake.append(Lane.ALARM, event, kept)

    def _beat(self, started_s: float) -> None:
        self._news.clear()
        self._beaten_s = self._clock.monotonic_s()
        beat = health.take(self._clock, started_s, self._intake, self._settings.data_dir, self._cameras)
        own: dict[str, object] = {
            "pictures_given_up": self._picture_writer.given_up,
            "sections": self._desired.states(),
        }
        if self._configuration:
            own["configuration"] = self._configuration.health()
        if self._looks:
            own["looks"] = health.looks_of(self._looks)
        self._link.beat(msgspec.structs.replace(beat, **own))

    def _reported(self, camera: int, run: int, report: Report) -> None:
        if isinstance(report, EventSeen):
            self._saw(camera, run, report)
        elif isinstance(report, PassageSeen):
            self._saw_vehicle(camera, run, report)
        elif isinstance(report, ListHitSeen):
            self._saw_hit(camera, run, report)
        elif isinstance(report, SightSeen):
            self._saw_of_picture(camera, run, report)
        elif isinstance(report, Surveyed):
            self._surveys.tried(report.number, (camera, run, report.ticket), report.outcome)
        elif isinstance(report, Picture):
            if not self._surveys.pictured((camera, run, report.ticket), report.jpeg, to_ms(report.taken_at_s)):
                self._pictured(camera, run, report)
        elif isinstance(report, NoPicture):
            if self._surveys.pictured((camera, run, report.ticket), b"", 0):
                return
            if self._taken_ticket(camera, run, report.ticket):  # it is an alarm's
                self._picture_writer.miss()
        else:
            self._camera_told(camera, report)

    def _saw(self, camera: int, run: int, sighting: EventSeen) -> None:
        event = self._event(camera, run, sighting)
        self._cameras[camera].answer(Wanted(sighting.ticket, event.priority))
        numbered = self._intake.append(Lane.ALARM if event.priority else Lane.BULK, event)
        if event.priority:
            self._remember_tickets(camera, run, [sighting.ticket], numbered)

    def _saw_vehicle(self, camera: int, run: int, passage: PassageSeen) -> None:
        """A vehicle has passed a lane: all that is told of it."""
        seen = passage.seen
        event = VehiclePassed(
            at_ms=to_ms(passage.met_at_s),
            revision=self._revision,
            line=self._line_numbers[camera, seen.lane],
            direction=seen.direction,
            run=run,
            track=seen.track,
            vehicle=seen.vehicle,
            colour=seen.colour,
            read=seen.read,
        )
        self._intake.append(Lane.BULK, event)

    def _saw_hit(self, camera: int, run: int, told: ListHitSeen) -> None:
        """A plate that a list names: which entry of which list, and no text."""
        seen, match, at_ms = told.seen, told.match, to_ms(told.met_at_s)
        event = ListHit(
            at_ms=at_ms,
            revision=self._revision,
            line=self._line_numbers[camera, seen.lane],
            direction=seen.direction,
            run=run,
            track=seen.track,
            priority=match.entry.priority,
            confirm_ms=max(0, to_ms(told.confirmed_at_s) - at_ms),
            list_number=match.entry.list_number,
            list_version=match.entry.list_version,
            entry=match.entry.entry,
            likeness=round(1000 * min(1.0, match.likeness)),
        )
        log.info("camera %s: list %d is hit", self._cameras[camera].camera.settings.name, event.list_number)
        numbered = self._intake.append(Lane.ALARM, event)
        self._cameras[camera].answer(Wanted(told.ticket, event.priority))
        self._remember_tickets(camera, run, [told.ticket], numbered, passing=True)

    def _saw_of_picture(self, camera: int, run: int, seen: SightSeen) -> None:
        """What is the matter with a camera's picture: an event, and pictures of it."""
        event = SightChanged(
            at_ms=to_ms(seen.at_s),
            revision=self._revision,
            camera=camera,
            fault=seen.fault,
            active=seen.active,
            figure=min(_MOST_FIGURE, max(0, round(1000 * seen.figure))),
            expected=seen.expected,
            detail=seen.detail,
        )
        name, word = self._cameras[camera].camera.settings.name, "began" if seen.active else "is over"
        log.info("camera %s: %s %s %s", name, seen.fault.label, word, seen.detail)
        self._news.set()
        self._remember_tickets(camera, run, seen.tickets, self._intake.append(Lane.ALARM, event))

    def _remember_tickets(
        self, camera: int, run: int, tickets: Sequence[int], numbered: Numbered, *, passing: bool = False
    ) -> None:
        with self._tickets_lock:
            for ticket in tickets:
                self._tickets[camera, run, ticket] = numbered, passing
            while len(self._tickets) > _TICKETS:
                self._tickets.popitem(last=False)

    def _event(self, camera: int, run: int, sighting: EventSeen) -> LineCrossed | ZoneAlarm:
        found, at_ms = sighting.found, to_ms(sighting.met_at_s)
        if isinstance(found, Crossing):
            return LineCrossed(
                at_ms=at_ms,
                revision=self._revision,
                line=self._line_numbers[camera, found.line],
                direction=found.direction,
                run=run,
                track=found.track,
                priority=self._arming.priority(camera, found.line, sighting.met_at_s),
                confirm_ms=to_ms(sighting.confirmed_at_s) - at_ms,
                object=found.object,
                score=round(100 * found.score),
            )
        return ZoneAlarm(
            at_ms=at_ms,
            revision=self._revision,
            line=self._line_numbers[camera, found.zone],
            rule=found.rule,
            run=run,
            track=found.track,
            priority=self._arming.priority(camera, found.zone, sighting.met_at_s),
            lasted_ms=to_ms(found.time_s - found.began_s),
            object=found.object,
            score=round(100 * found.score),
        )

    def _pictured(self, camera: int, run: int, picture: Picture) -> None:
        ticket = self._taken_ticket(camera, run, picture.ticket)
        if ticket is None:
            return
        numbered, passing = ticket
        taken_ms = to_ms(picture.taken_at_s)
        self._picture_writer.add(Taken(numbered.sequence, picture.jpeg, taken_ms, numbered.epoch, passing))

    def _taken_ticket(self, camera: int, run: int, ticket: int) -> tuple[Numbered, bool] | None:
        """What names the alarm of a ticket, once, and whether it is a hit's; None of one that is not an alarm's."""
        with self._tickets_lock:
            return self._tickets.pop((camera, run, ticket), None)

    def _camera_told(self, camera: int, status: Status) -> None:
        before, now_s = self._cameras[camera].status, self._clock.monotonic_s()
        reason_changed = (
            status.detail != before.detail
            and status.state not in _SEES
            and now_s - self._told_s.get(camera, 0.0) > _SAME_STATE_S
        )
        if status.state is not before.state or reason_changed:
            self._told_s[camera] = now_s
            self._news.set()
            log.info("camera %s: %s %s", self._cameras[camera].camera.settings.name, status.state.label, status.detail)
            self._intake.append(
                Lane.ALARM,
                CameraChanged(to_ms(self._clock.now_s()), self._revision, camera, status.state, status.detail[:120]),
            )
