"""What the wires of a box say, with nothing that decides behind them: for looking and for checking."""

import threading
from collections.abc import Mapping
from types import TracebackType

from edge_agent.config import AgentSettings
from edge_agent.inputs.sources.seam import keep_running
from edge_agent.inputs.station import sources_for
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.wiring.settings import HttpWire, MqttWire
from shared.clock import Moment, SystemClock

_JOIN_S = 5.0


class Readings:
    """Adapters of a file, while this is entered.

    Args:
        settings: of the box.
    """

    def __init__(self, settings: AgentSettings) -> None:
        self._sources = sources_for(settings.inputs, settings.sensors, (), f"{settings.agent}-look", SystemClock())
        self._terminals = {name: terminal for each in self._sources for name, terminal in each.terminals.items()}
        self._lock, self._newest, self._answered = threading.Lock(), dict[str, Reading](), set[str]()
        self._speaking = {each.name for each in settings.sensors if isinstance(each.wire, MqttWire | HttpWire)}
        self._stopping = threading.Event()
        self._threads = list[threading.Thread]()

    def __enter__(self) -> "Readings":
        for source in self._sources:
            work = source, self._take, lambda _output, _error: None, SystemClock(), self._stopping
            self._threads.append(threading.Thread(target=keep_running, args=work, daemon=True))
            self._threads[-1].start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(_JOIN_S)

    def newest(self) -> Mapping[str, Reading]:
        """Of each sensor that was heard, what it said last."""
        with self._lock:
            return dict(self._newest)

    def answered(self) -> set[str]:
        """Sensors that have found something since they were first heard, however short; a message is always news."""
        with self._lock:
            return set(self._answered)

    def terminal(self, name: str) -> str:
        """Where a sensor is wired."""
        return self._terminals[name]

    def _take(self, name: str, reading: Reading, _at: Moment) -> None:
        with self._lock:
            before = self._newest.get(name)
            is_news = before is None and name in self._speaking
            if reading.circuit is Circuit.ACTIVE and (is_news or (before and before.circuit is not Circuit.ACTIVE)):
                self._answered.add(name)
            self._newest[name] = reading
