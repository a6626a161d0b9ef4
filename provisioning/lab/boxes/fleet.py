"""Many boxes on one thread: what shall happen is taken from a heap in the order of its moments."""

import csv
import heapq
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioning.lab.boxes.behaviour import Mishap, Rates, mishaps, moments, step_s
from provisioning.lab.boxes.box import HEALTH_S, Box
from shared.events import Lane
from shared.mqtt import Loop
from shared.topics import Address

_BOXES_A_SITE = 50
_LONGEST_S = 0.2
_TELL_S = 5.0
_SETTLE_S = 30.0
_LOOK_S = 0.05
"""Boxes that nothing stirs are looked at so often; their shortest wait is more than a second."""
_START_S = 0.004
"""Between the starts of two boxes: a broker takes so many connections a second."""
LEDGER = ["site", "agent", "epoch", "lane", "seq", "crc"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fleet does.

    Attributes:
        boxes: how many.
        first: number of the first one; fleets beside each other have others.
        rates: of one box.
        backlog: events of each box that waited for the network to come back.
        at_once: all boxes come back in the same moment; else one after another.
        for_s: how long they see something.
        drain_s: how long afterwards what waits may take.
        seed: of everything.
        folder: of the ledger, and of outboxes where they are on disk.
        on_disk: keep outboxes on disk, as real boxes do.
        twice: part of the batches that are sent twice.
    """

    boxes: int
    rates: Rates
    folder: Path
    first: int = 1
    backlog: int = 0
    at_once: bool = False
    for_s: float | None = None
    drain_s: float = 60.0
    seed: int = 1
    on_disk: bool = False
    twice: float = 0.0


def address_of(number: int) -> Address:
    """Names of a simulated box."""
    return Address(f"sim-{1 + (number - 1) // _BOXES_A_SITE}", f"box-{number:04d}")


@dataclass(order=True, slots=True)
class _Moment:
    at_s: float
    order: int
    act: Callable[["_Moment"], None] = field(compare=False)


class Fleet:
    """Runs a plan once.

    Args:
        plan: what to do.
        broker: host and port.
    """

    box: type[Box] = Box

    def __init__(self, plan: Plan, broker: tuple[str, int]) -> None:
        self._plan = plan
        self._loop = Loop()
        self._stirred = deque[Box]()
        self._asleep = False
        self._due = dict[Box, float]()
        self._moments: list[_Moment] = []
        self._order = 0
        self._delays_s: list[float] = []
        self._look_s = 0.0
        self._told = 0
        self._late_s = self._latest_s = 0.0
        # A life that ended by force leaves nothing of its seed behind, so the next one draws anew.
        self._rng = random.Random(f"{plan.seed} {plan.first} {time.time_ns() if plan.on_disk else 0}")
        folder = plan.folder if plan.on_disk else None
        self._boxes = [
            self.box(
                address_of(number),
                broker,
                self._loop,
                random.Random(self._rng.getrandbits(64)),
                self._stir,
                self._delays_s,
                folder=folder,
                twice=plan.twice,
            )
            for number in range(plan.first, plan.first + plan.boxes)
        ]
        self._seen = dict.fromkeys(Lane, 0)

    def run(self, stopping: threading.Event, tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """See, send, drain, stop, write the ledger.

        Args:
            stopping: ends the seeing; what waits still goes out.
            tell: called with figures every few seconds.

        Returns:
            Figures of the whole.
        """
        for box in self._boxes:
            box.start()
            self._turn(_START_S)
        self._before_seeing()
        self._await_stored(_SETTLE_S, stopping)  # their births and configurations are no part of what is measured
        began_s = told_s = time.monotonic()
        tell(self._figures(0.0, []))
        end_s = began_s + self._plan.for_s if self._plan.for_s is not None else float("inf")
        for index, box in enumerate(self._boxes):
            self._schedule(box, index, began_s)
        while not stopping.is_set() and time.monotonic() < end_s:
            self._happen()
            if time.monotonic() - told_s > _TELL_S:
                told_s = time.monotonic()
                tell(self._figures(told_s - began_s, self._delays_s[self._told :]))
                self._told = len(self._delays_s)
                self._latest_s, self._late_s = max(self._latest_s, self._late_s), 0.0
        seen_s = time.monotonic() - began_s
        self._drain()
        drained_s = time.monotonic() - began_s
        left = sum(box.waiting() for box in self._boxes)
        for box in self._boxes:
            if box.is_running:
                box.stop()
        self._loop.close()
        self._write_ledger()
        self._late_s = max(self._latest_s, self._late_s)
        return {**self._figures(seen_s, self._delays_s), "waiting": left, "drained_s": round(drained_s, 1)}

    def _before_seeing(self) -> None:
        """What else boxes say before anything is measured; nothing here."""

    def _schedule(self, box: Box, index: int, began_s: float) -> None:
        rates, wall_s = self._plan.rates, time.time()
        shift_s = began_s - wall_s
        for lane, rate in ((Lane.ALARM, rates.alarms), (Lane.BULK, rates.bulk)):
            self._see_on(box, lane, (at_s + shift_s for at_s in moments(rate, rates, box.rng, wall_s)))
        self._befall_on(box, ((at_s + shift_s, what) for at_s, what in mishaps(rates, box.rng, wall_s)))
        self._beat_on(box, began_s + box.rng.uniform(0.5, HEALTH_S))
        if self._plan.backlog:
            spread_s = 0.0 if self._plan.at_once else 0.95 * (self._plan.for_s or 0.0)
            self._at(began_s + spread_s * index / len(self._boxes), lambda _: self._come_back(box))

    def _come_back(self, box: Box) -> None:
        box.see_backlog(self._plan.backlog)
        self._seen[Lane.BULK] += self._plan.backlog

    def _see_on(self, box: Box, lane: Lane, coming: Iterator[float]) -> None:
        at_s = next(coming, None)
        if at_s is None:
            return

        def see(moment: _Moment) -> None:
            if box.is_running:
                box.see(lane, moment.at_s)
                self._seen[lane] += 1
                self._late_s = max(self._late_s, time.monotonic() - moment.at_s)
            self._see_on(box, lane, coming)

        self._at(at_s, see)

    def _befall_on(self, box: Box, coming: Iterator[tuple[float, Mishap]]) -> None:
        found = next(coming, None)
        if found is None:
            return
        at_s, what = found

        def befall(_: _Moment) -> None:
            if box.is_running:
                self._befall(box, what)
            self._befall_on(box, coming)

        self._at(at_s, befall)

    def _befall(self, box: Box, what: Mishap) -> None:
        if what is Mishap.OUTAGE:
            box.link.cut_off()
            self._after(box.rng.uniform(2, 30), lambda _: self._come_online(box))
        elif what is Mishap.CLOCK:
            box.set_clock(step_s(box.rng))
        elif what is Mishap.CLOCK_RIGHT:
            box.set_clock(0.0)
        else:
            box.stop()
            self._after(box.rng.uniform(0.5, 5), lambda _: box.start())

    def _come_online(self, box: Box) -> None:
        if box.is_running:
            box.link.start()

    def _beat_on(self, box: Box, at_s: float) -> None:
        def beat(moment: _Moment) -> None:
            if box.is_running:
                box.beat()
            self._beat_on(box, moment.at_s + HEALTH_S)

        self._at(at_s, beat)

    def _at(self, at_s: float, act: Callable[[_Moment], Any]) -> None:
        self._order += 1
        heapq.heappush(self._moments, _Moment(at_s, self._order, act))

    def _after(self, pause_s: float, act: Callable[[_Moment], Any]) -> None:
        self._at(time.monotonic() + pause_s, act)

    def _happen(self) -> None:
        """Whatever is due, then wait for the network or the next moment."""
        now_s = time.monotonic()
        while self._moments and self._moments[0].at_s <= now_s:
            moment = heapq.heappop(self._moments)
            moment.act(moment)
        self._turn(self._moments[0].at_s - time.monotonic() if self._moments else _LONGEST_S)

    def _turn(self, wait_s: float) -> None:
        """Let boxes send, then wait for the network, at most so long."""
        now_s = time.monotonic()
        stirred = dict[Box, None]()
        if now_s >= self._look_s:
            self._look_s = now_s + _LOOK_S
            stirred = {box: None for box, due_s in self._due.items() if due_s <= now_s}
        while self._stirred:
            stirred[self._stirred.popleft()] = None
        for box in stirred:
            if box.is_running:
                self._due[box] = now_s + box.link.publisher.turn()
            else:
                self._due.pop(box, None)
        self._asleep = True
        nothing = not self._stirred
        self._loop.turn(min(wait_s, _LONGEST_S) if nothing else 0.0)
        self._asleep = False

    def _stir(self, box: Box) -> None:
        self._stirred.append(box)
        if self._asleep and threading.current_thread() is not threading.main_thread():
            self._loop.wake()

    def _drain(self) -> None:
        """Nothing is seen any more; those who are away come back, and what waits goes out."""
        self._moments.clear()
        for box in self._boxes:
            if box.is_running:
                box.link.start()
            else:
                box.start()
        self._await_stored(self._plan.drain_s)

    def _await_stored(self, most_s: float, stopping: threading.Event | None = None) -> None:
        """Send until nothing waits any more, or so long."""
        deadline_s = time.monotonic() + most_s
        while time.monotonic() < deadline_s and any(box.waiting() for box in self._boxes):
            until_s = min(deadline_s, time.monotonic() + 0.5)
            while time.monotonic() < until_s:
                self._turn(0.1)
            if stopping and stopping.is_set():
                return

    def _figures(self, seconds: float, delays_s: list[float]) -> dict[str, Any]:
        delays = sorted(delays_s)
        waiting = sum(box.waiting() for box in self._boxes if box.is_running)
        return {
            "seconds": round(seconds, 1),
            "boxes": len(self._boxes),
            "alarms": self._seen[Lane.ALARM],
            "bulk": self._seen[Lane.BULK],
            "waiting": waiting,
            "late_ms": round(1000 * self._late_s, 1),
            "alarms_stored": len(delays),
            "alarm_p50_ms": _at(delays, 0.5),
            "alarm_p99_ms": _at(delays, 0.99),
            "alarm_max_ms": _at(delays, 1.0),
        }

    def _write_ledger(self) -> None:
        self._plan.folder.mkdir(parents=True, exist_ok=True)
        path = self._plan.folder / "ledger.csv"
        with path.with_suffix(".new").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(LEDGER)
            for box in sorted(self._boxes, key=lambda box: box.address):
                for epoch, lane, sequence, checksum in box.ledger():
                    writer.writerow([box.address.site, box.address.agent, epoch, int(lane), sequence, checksum])
        path.with_suffix(".new").replace(path)


def _at(ordered: list[float], part: float) -> float | None:
    """Nearest-rank percentile in milliseconds; None of nothing."""
    if not ordered:
        return None
    return round(1000 * ordered[min(len(ordered) - 1, max(0, -(-int(part * 1000) * len(ordered) // 1000) - 1))], 1)
