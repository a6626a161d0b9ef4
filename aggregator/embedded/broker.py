"""The embedded broker: rumqttd from the `iotcore` wheel, MQTT 5, loopback only, in a process of its own."""

import json
import sys
import time
from pathlib import Path

from shared.child_process import Child
from shared.errors import PortInUseError, UnavailableError
from shared.net import is_listening, require_free_port

_START_S = 15.0
_LEAVE_S = 5.0
_CONFIG = """
id = 0

[router]
id = 0
max_connections = 4000
max_outgoing_packet_count = 500
max_segment_size = 16777216
max_segment_count = 8

[v5.1]
name = "hawkline"
listen = "{host}:{port}"
next_connection_delay_ms = 1

    [v5.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = 262144
    max_inflight_count = 200
    dynamic_filters = true
"""
# The child ends when its standard input closes, that is when we are gone, however we went.
_CHILD = (
    "import sys; sys.path[:] = [p for p in sys.path if p not in ('', '.')]; from iotcore._serve import main; main()"
)


class EmbeddedBroker:
    """One broker process."""

    def __init__(self, host: str, port: int, data_dir: Path) -> None:
        self._host, self._port = host, port
        self._config = data_dir / "broker.toml"
        self._child = Child([sys.executable, "-c", _CHILD, json.dumps({"config_path": str(self._config)})])

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._child.pid

    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._child.is_running()

    def start(self) -> None:
        """Start and wait until it listens.

        Raises:
            PortInUseError: the port is taken and stays so.
            UnavailableError: it does not come up.
        """
        deadline_s = time.monotonic() + _START_S
        while True:
            try:
                require_free_port(self._host, self._port, "broker.port")
                break
            except PortInUseError:
                # A predecessor that was killed leaves a child that is just ending.
                if time.monotonic() > deadline_s - _START_S + _LEAVE_S:
                    raise
                time.sleep(0.2)
        self._config.parent.mkdir(parents=True, exist_ok=True)
        self._config.write_text(_CONFIG.format(host=self._host, port=self._port))
        self._child.start()
        while not is_listening(self._host, self._port, timeout_s=0.5):
            if not self._child.is_running() or time.monotonic() > deadline_s:
                raise UnavailableError(f"the embedded broker did not start on {self._host}:{self._port}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it."""
        self._child.stop()
