"""Heads of the audit leave the machine: a chain that its owner makes anew does not match what others were told.

The log of this machine has them, and with `[audit] syslog` a machine elsewhere, within a minute of an entry.
"""

import contextlib
import logging
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aggregator.store.database import Connection

if TYPE_CHECKING:
    from aggregator.jobs.job_context import JobContext, Turn

log = logging.getLogger(__name__)

EVERY_S = 20.0
_AGAIN_S = 3600.0
"""Told again where nothing has changed: who keeps heads sees that we live."""
_PATIENCE_S, _CLOSED_S = 10.0, 1.0
_NOTICE_OF_AUDIT = 13 * 8 + 5
"""Priority by RFC 5424: facility 13 (log audit), severity 5 (notice)."""


def telling_heads(work: "JobContext") -> "Turn":
    """The job that tells the newest entry where it has changed."""
    return turn_for(work.settings.audit.syslog)


def turn_for(syslog: str, now_s: Callable[[], float] = time.monotonic) -> "Turn":
    """A turn of the job.

    Args:
        syslog: `HOST:PORT` of a receiver (RFC 5424 over TCP); empty: only our own log is told.
        now_s: a steady clock.
    """
    from aggregator.store import audit  # with its cryptography, which others do without

    told, logged, told_s = "", "", 0.0

    def turn(connection: Connection) -> None:
        nonlocal told, logged, told_s
        newest = audit.head(connection)
        if not newest or (newest == told and now_s() - told_s < _AGAIN_S):
            return
        if newest != logged:
            log.info("audit: %s", newest)
            logged = newest
        if syslog:
            _send(syslog, f"audit: {newest}")  # what it raises is written down, rings, and is tried again
        told, told_s = newest, now_s()

    return turn


def _send(receiver: str, text: str) -> None:
    """One message, framed by its length (RFC 6587): a line break in it would make two of it."""
    host, _, port = receiver.rpartition(":")
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = f"<{_NOTICE_OF_AUDIT}>1 {at} {socket.gethostname() or '-'} hawkline - - - {text}".encode()
    with socket.create_connection((host.strip("[]"), int(port)), _PATIENCE_S) as end:
        end.sendall(b"%d %s" % (len(message), message))
        end.shutdown(socket.SHUT_WR)
        end.settimeout(_CLOSED_S)
        with contextlib.suppress(TimeoutError):
            end.recv(1)  # a receiver that has read to the end closes; not every one does
