"""Pictures that are on their way: what is not wanted is not read, and what is read has its bounds in memory."""

import asyncio
import contextlib
import hashlib
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from fastapi import HTTPException

from aggregator.api.bodies import MOST_BYTES, Bodies
from aggregator.store import Database, load_queries
from aggregator.store.database import Connection
from aggregator.store.pictures import MAX_BYTES

COUNTS = load_queries("aggregator.domains.lines", "counts.sql")
LONGEST = b"\xff\xd8\xff".ljust(MAX_BYTES, b".")


def announce(connection: Connection, agent: str, content: bytes, number: int = 1) -> str:
    """Have a box announce a picture; returns the address to bring it to."""
    digest = hashlib.sha256(content).digest()
    connection.execute("INSERT INTO evidence VALUES (%s, %s, now()) ON CONFLICT DO NOTHING", (digest, len(content)))
    box = "INSERT INTO producers (site, agent, epoch) VALUES ('s', %s, 1) ON CONFLICT DO NOTHING"
    connection.execute(box, (agent,))
    connection.execute(
        "INSERT INTO evidence_of (producer_id, lane, seq, sha256) SELECT id, 0, %s, %s FROM producers WHERE agent = %s",
        (number, digest, agent),
    )
    of = urlencode({"site": "s", "agent": agent, "epoch": 1, "lane": 0, "seq": number})
    return f"/api/v1/evidence/{digest.hex()}?{of}"


@contextlib.contextmanager
def bringing(client: httpx.Client, path: str, length: int, said: str = "") -> Iterator[socket.socket]:
    """A sender who says that so many bytes come, and brings ten."""
    place = urlsplit(str(client.base_url))
    with socket.create_connection((place.hostname or "", place.port or 0), 20) as end:
        head = f"PUT {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {length}\r\n{said}\r\n"
        end.sendall(head.encode() + LONGEST[:10])
        yield end


def test_what_is_not_wanted_is_answered_unread(client: httpx.Client, connection: Connection) -> None:
    path = announce(connection, "a", LONGEST)
    piece = LONGEST[:100_000]
    said = f"bytes 0-99999/{MAX_BYTES}"
    assert client.put(path, content=piece, headers={"content-range": said}).headers["upload-offset"] == "100000"
    for where, length, header, status in (
        (path.replace("seq=1", "seq=2"), MAX_BYTES, "", b"409"),
        (path, MAX_BYTES - 1, "", b"422"),
        (path, MAX_BYTES + 1, "", b"413"),
        (path, 100_000, f"content-range: {said}\r\n", b"202"),
        (path, 99, f"content-range: {said}\r\n", b"422"),
    ):
        with bringing(client, where, length, header) as end:
            assert end.recv(1000).split()[1] == status, (where, length, header)
    assert client.put(path, content=LONGEST).status_code == 204
    with bringing(client, path, MAX_BYTES) as end:
        assert end.recv(1000).split()[1] == b"204", "it is here"


def test_boxes_that_bring_long_pictures_fill_no_memory_and_hold_no_connection(
    client: httpx.Client, connection: Connection
) -> None:
    answers = []
    with contextlib.ExitStack() as stack:
        for number in range(MOST_BYTES // MAX_BYTES):
            path = announce(connection, f"slow-{number}", LONGEST)
            stack.enter_context(bringing(client, path, MAX_BYTES))
        for number in range(1, 100):  # until they have all come in
            content = LONGEST[:1000] + str(number).encode()
            short = announce(connection, "good", content, number)
            answers.append(client.put(short, content=content, timeout=30))
            if answers[-1].status_code != 204:
                break
            time.sleep(0.1)
        assert (answers[-1].status_code, answers[-1].headers["retry-after"]) == (503, "10")
        assert "at once" in answers[-1].json()["detail"]
        held = "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'hawkline api' AND state <> 'idle'"
        assert connection.execute(held).fetchone() == {"n": 0}
        assert client.get("/api/v1/boxes").status_code == 200
    assert client.put(short, content=content, timeout=30).status_code == 204


def test_one_sender_has_a_part_and_who_waits_gets_in_when_another_leaves() -> None:
    async def run() -> list[str]:
        bodies, told = Bodies(100, 40, wait_s=0.2), []

        async def bring(sender: str, size: int, for_s: float) -> None:
            try:
                async with bodies.room(sender, size):
                    await asyncio.sleep(for_s)
                    told.append(f"{sender} {size}")
            except HTTPException as error:
                told.append(f"{sender} {error.status_code}")

        await asyncio.gather(bring("a", 40, 0.5), bring("a", 1, 0), bring("b", 40, 0.1), bring("c", 40, 0))
        await asyncio.gather(bring("a", 40, 0), bring("b", 40, 0))
        return told

    assert asyncio.run(run()) == ["b 40", "c 40", "a 503", "a 40", "a 40", "b 40"]


def test_pictures_come_in_while_counts_are_packed(
    client: httpx.Client, connection: Connection, database: Database
) -> None:
    path = announce(connection, "a", LONGEST[:1000])
    with database.connect("test") as packing:
        packing.execute(COUNTS["one_packer"])
        assert client.put(path, content=LONGEST[:1000], timeout=3).status_code == 204


@pytest.mark.parametrize("chunked", [1, 1000, 1001])
def test_a_body_of_no_told_length_has_the_announced_one(
    client: httpx.Client, connection: Connection, chunked: int
) -> None:
    path = announce(connection, "a", LONGEST[:1000])
    answer = client.put(path, content=iter([LONGEST[:chunked]]))
    assert answer.status_code == {1: 422, 1000: 204, 1001: 413}[chunked]
