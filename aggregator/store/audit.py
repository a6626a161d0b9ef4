"""Who changed or looked at what: a chain of entries, each with the hash of the one before.

A forger who edits an entry has to make all later ones anew, and is found out by a later hash that was written down:
the aggregator tells one to its log and to a machine elsewhere within a minute of an entry, and `hawkline audit verify
--seen` compares.

An entry is written in the transaction of the change that it tells of, as the last thing before its commit: all others
wait for the lock of the chain's end, and a transaction that locked anything after it could wait for one of them. What
is older than it has to be kept is deleted from the chain's beginning; number and hash stay, and a signed anchor says
where it goes on.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from psycopg.rows import class_row

from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.queries import load_queries
from shared.errors import HawklineError
from shared.files import make_folder, write_secret

SQL = load_queries(__package__, "sql/audit.sql")
_START = bytes(32)
"""What the first entry holds in place of a hash."""
_NEVER = 2**62
_DETAIL = 4000
_SAID = ("who", "origin", "what", "subject", "why", "detail")


class AuditEntry(Entity):
    """Who changed or looked at what."""

    number: int
    at: datetime
    who: str
    origin: str
    """Address from where."""
    what: str
    subject: str
    why: str
    detail: str


class ChainError(HawklineError):
    """The chain is broken: an entry was changed, deleted or put in between."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and from where.

    Attributes:
        who: such as `administrator`, or `box north/gate`.
        origin: address, or `console` of the machine itself.
        why: in words; may be empty.
    """

    who: str
    origin: str
    why: str = ""


def record(connection: Connection, actor: Actor, what: str, subject: str, detail: str = "") -> None:
    """Write an entry; it is there when the transaction is.

    Args:
        connection: in the transaction of what is done, which locks nothing else behind this.
        what: in a few words, such as `device revoked`.
        subject: to whom or what.
        detail: more of it, such as a request's body; the beginning is kept.
    """
    connection.execute(SQL["last"])
    newest = connection.execute(SQL["head"]).fetchone() or connection.execute(SQL["anchor"]).fetchone()
    number, previous = (int(newest["number"]) + 1, bytes(newest["hash"])) if newest else (1, _START)
    entry = {
        "number": number,
        "at": datetime.now(UTC),
        "who": actor.who,
        "origin": actor.origin,
        "what": what,
        "subject": subject,
        "why": actor.why,
        "detail": detail[:_DETAIL],
    }
    entry |= {name: str(entry[name]).replace("\0", "\\0") for name in _SAID}
    connection.execute(SQL["add"], {**entry, "previous": previous, "hash": _hash(previous, entry)})


def entries(
    connection: Connection,
    *,
    who: str | None = None,
    what: str | None = None,
    subject: str | None = None,
    begin: datetime | None = None,
    end: datetime | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[AuditEntry]:
    """Entries, the newest first."""
    asked = {"who": who, "what": what, "subject": subject, "before": before, "limit": limit}
    with connection.cursor(row_factory=class_row(AuditEntry)) as cursor:
        return cursor.execute(SQL["entries"], {**asked, "from": begin, "until": end}, prepare=False).fetchall()


@dataclass(frozen=True, slots=True)
class Verified:
    """A chain that holds: from entry to entry, and the hash of the last, to be written down elsewhere."""

    first: int
    last: int
    hash: bytes


def head(connection: Connection) -> str:
    """Number and hash of the newest entry, for a log elsewhere."""
    row = connection.execute(SQL["head"]).fetchone() or connection.execute(SQL["anchor"]).fetchone()
    return f"{row['number']}:{bytes(row['hash']).hex()}" if row else ""


def verify(
    connection: Connection, key: Callable[[], Ed25519PublicKey], seen: Sequence[tuple[int, bytes]] = ()
) -> Verified:
    """Walk through the whole chain.

    Args:
        connection: not in autocommit mode: all of it is seen at one moment.
        key: of the centre, which signs anchors; asked for where there is one.
        seen: number and hash of entries that were written down before; each must still be there, or have been deleted
            for its age. Everything up to the newest of them is proven; what came after it is only consistent.

    Raises:
        ChainError: saying where it breaks.
    """
    asked = dict[int, bytes]()
    for number, digest in seen:
        if asked.setdefault(number, digest) != digest:
            raise ChainError(f"entry {number} was written down with two hashes: one of the two was never ours")
    anchor = connection.execute(SQL["anchor"]).fetchone()
    begin = _pruned(connection, anchor, key, asked) if anchor else _Place(0, _START)
    end = _walk(connection, begin, _NEVER, asked)
    if asked:
        raise ChainError(
            f"entry {min(asked)}, which was written down, is missing: the newest entries were deleted"
            if min(asked) > end.number
            else f"entry {min(asked)}, which was written down, cannot be proven: it was deleted before hashes were kept"
        )
    return Verified(begin.number + 1, end.number, end.hash)


class _Place(NamedTuple):
    """An entry of the chain."""

    number: int
    hash: bytes


def _meet(asked: dict[int, bytes], number: int, digest: bytes) -> None:
    """Compare an entry with what was written down of it."""
    if asked.pop(number, digest) != digest:
        raise ChainError(f"entry {number} is not the one that was written down: the chain was made anew")


def _pruned(
    connection: Connection,
    anchor: Mapping[str, Any],
    key: Callable[[], Ed25519PublicKey],
    asked: dict[int, bytes],
) -> _Place:
    """What was deleted for its age, up to the newest anchor: numbers and hashes are kept, and signed with it."""
    place, first, digest = _signed(anchor, key), anchor["first"], _START
    expected = first or place.number
    with connection.cursor(name="audit_pruned") as rows:
        for row in rows.execute(SQL["pruned"]) if first else ():
            found = bytes(row["hash"])
            if row["number"] != expected:
                raise ChainError(f"the hash of entry {expected}, which was deleted for its age, is missing")
            digest = _added(digest, expected, found)
            _meet(asked, expected, found)
            expected += 1
    if first and digest != bytes(anchor["digest"]):
        raise ChainError(f"hashes of entries up to {place.number}, which were deleted for their age, were changed")
    _meet(asked, *place)
    return place


def _walk(
    connection: Connection, begin: _Place, until: int, asked: dict[int, bytes], met: list[_Place] | None = None
) -> _Place:
    """From an entry to another, each with the hash of the one before; `met` gets them."""
    number, previous = begin
    with connection.cursor(name="audit_chain") as rows:
        for row in rows.execute(SQL["chain"], {"until": until}):
            if row["number"] != number + 1:
                raise ChainError(f"entries {number + 1} to {row['number'] - 1} are missing")
            if bytes(row["previous"]) != previous:
                raise ChainError(f"entry {row['number']} does not follow the one before it: that one was changed")
            if _hash(previous, row) != bytes(row["hash"]):
                raise ChainError(f"entry {row['number']} was changed")
            number, previous = row["number"], bytes(row["hash"])
            _meet(asked, number, previous)
            if met is not None:
                met.append(_Place(number, previous))
    return _Place(number, previous)


def prune(connection: Connection, day: date, key: Ed25519PrivateKey) -> bool:
    """Delete the entries up to the end of a day (UTC), and leave a signed anchor where the chain goes on.

    Nothing is deleted behind an entry that is younger, which a clock that was set may have left among them. What is
    about to be deleted is verified first: what was tampered with is never signed. Numbers and hashes stay.

    Args:
        connection: in a transaction.

    Returns:
        Whether anything was deleted.

    Raises:
        ChainError: the chain does not hold up to there; nothing is deleted.
    """
    connection.execute(SQL["last"])
    row = connection.execute(SQL["newest_of_day"], {"day": day}).fetchone()
    if row is None:
        return False
    newest = _Place(int(row["number"]), bytes(row["hash"]))
    begin, first, digest, gone = _Place(0, _START), 1, _START, list[_Place]()
    if anchor := connection.execute(SQL["anchor"]).fetchone():
        begin = _signed(anchor, key.public_key)
        first, digest = anchor["first"], anchor["digest"]
        if first is None:  # of an earlier version, which kept this one hash only
            first, digest, gone = begin.number, _START, [begin]
    if _walk(connection, begin, newest.number, {}, gone) != newest:
        raise ChainError(f"entry {newest.number} cannot be reached from the one behind the anchor")
    # What is signed is what was walked, and not what the database says of it afterwards.
    for place in gone:
        digest = _added(bytes(digest), *place)
    numbers, hashes = zip(*gone, strict=True)
    kept = {"numbers": arrays.of_ints(numbers), "hashes": arrays.of_bytes(hashes)}
    connection.execute(SQL["keep_pruned"], kept)
    _sign(connection, key, newest, first, digest)
    connection.execute(SQL["forget"], {"number": newest.number})
    connection.execute(SQL["forget_anchors"], {"number": newest.number})
    return True


def sign_anew(connection: Connection, key: Ed25519PrivateKey) -> bool:
    """Sign the anchor with another key: the one before was not in the backup. Returns whether there is an anchor."""
    anchor = connection.execute(SQL["anchor"]).fetchone()
    if anchor is None:
        return False
    place = _Place(int(anchor["number"]), bytes(anchor["hash"]))
    connection.execute(SQL["forget_anchors"], {"number": place.number + 1})
    _sign(connection, key, place, anchor["first"], anchor["digest"])
    return True


def _sign(
    connection: Connection, key: Ed25519PrivateKey, place: _Place, first: int | None, digest: bytes | None
) -> None:
    now = datetime.now(UTC)
    signature = key.sign(_anchor(*place, now, first, bytes(digest or _START)))
    told = {"number": place.number, "hash": place.hash, "made_at": now, "signature": signature}
    connection.execute(SQL["add_anchor"], {**told, "first": first, "digest": digest if first else None})


def _signed(anchor: Mapping[str, Any], key: Callable[[], Ed25519PublicKey]) -> _Place:
    """Where the chain goes on, as an anchor says.

    Raises:
        ChainError: it is not signed by us.
    """
    number, last = int(anchor["number"]), bytes(anchor["hash"])
    said = _anchor(number, last, anchor["made_at"], anchor["first"], bytes(anchor["digest"] or _START))
    try:
        key().verify(bytes(anchor["signature"]), said)
    except InvalidSignature:
        raise ChainError(f"the anchor behind entry {number} is not signed by us: its beginning was cut off") from None
    return _Place(number, last)


def _added(digest: bytes, number: int, found: bytes) -> bytes:
    """The digest of deleted entries with one more."""
    return hashlib.sha256(digest + number.to_bytes(8, "big") + found).digest()


def audit_key(data_dir: Path, *, make: bool = True) -> Ed25519PrivateKey:
    """The key that signs anchors; made where there is none.

    Raises:
        ChainError: what is there is no such key, or none was to be made.
    """
    path = data_dir / "secrets" / "audit.key"
    if not path.exists() and not make:
        raise ChainError(f"{path}: missing; the anchor of the audit cannot be checked")
    if not path.exists():
        make_folder(path.parent, 0o700)
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        write_secret(path, Ed25519PrivateKey.generate().private_bytes(*form))
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise ChainError(f"{path}: not a key ({error})") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ChainError(f"{path}: not a key of ours")
    return key


def _hash(previous: bytes, entry: Mapping[str, Any]) -> bytes:
    """Of an entry and of what went before it; every field with its length, so that none runs into the next."""
    at_us = round(entry["at"].timestamp() * 1_000_000)
    said = [entry["number"], at_us, *(entry[name] for name in _SAID)]
    return hashlib.sha256(previous + msgspec.msgpack.encode(said)).digest()


def _anchor(number: int, last: bytes, made_at: datetime, first: int | None, digest: bytes) -> bytes:
    """What is signed; anchors of before said nothing of what was deleted."""
    made_us = round(made_at.timestamp() * 1_000_000)
    if first is None:
        return msgspec.msgpack.encode(["hawkline audit anchor 1", number, last, made_us])
    return msgspec.msgpack.encode(["hawkline audit anchor 2", number, last, made_us, first, digest])
