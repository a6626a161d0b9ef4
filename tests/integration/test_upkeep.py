"""Check, backup, restore: what an installation's owner does now and then."""

import gzip
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from aggregator.api.first_token import make_token
from aggregator.cli import app
from aggregator.embedded.postgres import EmbeddedPostgres
from aggregator.installation.sealed import secrets_of
from aggregator.store import Database, audit
from aggregator.store.database import Connection
from aggregator.store.describe import described, expected
from aggregator.store.migrate import migrate
from aggregator.trust.vault import Vault
from provisioning.lab.database.fill import Size, fill
from tests.integration.commands import Done, done

SIZE = Size(events=6000, days=6, boxes=20)
PICTURE = b"\xff\xd8\xff picture"


def test_migrations_make_the_schema(database: Database, connection: Connection) -> None:
    assert described(connection) == expected()


def hawkline(config: Path, name: str, *more: str) -> Done:
    return done(app, name, "--config", config, *more)


def findings(config: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    ended = hawkline(config, "check", "-o", "json")
    assert ended.stdout, ended.stderr
    return ended.returncode, {row["check"]: row for row in map(json.loads, ended.stdout.splitlines())}


def totals(database: Database) -> dict[str, Any]:
    with database.connect("test", autocommit=True) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM events) AS events, (SELECT sum(crossings) FROM count_packs) AS packed,"
            " (SELECT sum(crossings) FROM counts) AS fresh, (SELECT sum(contiguous) FROM cursors) AS settled,"
            " (SELECT count(*) FROM places) AS places, (SELECT count(*) FROM config_lines) AS lines"
        ).fetchone()
    assert row
    return dict(row)


def rows(database: Database) -> dict[str, str]:
    """A digest of every table, whatever the order of its rows."""
    with database.connect("test", autocommit=True) as connection:
        names = [line.split()[1] for line in expected() if line.startswith("table ")]
        found = {}
        for name in set(names) - {"migrations", "audit"}:  # a restore is in the audit of what it made
            row = connection.execute(
                f"SELECT coalesce(sum(hashtextextended(t::text, 1)), 0)::text AS digest FROM {name} t".encode()
            ).fetchone()
            assert row
            found[name] = row["digest"]
        return found


@pytest.fixture
def filled(database: Database, tmp_path: Path) -> Iterator[Path]:
    """Configuration of an installation on the tests' server, with events of some days and a picture."""
    fill(database, SIZE, datetime.now(UTC), lambda _: None)
    digest = hashlib.sha256(PICTURE).digest()
    with database.connect("test", autocommit=True) as connection:
        connection.execute("INSERT INTO evidence VALUES (%s, 10, now(), now())", (digest,))
    place = tmp_path / "here" / "evidence" / digest.hex()[:2] / f"{digest.hex()}.jpg"
    place.parent.mkdir(parents=True)
    place.write_bytes(PICTURE)
    yield written(tmp_path / "here.toml", "here", database.dsn)


@contextmanager
def empty_database(server_dsn: str) -> Iterator[Database]:
    """One of its own on the tests' server; gone at the end."""
    name = f"hawkline_test_{uuid4().hex[:12]}"
    with psycopg.connect(server_dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    try:
        yield Database(psycopg.conninfo.make_conninfo(server_dsn, dbname=name))
    finally:
        with psycopg.connect(server_dsn, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def written(config: Path, data_dir: str, dsn: str) -> Path:
    # A string of JSON is one of TOML, whatever a password is made of.
    config.write_text(f"data_dir = {json.dumps(data_dir)}\n[database]\ndsn = {json.dumps(dsn)}\n", encoding="utf-8")
    return config


@pytest.mark.usefixtures("durable")
def test_a_whole_record_is_found_whole(filled: Path) -> None:
    code, found = findings(filled)
    assert (code, [row["check"] for row in found.values() if row["ok"] != "yes"]) == (0, [])
    assert "6 days" in found["numbers stored twice"]["detail"] or "5 days" in found["numbers stored twice"]["detail"]
    assert int(found["counts equal the crossings"]["detail"].split()[0]) > SIZE.events // 2


@pytest.mark.parametrize(
    ("statement", "check", "words"),
    [
        ("ALTER TABLE events ADD COLUMN note text", "schema", "not ours: column events.note text"),
        ("DROP INDEX counts_by_quarter", "schema", "missing: CREATE INDEX counts_by_quarter"),
        ("UPDATE cursors SET contiguous = contiguous - 5", "events that no cursor knows", ""),
        ("INSERT INTO events SELECT * FROM events LIMIT 20", "numbers stored twice", "20 in"),
        ("DELETE FROM events WHERE seq % 7 = 0", "counts equal the crossings", "counted"),
        ("DELETE FROM migrations WHERE number = 12", "migrations", "applies the rest"),
        ("UPDATE evidence SET sha256 = sha256('')", "pictures", "1 known, 1 of them not"),
    ],
)
def test_what_is_broken_is_found(filled: Path, connection: Connection, statement: str, check: str, words: str) -> None:
    connection.execute(statement.encode())
    code, found = findings(filled)
    assert code == 1
    assert found[check]["ok"] == "NO"
    assert words in found[check]["detail"]


@pytest.mark.usefixtures("durable")
def test_a_backup_restored_is_the_same_record(
    filled: Path, server_dsn: str, database: Database, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    for _ in range(2):  # the second replaces the first
        ended = hawkline(filled, "backup", "--to", str(backup), "-o", "json")
        assert ended.returncode == 0, ended.stderr
        (backup / "tables-20260101T000000").mkdir()  # of one that did not come to its end
    (backup / "tables-20260101T000000").rmdir()
    told = json.loads(ended.stdout)
    assert (told["events"], told["pictures"], told["folder"]) == (SIZE.events, 1, str(backup))
    assert sorted(path.name.split("-")[0] for path in backup.iterdir()) == ["evidence", "manifest.json", "tables"]
    tables = {path.name.split(".")[0] for path in backup.glob("tables-*/*")}
    assert "alerts" in tables
    assert "surveys" not in tables, "pictures that are kept for minutes"
    with empty_database(server_dsn) as there:
        config = written(tmp_path / "there.toml", "there", there.dsn)
        ended = hawkline(config, "restore", "--from", str(backup))
        assert ended.returncode == 0, ended.stderr
        assert totals(there) == totals(database)
        assert rows(there) == rows(database)
        with there.connect("test") as connection:
            entries = [(entry.what, "0 claims withdrawn" in entry.detail) for entry in audit.entries(connection)]
        assert entries == [("restored", True)]
        assert findings(config)[0] == 0
        another = hawkline(config, "backup", "--to", str(backup))
        assert (another.returncode, "the backup of another database" in another.stderr) == (2, True)
        again = hawkline(config, "restore", "--from", str(backup))
        assert again.returncode == 2
        assert "its database is not empty (table agents); nothing is changed" in again.stderr


def test_a_backup_is_for_its_owner_whatever_the_umask(filled: Path, tmp_path: Path) -> None:
    backup, before = tmp_path / "backup", os.umask(0)
    try:
        backup.mkdir(mode=0o777)
        assert hawkline(filled, "backup", "--to", str(backup)).returncode == 0
    finally:
        os.umask(before)
    modes = {path.relative_to(backup): stat.S_IMODE(path.stat().st_mode) for path in [backup, *backup.rglob("*")]}
    assert len(modes) > 20
    assert {mode for path, mode in modes.items() if (backup / path).is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if (backup / path).is_file()} == {0o600}


def test_a_picture_that_is_not_what_it_was_goes_into_no_backup_and_out_of_none(
    filled: Path, tmp_path: Path, server_dsn: str
) -> None:
    backup, (place,) = tmp_path / "backup", (tmp_path / "here" / "evidence").glob("*/*.jpg")
    place.write_bytes(PICTURE + b"another")
    ended = hawkline(filled, "backup", "--to", str(backup), "-o", "json")
    told = json.loads(ended.stdout)
    assert (told["pictures"], told["pictures_damaged"]) == (0, 1)
    assert "1 pictures are not what they were and were left out" in ended.stderr
    place.write_bytes(PICTURE)
    assert json.loads(hawkline(filled, "backup", "--to", str(backup), "-o", "json").stdout)["pictures_damaged"] == 0
    (kept,) = (backup / "evidence").glob("*/*.jpg")
    kept.write_bytes(PICTURE + b"another")
    with empty_database(server_dsn) as there:
        config = written(tmp_path / "there.toml", "there", there.dsn)
        with_claim = "INSERT INTO claims (site, agent, serial, code, made_by, expires_at)"
        ended = hawkline(config, "restore", "--from", str(backup))
        assert ended.returncode == 0, ended.stderr
        assert "1 pictures of the backup are missing or are not what they were" in ended.stderr
        assert not list((tmp_path / "there" / "evidence").glob("*/*.jpg"))
        with there.connect("test") as connection:
            connection.execute(f"{with_claim} VALUES ('s', 'a', 'x', '\\x00', 'a planner', now() + '1 day')".encode())
        again = tmp_path / "again"
        assert hawkline(config, "backup", "--to", str(again)).returncode == 0
    with empty_database(server_dsn) as there:
        ended = hawkline(written(tmp_path / "third.toml", "third", there.dsn), "restore", "--from", str(again))
        assert ended.returncode == 0
        assert "1 claims that were open then are withdrawn" in ended.stderr
        assert "counts again" in ended.stderr
        with there.connect("test") as connection:
            row = connection.execute("SELECT withdrawn_at IS NOT NULL AS withdrawn FROM claims").fetchone()
        assert row == {"withdrawn": True}


def test_rows_that_cannot_be_restored_leave_nothing(
    filled: Path, database: Database, server_dsn: str, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    assert hawkline(filled, "backup", "--to", str(backup)).returncode == 0
    manifest = json.loads((backup / "manifest.json").read_text())
    tables = backup / manifest["folder"]
    good = (tables / "producers.gz").read_bytes()
    broken = gzip.compress(gzip.decompress(good) + b"nonsense\n")
    (tables / "producers.gz").write_bytes(broken)
    manifest["tables"]["producers"]["sha256"] = hashlib.sha256(broken).hexdigest()
    (backup / "manifest.json").write_text(json.dumps(manifest))
    with empty_database(server_dsn) as there:
        config = written(tmp_path / "there.toml", "there", there.dsn)
        ended = hawkline(config, "restore", "--from", str(backup))
        assert ended.returncode == 2
        assert "could not be restored, nothing is changed" in ended.stderr
        manifest["tables"]["producers"]["sha256"] = hashlib.sha256(good).hexdigest()
        (backup / "manifest.json").write_text(json.dumps(manifest))
        (tables / "producers.gz").write_bytes(good)
        assert hawkline(config, "restore", "--from", str(backup)).returncode == 0
        assert rows(there) == rows(database)


def test_what_is_no_backup_is_not_restored(filled: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    (backup).mkdir()
    (backup / "holiday.jpg").write_bytes(b"")
    refused = hawkline(filled, "backup", "--to", str(backup))
    assert (refused.returncode, "no backup; name an empty or a new one" in refused.stderr) == (2, True)
    (backup / "holiday.jpg").unlink()
    for folder, words in (
        (filled, "is no folder"),
        (tmp_path / "here" / "sub", "within data_dir"),
        (Path("/proc/x"), ""),
    ):
        refused = hawkline(filled, "backup", "--to", str(folder))
        assert refused.returncode == 2
        assert words in refused.stderr
        assert "Traceback" not in refused.stderr
    config = written(tmp_path / "new.toml", "new", "postgresql://127.0.0.1:1/none")
    assert "no backup that came to its end" in hawkline(config, "restore", "--from", str(backup)).stderr
    assert hawkline(filled, "backup", "--to", str(backup)).returncode == 0
    manifest = backup / "manifest.json"
    whole = json.loads(manifest.read_text())
    for change, words in (
        ({"format": 7}, "is not one of a backup"),
        ({"migration": 999}, "of a newer Hawkline"),
        ({"tables": {"events": {**whole["tables"]["events"], "sha256": "0"}}}, "its SHA-256 is another"),
        ({}, "does not answer"),
    ):
        manifest.write_text(json.dumps({**whole, **change}))
        ended = hawkline(config, "restore", "--from", str(backup))
        assert ended.returncode != 0
        assert words in ended.stderr
        assert "Traceback" not in ended.stderr
    manifest.write_text("{")
    assert "is not one of a backup" in hawkline(config, "restore", "--from", str(backup)).stderr
    manifest.write_text(json.dumps(whole))
    (backup / whole["folder"] / "events.gz").unlink()
    assert "no backup that came to its end" in hawkline(config, "restore", "--from", str(backup)).stderr


def test_an_embedded_database_is_checked_saved_and_restored_without_an_aggregator(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    here, there = tmp_path / "here.toml", tmp_path / "there.toml"
    here.write_text('data_dir = "here"\n')
    there.write_text('data_dir = "there"\n')
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "aggregator.lock").touch()  # as a start leaves it that came to nothing
    missing = hawkline(here, "check")
    assert (missing.returncode, "no aggregator has run there" in missing.stderr) == (2, True)
    embedded = EmbeddedPostgres(tmp_path / "here")
    embedded.start()
    migrate(Database(embedded.dsn))
    embedded.stop()
    try:
        assert findings(here)[0] == 0
        assert hawkline(here, "backup", "--to", str(tmp_path / "saved")).returncode == 0
        assert not embedded.is_running()
        restored = hawkline(there, "restore", "--from", str(tmp_path / "saved"))
        assert restored.returncode == 0, restored.stderr
        assert findings(there)[0] == 0
    finally:
        for folder in ("here", "there"):
            EmbeddedPostgres(tmp_path / folder).remove()


def test_what_has_expired_is_told_and_deleted_by_hand(
    database: Database, connection: Connection, tmp_path: Path
) -> None:
    """Many days at once are not deleted by themselves; an administrator who knows that the clock is right can."""
    now = datetime.now(UTC)
    days = [now.date() - timedelta(days=405 + n) for n in range(5)]
    connection.execute("SELECT make_days(%s)", ([*days, now.date()],))
    for at in (*days, now):
        connection.execute(
            "INSERT INTO events (event_at, recv_at, seq, crc, producer_id, lane, kind, time_quality, body)"
            " VALUES (%s, now(), 1, 1, 1, 0, 2, 1, '')",
            (at,),
        )
    config = written(tmp_path / "here.toml", "here", database.dsn)

    def told(*more: str) -> dict[str, Any]:
        ended = hawkline(config, "retention", "-o", "json", *more)
        assert ended.returncode == 0, ended.stderr
        rows: list[dict[str, Any]] = [json.loads(line) for line in ended.stdout.splitlines()]
        return next(row for row in rows if row["what"] == "events")

    shown = told()
    assert (shown["what"], shown["expired_days"], shown["deleted_days"]) == ("events", 5, 0)
    assert "5 days would go at once" in shown["against"]
    assert told("--yes")["deleted_days"] == 5
    assert told()["expired_days"] == 0
    assert connection.execute("SELECT count(*) AS n FROM events").fetchone() == {"n": 1}


def test_secrets_go_with_a_passphrase_and_only_with_it(
    filled: Path, server_dsn: str, database: Database, tmp_path: Path
) -> None:
    del database
    here, words, others = tmp_path / "here", tmp_path / "words", tmp_path / "others"
    words.write_text("a passphrase that somebody keeps\n")
    others.write_text("quite another one\n")
    (tmp_path / "latin").write_bytes(b"passphr\xe4se\n")
    ended = hawkline(filled, "backup", "--to", str(tmp_path / "no"), "--passphrase-file", str(tmp_path / "latin"))
    assert (ended.returncode, "UTF-8" in ended.stderr) == (2, True), ended.stderr
    Vault(here / "trust").create("Trial", tmp_path / "root.key", b"", datetime.now(UTC))
    make_token(here)
    kept = {path.relative_to(here): path.read_bytes() for path in secrets_of(here)}
    assert len(kept) >= 5
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    assert json.loads(hawkline(filled, "backup", "--to", str(plain), "-o", "json").stdout)["secrets"] == 0
    ended = hawkline(filled, "backup", "--to", str(sealed), "--passphrase-file", str(words), "-o", "json")
    assert json.loads(ended.stdout)["secrets"] == len(kept)
    written_down = b"".join(path.read_bytes() for path in sealed.rglob("*") if path.is_file())
    assert not any(content in written_down for content in kept.values())
    name = f"hawkline_test_{uuid4().hex[:12]}"
    with psycopg.connect(server_dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            there = written(tmp_path / "there.toml", "there", psycopg.conninfo.make_conninfo(server_dsn, dbname=name))
            for source, file, said in (
                (plain, words, "holds no secrets"),
                (sealed, others, "the passphrase is another one"),
            ):
                ended = hawkline(there, "restore", "--from", str(source), "--passphrase-file", str(file))
                assert ended.returncode == 2
                assert said in ended.stderr
            ended = hawkline(there, "restore", "--from", str(sealed), "--passphrase-file", str(words))
            assert ended.returncode == 0, ended.stderr
            found = tmp_path / "there"
            assert {path.relative_to(found): path.read_bytes() for path in secrets_of(found)} == kept
            assert {oct(path.stat().st_mode & 0o777) for path in (found / "secrets").iterdir()} == {"0o600"}
            assert (found / "trust").stat().st_mode & 0o777 == 0o700
            assert Vault(found / "trust").issuers()[0].expires_at > datetime.now(UTC)
            ended = hawkline(there, "restore", "--from", str(sealed), "--passphrase-file", str(words))
            assert "is there already" in ended.stderr, "other secrets are never overwritten"
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
