"""Deletes pictures: rows first, files only after the commit that forgets them, and what no row knows any more.

Between commit and file we may die: then the file is an orphan, and goes with those that are looked for once a day.
"""

import logging
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from aggregator.retention.guard import ClockWatch, newest_heartbeat, objection
from aggregator.store.database import Connection
from aggregator.store.pictures import PictureStore
from aggregator.store.queries import load_queries

if TYPE_CHECKING:
    from aggregator.jobs.job_context import JobContext, Turn
    from aggregator.retention.retention_context import RetentionContext

log = logging.getLogger(__name__)
SQL = load_queries(__package__, "forgetting.sql")

_AT_ONCE = 500
_SWEEP = timedelta(hours=23)


def drop_day(connection: Connection, day: date, means: "RetentionContext") -> bool:
    """Delete the pictures that ended on a day (UTC) or before."""
    drop_pictures(connection, means.pictures, day)
    return True


def drop_pictures(connection: Connection, pictures: PictureStore, day: date) -> int:
    """Delete the pictures that ended on a day (UTC) or before; returns how many.

    Args:
        connection: in autocommit mode.
    """
    count = 0
    while True:
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '2s'")
            rows = connection.execute(SQL["lock_day_of_pictures"], {"day": day, "limit": _AT_ONCE}).fetchall()
            # One that was announced again while we waited for its row has become young.
            which = {"sha256s": [row["sha256"] for row in rows], "day": day}
            old = [bytes(row["sha256"]) for row in connection.execute(SQL["still_old_pictures"], which)]
            connection.execute(SQL["unlink_pictures"], {"sha256s": old})
            connection.execute(SQL["drop_pictures"], {"sha256s": old})
        _delete_files(connection, pictures, old)
        count += len(old)
        if len(rows) < _AT_ONCE or not old:
            return count


def forget_pictures(connection: Connection, pictures: PictureStore, digests: list[bytes]) -> int:
    """Delete these pictures now, whatever their age; returns of how many the file has gone, too.

    Args:
        connection: in autocommit mode.
        digests: SHA-256 of each.
    """
    with connection.transaction():
        connection.execute(SQL["unlink_pictures"], {"sha256s": digests})
        connection.execute(SQL["drop_pictures"], {"sha256s": digests})
    return _delete_files(connection, pictures, digests)


def sweep(connection: Connection, pictures: PictureStore, before: datetime) -> int:
    """Delete files that no row knows and that are older than pictures are kept; returns how many.

    Args:
        connection: in autocommit mode.
        before: by the files' own times; a younger one may belong to a row that is being written.
    """
    count = 0
    for folder in pictures.older(before.timestamp()):
        for start in range(0, len(folder), _AT_ONCE):
            count += _delete_files(connection, pictures, folder[start : start + _AT_ONCE])
    if count:
        log.info("retention: deleted %d pictures that no event names", count)
    return count


class PictureSweeper:
    """Sweeps once a day, under the guard of all that is deleted; where that objects, an hour later.

    Args:
        kept: how long pictures are.
        watch: over the clocks.
    """

    def __init__(self, pictures: PictureStore, kept: timedelta, watch: ClockWatch) -> None:
        self._pictures, self._kept, self._watch = pictures, kept, watch
        self._swept: datetime | None = None

    def turn(self, connection: Connection) -> None:
        """Sweep where it is due."""
        now, jump_s = self._watch.look()
        if against := objection([], now, newest_heartbeat(connection), jump_s):
            log.warning("retention: pictures that no event names stay: %s", against)
        elif self._swept is None or abs(now - self._swept) >= _SWEEP:
            sweep(connection, self._pictures, now - self._kept)
            self._swept = now


def turns(work: "JobContext") -> "Turn":
    """The job."""
    settings = work.settings
    return PictureSweeper(settings.open_pictures(), settings.retention.periods.pictures, ClockWatch()).turn


def _delete_files(connection: Connection, pictures: PictureStore, digests: list[bytes]) -> int:
    if not digests:
        return 0
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = 0")  # a slow upload is waited for: their rows are gone already
        connection.execute(SQL["hold_pictures"])
        known = {bytes(row["sha256"]) for row in connection.execute(SQL["known_pictures"], {"sha256s": digests})}
        gone = [digest for digest in digests if digest not in known]
        for digest in gone:
            pictures.forget(digest)
    return len(gone)
