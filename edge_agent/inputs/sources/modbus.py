"""Modbus modules, over a serial line and over TCP: one task a bus, and a back-off of its own for each module.

A module that does not answer must cost the others nothing but its time-out, now and then. Only here pymodbus is known,
which renames its functions often.
"""

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from edge_agent.inputs.sources.seam import SourceError, Switched, Take, Wanted
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.wiring.settings import ModbusOutput, ModbusWire, OutputSettings, RtuBus, SensorSettings, TcpBus
from shared.clock import Clock, Moment

# It says each time-out itself, at length; the state of the sensors says it once.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

_LONGEST_BACK_OFF_S = 5.0
_MOST_INPUTS = 256
"""Of one question; the standard allows 2000, small modules do not."""
_GAP = 16
"""Inputs that nothing is wired to are read along, up to so many in a row."""
_WRONG = {
    1: 'does not know this function: try table = "coils"',
    2: "has no such address",
    3: "does not take this value",
    4: "has failed",
    6: "is busy",
    10: "gateway: no way to the module",
    11: "gateway: the module does not answer",
}
"""Exception codes of the standard."""
_NO_ADDRESS = 2
_TRIES = 2
"""A question is asked so often before its module is missing."""


@dataclass
class _Span:
    """Inputs that one question reads."""

    unit: int
    table: str
    first: int
    count: int
    sensors: dict[str, ModbusWire]
    failed: int = 0
    again_s: float = 0.0


@dataclass
class _Heard:
    """Bytes that came since the last question."""

    received: int = 0

    def packet(self, sending: bool, data: bytes) -> bytes:
        if sending:
            self.received = 0
        else:
            self.received = max(self.received, len(data))
        return data


class ModbusBus:
    """All modules of one bus.

    Args:
        bus: the serial line, or the address.
        sensors: on inputs of its modules.
        outputs: on coils of its modules.
        clock: wall and monotonic time.
    """

    def __init__(
        self, bus: RtuBus | TcpBus, sensors: Sequence[SensorSettings], outputs: Sequence[OutputSettings], clock: Clock
    ) -> None:
        self._bus, self._clock, self._heard = bus, clock, _Heard()
        wires = {each.name: each.wire for each in sensors if isinstance(each.wire, ModbusWire)}
        self._spans = _spans(wires)
        self._coils = {each.name: each.wire for each in outputs if isinstance(each.wire, ModbusOutput)}
        self.terminals: Mapping[str, str] = {name: wire.terminal for name, wire in wires.items()}
        self.outputs: Mapping[str, str] = {name: wire.terminal for name, wire in self._coils.items()}
        self._coils_again_s = dict[str, float]()
        """When coils that could not be switched are tried again."""
        self.wanted = Wanted()

    def run(self, take: Take, switched: Switched, stopping: threading.Event) -> None:
        """Read and switch until `stopping`.

        Raises:
            SourceError: the line is not there, or nothing listens at the address.
        """
        asyncio.run(self._run(take, switched, stopping))

    async def _run(self, take: Take, switched: Switched, stopping: threading.Event) -> None:
        client = self._client()
        try:
            if not await client.connect():
                raise SourceError(f"bus {self._bus.where} cannot be opened")
            self.wanted.changed.set()
            undone = dict[str, bool]()
            while not stopping.is_set():
                if not client.connected and not await client.connect():
                    raise SourceError(f"bus {self._bus.where}: nobody listens there")
                if self.wanted.changed.is_set():
                    undone.update(self.wanted.taken())
                    self._coils_again_s.clear()
                for name, is_on in list(undone.items()):
                    due_s = self._coils_again_s.get(name, 0.0)
                    if self._clock.monotonic_s() >= due_s and await self._switch(client, name, is_on, switched):
                        del undone[name]
                for span in list(self._spans):
                    if self._clock.monotonic_s() >= span.again_s:
                        await self._ask(client, span, take)
                    if self.wanted.changed.is_set():
                        break  # a siren does not wait behind modules that time out
                await asyncio.sleep(self._bus.poll_ms / 1000)
        finally:
            client.close()

    def _client(self) -> AsyncModbusSerialClient | AsyncModbusTcpClient:
        timeout_s = self._bus.timeout_ms / 1000
        if isinstance(self._bus, RtuBus):
            return AsyncModbusSerialClient(
                self._bus.port, baudrate=self._bus.baud, parity=self._bus.parity, stopbits=self._bus.stop_bits,
                timeout=timeout_s, retries=0, reconnect_delay=0, trace_packet=self._heard.packet,
            )  # fmt: skip
        return AsyncModbusTcpClient(
            self._bus.host, port=self._bus.port, timeout=timeout_s, retries=0, reconnect_delay=0,
            trace_packet=self._heard.packet,
        )  # fmt: skip

    async def _ask(self, client: AsyncModbusSerialClient | AsyncModbusTcpClient, span: _Span, take: Take) -> None:
        ask = client.read_discrete_inputs if span.table == "inputs" else client.read_coils
        try:
            answer = await ask(span.first, count=span.count, device_id=span.unit)
        except (ModbusException, OSError):
            self._failed(span, self._silence(), take)
            return
        now = Moment.of(self._clock)
        if answer.isError():
            code = getattr(answer, "exception_code", 0)
            if code == _NO_ADDRESS and len(span.sensors) > 1:
                self._split(span)  # between its inputs may lie some that the module has not
                return
            self._failed(span, _WRONG.get(code, f"answers with exception {code}"), take, Circuit.FAULT)
        elif len(answer.bits) < span.count:
            self._failed(span, f"answers with {len(answer.bits)} inputs, {span.count} were asked for", take)
        else:
            span.failed = 0
            for name, wire in span.sensors.items():
                is_closed = answer.bits[wire.input - span.first]
                is_normal = is_closed is (wire.contact == "normally_closed")
                take(name, Reading(Circuit.NORMAL if is_normal else Circuit.ACTIVE), now)

    def _split(self, span: _Span) -> None:
        at = self._spans.index(span)
        each = [_Span(span.unit, span.table, wire.input, 1, {name: wire}) for name, wire in span.sensors.items()]
        self._spans[at : at + 1] = each

    def _silence(self) -> str:
        if self._heard.received:
            return "answers are garbled: two modules of one address, or another speed"
        return "does not answer"

    def _failed(self, span: _Span, why: str, take: Take, circuit: Circuit = Circuit.MISSING) -> None:
        span.failed += 1
        if span.failed < _TRIES:
            return  # a disturbed frame is no missing module
        back_off_s = min(_LONGEST_BACK_OFF_S, 0.5 * 2 ** (span.failed - _TRIES))
        span.again_s = self._clock.monotonic_s() + back_off_s
        now = Moment.of(self._clock)
        for name, wire in span.sensors.items():
            take(name, Reading(circuit, f"{wire.terminal}: {why}", is_settled=True), now)

    async def _switch(
        self, client: AsyncModbusSerialClient | AsyncModbusTcpClient, name: str, is_on: bool, switched: Switched
    ) -> bool:
        wire = self._coils[name]
        try:
            answer = await client.write_coil(wire.coil, is_on, device_id=wire.unit)
        except (ModbusException, OSError):
            switched(name, f"{wire.terminal}: {self._silence()}")
            self._coils_again_s[name] = self._clock.monotonic_s() + _LONGEST_BACK_OFF_S
            return False
        if answer.isError():
            code = getattr(answer, "exception_code", 0)
            switched(name, f"{wire.terminal}: {_WRONG.get(code, f'answers with exception {code}')}")
            return True
        switched(name, "")
        return True


def _spans(wires: Mapping[str, ModbusWire]) -> list[_Span]:
    """Questions that read all inputs: few, and none across a long gap."""
    grouped = defaultdict[tuple[int, str], list[tuple[str, ModbusWire]]](list)
    for name, wire in wires.items():
        grouped[wire.unit, wire.table].append((name, wire))
    spans = list[_Span]()
    for (unit, table), members in sorted(grouped.items()):
        for name, wire in sorted(members, key=lambda member: member[1].input):
            last = spans[-1] if spans else None
            fits = (
                last is not None
                and (last.unit, last.table) == (unit, table)
                and wire.input - (last.first + last.count) <= _GAP
                and wire.input - last.first < _MOST_INPUTS
            )
            if last is not None and fits:
                last.count = wire.input - last.first + 1
                last.sensors[name] = wire
            else:
                spans.append(_Span(unit, table, wire.input, 1, {name: wire}))
    return spans
