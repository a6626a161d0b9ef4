"""The ring of pictures: bounded in bytes and in days, and each picture on its way until the aggregator has it."""

import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.outbox.store import PictureRecord
from edge_agent.uplink.pictures import PictureRing, PictureWriter, Taken, Uploader
from shared.clock import ManualClock, to_ms
from shared.envelope import decode_event
from shared.events import EvidenceReady, Lane
from shared.topics import Address

DAY_S = 86400.0


@pytest.fixture
def ring(tmp_path: Path, outbox: Outbox, clock: ManualClock) -> PictureRing:
    return PictureRing(tmp_path / "pictures", outbox.file, clock, max_bytes=10_000)


def keep(ring: PictureRing, clock: ManualClock, sequence: int, content: bytes) -> bytes:
    digest = ring.put(content)
    ring.keep(PictureRecord(Lane.ALARM, sequence, 1, digest, len(content), to_ms(clock.now_s())))
    return digest


def test_ring_is_bounded_in_bytes(ring: PictureRing, clock: ManualClock) -> None:
    digests = []
    for n in range(300):
        clock.advance(1)
        digests.append(keep(ring, clock, n, bytes([n % 256]) * (999 + n)))
    there = [ring.path(digest).is_file() for digest in digests]
    assert there[-7:] == [True] * 7
    assert not any(there[:-10])


def test_no_picture_stays_longer_than_thirty_days_even_where_nothing_happens(
    ring: PictureRing, clock: ManualClock
) -> None:
    old = keep(ring, clock, 1, b"old")
    clock.advance(29 * DAY_S)
    young = keep(ring, clock, 2, b"young")
    ring.trim()
    assert ring.path(old).is_file()
    clock.advance(1.1 * DAY_S)
    ring.trim()
    assert not ring.path(old).exists()
    assert ring.path(young).is_file()


def test_picture_of_two_events_stays_for_the_second(ring: PictureRing, clock: ManualClock) -> None:
    digest = keep(ring, clock, 1, b"same")
    clock.advance(20 * DAY_S)
    keep(ring, clock, 2, b"same")
    clock.advance(15 * DAY_S)
    ring.trim()
    assert ring.path(digest).is_file()


def test_picture_is_announced_on_disk_before_it_is_offered(
    outbox: Outbox, ring: PictureRing, clock: ManualClock
) -> None:
    seen: list[list[object]] = []
    writer = PictureWriter(ring, outbox, lambda: seen.append(outbox.file.rows_after(Lane.BULK, 0, 10)))
    writer.add(Taken(7, b"jpeg", to_ms(clock.now_s())))
    writer.stop()
    writer.run()
    ((_, row),) = seen[0]  # type: ignore[misc]
    event = decode_event(row)
    assert isinstance(event, EvidenceReady)
    (waiting,) = outbox.file.pictures_waiting(10)
    assert (event.seq, event.sha256) == (waiting.sequence, waiting.sha256) == (7, waiting.sha256)


class Aggregator:
    """Answers each PUT with the next status and `Upload-Offset`; the last one for ever."""

    def __init__(self, *statuses: int, offsets: tuple[str, ...] = ("0",), retry_after: str = "") -> None:
        self.paths: list[str] = []
        self.ranges: list[str] = []
        aggregator = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                aggregator.paths.append(self.path)
                aggregator.ranges.append(self.headers["content-range"])
                self.send_response(statuses[min(len(aggregator.paths), len(statuses)) - 1])
                self.send_header("upload-offset", offsets[min(len(aggregator.paths), len(offsets)) - 1])
                self.send_header("content-length", "0")
                if retry_after:
                    self.send_header("retry-after", retry_after)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize(
    ("statuses", "rounds"),
    [((204,), 1), ((409, 409, 204), 3), ((500, 204), 2), ((422,), 1), ((413,), 1), ((404, 401, 429, 403, 204), 5)],
)
def test_picture_is_offered_until_it_is_taken_or_refused(
    statuses: tuple[int, ...], rounds: int, outbox: Outbox, ring: PictureRing, clock: ManualClock
) -> None:
    aggregator = Aggregator(*statuses)
    digest = keep(ring, clock, 7, b"jpeg")
    uploader = Uploader(ring, outbox.file, Address("s", "a"), aggregator.url)
    with httpx.Client() as client:
        for _ in range(rounds + 2):
            uploader._round(client)
    aggregator.close()
    assert aggregator.paths == [f"/api/v1/evidence/{digest.hex()}?site=s&agent=a&epoch=1&lane=0&seq=7"] * rounds
    assert outbox.file.count_pictures_waiting() == 0


@pytest.mark.parametrize("status", [204, 422])
def test_a_picture_of_a_hit_stays_on_the_card_no_longer_than_until_it_is_settled(
    status: int, outbox: Outbox, ring: PictureRing, clock: ManualClock
) -> None:
    writer = PictureWriter(ring, outbox, lambda: None)
    for number, (jpeg, passing) in enumerate([(b"a hit", True), (b"a line", False), (b"both", True), (b"both", False)]):
        writer.add(Taken(number, jpeg, to_ms(clock.now_s()), passing=passing))
    writer.stop()
    writer.run()
    there = sorted(ring.content(digest) for digest in outbox.file.pictures())
    assert there == [b"a hit", b"a line", b"both"]
    assert {ring.path(digest).stat().st_mode & 0o777 for digest in outbox.file.pictures()} == {0o600}
    aggregator = Aggregator(503, status)
    uploader = Uploader(ring, outbox.file, Address("s", "a"), aggregator.url)
    with httpx.Client() as client:
        uploader._round(client)
        assert len(outbox.file.pictures()) == 3 - (uploader.waiting < 3)
        while uploader.waiting:
            uploader._round(client)
    aggregator.close()
    assert [ring.content(digest) for digest in outbox.file.pictures()] == [b"a line"]
    assert [path.read_bytes() for path in ring.path(b"").parent.iterdir() if path.suffix == ".jpg"] == [b"a line"]


def test_a_picture_of_a_hit_that_was_settled_as_the_power_went_goes_at_the_next_start(
    outbox: Outbox, ring: PictureRing, clock: ManualClock
) -> None:
    digest = ring.put(b"a hit")
    ring.keep(PictureRecord(Lane.ALARM, 1, 1, digest, 5, to_ms(clock.now_s())), passing=True)
    outbox.file.change(lambda db: db.execute("UPDATE pictures SET uploaded = 1"))
    PictureRing(ring.path(b"").parent, outbox.file, clock, 10_000)
    assert not ring.path(digest).exists()


def pieces_of(
    aggregator: Aggregator, outbox: Outbox, ring: PictureRing, clock: ManualClock, size: int, kbit_s: int = 0
) -> list[str]:
    keep(ring, clock, 7, b"x" * size)
    uploader = Uploader(ring, outbox.file, Address("s", "a"), aggregator.url, kbit_s)
    with httpx.Client() as client:
        uploader._round(client)
    aggregator.close()
    return aggregator.ranges


def test_a_picture_goes_in_pieces_from_where_the_aggregator_has_it(
    outbox: Outbox, ring: PictureRing, clock: ManualClock
) -> None:
    ring = PictureRing(ring.path(b"").parent, outbox.file, clock, 10**6)
    aggregator = Aggregator(202, 202, 204, offsets=("65536", "131072"))
    assert pieces_of(aggregator, outbox, ring, clock, 140_000) == [
        "bytes 0-65535/140000",
        "bytes 65536-131071/140000",
        "bytes 131072-139999/140000",
    ]
    assert outbox.file.count_pictures_waiting() == 0


@pytest.mark.parametrize(
    ("offsets", "sent"),
    [
        (("70000",), ["0-65535", "70000-99999"]),  # an earlier life brought so much
        (("0",), ["0-65535"]),  # nothing was taken: later
        (("65536", "0", "0"), ["0-65535", "65536-99999", "0-65535"]),  # the aggregator has lost it
        (("999999",), ["0-65535"]),
        (("nonsense",), ["0-65535"]),
    ],
)
def test_answers_that_make_no_sense_lose_no_picture(
    offsets: tuple[str, ...], sent: list[str], outbox: Outbox, ring: PictureRing, clock: ManualClock
) -> None:
    ring = PictureRing(ring.path(b"").parent, outbox.file, clock, 10**6)
    aggregator = Aggregator(202, offsets=offsets)
    assert pieces_of(aggregator, outbox, ring, clock, 100_000) == [f"bytes {one}/100000" for one in sent]
    assert outbox.file.count_pictures_waiting() == 1


def test_a_wrong_beginning_that_somebody_else_left_costs_no_picture(
    outbox: Outbox, ring: PictureRing, clock: ManualClock
) -> None:
    ring = PictureRing(ring.path(b"").parent, outbox.file, clock, 10**6)
    aggregator = Aggregator(202, 422, 202, 204, offsets=("70000", "", "65536"))
    keep(ring, clock, 7, b"x" * 100_000)
    uploader = Uploader(ring, outbox.file, Address("s", "a"), aggregator.url)
    with httpx.Client() as client:
        assert uploader._round(client), "refused, but not for what this box has sent"
        assert outbox.file.count_pictures_waiting() == 1
        assert not uploader._round(client)
    aggregator.close()
    assert outbox.file.count_pictures_waiting() == 0


def test_a_newer_picture_does_not_wait_for_a_round(outbox: Outbox, ring: PictureRing, clock: ManualClock) -> None:
    aggregator = Aggregator(204)
    for n in range(1, 11):
        clock.advance(1)
        keep(ring, clock, n, b"%d" % n)
    uploader = Uploader(ring, outbox.file, Address("s", "a"), aggregator.url)
    uploader.stir()
    with httpx.Client() as client:
        uploader._round(client)
    aggregator.close()
    assert len(aggregator.paths) == 1


def test_pictures_keep_to_their_rate(outbox: Outbox, ring: PictureRing, clock: ManualClock) -> None:
    aggregator = Aggregator(204)
    began_s = time.monotonic()
    pieces_of(aggregator, outbox, ring, clock, 5_000, kbit_s=100)
    assert time.monotonic() - began_s >= 0.39


def test_picture_that_fails_does_not_starve_the_others(outbox: Outbox, ring: PictureRing, clock: ManualClock) -> None:
    aggregator = Aggregator(409)
    for n in range(1, 41):
        clock.advance(1)
        keep(ring, clock, n, b"%d" % n)
    uploader = Uploader(ring, outbox.file, Address("s", "a"), aggregator.url)
    with httpx.Client() as client:
        uploader._round(client)
        uploader._round(client)
    aggregator.close()
    assert len({path.rsplit("=", 1)[1] for path in aggregator.paths}) == 40


@pytest.mark.parametrize("status", [429, 503])
def test_an_aggregator_that_wants_none_for_a_while_is_left_alone(
    status: int, outbox: Outbox, ring: PictureRing, clock: ManualClock
) -> None:
    """All twenty of a round went to it, and again at every new one, while it had asked for an hour."""
    aggregator = Aggregator(status, 204, retry_after="3")
    for n in range(1, 6):
        clock.advance(1)
        keep(ring, clock, n, b"%d" % n)
    uploader = Uploader(ring, outbox.file, Address("s", "a"), aggregator.url)
    begun_s = time.monotonic()
    runner = Thread(target=uploader.run)
    runner.start()
    uploader.stir()
    while not aggregator.paths:
        time.sleep(0.01)
    while time.monotonic() - begun_s < 1.5:
        uploader.stir()
        time.sleep(0.05)
    asked = len(aggregator.paths)
    while outbox.file.count_pictures_waiting():
        time.sleep(0.01)
    uploader.stop()
    runner.join()
    aggregator.close()
    assert (asked, len(aggregator.paths)) == (1, 6)


def test_files_without_an_entry_do_not_outlive_a_restart(
    tmp_path: Path, outbox: Outbox, ring: PictureRing, clock: ManualClock
) -> None:
    entered = keep(ring, clock, 1, b"entered")
    forgotten = ring.put(b"crashed before it was entered")
    (tmp_path / "pictures" / "torn.part").write_bytes(b"half")
    again = PictureRing(tmp_path / "pictures", outbox.file, clock, max_bytes=10_000)
    assert again.path(entered).is_file()
    assert not again.path(forgotten).exists()
    assert not (tmp_path / "pictures" / "torn.part").exists()
