"""How long a district's boxes need until all of them watch what a plan says: real commands, broker, door and box side.

Simulated are the cameras alone: they come back some seconds after their box has begun anew. Some boxes lose one for
good under the second configuration: these have to go back by themselves.
"""

import csv
import io
import multiprocessing
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection as Pipe
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
_A_PROCESS = 275
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
        self._asking: Future[float] | None = None
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
        if self._asking is not None and self._asking.done():
            if self._asking.exception():
                self._is_asked, self._ask_s = True, now_s + self._rng.uniform(1, 3)
            self._asking = None
        if self._asking is None and self._is_asked and now_s >= self._ask_s:
            self._is_asked, self._asking = False, self._pool.submit(self._part.look)
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
            self._is_asked = True  # perhaps for nothing: what was asked for is not asked again
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
    """Some of the boxes, in a process of their own: the MQTT library's `select` knows no file beyond the 1,024th."""

    def __init__(self, centre: TrustedAggregator, boxes: Sequence[Address]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        folders = [_folder_of(centre, box) for box in boxes]
        told = theirs, centre.door_url, centre.box_port, list(zip(boxes, folders, strict=True))
        self._process = context.Process(target=_serve, args=told, daemon=True)

    def start(self) -> None:
        """Begin; all boxes connect, so many a second."""
        self._process.start()

    def fail(self, boxes: Collection[Address]) -> None:
        """These lose a camera under what they are sent from now on."""
        self._ask("fail", set(boxes))

    def watches(self) -> int:
        """How many cameras their configurations in force have."""
        return self._ask("watches")

    def stop(self) -> None:
        """End, and have them leave."""
        with suppress(OSError, EOFError):
            self._ask("stop")
        self._process.join(30)

    def _ask(self, *what: object) -> int:
        self._pipe.send(what)
        answer: int = self._pipe.recv()
        return answer


def _serve(pipe: Pipe, door_url: str, port: int, named: Sequence[tuple[Address, Path]]) -> None:
    """The process of some boxes."""
    rng = random.Random(str(named[0][0]))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        boxes = [
            ConfiguredBox(address, Door(door_url, folder), ("localhost", port), random.Random(rng.random()), pool)
            for address, folder in named
        ]
        waiting, goes_on = deque(boxes), True
        while goes_on:
            if waiting:
                waiting.popleft().link.start()
            now_s = time.monotonic()
            for box in boxes:
                box.turn(now_s)
            if pipe.poll(0.02):
                goes_on = _answer(pipe, boxes)
        for box in boxes:
            box.link.stop()
        pipe.send(0)


def _answer(pipe: Pipe, boxes: Sequence[ConfiguredBox]) -> bool:
    """Do what the measuring process asks; returns whether it goes on."""
    what, *of = pipe.recv()
    if what == "stop":
        return False
    for box in boxes if what == "fail" else ():
        box.fails = box.address in of[0]
    pipe.send(sum(box.watches for box in boxes))
    return True


def _folder_of(centre: TrustedAggregator, box: Address) -> Path:
    return centre.folder / "boxes" / f"{box.site}.{box.agent}"


def measure(folder: Path, part: float) -> Iterator[Row]:
    """Everything on this machine, all boxes too.

    Args:
        folder: for all files.
        part: of a district's size.

    Raises:
        UnavailableError: a box did not come in.
    """
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
        boxes = _come_in(centre, sheets["boxes"])
        serving = [_Serving(centre, boxes[at : at + _A_PROCESS]) for at in range(0, len(boxes), _A_PROCESS)]
        for each in serving:
            stack.callback(each.stop)
            each.start()
        _until(_COMES_IN_S, lambda: len(_rows(centre, "/api/v1/sealing-keys")) == len(boxes), "every box has come in")
        yield from _obeyed(centre, serving, len(boxes), "first configuration, with passwords", passwords)
        failing = boxes[:: max(1, round(1 / _FAILS))]
        for each in serving:
            each.fail(failing)
        sheets["lines"] += _more_lines(sheets["cameras"])
        plan.unlink()
        write_plan(plan, sheets, Language.CHINESE)
        centre.command("site", "apply", str(plan), "--why", "another line on every first camera")
        yield from _obeyed(centre, serving, len(boxes), "a line more on every box", None, len(failing))
        yield judged("sent again", "", None, "nothing changed" if _changed(centre) == 0 else "something changed")


def _obeyed(
    centre: TrustedAggregator,
    serving: Sequence[_Serving],
    boxes: int,
    what: str,
    passwords: Path | None,
    failing: int = 0,
) -> Iterator[Row]:
    stolen = Stolen()
    more = ("--passwords", str(passwords)) if passwords else ()
    took_s = _timed(centre, "site", "send", "--why", what, *more)
    yield _row(f"{what}: sent", f"{boxes} boxes", took_s, None, stolen)
    began_s = time.monotonic()
    wanted = {"kept": boxes - failing, "refused": failing}
    _until(OBEYED_S * 3, lambda: _states(centre) == {state: n for state, n in wanted.items() if n}, "every box answers")
    took_s += time.monotonic() - began_s
    watching = sum(each.watches() for each in serving)
    note = f"{failing} that lost a camera went back by themselves; " if failing else ""
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


def _come_in(centre: TrustedAggregator, planned: Sequence[Mapping[str, str]]) -> list[Address]:
    """Boxes of the plan, each with a key and a certificate."""
    claims = list(csv.DictReader(io.StringIO(centre.command("device", "claim", "--plan", "-o", "csv"))))
    if len(claims) != len(planned):
        raise UnavailableError(f"{len(claims)} claims were made for {len(planned)} boxes")

    def come_in(claim: dict[str, str]) -> Address:
        address = Address(claim["site"], claim["agent"])
        door = Door(centre.door_url, _folder_of(centre, address))
        door.folder.mkdir(parents=True)
        door.root_path.write_bytes(centre.root_path.read_bytes())
        enrol(door, address, claim["code"], claim["serial"])
        return address

    with ThreadPoolExecutor(_AT_ONCE) as pool:
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
