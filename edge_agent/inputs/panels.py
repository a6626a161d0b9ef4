"""Alarm panels that report to this box by SIA DC-09: what each says becomes the state of a sensor of ours.

A panel is a sensor itself; so are its zones and partitions. What is wrong with one adds up, and a restore takes of it
what it names: a zone that is tampered with while it alarms alarms on.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from edge_agent.config import PanelAccount, PanelsSettings, PanelZone
from edge_agent.inputs.dc09.contents import Meaning, Said
from edge_agent.inputs.dc09.message import KEY_BYTES
from edge_agent.inputs.dc09.receiver import Received, Receiver
from edge_agent.intrusion.unit import Order
from shared.clock import Clock, to_ms
from shared.desired import PartitionDeed
from shared.errors import ConfigError
from shared.events import LONGEST_NAME, SensorChanged, SensorState
from shared.trouble_log import TroubleLog

log = logging.getLogger(__name__)

_TICK_S = 0.5
_AGAIN_S = 15.0
"""A port that is taken is tried again after this."""
_LATE, _SLACK_S = 2.0, 5.0
"""A panel is silent after so many of its polls, and a little."""
_URGENT = {"fire", "panic", "duress", "medical", "gas"}
_OWN = PanelZone("0", "", "panel", 2)
_DIGITS = frozenset("0123456789ABCDEFabcdef")
_WRONG = {
    Meaning.ALARM: SensorState.ALARM,
    Meaning.TAMPER: SensorState.TAMPER,
    Meaning.FAULT: SensorState.FAULT,
    Meaning.BYPASSED: SensorState.FAULT,  # what is bypassed confirms nothing
    Meaning.MISSING: SensorState.SILENT,
    Meaning.OTHER: SensorState.FAULT,  # what is the matter is here, and not with the panel
}
_WORST = (SensorState.ALARM, SensorState.TAMPER, SensorState.FAULT, SensorState.SILENT)

Append = Callable[[SensorChanged, Callable[[], None]], None]
"""Takes an event, and calls back when it is on the card."""


class Sensor:
    """What is the matter with one sensor.

    Args:
        name: of the sensor, on the box.
        what: it is.
        priority: of its alarms.
    """

    def __init__(self, name: str, what: str, priority: int) -> None:
        self.name, self.what, self.priority = name[:LONGEST_NAME], what[:32], priority
        self._wrong: dict[Meaning, str] = {}

    def learn(self, meaning: Meaning, *, over: bool, detail: str) -> None:
        """Something is the matter with it, or is no more."""
        if over:
            self._wrong.pop(meaning, None)
        else:
            self._wrong[meaning] = detail

    def told(self, at_ms: int, detail: str = "", what: str = "") -> SensorChanged:
        """Its state now.

        Args:
            at_ms: Unix milliseconds.
            detail: where nothing is the matter with it.
            what: of an alarm that says itself what it is.
        """
        state, why = SensorState.NORMAL, detail
        for wrong in _WORST:
            reasons = [said for meaning, said in self._wrong.items() if _WRONG[meaning] is wrong]
            if reasons:
                state, why = wrong, reasons[-1]
                break
        priority = 1 if state is SensorState.ALARM and what in _URGENT else self.priority
        return SensorChanged(at_ms, self.name, (what or self.what)[:32], state, priority, why[:120])


class Panel:
    """One panel: pure but for the clock that is told to it.

    Args:
        settings: its account.
    """

    def __init__(self, settings: PanelAccount) -> None:
        self._settings = settings
        self._zones = {_number(zone.zone): zone for zone in settings.zones}
        self._sensors: dict[str, Sensor] = {}
        self._heard_s: float | None = None
        self._is_silent = True
        """Or nothing is known of it yet."""
        self._cannot_be_heard = False
        self.own = self._sensor("", _OWN)

    def _sensor(self, name: str, as_: PanelZone) -> Sensor:
        whole = f"{self._settings.name}/{name}" if name else self._settings.name
        return self._sensors.setdefault(whole, Sensor(whole, as_.what, as_.priority))

    def begin(self, now_s: float) -> None:
        """From now on it is expected to report."""
        self._heard_s = now_s

    def unheard(self, why: str, at_ms: int) -> SensorChanged | None:
        """That this box cannot hear it, or can again where no reason is given; None where that is known."""
        if bool(why) is self._cannot_be_heard:
            return None
        self._cannot_be_heard = bool(why)
        self.own.learn(Meaning.OTHER, over=not why, detail=why)
        return self.own.told(at_ms, "can be heard again")

    def silent(self, now_s: float, at_ms: int) -> SensorChanged | None:
        """That it has not reported for too long, once."""
        every_s, since_s = self._settings.poll_s, self._heard_s
        if not every_s or since_s is None or now_s - since_s < _LATE * every_s + _SLACK_S:
            return None
        self._heard_s, self._is_silent = None, True
        self.own.learn(Meaning.MISSING, over=False, detail=f"has not reported for {now_s - since_s:.0f} s")
        return self.own.told(at_ms)

    def hear(self, said: Sequence[Said], now_s: float, at_ms: int, *, is_poll: bool) -> list[SensorChanged]:
        """What becomes of a message."""
        was_silent, self._is_silent, self._heard_s = self._is_silent, False, now_s
        self.own.learn(Meaning.MISSING, over=True, detail="")
        told = [self.own.told(at_ms, "reports")] if was_silent else []
        if not is_poll and not said:
            told.append(self.own.told(at_ms, "sent what is not understood"))
        return [*told, *(self._of(each, at_ms) for each in said)]

    @property
    def account(self) -> str:
        """As the file has it."""
        return self._settings.account

    def orders(self, said: Sequence[Said], is_proven: bool) -> Iterator[Order]:
        """What was done there that arms or disarms partitions of the box.

        Args:
            said: by a message.
            is_proven: it came under the account's key.
        """
        armed_with = {_number(each.number): each for each in self._settings.partitions}
        for each in said:
            own = armed_with.get(_number(each.partition or "1"))
            if own and each.meaning in (Meaning.OPENED, Meaning.CLOSED):
                deed = PartitionDeed(own.mode.value) if each.meaning is Meaning.CLOSED else PartitionDeed.DISARM
                by = f"{self._settings.name}{f' user {each.user}' if each.user else ''}"
                yield Order(own.partition, deed, by, may_disarm=is_proven)

    def _of(self, said: Said, at_ms: int) -> SensorChanged:
        code = f"code {said.code}" + (f", {said.text}" if said.text else "")
        if said.meaning in (Meaning.OPENED, Meaning.CLOSED):
            deed = "disarmed" if said.meaning is Meaning.OPENED else "armed"
            by = f" by {said.user}" if said.user else ""
            partition = self._sensor(f"partition {said.partition or '1'}", PanelZone("0", "", "partition", 4))
            return partition.told(at_ms, f"{deed}{by}, {code}")
        if said.meaning in (Meaning.TEST, Meaning.OTHER):
            zone = f", zone {said.zone}" if said.zone else ""
            return self.own.told(at_ms, f"{said.meaning}, {code}{zone}")
        sensor = self._of_zone(said.zone)
        detail = "bypassed, " + code if said.meaning is Meaning.BYPASSED else code
        sensor.learn(said.meaning, over=said.over, detail=detail)
        return sensor.told(at_ms, f"over, {code}" if said.over else code, said.what)

    def _of_zone(self, number: str) -> Sensor:
        if not number:
            return self.own
        known = self._zones.get(_number(number))
        if known:
            return self._sensor(known.name, known)
        return self._sensor(f"zone {number}", PanelZone(number, "", "zone", 2))


class Panels:
    """All panels of a box; `run` has a thread of its own.

    Args:
        settings: where they report, and who they are.
        keys: of each account, as `keys_of` reads them.
        append: takes what is to be told.
        clock: wall and monotonic time.
        order: arms and disarms partitions of the box; None: it has none.
    """

    def __init__(
        self,
        settings: PanelsSettings,
        keys: dict[str, bytes | None],
        append: Append,
        clock: Clock,
        order: Callable[[Order], object] | None = None,
    ) -> None:
        self._settings, self._keys, self._append, self._clock = settings, keys, append, clock
        self._order = order
        self._panels = {account.account.upper(): Panel(account) for account in settings.accounts}
        self._stopping = threading.Event()
        self._taken = TroubleLog(log, logging.ERROR)
        self.port = 0
        """Where panels are heard; 0 while they are not."""

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()

    def run(self) -> None:
        """Hear panels until `stop`; a port that is taken is tried again."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        now_s = self._clock.monotonic_s()
        for panel in self._panels.values():
            panel.begin(now_s)
        receiver, listen_s = Receiver(self._keys, self._take), now_s
        try:
            while not self._stopping.is_set():
                if not self.port and self._clock.monotonic_s() >= listen_s:
                    await self._listen(receiver)
                    listen_s = self._clock.monotonic_s() + _AGAIN_S
                for panel in self._panels.values():
                    self._tell(panel.silent(self._clock.monotonic_s(), to_ms(self._clock.now_s())))
                await asyncio.sleep(_TICK_S)
        finally:
            receiver.close()
            self.port = 0

    async def _listen(self, receiver: Receiver) -> None:
        """Open the ports; where that is not possible, each panel's sensor says that nothing of it is heard."""
        why = ""
        try:
            self.port = await receiver.listen(self._settings.host, self._settings.port)
            self._taken.over("panels are heard again")
            log.info("panels are heard on %s:%d", self._settings.host, self.port)
        except OSError as error:
            why = f"this box cannot hear it: panels.port = {self._settings.port} ({error.strerror})"
            self._taken.tell(f"no panel is heard: panels.port = {self._settings.port} ({error.strerror}); trying on")
        for panel in self._panels.values():
            self._tell(panel.unheard(why, to_ms(self._clock.now_s())))

    def _tell(self, event: SensorChanged | None) -> None:
        if event:
            log.info("sensor %s: %s %s", event.sensor, event.state.label, event.detail)
            self._append(event, _nothing)

    async def _take(self, received: Received) -> "asyncio.Future[None]":
        """Tell what a panel said.

        Returns:
            Done once it is on the card: what a panel forgets when it is acknowledged must not be lost with the power.
        """
        loop = asyncio.get_running_loop()
        kept = loop.create_future()
        panel = self._panels[received.message.account.upper()]
        at = self._clock.monotonic_s(), to_ms(self._clock.now_s())
        events = panel.hear(received.said, *at, is_poll=received.message.is_poll)
        left = len(events)

        def one_kept() -> None:
            nonlocal left
            left -= 1
            if left == 0 and not kept.done():
                kept.set_result(None)

        def on_card() -> None:
            loop.call_soon_threadsafe(one_kept)

        for event in events:
            log.info("sensor %s: %s %s", event.sensor, event.state.label, event.detail)
            self._append(event, on_card)
        for order in panel.orders(received.said, self._keys[panel.account] is not None):
            if self._order:
                self._order(order)
        if not events:
            kept.set_result(None)
        return kept


def keys_of(settings: PanelsSettings) -> dict[str, bytes | None]:
    """The keys of all accounts, read from their files; None of those that report plainly.

    Raises:
        ConfigError: a file cannot be read, or holds no key.
    """
    found = dict[str, bytes | None]()
    for number, account in enumerate(settings.accounts):
        named = f"panels.accounts[{number}].key_file = {str(account.key_file)!r}"
        found[account.account] = None if account.key_file is None else read_key(account.key_file, named)
    return found


def read_key(file: Path, named: str) -> bytes:
    """A key of AES: 16, 24 or 32 bytes, as text, or hexadecimal.

    Args:
        file: has it in its first line.
        named: what messages call it.

    Raises:
        ConfigError: the file cannot be read, or holds none; the text has nothing of what it holds.
    """
    try:
        text = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{named}: cannot be read ({type(error).__name__})") from None
    is_hex = len(text) in {2 * each for each in KEY_BYTES} and set(text) <= _DIGITS
    key = bytes.fromhex(text) if is_hex else text.encode()
    if len(key) not in KEY_BYTES:
        raise ConfigError(f"{named}: {len(key)} bytes; a key has 16, 24 or 32, as text or hexadecimal")
    return key


def _number(digits: str) -> str:
    """Numbers as they are compared: panels write them with leading zeros, and in either case."""
    return digits.upper().lstrip("0") or "0"


def _nothing() -> None:
    """Nobody waits for it."""
