"""Cameras and what they watch: one that does not see, or not well, cannot confirm that nothing happens."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from aggregator.domains.cameras import sight
from aggregator.ingest.heartbeat_parsing import unnulled
from aggregator.signals.declarations import Condition, Domain, Judge, Kind, Place
from aggregator.signals.occurrence import Occurrence
from aggregator.signals.signal import Signal, Subject
from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared.desired import VIEWS, ConfirmedView, Views
from shared.events import CameraChanged, CameraState, ConfigApplied, Lane, SightChanged
from shared.topics import Address

SQL = load_queries(__package__)
CONDITION = {
    CameraState.WATCHING: "",
    CameraState.BLIND: "",  # what is the matter with its picture is a condition of its own
    CameraState.IMPAIRED: "",
    CameraState.DEGRADED: "camera_degraded",
    CameraState.STALLED: "camera_blind",
    CameraState.UNREACHABLE: "camera_blind",
    CameraState.ENDED: "camera_blind",
    CameraState.CRASHED: "camera_blind",
}
"""What a state means. STARTING says nothing: whether it will see is not known, and what was so before still is."""
_CONDITIONS = "camera_blind", "camera_degraded"


def judged(occurrence: Occurrence, address: Address, name: str, priority: int) -> Iterator[Signal]:
    """What a camera's state means: each condition is there, or over.

    Args:
        priority: the most urgent of its armed lines; 0 where there is none.
    """
    event = occurrence.event
    assert isinstance(event, CameraChanged)  # noqa: S101 - the judge of no others
    if event.state not in CONDITION:
        return
    for condition in _CONDITIONS:
        active = CONDITION[event.state] == condition
        # Behind an armed line no camera sees who comes; what is degraded sees most of it.
        urgent = priority if condition == "camera_blind" else 0
        yield Signal(
            subject=Subject("camera", address.site, address.agent, name),
            condition=condition,
            active=active,
            at=occurrence.event_at,
            priority=urgent,
            origin=occurrence.member,
            detail={"state": event.state.label, "why": unnulled(event.detail)} if active else {},
        )


def _say(connection: Connection, occurrences: Sequence[Occurrence], boxes: Mapping[int, Address]) -> Iterator[Signal]:
    known = _known(connection, occurrences)
    said = dict[tuple[Subject, str], Signal]()
    for occurrence in occurrences:
        event, address = occurrence.event, boxes[occurrence.producer_id]
        if isinstance(event, ConfigApplied):
            yield from _gone(connection, occurrence, event, address, said.values())
        elif isinstance(event, CameraChanged | SightChanged):
            place = occurrence.producer_id, event.revision, event.camera
            name, priority = known.get(place, (f"camera {event.camera}", 0))
            signals = (
                judged(occurrence, address, name, priority)
                if isinstance(event, CameraChanged)
                else sight.judged(occurrence, Subject("camera", address.site, address.agent, name), priority)
            )
            for signal in signals:
                said[signal.subject, signal.condition] = signal
                yield signal


def _known(connection: Connection, occurrences: Sequence[Occurrence]) -> dict[tuple[int, int, int], tuple[str, int]]:
    """Of each camera that is spoken of, by its numbers: its name, and the most urgent priority of its lines."""
    cameras = {
        (each.producer_id, each.event.revision, each.event.camera)
        for each in occurrences
        if isinstance(each.event, CameraChanged | SightChanged)
    }
    if not cameras:
        return {}
    producers, revisions, numbers = zip(*cameras, strict=True)
    asked = {"producer_ids": list(producers), "revisions": list(revisions), "cameras": list(numbers)}
    return {
        (row["producer_id"], row["revision"], row["camera"]): (row["name"], row["priority"])
        for row in connection.execute(SQL["cameras"], asked)
    }


def _gone(
    connection: Connection,
    occurrence: Occurrence,
    event: ConfigApplied,
    address: Address,
    said: Iterable[Signal],
) -> Iterator[Signal]:
    """Nothing is the matter any more with a camera that its box has no more, as far as was told before."""
    rows = connection.execute(SQL["ailing_cameras"], {"site": address.site, "agent": address.agent})
    ailing = {(row["camera"], row["condition"]) for row in rows.fetchall()}
    ailing |= {
        (signal.subject.camera, signal.condition)
        for signal in said
        if signal.active and (signal.subject.site, signal.subject.agent) == (address.site, address.agent)
    }
    has = set(map(unnulled, event.cameras))
    for camera, condition in sorted(ailing):
        if camera not in has:
            subject = Subject("camera", address.site, address.agent, camera)
            yield Signal(subject, condition, active=False, at=occurrence.event_at, origin=occurrence.member)


class Configurations:
    """Names of cameras and lines, and where the lines lie."""

    def __init__(self) -> None:
        self._first = dict[tuple[int, int], ConfigApplied]()
        """Of each producer and revision; two lanes may bring the same ones."""

    def take(self, event: ConfigApplied, producer: int, _lane: Lane, _event_at: datetime, _address: Address) -> None:
        self._first.setdefault((producer, event.revision), event)

    def write(self, connection: Connection, _counters: Counter[tuple[str, str]]) -> None:
        """Two statements for all of them, and a third that tells which are known: a box says its own at every start."""
        producers, revisions = zip(*sorted(self._first), strict=True)
        asked = {"producer_ids": arrays.of_ints(producers), "revisions": arrays.of_ints(revisions)}
        known = {(row["producer_id"], row["revision"]) for row in connection.execute(SQL["known"], asked)}
        new = [(*key, self._first[key]) for key in sorted(self._first.keys() - known)]
        cameras = [
            (producer, revision, camera, unnulled(name))
            for producer, revision, event in new
            for camera, name in enumerate(event.cameras)
        ]
        lines = [
            (producer, revision, number, line)
            for producer, revision, event in new
            for number, line in enumerate(event.lines)
        ]
        if cameras:
            producers, revisions, numbers, names = zip(*cameras, strict=True)
            connection.execute(
                SQL["add_cameras"],
                {
                    "producer_ids": arrays.of_ints(producers),
                    "revisions": arrays.of_ints(revisions),
                    "cameras": arrays.of_ints(numbers),
                    "names": list(names),
                },
            )
        if lines:
            producers, revisions, numbers, specs = zip(*lines, strict=True)
            connection.execute(
                SQL["add_lines"],
                {
                    "producer_ids": arrays.of_ints(producers),
                    "revisions": arrays.of_ints(revisions),
                    "lines": arrays.of_ints(numbers),
                    "cameras": arrays.of_ints(line.camera for line in specs),
                    "names": [unnulled(line.name) for line in specs],
                    "points": [Jsonb(line.points) for line in specs],
                    "directions": [unnulled(line.direction) for line in specs],
                    "priorities": arrays.of_ints(line.priority for line in specs),
                    "rules": arrays.of_ints(line.rule for line in specs),
                },
            )


def confirmed(connection: Connection, box: Address) -> Views:
    """What was confirmed of a box's cameras."""
    rows = connection.execute(SQL["confirmed_views"], {"site": box.site, "agent": box.agent})
    return Views(tuple(ConfirmedView(row["camera"], row["at_ms"]) for row in rows))


def _names(event: ConfigApplied) -> int:
    """What a configuration leaves for ever, itself included."""
    return 1 + len(event.cameras) + len(event.lines)


def _revision(event: ConfigApplied) -> int:
    return event.revision


DOMAIN = Domain(
    "cameras",
    (
        Kind(CameraChanged, lambda event: Place(event.revision, camera=event.camera)),
        Kind(SightChanged, lambda event: Place(event.revision, camera=event.camera)),
        Kind(ConfigApplied, projection=Configurations, costs="names", weighs=_names, once=_revision),
    ),
    (
        Condition(
            "camera_blind",
            3,
            "摄像机无画面",
            "Camera does not see",
            clears_itself=True,
            rings_after_s=20,
            many=20,
            many_here=3,
            hides=True,
        ),
        Condition(
            "camera_degraded",
            4,
            "摄像机画面质量下降",
            "Camera sees badly",
            clears_itself=True,
            rings_after_s=60,
            ends_after_s=120,
            many=20,
            hides=True,
        ),
        *sight.CONDITIONS,
    ),
    (Judge((CameraChanged, SightChanged, ConfigApplied), lambda _: True, _say),),
    sections={VIEWS: confirmed},
    routers=("aggregator.domains.cameras.views_api:router",),
)
