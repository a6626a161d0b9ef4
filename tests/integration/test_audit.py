"""The audit: every change and every picture seen leaves an entry, and no forger edits the chain unnoticed."""

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.retention.expiring import all_expired, drop
from aggregator.retention.retention_context import RetentionContext
from aggregator.store import Database, audit
from aggregator.store.audit import Actor, ChainError
from aggregator.store.database import Connection
from aggregator.store.pictures import PictureStore
from aggregator.store.retention_periods import RetentionPeriods
from shared.topics import Address
from tests.integration.trusted import Deployment

KEY = Ed25519PrivateKey.generate()
DUTY = Actor("administrator", "192.0.2.7", "a drill")


def write(database: Database, count: int, days_ago: int = 0) -> None:
    """Entries as of so many days ago: written now, with another clock."""
    with database.connect("test") as connection:
        for number in range(count):
            audit.record(connection, DUTY, "tried", f"thing {number}", "x" * 5000 + "\0")
        if days_ago:
            rehash(connection, timedelta(days=days_ago))


def rehash(connection: Connection, ago: timedelta) -> None:
    """Move all entries back, with hashes that fit: what an older chain would look like."""
    previous = bytes(32)
    for row in connection.execute("SELECT * FROM audit ORDER BY number").fetchall():
        moved = {**row, "at": row["at"] - ago}
        digest = audit._hash(previous, moved)
        connection.execute(
            "UPDATE audit SET at = %s, previous = %s, hash = %s WHERE number = %s",
            (moved["at"], previous, digest, row["number"]),
        )
        previous = digest


def walk(database: Database, *seen: tuple[int, bytes]) -> audit.Verified:
    with database.connect("test") as connection:
        return audit.verify(connection, KEY.public_key, seen)


def test_a_chain_holds_and_starts_empty(database: Database) -> None:
    assert walk(database) == audit.Verified(1, 0, bytes(32))
    write(database, 20)
    found = walk(database)
    assert (found.first, found.last) == (1, 20)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write(database, 10), range(8)))
    assert walk(database, (found.last, found.hash)).last == 100


@pytest.mark.parametrize(
    ("tampering", "words"),
    [
        ("UPDATE audit SET who = 'nobody' WHERE number = 5", "entry 5 was changed"),
        ("UPDATE audit SET at = at + interval '1 s' WHERE number = 5", "entry 5 was changed"),
        ("UPDATE audit SET why = '', subject = subject || why WHERE number = 5", "entry 5 was changed"),
        ("UPDATE audit SET hash = sha256('x') WHERE number = 5", "entry 5 was changed"),
        ("DELETE FROM audit WHERE number = 5", "entries 5 to 5 are missing"),
        ("DELETE FROM audit WHERE number <= 5", "entries 1 to 5 are missing"),
        ("DELETE FROM audit WHERE number > 5", "entry 9, which was written down, is missing"),
        (
            "DELETE FROM audit WHERE number <= 5; INSERT INTO audit_anchors"
            " SELECT 5, previous, now(), 'unsigned' FROM audit WHERE number = 6",
            "its beginning was cut off",
        ),
        (
            "UPDATE audit SET number = number + 1000 WHERE number >= 5; UPDATE audit SET number = number - 999"
            " WHERE number >= 1005; INSERT INTO audit SELECT 5, at, who, origin, what, 'put in', why, detail,"
            " previous, hash FROM audit WHERE number = 6",
            "entry 5 was changed",
        ),
    ],
)
def test_whoever_edits_it_is_found_out(database: Database, tampering: str, words: str) -> None:
    write(database, 9)
    seen = walk(database)
    with psycopg.connect(database.dsn, autocommit=True) as thief:
        thief.execute(tampering)
    with pytest.raises(ChainError, match=words):
        walk(database, (seen.last, seen.hash))


def test_a_chain_that_was_made_anew_is_not_the_one_that_was_written_down(database: Database) -> None:
    write(database, 9)
    seen = walk(database)
    with database.connect("test") as thief:
        thief.execute("UPDATE audit SET who = 'nobody' WHERE number = 5")
        rehash(thief, timedelta(0))
    assert walk(database).last == 9
    with pytest.raises(ChainError, match="made anew"):
        walk(database, (seen.last, seen.hash))


def test_what_is_old_goes_and_the_chain_goes_on_from_a_signed_anchor(database: Database, tmp_path: Path) -> None:
    write(database, 30, days_ago=250)
    seen = walk(database)
    write(database, 5)
    keep = RetentionPeriods(*[timedelta(days=days) for days in (400, 400, 90, 200)])
    with database.connect("test", autocommit=True) as connection:
        all_of_it = all_expired(connection, keep, datetime.now(UTC))
        expired = next(each for each in all_of_it if each.what.name == "audit")
        assert len(expired.days) == 1
        assert drop(connection, expired, RetentionContext(PictureStore(tmp_path), lambda: KEY)) == [expired.days[0]]
    found = walk(database)
    assert (found.first, found.last) == (31, 35)
    write(database, 5)
    # What was written down lies before the anchor: its hash was kept, and is compared.
    assert walk(database, (seen.last, seen.hash)).last == 40
    with pytest.raises(ChainError, match="entry 30 is not the one that was written down"):
        walk(database, (seen.last, bytes(32)))
    # All of it may go, and it goes on all the same.
    with database.connect("test") as connection:
        rehash_all = walk(database)
        audit.prune(connection, datetime.now(UTC).date(), KEY)
    assert walk(database) == audit.Verified(rehash_all.last + 1, rehash_all.last, rehash_all.hash)
    write(database, 1)
    assert walk(database).last == 41
    with database.connect("test") as thief:
        thief.execute("UPDATE audit_anchors SET number = number - 1")
    with pytest.raises(ChainError, match="cut off"):
        walk(database)


def test_what_people_do_is_in_it_and_what_is_refused_is_not(client: httpx.Client, database: Database) -> None:
    why = {"hawkline-reason": quote("演练 a drill")}
    assert client.put("/api/v1/places/north", json={"title": "北村"}, headers=why).status_code < 300
    assert client.put("/api/v1/places/north", json={"above": "north"}).status_code >= 400
    assert client.get("/api/v1/places").status_code == 200
    rows = client.get("/api/v1/audit").json()
    assert [(row["number"], row["what"], row["subject"], row["why"]) for row in rows] == [
        (1, "PUT /api/v1/places/{name}", "north", "演练 a drill")
    ]
    assert rows[0]["origin"] == "127.0.0.1"
    assert rows[0]["who"] == "this machine"
    assert "北村" in rows[0]["detail"]
    assert client.get("/api/v1/evidence/" + "0" * 64).status_code == 404
    for asked, count in (({"who": "somebody"}, 0), ({"subject": "north"}, 1), ({"before": 1}, 0), ({"limit": 1}, 1)):
        assert len(client.get("/api/v1/audit", params=asked).json()) == count  # type: ignore[arg-type]
    assert client.get("/api/v1/audit", params={"since": "yesterday"}).status_code == 422


def test_a_picture_that_is_seen_is_in_it(client: httpx.Client, database: Database, tmp_path: Path) -> None:
    content = b"\xff\xd8\xff a picture \xff\xd9"
    digest = hashlib.sha256(content)
    with database.connect("test") as connection:
        connection.execute(
            "INSERT INTO evidence (sha256, size, taken_at, stored_at) VALUES (%s, %s, now(), now())",
            (digest.digest(), len(content)),
        )
    PictureStore(tmp_path / "evidence").add(digest.digest(), 0, content, len(content))
    path = f"/api/v1/evidence/{digest.hexdigest()}"
    asked = client.get(path, headers={"hawkline-reason": "case%207"})
    assert (asked.status_code, "say what for" in asked.text) == (428, True), "no alert that is open has it"
    case = client.post("/api/v1/cases", json={"purpose": "案件 2026-7：盗窃"}).json()["id"]
    assert client.get(path, params={"case": case}).content == content
    assert client.get(path, params={"case": case + 1}).status_code == 404
    rows = client.get("/api/v1/audit", params={"what": "picture seen"}).json()
    assert [(row["subject"], row["why"]) for row in rows] == [(digest.hexdigest(), f"case {case}: 案件 2026-7：盗窃")]


def test_who_comes_in_is_in_it(tmp_path: Path, database: Database) -> None:
    deployment = Deployment(tmp_path, database)
    with deployment.open():
        deployment.enrol(Address("north", "gate"))
    with database.connect("test") as connection:
        rows = audit.entries(connection)
    assert [(row.who, row.what, row.subject, row.origin) for row in rows] == [
        ("box north/gate", "enrolled", "north/gate", "127.0.0.1")
    ]


def test_the_command_says_whether_it_holds(tmp_path: Path, database: Database, client: httpx.Client) -> None:
    config = tmp_path / "aggregator.toml"
    config.write_text(f'data_dir = "data"\n[database]\ndsn = {json.dumps(database.dsn)}\n')
    write(database, 3)

    def hawkline(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "shared", "audit", *more]
        environment = {**os.environ, "HAWKLINE_URL": str(client.base_url)}
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)

    done = hawkline("verify", "--config", str(config), "-o", "csv")
    assert done.returncode == 0, done.stderr
    seen = done.stdout.splitlines()[1].split(",")[2]
    assert hawkline("verify", "--config", str(config), "--seen", seen).returncode == 0
    assert "expected NUMBER:HASH" in hawkline("verify", "--config", str(config), "--seen", "3").stderr
    assert hawkline("list", "--who", "administrator", "-o", "csv").stdout.count("tried") == 3
    with database.connect("test") as thief:
        thief.execute("DELETE FROM audit WHERE number = 3")
    done = hawkline("verify", "--config", str(config), "--seen", seen)
    assert done.returncode == 1
    assert "the newest entries were deleted" in done.stdout
