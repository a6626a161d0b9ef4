"""Modbus modules for tests: the library's own server, over TCP and over one end of a pseudo-terminal."""

import asyncio
import os
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymodbus.pdu import ModbusPDU
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


class Modules:
    """Modules with sixteen inputs and sixteen coils each.

    Args:
        units: addresses on the bus.
    """

    def __init__(self, *units: int) -> None:
        self._units = units
        self.asleep = set[int]()
        """Units that do not answer."""
        self.garbled = set[int]()
        """Units whose answers are two at once."""
        self.asked = list[tuple[int, int]]()
        """Unit and function of each question."""
        self._server: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._unit = 0

    def devices(self) -> list[SimDevice]:
        def bits() -> list[SimData]:
            return [SimData(0, count=16, values=False, datatype=DataType.BITS)]

        registers = [SimData(0, count=4, values=0, datatype=DataType.REGISTERS)]
        return [SimDevice(unit, (bits(), bits(), registers, registers)) for unit in self._units]

    def pdu(self, sending: bool, pdu: ModbusPDU) -> ModbusPDU:
        if not sending:
            self.asked.append((pdu.dev_id, pdu.function_code))
        self._unit = pdu.dev_id
        return pdu

    def packet(self, sending: bool, data: bytes) -> bytes:
        if sending and self._unit in self.asleep:
            return b""
        if sending and self._unit in self.garbled:
            return bytes(byte ^ 0x5A for byte in data)
        return data

    def set(self, unit: int, number: int, is_closed: bool, function: int = 2) -> None:
        """Close or open an input (function 2) or a coil (1)."""
        assert self._loop
        done = self._server.context.async_setValues(unit, 15 if function == 1 else 2, number, [is_closed])
        asyncio.run_coroutine_threadsafe(done, self._loop).result(5)

    def coil(self, unit: int, number: int) -> bool:
        """How a coil is."""
        assert self._loop
        found = asyncio.run_coroutine_threadsafe(self._server.async_getValues(unit, 1, number, 1), self._loop).result(5)
        return bool(found[0])

    @contextmanager
    def over_tcp(self, port: int) -> Iterator["Modules"]:
        """Behind a TCP port of loopback."""
        with self._served(lambda: ModbusTcpServer(self.devices(), address=("127.0.0.1", port), **self._traced)):
            yield self

    @contextmanager
    def over_serial(self, port: str) -> Iterator["Modules"]:
        """On a serial line."""
        with self._served(lambda: ModbusSerialServer(self.devices(), port=port, baudrate=9600, **self._traced)):
            yield self

    @property
    def _traced(self) -> dict[str, Any]:
        return {"trace_pdu": self.pdu, "trace_packet": self.packet, "ignore_missing_devices": True}

    @contextmanager
    def _served(self, build: Any) -> Iterator[None]:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._server = build()
            await self._server.serve_forever(background=True)
            self._ready.set()
            await self._server.serving

        thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        thread.start()
        assert self._ready.wait(10), "the modules do not serve"
        try:
            yield
        finally:
            self._ready.clear()
            assert self._loop
            asyncio.run_coroutine_threadsafe(self._server.shutdown(), self._loop).result(10)
            thread.join(10)


@contextmanager
def serial_line() -> Iterator[tuple[str, str]]:
    """Two ends of a serial line: pseudo-terminals whose masters are joined by a thread."""
    ends = [os.openpty() for _ in range(2)]
    for master, slave in ends:
        tty.setraw(master)
        tty.setraw(slave)
    stopping = threading.Event()

    def carry(source: int, sink: int) -> None:
        while not stopping.is_set():
            try:
                os.write(sink, os.read(source, 256))
            except OSError:
                return

    (left, left_end), (right, right_end) = ends
    for pair in ((left, right), (right, left)):
        threading.Thread(target=carry, args=pair, daemon=True).start()
    try:
        yield os.ttyname(left_end), os.ttyname(right_end)
    finally:
        stopping.set()
        for number in (left_end, right_end, left, right):
            os.close(number)
