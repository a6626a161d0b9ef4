"""How long a list needs to be on all checkpoints, and a cordon on forty: real broker, boxes' door and boxes' side."""

import csv
import io
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx

from edge_agent.orders.desired import Desired
from edge_agent.orders.watchlists import HeldLists, Watchlists
from edge_agent.uplink.link import Link
from edge_agent.uplink.trust import Door
from edge_agent.uplink.trust.enrolment import enrol
from edge_agent.vision.plate.matching import WatchTable
from models.plate.decoding import Reading
from provisioning.lab.boxes.memory import MemoryOutbox
from provisioning.lab.centre.gantry import approved, post, states, until
from provisioning.lab.cpu_steal import Stolen, verdict
from provisioning.lab.edge.checkpoints import entries_of_a_city
from provisioning.lab.local_site.people import signed_in
from provisioning.lab.local_site.trusted import TrustedAggregator
from provisioning.lab.rows import Row
from shared.clock import SystemClock, to_ms
from shared.desired import DesiredState
from shared.events import ConfigApplied, Health, Lane, LineRule, LineSpec
from shared.topics import Address

LIST_S, CORDON_S = 60.0, 5.0
"""What was promised: a list of ten thousand on all checkpoints, a cordon of forty armed."""
_CORDON = 40
_AT_ONCE = 8
_LANES = tuple(
    LineSpec(0, f"lane {lane}", ((0.1 + 0.4 * lane, 0.7), (0.5 + 0.4 * lane, 0.7)), "both", 0, LineRule.LANE)
    for lane in (0, 1)
)
_SAID = {
    "title": "of the laboratory",
    "purpose": "to see how long it takes",
    "case_number": "2026-1",
    "instructions": "nothing is to be done",
}


class CheckpointBox:
    """A checkpoint's box without cameras: its link, its desired state, and what it holds of lists."""

    def __init__(self, address: Address, door: Door, broker: tuple[str, int]) -> None:
        self.address, self._clock = address, SystemClock()
        self._watchlists = Watchlists(door.folder, address, door, "boot", _nothing, self._settled, compares=True)
        self._desired = Desired(door.folder / "desired.bin", [self._watchlists])
        outbox = MemoryOutbox(self._clock)
        outbox.append(Lane.ALARM, ConfigApplied(to_ms(self._clock.now_s()), 1, ("road",), _LANES))
        self._outbox = outbox
        self._link = Link(
            address,
            broker,
            outbox,
            self._clock,
            random.Random(address.agent),
            version="laboratory",
            health_interval_s=30.0,
            on_listening=self._beat,
            on_desired=self._take,
            tls=door.context(),
        )

    def start(self) -> None:
        """Connect."""
        for run in (self._link.publisher.run, self._watchlists.run):
            threading.Thread(target=run, daemon=True).start()
        self._link.start()

    def stop(self) -> None:
        """Leave."""
        self._watchlists.stop()
        self._link.publisher.stop()
        self._link.stop()

    def hits(self, plate: str) -> int:
        """The number of the list that a plate hits; 0: none."""
        held = self._watchlists.held
        if held.known is None:
            return 0
        reading = Reading(plate, 0.98, "blue", "single", True, ())
        match = WatchTable.of(held.secret, held.key, held.parts).match(reading, held.known.now_ms())
        return match.entry.list_number if match else 0

    def _take(self, state: DesiredState) -> None:
        if self._desired.take(state):
            self._beat()

    def _settled(self) -> None:
        if self._desired.again(Watchlists.name):
            self._beat()

    def _beat(self) -> None:
        health = Health(
            at_ms=to_ms(self._clock.now_s()),
            session=self._outbox.session,
            epoch=self._outbox.epoch,
            uptime_s=1.0,
            waiting_alarm=0,
            waiting_bulk=0,
            sections=self._desired.states(),
        )
        self._link.beat(health)


def _nothing(_lists: HeldLists) -> None:
    pass


def measure(folder: Path, boxes: int, entries: int) -> Iterator[Row]:
    """Everything on this machine, all boxes too.

    Raises:
        UnavailableError: a box did not come in.
    """
    aggregator = TrustedAggregator(folder)
    aggregator.prepare()
    with ExitStack() as stack:
        stack.callback(aggregator.stop)
        aggregator.start()
        checkpoints = _checkpoints(aggregator, boxes)
        for box in checkpoints:
            stack.callback(box.stop)
            box.start()
        asks = stack.enter_context(signed_in(aggregator, "asks", "list-requester"))
        decides = stack.enter_context(signed_in(aggregator, "decides", "list-approver"))
        until(lambda: len(aggregator.http.get("/api/v1/checkpoints").json()) == boxes, "all lanes are known")
        yield from _measure(checkpoints, asks, decides, entries)


def _measure(
    checkpoints: Sequence[CheckpointBox], asks: httpx.Client, decides: httpx.Client, entries: int
) -> Iterator[Row]:
    plates, boxes = entries_of_a_city(entries), len(checkpoints)
    stolen, began_s = Stolen(), time.monotonic()
    number = approved(asks, decides, plates, "district")
    until(lambda: states(asks, f"/lists/{number}/boxes") == ["held"] * boxes, "every box has said that it holds it")
    took_s = time.monotonic() - began_s
    right = sum(box.hits(plates[at % entries]) == number for at, box in enumerate(checkpoints))
    case = f"a list of {entries} entries, from its being drawn up, on {boxes} checkpoints"
    yield _row(case, took_s, LIST_S, stolen, f"{right} of {boxes} hit by a plate of it")
    stolen, began_s = Stolen(), time.monotonic()
    made = post(asks, "/cordons", **_SAID, plate="粤Z12345", site=checkpoints[0].address.site, checkpoints=_CORDON)
    cordon, taking = made["number"], len(made["boxes"])
    until(lambda: _armed(asks, cordon) == taking, "every box of the cordon is armed")
    took_s = time.monotonic() - began_s
    right = sum(box.hits("粤Z12345") == cordon for box in checkpoints)
    yield _row(f"a cordon of {taking} checkpoints", took_s, CORDON_S, stolen, f"{right} boxes hit by its plate")
    stolen, began_s = Stolen(), time.monotonic()
    post(asks, f"/cordons/{cordon}/end", why="measured")
    until(lambda: states(asks, f"/cordons/{cordon}", "boxes") == ["released"] * taking, "every box has released it")
    took_s = time.monotonic() - began_s
    yield _row(
        "its end, everywhere", took_s, None, stolen, f"{sum(box.hits('粤Z12345') > 0 for box in checkpoints)} still hit"
    )


def _checkpoints(aggregator: TrustedAggregator, boxes: int) -> list[CheckpointBox]:
    """Boxes that have come in, each with a key and a certificate."""
    names = [Address(f"station-{number % 12 + 1}", f"gate-{number}") for number in range(1, boxes + 1)]
    listed, tree = aggregator.folder / "boxes.csv", aggregator.folder / "places.csv"
    sites = sorted({name.site for name in names})
    tree.write_text("name,above,title\ndistrict,,\n" + "".join(f"{site},district,\n" for site in sites))
    aggregator.command("place", "import", str(tree))
    lines = (f"{name.site},{name.agent},serial-{name.agent}" for name in names)
    listed.write_text("\n".join(["site,agent,serial", *lines]) + "\n")
    claims = list(
        csv.DictReader(io.StringIO(aggregator.command("device", "claim", "--file", str(listed), "-o", "csv")))
    )

    def come_in(claim: dict[str, str]) -> CheckpointBox:
        address = Address(claim["site"], claim["agent"])
        door = Door(aggregator.door_url, aggregator.folder / "boxes" / address.agent)
        door.folder.mkdir(parents=True)
        door.root_path.write_bytes(aggregator.root_path.read_bytes())
        enrol(door, address, claim["code"], claim["serial"])
        return CheckpointBox(address, door, ("localhost", aggregator.box_port))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(come_in, claims))


def _armed(client: httpx.Client, cordon: int) -> int:
    return states(client, f"/cordons/{cordon}", "boxes").count("armed")


def _row(what: str, took_s: float, bar_s: float | None, stolen: Stolen, note: str) -> Row:
    return {
        "what": what,
        "seconds": round(took_s, 1),
        "bar": "" if bar_s is None else f"<= {bar_s:.0f} s",
        "verdict": "" if bar_s is None else verdict(took_s <= bar_s, stolen.part()),
        "note": note,
        "stolen": stolen.part(),
    }
