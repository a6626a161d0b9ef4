"""What is wrong with a box that is online: told by the API, and where it cannot be counted on, not covered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from aggregator.domains.boxes.heartbeat_receiver import HeartbeatReceiver
from aggregator.store import Database
from aggregator.store.database import Connection
from shared.clock import to_ms
from shared.envelope import encode_message
from shared.events import BoxState, CameraHealth, Health
from shared.mqtt import Message

A, B = (7, 1), (9, 1)


class Centre:
    """Births and heartbeats of the box north/g1, as the presence worker hears them."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self.database, self.connection = database, connection
        self.worker = HeartbeatReceiver(database, ("127.0.0.1", 1))

    def born(self, life: tuple[int, int], at: datetime, *, retained: bool = False) -> None:
        birth = encode_message(BoxState(life[1], alive=True, epoch=life[0]))
        self.worker._note(self.connection, Message("hl/1/north/g1/state", birth, retained, at.timestamp()))

    def beat(self, life: tuple[int, int], at: datetime, **more: Any) -> None:
        cameras = (CameraHealth("gate", "watching"),)
        health = encode_message(Health(to_ms(at.timestamp()), life[1], 1.0, life[0], cameras, **more))
        self.worker._note(self.connection, Message("hl/1/north/g1/up/health", health, False, at.timestamp()))

    def covered_ms(self) -> int:
        return sum(sum(pieces.values()) for pieces in self.worker._coverage.take().values())


def troubles(client: httpx.Client) -> list[str]:
    (box,) = client.get("/api/v1/boxes").json()
    found: list[str] = box["troubles"]
    return found


def test_two_boxes_of_one_name_are_told_and_not_covered(
    client: httpx.Client, database: Database, connection: Connection
) -> None:
    centre, now = Centre(database, connection), datetime.now(UTC)
    begin = now - timedelta(minutes=20)
    for life, minute in ((A, 0), (B, 1), (A, 2)):
        centre.born(life, begin + timedelta(minutes=minute), retained=True)
    for n in range(4):
        centre.beat(A, begin + timedelta(minutes=2, seconds=30 * n))
    assert centre.covered_ms() == 2 * 90_000, "what a broker kept says nothing about now"
    assert troubles(client) == []

    for n in range(6):
        centre.born((A, B)[n % 2], now - timedelta(seconds=60 - 8 * n))
    assert troubles(client) == ["two_lives"]
    for n in range(4):
        centre.beat(B, now + timedelta(seconds=30 * n))
    assert centre.covered_ms() == 0

    again = Centre(database, connection)
    again.worker._remember(connection)
    for n in range(4):
        again.beat(B, now + timedelta(seconds=120 + 30 * n))
    assert again.covered_ms() == 0, "who looks after it next knows of it"

    connection.execute("UPDATE agents SET doubled_at = now() - interval '11 minutes'")
    assert troubles(client) == []


def test_a_box_that_was_started_anew_is_one(client: httpx.Client, database: Database, connection: Connection) -> None:
    centre, now = Centre(database, connection), datetime.now(UTC)
    for n in range(6):
        centre.born((7, n), now - timedelta(seconds=60 - 8 * n))
        centre.beat((7, n), now - timedelta(seconds=58 - 8 * n))
    assert troubles(client) == []


def test_a_card_that_refuses_is_told_and_its_cameras_stay_covered(
    client: httpx.Client, database: Database, connection: Connection
) -> None:
    centre, now = Centre(database, connection), datetime.now(UTC)
    centre.born(A, now)
    for n in range(3):
        at = now + timedelta(seconds=30 * n)
        centre.beat(A, at, outbox="the card refuses writes: input/output error", outbox_since_ms=1, disk_full=True)
    assert troubles(client) == ["card_refuses", "disk_full"]
    assert centre.covered_ms() == 2 * 60_000, "what they see arrives"
