"""What the wires of a box say, with nothing that decides behind them: for looking and for checking."""

import threading
from collections.abc import Mapping
from types import TracebackType

from edge_agent.config import AgentSettings
from edge_agent.inputs.sources.seam import keep_running
from edge_agent.inputs.station import sources_for
from edge_agent.intrusion.reading import Reading
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
        self._lock, self._newest = threading.Lock(), dict[str, Reading]()
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

    def terminal(self, name: str) -> str:
        """Where a sensor is wired."""
        return self._terminals[name]

    def _take(self, name: str, reading: Reading, _at: Moment) -> None:
        with self._lock:
            self._newest[name] = reading
