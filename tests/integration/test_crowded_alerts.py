"""An alert with very many members and pictures is told as quickly, and at the same length, as one with a few."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from aggregator.alerting import alerts
from aggregator.alerting.alerts import Publishing
from aggregator.people.principal import Principal
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.migrate import migrate
from aggregator.store.scope import EVERYWHERE
from tests.integration.test_api import JPEG, OF, SHA256, follow, raise_alerts  # noqa: F401 - a fixture

LI = Principal("li", EVERYWHERE)

FEW, MANY = 10, 20_000
ALERT = """
INSERT INTO alerts (key, kind, priority, producer_id, revision, line, direction, first_at, last_at, confirmed_at,
                    members)
SELECT 'k', 'tripwire', 1, id, 1, 0, '', now(), now(), now(), %s FROM producers RETURNING id
"""


def fill(connection: Connection, members: int) -> int:
    """An alert whose every member has a picture, as versions before left it; returns its number."""
    connection.execute("INSERT INTO producers (site, agent, epoch) VALUES ('s', 'a', 1) ON CONFLICT DO NOTHING")
    row = connection.execute(ALERT.encode(), (members,)).fetchone()
    assert row
    number = int(row["id"])
    values = {"alert": number, "members": members}
    for statement in (
        "INSERT INTO alert_members SELECT p.id, 0, %(alert)s * 1000000 + n, %(alert)s, '2026-01-01Z'::timestamptz"
        " + n * interval '1 s', 'line_crossed' FROM producers p, generate_series(1, %(members)s) n",
        "INSERT INTO evidence (sha256, size, taken_at, stored_at) SELECT sha256(int8send(seq)), 10, event_at, now()"
        " FROM alert_members WHERE alert_id = %(alert)s",
        "INSERT INTO evidence_of SELECT producer_id, lane, seq, sha256(int8send(seq)), now() FROM alert_members"
        " WHERE alert_id = %(alert)s",
    ):
        connection.execute(statement.encode(), values)
    return number


def blocks(connection: Connection, number: int) -> int:
    """How many blocks are looked at when an alert is told."""
    explained = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + alerts.SQL["alerts_of"]
    row = connection.execute(explained.encode(), {"alert_ids": [number]}, prepare=False).fetchone()
    assert row
    plan = row["QUERY PLAN"][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.fixture
def database(empty_database: Database, request: pytest.FixtureRequest) -> Database:
    """With our schema, except where a test begins with that of an earlier version."""
    if "crowded" not in request.fixturenames:
        migrate(empty_database)
    return empty_database


@pytest.fixture
def crowded(database: Database) -> tuple[int, int]:
    """An alert with few members and one with many, from before pictures were counted."""
    migrate(database, to=19)
    with database.connect("test", autocommit=True) as connection:
        found = fill(connection, FEW), fill(connection, MANY)
    migrate(database)
    return found


def test_the_cost_and_the_length_of_telling_do_not_grow(
    crowded: tuple[int, int], connection: Connection, database: Database
) -> None:
    for analysed in (False, True):
        if analysed:
            connection.execute("ANALYZE")
        few, many = (blocks(connection, number) for number in crowded)
        assert many <= few + 20, f"{few} blocks with {FEW} members, {many} with {MANY}"
    with database.connect("test") as own:
        told = [alerts.acknowledge(own, LI, number, Publishing()) for number in crowded]
    assert [alert.members for alert in told] == [FEW, MANY]
    assert [alert.pictures for alert in told] == [FEW, MANY]
    assert [len(alert.evidence) for alert in told] == [FEW, 20]
    first, *newest = told[1].evidence
    in_order = [hashlib.sha256((crowded[1] * 1_000_000 + n).to_bytes(8, "big")).hexdigest() for n in range(1, MANY + 1)]
    assert (first, newest) == (in_order[0], in_order[-19:])
    lengths = [len(row["message"]) for row in connection.execute("SELECT message FROM feed ORDER BY id")]
    assert lengths[1] < 2 * lengths[0] + 1000


def pages(client: httpx.Client, path: str, name: str, limit: int) -> list[Any]:
    """All pages of a list."""
    found, after = [], {}
    while True:
        page = client.get(path, params={"limit": limit, **after}).json()
        assert len(page[name]) <= limit
        found += page[name]
        if page["next"] is None:
            return found
        after = {"after": page["next"]}


def test_nothing_is_lost_all_are_there_page_by_page(crowded: tuple[int, int], client: httpx.Client) -> None:
    path = f"/api/v1/alerts/{crowded[1]}"
    members = pages(client, f"{path}/members", "members", 900)
    assert [member["number"] - crowded[1] * 1_000_000 for member in members] == list(range(1, MANY + 1))
    assert {(member["site"], member["agent"], member["epoch"], member["lane"]) for member in members} == {
        ("s", "a", 1, "alarm")
    }
    assert members[0]["reason"] == "line_crossed"
    assert datetime.fromisoformat(members[1]["at"]) - datetime.fromisoformat(members[0]["at"]) == timedelta(seconds=1)
    pictures = pages(client, f"{path}/pictures", "pictures", 900)
    assert len({picture["sha256"] for picture in pictures}) == MANY
    assert pictures == sorted(pictures, key=lambda picture: picture["taken_at"])
    few = f"/api/v1/alerts/{crowded[0]}"
    assert len(pages(client, f"{few}/members", "members", 5)) == FEW, "a full last page has an empty one behind it"
    for part in ("members", "pictures"):
        assert client.get(f"/api/v1/alerts/999/{part}").status_code == 404
        assert client.get(f"{path}/{part}", params={"after": "0" * 64}).status_code == 422


def test_a_picture_counts_once_whether_it_comes_before_its_alert_or_behind_it(
    client: httpx.Client,
    raise_alerts: Any,
    connection: Connection,
) -> None:
    raise_alerts(1, picture_of_first=True)
    assert client.get("/api/v1/alerts/1").json()["pictures"] == 0
    for _ in range(2):
        assert client.put(f"/api/v1/evidence/{SHA256}", params=OF, content=JPEG).status_code == 204
    assert client.get("/api/v1/alerts/1").json()["pictures"] == 1
    # The same one of another crossing of the same track, which was brought before alerting took the crossing.
    connection.execute("UPDATE evidence_of SET seq = 3")
    raise_alerts(1)
    alert = client.get("/api/v1/alerts/1").json()
    assert (alert["members"], alert["pictures"], alert["evidence"]) == (2, 1, [SHA256])
    connection.execute("DELETE FROM alert_pictures")
    connection.execute("UPDATE alerts SET pictures = 0")
    connection.execute("UPDATE evidence_of SET seq = 4")
    raise_alerts(1)
    alert = client.get("/api/v1/alerts/1").json()
    assert (alert["members"], alert["pictures"], alert["evidence"]) == (3, 1, [SHA256])
    told = [message["alert"]["pictures"] for _, _, message in follow(client, 4, **{"last-event-id": "0"})]
    assert told == [0, 1, 1, 1]
