"""An outbox without a file: the same tables in the memory of this process, gone with it."""

import sqlite3
import threading
from pathlib import Path

from edge_agent.uplink.outbox.store import OutboxFile, lay_out


class MemoryFile(OutboxFile):
    """Opens, reads and changes tables in memory, through one connection.

    Args:
        max_bytes: bound on waiting rows, as of a file.
    """

    def __init__(self, max_bytes: int) -> None:
        self.path, self._max_bytes, self._lock = Path(":memory:"), max_bytes, None
        self._write = self._read = self._connect()
        lay_out(self._write)
        self._write_lock = self._read_lock = threading.RLock()

    @property
    def is_volatile(self) -> bool:
        return True

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._bound(connection)
        return connection
