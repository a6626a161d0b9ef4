"""A database administrator who would rather not have done it: what lies before a head that others keep is noticed."""

import socket
import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.domains.audit.telling import turn_for
from aggregator.store import Database, audit
from aggregator.store.audit import Actor, ChainError, Verified
from tests.integration.test_audit import rehash

KEY = Ed25519PrivateKey.generate()
Head = tuple[int, bytes]
_MADE_ANEW = "SELECT rehash"
"""Stands for hashes that fit again: the administrator knows how they are made."""
TRICKS = {
    "backdate": "UPDATE audit SET at = at - interval '1 day' WHERE number = 35",
    "backdate and make anew": "UPDATE audit SET at = at - interval '1 day' WHERE number = 35; SELECT rehash",
    "another name": "UPDATE audit SET who = 'nobody' WHERE number = 35",
    "another name and make anew": "UPDATE audit SET who = 'nobody' WHERE number = 35; SELECT rehash",
    "delete one": "DELETE FROM audit WHERE number = 35",
    "delete one and renumber": "DELETE FROM audit WHERE number = 35;"
    "UPDATE audit SET number = number - 1 WHERE number > 35; SELECT rehash",
    "delete the newest": "DELETE FROM audit WHERE number >= 36",
    "delete all": "DELETE FROM audit",
    "truncate": "TRUNCATE audit",
    "truncate all of it": "TRUNCATE audit, audit_anchors, audit_pruned",
    "swap two": "UPDATE audit SET number = 1000 WHERE number = 34; UPDATE audit SET number = 34 WHERE number = 35;"
    "UPDATE audit SET number = 35 WHERE number = 1000; SELECT rehash",
    "put one in": "UPDATE audit SET number = number + 1000 WHERE number > 34;"
    "UPDATE audit SET number = number - 999 WHERE number > 1000; INSERT INTO audit SELECT 35, at, 'x', origin, what,"
    " subject, why, detail, previous, hash FROM audit WHERE number = 34; SELECT rehash",
    "no anchor": "DELETE FROM audit_anchors",
    "another anchor": "UPDATE audit_anchors SET hash = sha256('x')",
    "an anchor further on": "INSERT INTO audit_anchors (number, hash, made_at, signature, first, digest)"
    " SELECT a.number, a.hash, now(), n.signature, n.first, n.digest FROM audit a, audit_anchors n WHERE a.number = 36;"
    "DELETE FROM audit WHERE number <= 36",
    "an older anchor": "UPDATE audit_anchors SET number = 10, hash = (SELECT hash FROM audit_pruned WHERE number = 10)",
    "an anchor of the old form": "UPDATE audit_anchors SET first = NULL, digest = NULL",
    "forget a hash": "DELETE FROM audit_pruned WHERE number = 12",
    "forget all hashes": "TRUNCATE audit_pruned",
    "another hash": "UPDATE audit_pruned SET hash = sha256('x') WHERE number = 12",
    "the beginning of the hashes": "DELETE FROM audit_pruned WHERE number <= 12",
    "a clock that was set": "UPDATE audit SET at = at + interval '10 years'; SELECT rehash",
}


@pytest.fixture
def kept(database: Database) -> list[Head]:
    """Thirty entries that went for their age, nine that are there, and three heads that others keep."""
    heads = list[Head]()

    def write(count: int) -> None:
        with database.connect("test") as connection:
            for number in range(count):
                audit.record(connection, Actor("administrator", "192.0.2.7"), "tried", f"thing {number}")
            number, _, digest = audit.head(connection).partition(":")
            heads.append((int(number), bytes.fromhex(digest)))

    write(20)
    write(10)
    with database.connect("test") as connection:
        rehash(connection, timedelta(days=250))
        for place, (number, _) in enumerate(heads):
            row = connection.execute("SELECT hash FROM audit WHERE number = %s", (number,)).fetchone()
            assert row
            heads[place] = number, bytes(row["hash"])
    with database.connect("test") as connection:
        assert audit.prune(connection, datetime.now(UTC).date() - timedelta(days=200), KEY)
    write(9)
    return heads


def walk(database: Database, *seen: Head) -> Verified:
    with database.connect("test") as connection:
        return audit.verify(connection, KEY.public_key, seen)


def play(database: Database, trick: str) -> None:
    for statement in trick.split(";"):
        if statement.strip() == _MADE_ANEW:
            with database.connect("test") as connection:
                anew(connection)
            continue
        with psycopg.connect(database.dsn, autocommit=True) as administrator:
            administrator.execute(statement)  # type: ignore[call-overload]


def anew(connection: psycopg.Connection[dict[str, object]]) -> None:
    """Hashes that fit from the anchor on."""
    anchor = connection.execute("SELECT hash FROM audit_anchors").fetchone()
    previous = bytes(anchor["hash"]) if anchor else bytes(32)  # type: ignore[arg-type]
    for row in connection.execute("SELECT * FROM audit ORDER BY number").fetchall():
        digest = audit._hash(previous, row)
        place = previous, digest, row["number"]
        connection.execute("UPDATE audit SET previous = %s, hash = %s WHERE number = %s", place)
        previous = digest


def test_what_is_whole_is_proven_up_to_the_newest_head(database: Database, kept: list[Head]) -> None:
    assert [number for number, _ in kept] == [20, 30, 39]
    assert walk(database, *kept) == Verified(31, 39, kept[-1][1])
    assert walk(database).last == 39


@pytest.mark.parametrize("trick", TRICKS)
def test_every_trick_before_a_kept_head_is_noticed(database: Database, kept: list[Head], trick: str) -> None:
    play(database, TRICKS[trick])
    with pytest.raises(ChainError):
        walk(database, *kept)


@pytest.mark.parametrize("trick", [name for name in TRICKS if name not in ("delete the newest", "no anchor")])
def test_nothing_is_signed_and_nothing_deleted_of_what_was_tampered_with(
    database: Database, kept: list[Head], trick: str
) -> None:
    """What the administrator made anew himself is consistent, and only a head that was kept shows it."""
    play(database, TRICKS[trick])
    before = _rows(database)
    try:
        with database.connect("test") as connection:
            pruned = audit.prune(connection, datetime.now(UTC).date() + timedelta(days=1), KEY)
    except ChainError:
        assert _rows(database) == before
        return
    # Hashes of deleted entries that were changed are not signed either: what is signed was walked.
    assert not pruned or "rehash" in TRICKS[trick] or "truncate" in trick or "hash" in trick
    with pytest.raises(ChainError):
        walk(database, *kept)


def _rows(database: Database) -> list[tuple[int, bytes]]:
    with psycopg.connect(database.dsn) as connection:
        return connection.execute("SELECT number, hash FROM audit ORDER BY number").fetchall()


def test_a_head_that_was_never_ours_is_none(database: Database, kept: list[Head]) -> None:
    for head in ((20, bytes(32)), (30, bytes(32)), (35, bytes(32)), (40, bytes(32)), (10**6, bytes(32))):
        with pytest.raises(ChainError):
            walk(database, *kept, head)


def test_behind_an_anchor_of_an_earlier_version_nothing_passes_that_cannot_be_proven(
    database: Database, kept: list[Head]
) -> None:
    with database.connect("test") as connection:
        row = connection.execute("SELECT number, hash, made_at FROM audit_anchors").fetchone()
        assert row
        signature = KEY.sign(audit._anchor(row["number"], bytes(row["hash"]), row["made_at"], None, bytes(32)))
        connection.execute("UPDATE audit_anchors SET first = NULL, digest = NULL, signature = %s", (signature,))
        connection.execute("TRUNCATE audit_pruned")
    assert walk(database, *kept[1:]).last == 39
    with pytest.raises(ChainError, match="cannot be proven"):
        walk(database, kept[0])
    with database.connect("test") as connection:
        assert audit.prune(connection, datetime.now(UTC).date() + timedelta(days=1), KEY)
    assert walk(database, *kept[1:]).last == 39
    with pytest.raises(ChainError, match="cannot be proven"):
        walk(database, kept[0])


def test_heads_leave_the_machine_when_they_change(database: Database, kept: list[Head]) -> None:
    got = list[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as receiver:

        def listen() -> None:
            while True:
                try:
                    client, _ = receiver.accept()
                except OSError:
                    return
                with client:
                    got.append(client.recv(4096))

        threading.Thread(target=listen, daemon=True).start()
        turn = turn_for(f"127.0.0.1:{receiver.getsockname()[1]}")
        with database.connect("test", autocommit=True) as connection:
            turn(connection)
            turn(connection)
            with connection.transaction():
                audit.record(connection, Actor("administrator", "192.0.2.7"), "tried", "one more")
            turn(connection)
        receiver.shutdown(socket.SHUT_RDWR)
    assert len(got) == 2
    assert b"audit: 39:" + kept[-1][1].hex().encode() in got[0]
    assert b"audit: 40:" in got[1]
    length, _, message = got[0].partition(b" ")
    assert int(length) == len(message)
    assert message.startswith(b"<109>1 ")


def test_a_receiver_that_is_away_is_told_later(database: Database, kept: list[Head]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    turn = turn_for(f"127.0.0.1:{port}")
    with database.connect("test", autocommit=True) as connection:
        for _ in range(2):
            with pytest.raises(OSError, match="refused"):
                turn(connection)
