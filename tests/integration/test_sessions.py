"""Sessions with servers, roles and poolers that are set up for other programs."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from aggregator.alerting.alerts import SQL as ALERTING
from aggregator.alerting.alerts import Publishing
from aggregator.domains.operations.alert_probe import LatestProbe, ProbeError, prove
from aggregator.embedded.privileges import database_account
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.migrate import migrate
from aggregator.store.session_settings import SETTINGS, UnfitDatabaseError
from shared.errors import UnavailableError
from shared.net import is_listening, pick_free_port

FOREIGN = {
    "DateStyle": "German",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Urumqi",
    "bytea_output": "escape",
    "extra_float_digits": "0",
    "synchronous_commit": "off",
    "default_transaction_isolation": "serializable",
    "statement_timeout": "3s",
    "lock_timeout": "1s",
    "idle_session_timeout": "5s",
    "transform_null_equals": "on",
    "standard_conforming_strings": "off",
}


def alter(database: Database, **settings: str) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        for name, value in settings.items():
            admin.execute(f"ALTER DATABASE {admin.info.dbname} SET {name} = '{value}'".encode())


def shown(connection: Connection) -> dict[str, str]:
    rows = [connection.execute(f"SELECT current_setting('{name}') AS value".encode()).fetchone() for name in SETTINGS]
    return {name: row["value"] for name, row in zip(SETTINGS, rows, strict=True) if row}


def test_whatever_the_database_says_a_session_is_as_we_need_it(database: Database) -> None:
    alter(database, **FOREIGN)
    with database.connect("test") as connection, database.pool("test", 1) as pool, pool.connection() as pooled:
        for each in (connection, pooled):
            assert shown(each) == SETTINGS
            row = each.execute("SELECT timestamptz '2026-11-27 23:30:00+08' AS at, '\\x00ff'::bytea AS raw").fetchone()
            assert row == {"at": datetime(2026, 11, 27, 15, 30, tzinfo=UTC), "raw": b"\x00\xff"}
    with database.connect("test") as connection:
        prove(connection, Publishing())


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_CN"])
def test_an_encoding_that_cannot_hold_names_is_refused_in_a_line(server_dsn: str, encoding: str) -> None:
    name = f"hawkline_test_{encoding.lower()}_{os.getpid()}"
    with psycopg.connect(server_dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'".encode())
    try:
        with pytest.raises(UnfitDatabaseError, match=f"encoding {encoding}.*expected UTF8"):
            migrate(Database(make_conninfo(server_dsn, dbname=name)))
    finally:
        with psycopg.connect(server_dsn, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_a_database_that_is_read_only_is_told_apart(database: Database) -> None:
    alter(database, default_transaction_read_only="on")
    with pytest.raises(UnfitDatabaseError, match="default_transaction_read_only is on"):
        database.connect("test")
    with database.connect("test", writes=False) as connection, pytest.raises(ProbeError, match="read-only"):
        prove(connection, Publishing())


def test_the_options_of_an_address_count_and_ours_before_them(server_dsn: str, empty_database: Database) -> None:
    with empty_database.connect("test", autocommit=True) as connection:
        connection.execute("CREATE SCHEMA hk")
    options = "-csearch_path=hk -cwork_mem=7MB -cdatestyle=German -c statement_timeout=1"
    there = Database(make_conninfo(empty_database.dsn, options=options))
    migrate(there)
    with there.connect("test") as connection:
        tables = connection.execute("SELECT schemaname, count(*) FROM pg_tables GROUP BY 1 ORDER BY 1").fetchall()
        assert [row["schemaname"] for row in tables] == ["hk", "information_schema", "pg_catalog"]
        assert shown(connection) == SETTINGS
        assert connection.execute("SHOW work_mem").fetchone() == {"work_mem": "7MB"}
        connection.rollback()
        prove(connection, Publishing())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("-csearch_path=nowhere", "search_path names no schema"),
        ("-cno_such_setting=1", "a setting is refused"),
        ("-cwork_mem=much", "a setting is refused"),
    ],
)
def test_options_that_cannot_count_are_refused(empty_database: Database, options: str, said: str) -> None:
    with pytest.raises(UnfitDatabaseError, match=said):
        migrate(Database(make_conninfo(empty_database.dsn, options=options)))


def test_a_role_that_may_not_make_tables_is_told_so_in_a_line(empty_database: Database) -> None:
    with psycopg.connect(empty_database.dsn, autocommit=True) as admin:
        admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        admin.execute("CREATE ROLE hk_nobody")
    try:
        database = Database(make_conninfo(empty_database.dsn, options="-crole=hk_nobody"))
        with pytest.raises(UnavailableError, match="refuses a migration \\(permission denied"):
            migrate(database)
    finally:
        with psycopg.connect(empty_database.dsn, autocommit=True) as admin:
            admin.execute("DROP ROLE hk_nobody")


@pytest.fixture(params=["transaction", "statement", "session"])
def pooled(request: pytest.FixtureRequest, empty_database: Database) -> Iterator[tuple[str, Database]]:
    """The database behind a pooler that drops options, and the mode of it."""
    program = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if program is None:
        reason = "pgbouncer is missing (Debian: pgbouncer)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    info, port, account = conninfo_to_dict(empty_database.dsn), pick_free_port(), database_account()
    # A folder that the account of the database can reach.
    folder = Path(f"/tmp/hawkline-pooler-{port}")
    folder.mkdir()
    (folder / "users").write_text('"hawkline" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{info['dbname']} = host={info['host']} user={info['user']}\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = {request.param}\ndefault_pool_size = 20\nignore_startup_parameters = options\n"
    )
    drop = {"user": account.uid, "group": account.gid, "extra_groups": []} if account.drop else {}
    process = subprocess.Popen(
        [program, str(folder / "pgbouncer.ini")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **drop,  # type: ignore[call-overload]
    )
    try:
        while not is_listening("127.0.0.1", port):
            assert process.poll() is None, "pgbouncer does not start"
            time.sleep(0.05)
        address = make_conninfo(host="127.0.0.1", port=port, dbname=info["dbname"], user="hawkline")
        yield request.param, Database(make_conninfo(address, options="-csearch_path=hk"))
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


def test_only_a_pooler_that_keeps_sessions_is_used(pooled: tuple[str, Database], empty_database: Database) -> None:
    mode, through = pooled
    with empty_database.connect("test", autocommit=True) as connection:
        connection.execute("CREATE SCHEMA hk")
    alter(empty_database, **FOREIGN)
    if mode != "session":
        with pytest.raises(UnavailableError, match=r"expected one that keeps it|statement pooling mode"):
            migrate(through)
        return
    migrate(through)
    with through.connect("test") as connection:
        assert shown(connection) == SETTINGS
        assert connection.prepare_threshold is None
        assert connection.execute("SELECT count(*) AS n FROM pg_tables WHERE schemaname = 'hk'").fetchone() != {"n": 0}
        connection.rollback()
        prove(connection, Publishing())


def test_a_proof_leaves_nothing_that_people_see(database: Database, connection: Connection) -> None:
    def everything() -> dict[str, object]:
        tables = ("producers", "cursors", "events", "alerts", "alert_members", "feed", "inbox", "counters", "counts")
        found = {name: connection.execute(f"SELECT * FROM {name}".encode()).fetchall() for name in tables}
        numbers = connection.execute("SELECT pg_sequence_last_value('alerts_id_seq') AS last").fetchone()
        return {**found, "numbers": numbers}

    before = everything()
    with database.connect("test") as other:
        for _ in range(3):
            prove(other, Publishing())
    assert everything() == before


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DROP TABLE feed", 'relation "feed" does not exist'),
        ("ALTER TABLE alerts DROP COLUMN verdict CASCADE", "verdict|alert_views"),
        ("REVOKE INSERT ON alert_members FROM hk_small", "permission denied for table alert_members"),
        ("REVOKE ALL ON SEQUENCE alerts_id_seq FROM hk_small", "may not number alerts"),
        ("ALTER ROLE hk_small SET temp_file_limit = '100kB'", "temp_file_limit"),
    ],
)
def test_a_proof_finds_what_would_keep_an_alert_back(database: Database, damage: str, said: str) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        admin.execute("CREATE ROLE hk_small")
        admin.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO hk_small")
        admin.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO hk_small")
        admin.execute("GRANT ALL ON SCHEMA public TO hk_small")
        admin.execute("SELECT make_days(ARRAY[(now() AT TIME ZONE 'UTC')::date])")
        admin.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO hk_small")
        try:
            small = Database(make_conninfo(database.dsn, options="-crole=hk_small"))
            with small.connect("test") as connection:
                prove(connection, Publishing())
            admin.execute(damage.encode())
            limit = " -ctemp_file_limit=100kB" if "temp_file_limit" in damage else ""
            role = "" if limit else "-crole=hk_small"
            damaged = Database(make_conninfo(database.dsn, options=f"{role}{limit}"))
            with damaged.connect("test") as connection, pytest.raises(ProbeError, match=said):
                prove(connection, Publishing())
        finally:
            admin.execute("DROP OWNED BY hk_small")
            admin.execute("DROP ROLE hk_small")


@pytest.mark.parametrize("name", ["DateStyle = 'German'", "DateStyle = 'SQL, DMY'", "transaction_read_only = on"])
def test_a_proof_finds_a_session_that_is_not_as_it_should_be(database: Database, name: str) -> None:
    with database.connect("test") as connection:
        if name.startswith("transaction"):
            connection.read_only = True
        else:
            connection.execute(f"SET {name}".encode())
            connection.commit()
        with pytest.raises(ProbeError, match="no alert could be raised"):
            prove(connection, Publishing())


def test_many_who_ask_share_a_proof_of_some_seconds(database: Database) -> None:
    now_s, proofs = [100.0], []

    def count(_connection: Connection, _publishing: Publishing) -> None:
        proofs.append(now_s[0])
        if now_s[0] > 103:
            raise ProbeError("full")

    proven = LatestProbe(Publishing(), count, lambda: now_s[0])
    with database.connect("test") as connection:
        assert [proven.objection(connection) for _ in range(50)] == [None] * 50
        now_s[0] += 6
        assert [proven.objection(connection) for _ in range(50)] == ["full"] * 50
    assert proofs == [100.0, 106.0]


def test_a_steady_session_uses_its_indices_whatever_size_the_tables_had_when_its_statements_were_planned(
    database: Database, connection: Connection
) -> None:
    """A plan from the first hour, made once for all, must not walk through all alerts of a storm."""
    which = {"keys": ["x"], "since": datetime.now(UTC), "quiet": timedelta(minutes=1)}
    connection.execute("ANALYZE alerts")
    with database.connect("steady", autocommit=True, steady=True) as steady:

        def walks() -> int:
            steady.execute("SELECT pg_stat_force_next_flush()")
            steady.execute("SELECT pg_stat_clear_snapshot()")
            row = steady.execute("SELECT seq_scan AS n FROM pg_stat_user_tables WHERE relname = 'alerts'").fetchone()
            assert row
            return int(row["n"])

        for _ in range(8):
            steady.execute(ALERTING["joinable_alerts"], which).fetchall()
        connection.execute(
            "INSERT INTO alerts (key, condition, priority, subject, site, agent, camera, name, detail, quiet, first_at,"
            " last_at, confirmed_at, members) SELECT n::text, 'c', 1, 's', '', '', '', '', '{}', false, now(), now(),"
            " now(), 1 FROM generate_series(1, 20000) n"
        )
        before = walks()
        for _ in range(20):
            steady.execute(ALERTING["joinable_alerts"], which).fetchall()
        assert walks() == before
