"""Lists on their way to boxes: entries are hashed once for all, and each box is asked to hold those of its place.

An entry is hashed when its list is submitted, so that it is on the boxes seconds after its approval; in the last day of
a month also under the next one's secret.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import msgspec

from aggregator.domains.boxes import desired
from aggregator.domains.lists.lists import SQL, plate_of
from aggregator.domains.lists.secret import deployment_secret
from aggregator.people.sealing import Sealer, SealError
from aggregator.store import arrays
from aggregator.store.database import Connection
from shared.clock import to_ms
from shared.desired import LISTS, Lists
from shared.events import LineRule
from shared.plates.hashing import box_key, month_of, month_secret, of_box, slow_hash
from shared.plates.watchlist import FORMAT, HashedEntry, ListPart, Watchlist, sign_parts
from shared.topics import Address
from shared.trust import Credentials

if TYPE_CHECKING:
    from aggregator.jobs.job_context import JobContext, Turn

_AT_ONCE = 500
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Month:
    """What entries are hashed under in one month."""

    name: str
    secret: bytes

    @property
    def under(self) -> bytes:
        """Tells this secret from those of other months and other installations, and nothing of it."""
        return hashlib.sha256(b"hawkline under\0" + self.secret).digest()[:8]


def months(deployment: bytes, now: datetime) -> list[Month]:
    """The month that it is (UTC), and in its last day the next one."""
    names = dict.fromkeys(month_of(moment) for moment in (now, now + _AHEAD))
    return [Month(name, month_secret(deployment, name)) for name in names]


def before(deployment: bytes, now: datetime) -> Month:
    """The month before."""
    name = month_of(now.replace(day=1) - timedelta(days=1))
    return Month(name, month_secret(deployment, name))


def hash_some(
    connection: Connection, sealer: Sealer, month: Month, pool: Executor, unreadable: set[int] | None = None
) -> int:
    """Hash entries of what is submitted or approved, short lists first; returns how many.

    Args:
        connection: in autocommit mode.
        pool: threads; hashing holds no lock of Python's.
        unreadable: lists that are left out; one of which an entry does not open is added, and holds up no other.
    """
    left_out = unreadable if unreadable is not None else set[int]()
    asked = {"under": month.under, "limit": _AT_ONCE, "unreadable": arrays.of_ints(left_out)}
    rows, texts = list[dict[str, Any]](), list[str]()
    for row in connection.execute(SQL["unhashed"], asked).fetchall():
        try:
            texts.append(plate_of(sealer, row["list"], row["entry"], bytes(row["sealed"])))
            rows.append(row)
        except SealError:
            left_out.add(row["list"])
    slow = list(pool.map(lambda text: slow_hash(text, month.secret), texts))
    with connection.transaction():
        if rows:
            lists, entries = (arrays.of_ints(row[name] for row in rows) for name in ("list", "entry"))
            sealed = arrays.of_bytes(bytes(row["sealed"]) for row in rows)
            values = {"lists": lists, "entries": entries, "sealed": sealed, "slow": arrays.of_bytes(slow)}
            connection.execute(SQL["add_hashes"], {**values, "under": month.under})
        connection.execute(SQL["note_hashed"], {"under": month.under})
    return len(rows)


def in_use(connection: Connection, month: Month, last: Month, unreadable: set[int]) -> Month:
    """The month that boxes are to use: the one before for as long as not all of its lists are hashed anew."""
    asked = {"under": month.under, "last": last.under, "unreadable": arrays.of_ints(unreadable)}
    row = connection.execute(SQL["is_behind"], asked).fetchone()
    return last if row is not None and row["behind"] else month


def ask_boxes(connection: Connection, month: Month) -> int:
    """Have every checkpoint's box hold what is in force where it is; returns of how many that has changed."""
    changed = 0
    with connection.transaction():
        asked = {"under": month.under, "rule": int(LineRule.LANE)}
        for row in connection.execute(SQL["lists_of_boxes"], asked).fetchall():
            content = _content(month, row["lists"])
            if content == row["told"]:
                continue
            numbers = arrays.of_ints(each["number"] for each in row["lists"])
            where = {"site": row["site"], "agent": row["agent"]}
            connection.execute(
                SQL["note_watchlist"], {**where, "content": content, "month": month.name, "lists": numbers}
            )
            desired.want(connection, Address(**where), LISTS)
            changed += 1
    return changed


def _content(month: Month, lists: Sequence[dict[str, Any]]) -> str:
    """What tells this watch list from others; empty where no list is in force."""
    if not lists:
        return ""
    said = [[each[name] for name in ("number", "version", "kind", "priority", "until_at")] for each in lists]
    return hashlib.sha256(month.under + msgspec.json.encode([FORMAT, said])).hexdigest()[:32]


def wanted(connection: Connection, box: Address) -> Lists:
    """Which watch list a box shall hold: the body of the section."""
    row = connection.execute(SQL["watchlist"], {"site": box.site, "agent": box.agent}).fetchone()
    return Lists(row["content"] if row else "")


@dataclass(frozen=True, slots=True)
class HashedList:
    """A list as all boxes that hold it have it in common.

    Attributes:
        entries: the number of each, and its slow hash.
    """

    number: int
    version: int
    priority: int
    until_ms: int
    entries: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class HashedLists:
    """What boxes that hold the same lists have in common.

    Attributes:
        content: tells them from others.
        month: whose secret they are hashed under.
    """

    content: str
    month: str
    lists: tuple[HashedList, ...]


class _SharedReading:
    """Reads what many boxes come for at once from the database once, and keeps it no longer than one of them needs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read = WeakValueDictionary[tuple[str, str], HashedLists]()

    def of(self, content: str, month: str, read: Callable[[], HashedLists]) -> HashedLists:
        with self._lock:  # who comes meanwhile would read the same
            found = self._read.get((content, month))
            if found is None:
                self._read[content, month] = found = read()
            return found


_READ = _SharedReading()


def hashed_lists(connection: Connection, box: Address, now: datetime, deployment: bytes) -> HashedLists:
    """The lists that a box was asked to hold; what has ended since, or was withdrawn, is left out.

    Args:
        connection: sees one moment.
        deployment: secret of the installation.
    """
    row = connection.execute(SQL["watchlist"], {"site": box.site, "agent": box.agent}).fetchone()
    if row is None:
        return HashedLists("", month_of(now), ())
    under = Month(row["month"], month_secret(deployment, row["month"])).under

    def read() -> HashedLists:
        rows = connection.execute(SQL["hashes"], {"lists": row["lists"], "under": under}).fetchall()
        grouped = groupby(rows, itemgetter("list", "version", "priority", "until_at"))
        lists = tuple(
            HashedList(
                *(number, version, priority, to_ms(until_at.timestamp())),
                tuple((each["entry"], bytes(each["slow"])) for each in entries),
            )
            for (number, version, priority, until_at), entries in grouped
        )
        return HashedLists(row["content"], row["month"], lists)

    shared = _READ.of(row["content"], row["month"], read)
    # It may have been read a moment before this one, for another box.
    rows = connection.execute(SQL["still_in_force"], {"lists": row["lists"]}).fetchall()
    numbers = {each["number"] for each in rows}
    if all(each.number in numbers for each in shared.lists):
        return shared
    return replace(shared, lists=tuple(each for each in shared.lists if each.number in numbers))


def made(hashed: HashedLists, box: Address, deployment: bytes, signer: Credentials, now: datetime) -> Watchlist:
    """The watch list of one box: hashes that are good for it alone, signed.

    Args:
        deployment: secret of the installation.
        signer: who tells boxes what time it is.
    """
    secret, key = month_secret(deployment, hashed.month), box_key(deployment, hashed.month, box)
    parts = [
        ListPart(
            *(box.site, box.agent, hashed.month, each.number, each.version, each.priority, each.until_ms),
            to_ms(now.timestamp()),
            tuple(HashedEntry(of_box(slow, key), entry) for entry, slow in each.entries),
        )
        for each in hashed.lists
    ]
    certificate, signed = sign_parts(signer, parts)
    return Watchlist(hashed.content, secret, key, certificate, signed)


def turns(work: "JobContext") -> "Turn":
    """The job."""
    if work.settings.trust is None:  # nobody could have approved anything
        return lambda _connection: None
    data_dir = work.settings.data_dir
    sealer, pool = Sealer(data_dir), ThreadPoolExecutor(os.cpu_count())
    work.ending.callback(pool.shutdown, wait=False, cancel_futures=True)

    def turn(connection: Connection) -> None:
        deployment, now, unreadable = deployment_secret(data_dir, make=True), datetime.now(UTC), set[int]()
        these, last, goes_on = months(deployment, now), before(deployment, now), True
        while goes_on:  # what is hashed first is on the boxes while the rest is
            used, known = in_use(connection, these[0], last, unreadable), len(unreadable)
            # What a later month needs waits until the boxes are asked for what this one does.
            hashed = any(
                hash_some(connection, sealer, month, pool, unreadable) for month in dict.fromkeys((used, *these))
            )
            ask_boxes(connection, in_use(connection, these[0], last, unreadable))
            goes_on = hashed or len(unreadable) > known
        kept = {month.under for month in (*these, in_use(connection, these[0], last, unreadable))}
        connection.execute(SQL["forget_hashes"], {"unders": list(kept)})
        if unreadable:
            named = ", ".join(map(str, sorted(unreadable)))
            raise SealError(f"lists {named}: entries cannot be opened with secrets/people.key: draw them up anew")

    return turn
