"""Everything that there is only so much of: one more than there are is told so, and afterwards all is as before."""

import asyncio
import csv
import socket
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from fastapi import HTTPException
from psycopg_pool import PoolTimeout

from aggregator.alerting.alerts import Publishing
from aggregator.api import pool_turns as turns
from aggregator.api.streams import AT_ONCE, Streams
from aggregator.console_api import build
from aggregator.domains.boxes.stored_numbers import pieces, producers
from aggregator.store import Database
from aggregator.store.database import Connection, Pool
from aggregator.store.pictures import PictureStore
from aggregator.store.scope import EVERYWHERE
from tests.integration.conftest import served

LEDGER = b"GET /api/v1/ledger.csv HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


@pytest.fixture
def stored(connection: Connection) -> list[list[str]]:
    """A ledger: lanes of some boxes with many numbers, in its order."""
    connection.execute("SELECT make_days(ARRAY[(now() AT TIME ZONE 'UTC')::date])")
    boxes = "('b', 'a', 1), ('a', 'a-b', 2), ('a', 'a', 3)"
    connection.execute(f"INSERT INTO producers (site, agent, epoch) VALUES {boxes}".encode())
    lanes = "SELECT id, lane FROM producers, generate_series(0, 1) lane"
    connection.execute(f"INSERT INTO cursors (producer_id, lane) {lanes}".encode())
    connection.execute(
        "INSERT INTO events (event_at, recv_at, seq, crc, producer_id, lane, kind, time_quality, body)"
        " SELECT now(), now(), n, n * 7, id, lane, 1, 1, '' FROM producers, generate_series(0, 1) lane,"
        " generate_series(1, 40000) n"
    )
    return [
        [site, agent, str(epoch), str(lane), str(n), str(n * 7)]
        for site, agent, epoch in (("a", "a", 3), ("a", "a-b", 2), ("b", "a", 1))
        for lane in (0, 1)
        for n in range(1, 40_001)
    ]


def read(pool: Pool, folder: Path, in_memory_bytes: int = 1 << 20) -> list[list[str]]:
    """The whole ledger, without its head."""

    async def lend(work: Callable[[Connection], int]) -> int:
        with pool.connection() as connection:
            return work(connection)

    async def collect() -> bytes:
        with pool.connection() as connection:
            of = producers(EVERYWHERE, connection)
        return b"".join([piece async for piece in pieces(of, lend, folder, in_memory_bytes)])

    return list(csv.reader(asyncio.run(collect()).decode().splitlines()))[1:]


@pytest.mark.parametrize("in_memory_bytes", [1000, 100_000_000])
def test_pieces_are_the_whole_ledger(
    stored: list[list[str]], database: Database, tmp_path: Path, in_memory_bytes: int
) -> None:
    with database.pool("test", 1) as pool:
        assert read(pool, tmp_path, in_memory_bytes) == stored
    assert not list(tmp_path.iterdir())


def test_a_number_that_was_stored_twice_shows(
    stored: list[list[str]], database: Database, connection: Connection, tmp_path: Path
) -> None:
    connection.execute("INSERT INTO events SELECT * FROM events WHERE seq BETWEEN 90 AND 110")
    with database.pool("test", 1) as pool:
        found = read(pool, tmp_path)
    twice = [row for row in stored for _ in range(2 if 90 <= int(row[4]) <= 110 else 1)]
    assert found == twice


def test_a_whole_download_reads_each_row_once(
    stored: list[list[str]], database: Database, connection: Connection, tmp_path: Path
) -> None:
    """However much there is of one box: a page at a time would read all of it for each page."""
    connection.execute(
        "INSERT INTO events SELECT event_at, device_at, recv_at, seq + 40000, crc, producer_id, revision, line, camera,"
        " lane, kind, time_quality, priority, body FROM events"
    )
    connection.execute("ANALYZE events")
    connection.execute("SELECT pg_stat_reset()")
    with database.pool("test", 1) as pool:
        rows = len(read(pool, tmp_path))
    assert rows == 2 * len(stored)
    looked_at = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS n FROM pg_stat_user_tables"
    looked_at += " WHERE relname LIKE 'events%'"
    deadline_s = time.monotonic() + 10  # a session tells its figures when it ends
    while not (found := (connection.execute(looked_at.encode()).fetchone() or {})["n"]):
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    assert found <= 3 * rows, "of three boxes on one day: at most all of the day, once for each of them"


def test_a_reader_that_takes_nothing_for_long_is_left_with_what_it_kept() -> None:
    tidied = []

    async def parts() -> AsyncGenerator[bytes, None]:
        try:
            yield b"x"
        finally:
            tidied.append(True)

    async def takes_nothing(message: dict[str, object]) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def leave() -> None:
        await answer.stream_response(takes_nothing)  # type: ignore[arg-type]
        assert tidied == [True]
        streams.answer(parts(), "text/csv")

    streams = Streams(1, stalled_s=0.05)
    answer = streams.answer(parts(), "text/csv")
    with pytest.raises(HTTPException):
        streams.answer(parts(), "text/csv")
    asyncio.run(leave())


def test_the_ledger_waits_for_its_turn_as_everybody_does(
    stored: list[list[str]], database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its readers take the connections of those whose turn it is."""
    monkeypatch.setattr(turns, "_WAIT_S", 0.5)
    app = build(database, PictureStore(tmp_path / "evidence"), Publishing(), console=tmp_path, connections=1)

    async def ask() -> tuple[int, int, int]:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=30) as client,
        ):
            async with app.state.parts.turns.one():
                refused = await client.get("/api/v1/ledger.csv")
            answer = await client.get("/api/v1/ledger.csv")
        return refused.status_code, answer.status_code, len(answer.text.splitlines()) - 1

    assert asyncio.run(ask()) == (503, 200, len(stored))


def test_readers_that_read_nothing_take_no_connection_and_the_next_is_told(
    stored: list[list[str]], client: httpx.Client, connection: Connection
) -> None:
    place = urlsplit(str(client.base_url))
    with ExitStack() as slow:
        for _ in range(AT_ONCE):
            reader = slow.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect((place.hostname, place.port))
            reader.sendall(LEDGER)
            assert reader.recv(12) == b"HTTP/1.1 200"
        told = client.get("/api/v1/ledger.csv")
        assert (told.status_code, told.headers["retry-after"]) == (503, "30")
        time.sleep(1)  # they are all in the middle of it
        held = "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'hawkline api' AND state <> 'idle'"
        deadline_s = time.monotonic() + 10  # on a busy machine a page that was begun may last; who stalls is left later
        while connection.execute(held).fetchone() != {"n": 0}:
            assert time.monotonic() < deadline_s, "readers that take nothing hold connections"
            time.sleep(0.1)
        assert client.get("/api/v1/ledger.csv").status_code == 503, "they are still there"
        assert client.get("/api/v1/boxes").status_code == 200
    deadline_s = time.monotonic() + 60
    while (answer := client.get("/api/v1/ledger.csv")).status_code != 200:
        assert time.monotonic() < deadline_s, "who has gone is still counted"
        time.sleep(0.2)
    assert list(csv.reader(answer.text.splitlines()))[1:] == stored


def test_one_request_more_than_there_are_connections_is_told_and_all_recover(
    client: httpx.Client, database: Database
) -> None:
    def ask(_: int) -> int:
        return client.get("/api/v1/boxes", timeout=60).status_code

    with psycopg.connect(database.dsn) as other, ThreadPoolExecutor(10) as asking:
        other.execute("LOCK TABLE agents IN ACCESS EXCLUSIVE MODE")
        answers = [asking.submit(ask, number) for number in range(10)]
        while sum(answer.done() for answer in answers) < 2:  # those without a connection
            time.sleep(0.1)
        assert {answer.result() for answer in answers if answer.done()} == {503}
        other.rollback()
        assert sorted(answer.result() for answer in answers) == [200] * 8 + [503] * 2
    assert ask(0) == 200


@pytest.mark.parametrize(("name", "size"), [("api", 8), ("gate", 4)])
def test_every_pool_recovers_from_one_more_than_it_has(database: Database, name: str, size: int) -> None:
    with database.pool(name, size) as pool:
        lent = [pool.getconn() for _ in range(size)]
        with pytest.raises(PoolTimeout):
            pool.getconn(timeout=0.2)
        for connection in lent:
            connection.close()  # as the server does with one that it ends
            pool.putconn(connection)
        for _ in range(2 * size):
            with pool.connection() as connection:
                assert connection.execute("SHOW DateStyle").fetchone() == {"DateStyle": "ISO, MDY"}


def test_after_a_restart_of_the_database_the_first_who_asks_is_answered(
    database: Database, connection: Connection, tmp_path: Path
) -> None:
    """All connections of the pool are broken then; tried one after another, with pauses, they outlast the wait."""
    with served(database, PictureStore(tmp_path / "evidence"), tmp_path) as client:
        assert client.get("/api/v1/places").status_code == 200
        ended = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'hawkline api' AND datname = current_database()"
        )
        assert len(connection.execute(ended).fetchall()) >= 8
        began_s = time.monotonic()
        assert client.get("/api/v1/places").status_code == 200
        assert time.monotonic() - began_s < 4
        with ThreadPoolExecutor(8) as many:
            assert set(many.map(lambda _: client.get("/api/v1/places").status_code, range(40))) == {200}


def test_one_request_after_another_meets_the_same_warm_session(database: Database) -> None:
    def session(pool: Pool) -> int:
        with pool.connection() as connection:
            return connection.info.backend_pid

    with database.pool("test", size=3) as pool:
        pool.wait()
        first = session(pool)
        assert [session(pool) for _ in range(5)] == [first] * 5
        with pool.connection() as busy:
            other = session(pool)
            assert busy.info.backend_pid == first != other
            assert session(pool) == other


def test_what_a_request_set_on_its_connection_is_gone_for_the_next(database: Database) -> None:
    with database.pool("test", size=1) as pool:
        with pool.connection() as connection:
            connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute("CREATE TABLE written (one int)")
        with pool.connection() as connection:
            assert connection.execute("SHOW transaction_isolation").fetchone() == {
                "transaction_isolation": "read committed"
            }
            connection.execute("CREATE TABLE written (one int)")
