"""How long a district's boxes need until all of them watch what a plan says: real commands, broker, door and box side.

Simulated are the cameras alone: they come back some seconds after their box has begun anew. Some boxes lose one for
good under the second configuration: these have to go back by themselves.
"""

import csv
import io
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from edge_agent.configuration.store import Store
from edge_agent.orders.configuration import Configuration
from edge_agent.orders.desired import Desired
from edge_agent.uplink.configuration import ConfigurationDoor
from edge_agent.uplink.link import Link
from edge_agent.uplink.own_door import OwnDoor
from edge_agent.uplink.trust import Door, enrol
from provisioning.lab.boxes.memory import MemoryOutbox
from provisioning.lab.cpu_steal import Stolen
from provisioning.lab.local_site.trusted import TrustedAggregator
from provisioning.lab.rows import Row, judged
from provisioning.lab.sites.district import district
from provisioning.sites.words import Language
from provisioning.sites.workbook import write_plan
from shared.clock import SystemClock, to_ms
from shared.desired import DesiredState
from shared.errors import UnavailableError
from shared.events import Health
from shared.topics import Address

APPLIED_S, OBEYED_S = 60.0, 300.0
"""What was promised: a plan is in force, and every box obeys it."""
_AT_ONCE = 8
_HEALTH_S = 30.0
_LOOK_S = 0.5
_TRIAL_S = 60.0
_COMES_IN_S = 240.0
_FAILS = 0.01
"""Part of the boxes that lose a camera under the second configuration."""
_OWN = 'site = "{site}"\nagent = "{agent}"\ndata_dir = "."\n[trust]\nurl = "{door}"\n[health]\ntrial_s = {trial_s}\n'


class ConfiguredBox:
    """A box without real cameras: its link, its desired state, and its configurations on a real disk.

    Args:
        address: its name.
        door: that it has enrolled at.
        broker: host and port.
        rng: consumed.
        pool: asks the centre.

    Attributes:
        fails: its first camera does not come back under what it is sent from now on.
    """

    def __init__(
        self, address: Address, door: Door, broker: tuple[str, int], rng: random.Random, pool: ThreadPoolExecutor
    ) -> None:
        self.address, self.fails = address, False
        self._door, self._rng, self._pool, self._clock = door, rng, pool, SystemClock()
        self._own_door = OwnDoor(door.url, address, door.context())
        self._asking: Future[None] | None = None
        self._ask_s = self._look_s = self._publish_s = 0.0
        self._beat_s = self._clock.monotonic_s() + rng.uniform(0, _HEALTH_S)
        self._says = threading.Event()
        path = door.folder / "agent.toml"
        path.write_text(_OWN.format(site=address.site, agent=address.agent, door=door.url, trial_s=_TRIAL_S))
        self._config = path
        self._outbox = MemoryOutbox(self._clock)
        self._begin()
        self.link = Link(
            address,
            broker,
            self._outbox,
            self._clock,
            rng,
            version="laboratory",
            health_interval_s=_HEALTH_S,
            on_listening=self._says.set,
            on_desired=self._take,
            tls=door.context(),
        )

    def turn(self, now_s: float) -> None:
        """Do what is due; for one thread that serves all boxes."""
        if now_s >= self._publish_s:
            self._publish_s = now_s + self.link.publisher.turn()
        if self._says.is_set() or now_s >= self._beat_s:
            self._says.clear()
            self._beat_s = now_s + _HEALTH_S
            self._beat()
        if now_s < self._look_s:
            return
        self._look_s = now_s + _LOOK_S
        if self._asking is None or self._asking.done():
            if self._asking is not None and self._asking.exception():
                self._ask_s = now_s + self._rng.uniform(1, 3)
            self._asking = self._pool.submit(self._part.look) if now_s >= self._ask_s and self._is_asked else None
        if self._part.begins_anew(self._cameras(now_s)):
            self._begin()
            self._says.set()

    @property
    def watches(self) -> int:
        """How many cameras its configuration in force has."""
        return len(self._in_force.cameras)

    def _begin(self) -> None:
        """A life of the agent."""
        store = Store(self._config)
        self._in_force = store.begin()
        self._part = Configuration(store, self._in_force, ConfigurationDoor(self._own_door), self._settled, self._clock)
        self._desired = Desired(self._door.folder / "desired.bin", [self._part])
        now_s = self._clock.monotonic_s()
        self._back_s = [now_s + self._rng.uniform(1, 8) for _ in self._in_force.cameras]
        if self.fails and self._in_force.tried:
            self._back_s[0] = float("inf")
        self._is_asked = True

    def _cameras(self, now_s: float) -> Mapping[str, tuple[bool, str]]:
        names = [camera.settings.name for camera in self._in_force.cameras]
        return {name: (now_s >= at_s, "unreachable") for name, at_s in zip(names, self._back_s, strict=True)}

    def _take(self, state: DesiredState) -> None:
        if self._desired.take(state):
            self._is_asked = True
            self._says.set()

    def _settled(self) -> None:
        self._desired.again(Configuration.name)
        self._says.set()

    def _beat(self) -> None:
        health = Health(
            at_ms=to_ms(self._clock.now_s()),
            session=self._outbox.session,
            epoch=self._outbox.epoch,
            uptime_s=1.0,
            sections=self._desired.states(),
            configuration=self._part.health(),
        )
        self.link.beat(health)


class _Serving:
    """The thread of all boxes."""

    def __init__(self, boxes: Sequence[ConfiguredBox]) -> None:
        self._boxes, self._stopping = boxes, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin; all boxes connect, so many a second."""
        self._thread.start()
        for box in self._boxes:
            box.link.start()
            time.sleep(0.01)

    def stop(self) -> None:
        """End, and have them leave."""
        self._stopping.set()
        self._thread.join()
        for box in self._boxes:
            box.link.stop()

    def _run(self) -> None:
        while not self._stopping.wait(0.02):
            now_s = time.monotonic()
            for box in self._boxes:
                box.turn(now_s)


def measure(folder: Path, part: float) -> Iterator[Row]:
    """Everything on this machine, all boxes too.

    Args:
        folder: for all files.
        part: of a district's size.

    Raises:
        UnavailableError: a box did not come in.
    """
    for loud in ("edge_agent", "shared.mqtt"):  # a thousand boxes in one process
        logging.getLogger(loud).setLevel(logging.CRITICAL)
    centre = TrustedAggregator(folder)
    centre.prepare()
    with ExitStack() as stack:
        stack.callback(centre.stop)
        centre.start()
        plan, passwords = folder / "plan.xlsx", folder / "passwords.csv"
        sheets = district(1, part).by_key()
        write_plan(plan, sheets, Language.CHINESE)
        _write_passwords(passwords, sheets["cameras"])
        stolen, took_s = Stolen(), _timed(centre, "site", "apply", str(plan), "--why", "measured")
        size = f"{len(sheets['boxes'])} boxes, {len(sheets['cameras'])} cameras"
        yield _row("plan applied", size, took_s, APPLIED_S, stolen)
        yield judged(
            "the same again", "", None, centre.command("site", "apply", str(plan)).strip() or "nothing changed"
        )
        centre.command("configuration", "recovery-key", str(folder / "recovery.key"))
        pool = stack.enter_context(ThreadPoolExecutor(_AT_ONCE))
        boxes = _boxes(centre, sheets["boxes"], pool)
        serving = _Serving(boxes)
        stack.callback(serving.stop)
        serving.start()
        _until(_COMES_IN_S, lambda: len(_rows(centre, "/api/v1/sealing-keys")) == len(boxes), "every box has come in")
        yield from _obeyed(centre, boxes, "first configuration, with passwords", passwords)
        failing = boxes[:: max(1, round(1 / _FAILS))]
        for box in failing:
            box.fails = True
        sheets["lines"] += _more_lines(sheets["cameras"])
        plan.unlink()
        write_plan(plan, sheets, Language.CHINESE)
        centre.command("site", "apply", str(plan), "--why", "another line on every first camera")
        yield from _obeyed(centre, boxes, "a line more on every box", None, failing)
        yield judged("sent again", "", None, "nothing changed" if _changed(centre) == 0 else "something changed")


def _obeyed(
    centre: TrustedAggregator,
    boxes: Sequence[ConfiguredBox],
    what: str,
    passwords: Path | None,
    failing: Sequence[ConfiguredBox] = (),
) -> Iterator[Row]:
    stolen = Stolen()
    more = ("--passwords", str(passwords)) if passwords else ()
    took_s = _timed(centre, "site", "send", "--why", what, *more)
    yield _row(f"{what}: sent", f"{len(boxes)} boxes", took_s, None, stolen)
    began_s = time.monotonic()
    wanted = {"kept": len(boxes) - len(failing), "refused": len(failing)}
    _until(OBEYED_S * 3, lambda: _states(centre) == {state: n for state, n in wanted.items() if n}, "every box answers")
    took_s += time.monotonic() - began_s
    watching = sum(box.watches for box in boxes)
    note = f"{wanted['refused']} that lost a camera went back by themselves; " if failing else ""
    yield _row(f"{what}: kept by all", f"{note}{watching} cameras watched", took_s, OBEYED_S, stolen)


def _states(centre: TrustedAggregator) -> dict[str, int]:
    found = dict[str, int]()
    for row in _rows(centre, "/api/v1/configurations"):
        found[str(row["state"])] = found.get(str(row["state"]), 0) + 1
    return found


def _changed(centre: TrustedAggregator) -> int:
    before = {row["number"] for row in _rows(centre, "/api/v1/configurations")}
    centre.command("site", "send")
    return len({row["number"] for row in _rows(centre, "/api/v1/configurations")} - before)


def _rows(centre: TrustedAggregator, path: str) -> list[dict[str, object]]:
    answer = centre.http.get(path)
    answer.raise_for_status()
    rows: list[dict[str, object]] = answer.json()
    return rows


def _boxes(
    centre: TrustedAggregator, planned: Sequence[Mapping[str, str]], pool: ThreadPoolExecutor
) -> list[ConfiguredBox]:
    """Boxes that have come in, each with a key and a certificate."""
    listed, rng = centre.folder / "boxes.csv", random.Random(1)
    lines = (f"{row['site']},{row['box']},{row['serial']}" for row in planned)
    listed.write_text("\n".join(["site,agent,serial", *lines]) + "\n")
    claims = list(csv.DictReader(io.StringIO(centre.command("device", "claim", "--file", str(listed), "-o", "csv"))))

    def come_in(claim: dict[str, str]) -> ConfiguredBox:
        address = Address(claim["site"], claim["agent"])
        door = Door(centre.door_url, centre.folder / "boxes" / f"{address.site}.{address.agent}")
        door.folder.mkdir(parents=True)
        door.root_path.write_bytes(centre.root_path.read_bytes())
        enrol(door, address, claim["code"], claim["serial"])
        broker = "localhost", centre.box_port
        return ConfiguredBox(address, door, broker, random.Random(rng.random()), pool)

    return list(pool.map(come_in, claims))


def _write_passwords(path: Path, cameras: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["site", "box", "camera", "password"])
        writer.writerows([row["site"], row["box"], row["camera"], f"secret-{at}"] for at, row in enumerate(cameras))


def _more_lines(cameras: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    first = {(row["site"], row["box"]): row for row in reversed(cameras) if row["use"] != "checkpoint"}
    where = [{key: row[key] for key in ("site", "box", "camera")} for row in first.values()]
    return [{**each, "line": "新线", "points": "0.2,0.1 0.2,0.9", "priority": "2"} for each in where]


def _timed(centre: TrustedAggregator, *command: str) -> float:
    began_s = time.monotonic()
    centre.command(*command)
    return time.monotonic() - began_s


def _until(within_s: float, look: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + within_s
    while not look():
        if time.monotonic() > deadline_s:
            raise UnavailableError(f"not within {within_s:.0f} s: {what}")
        time.sleep(1)


def _row(what: str, case: str, took_s: float, bar_s: float | None, stolen: Stolen) -> Row:
    met = None if bar_s is None else took_s <= bar_s
    bar = "" if bar_s is None else f", bar {bar_s:.0f} s"
    return judged(what, case, met, f"{took_s:.1f} s{bar}", f"{100 * stolen.part():.0f} % stolen")
