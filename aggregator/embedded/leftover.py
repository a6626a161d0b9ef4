"""What a killed PostgreSQL leaves: lock files whose number another process may bear by now.

PostgreSQL itself looks whether a process of that number lives, and does not start while one does, whatever it is. We
look whether that process works in the data directory, as a postmaster and all its children do.
"""

import logging
import time
from collections.abc import Iterable
from pathlib import Path

from shared.errors import UnavailableError

log = logging.getLogger(__name__)

_NEVER = 2**31 - 1
"""No kernel gives a process so high a number."""


def works_in(pid: int, folder: Path) -> bool:
    """Whether a process lives and works in a folder."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(folder)
    except OSError:
        return False


def disown(locks: Iterable[Path], data: Path, patience_s: float = 10.0) -> None:
    """Where a lock file names a living process that is no server of this data directory, make it name none.

    The file stays, and PostgreSQL removes it: after it has looked by the rest of it whether a child of the old server
    still has its shared memory.

    Args:
        locks: `postmaster.pid` and the lock files of sockets; they need not be there.
        data: the data directory.
        patience_s: how long children of the old server may take to see that it is gone.

    Raises:
        UnavailableError: children of the old server are still there, or a lock file cannot be written.
    """
    stale = [lock for lock in locks if _names_a_stranger(lock, data)]
    if not stale:
        return
    deadline_s = time.monotonic() + patience_s
    while (children := [pid for pid in _processes() if works_in(pid, data)]) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    if children:
        raise UnavailableError(
            f"{data}: processes of an old PostgreSQL still work there ({children[0]} is one); end them, or wait"
        )
    for lock in stale:
        _, _, rest = lock.read_text().partition("\n")
        try:
            with lock.open("r+") as file:  # in place, so that owner and rights stay
                file.write(f"{_NEVER}\n{rest}")
                file.truncate()
        except OSError as error:
            raise UnavailableError(f"{lock}: left by a killed PostgreSQL; delete it ({error.strerror})") from None
        log.warning("%s was left by a killed PostgreSQL, and its number is another process's now", lock)


def _names_a_stranger(lock: Path, data: Path) -> bool:
    try:
        pid = abs(int(lock.read_text().partition("\n")[0]))  # of a server without clients it is negative
    except (OSError, ValueError):
        return False
    return Path(f"/proc/{pid}").exists() and not works_in(pid, data)


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
