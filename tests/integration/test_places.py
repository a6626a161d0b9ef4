"""The tree of places, and questions about what lies below a place."""

import csv
import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from aggregator.store import Database
from aggregator.store.database import Connection
from provisioning.lab.database.fill import Size, fill


def hawkline(client: httpx.Client, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shared", *more, "--url", str(client.base_url)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def put(client: httpx.Client, name: str, above: str | None = None) -> httpx.Response:
    return client.put(f"/api/v1/places/{name}", json={"above": above})


def test_a_question_about_a_place_is_about_all_sites_below_it(client: httpx.Client, database: Database) -> None:
    size = Size(events=4000, days=40, boxes=100)
    fill(database, size, datetime.now(UTC), lambda _: None)
    since = (datetime.now(UTC) - timedelta(days=60)).isoformat()
    for place, sites in (
        ("city", {f"site-{n}" for n in range(10)}),
        ("district-0", {f"site-{n}" for n in range(10)}),
        ("station-1", {"site-3", "site-4", "site-5"}),
        ("site-9", {"site-9"}),
    ):
        found, after = [], None
        while True:
            page = client.get(
                "/api/v1/events", params={"place": place, "limit": 1000, **({"after": after} if after else {})}
            )
            found += page.json()["events"]
            after = page.json()["next"]
            if after is None:
                break
        assert {event["site"] for event in found} == sites
        rows = client.get(
            "/api/v1/counts", params={"place": place, "since": since, "step": "month", "limit": 10_000}
        ).json()
        assert sum(row["crossings"] for row in rows) == len(found)
        if place == "city":
            assert len(found) == size.events
            assert {event["lane"] for event in found} == {"alarm", "bulk"}
            assert all(event["kind"] == "line_crossed" for event in found)
            detail = {(event["line"], event["detail"]["direction"]) for event in found}
            assert len(detail) == 12
    lanes = client.get("/api/v1/producers").json()
    assert all(lane["contiguous"] == lane["stored"] == lane["distinct_stored"] for lane in lanes)
    assert client.get("/api/v1/events", params={"place": "station-1", "site": "site-0"}).json()["events"] == []
    empty = client.get("/api/v1/counts", params={"place": "station-1", "site": "site-0"})
    assert empty.json() == []


def test_the_tree_stays_a_tree(client: httpx.Client, connection: Connection) -> None:
    connection.execute(
        "INSERT INTO agents (site, agent, last_seen_at) VALUES ('west', 'a', now()), ('west', 'b', now())"
    )
    assert put(client, "city").status_code == 204
    assert put(client, "east", "city").status_code == 204
    assert put(client, "village", "east").status_code == 204
    assert client.get("/api/v1/places").json() == [
        {"name": "city", "above": None, "title": "", "boxes": 0},
        {"name": "east", "above": "city", "title": "", "boxes": 0},
        {"name": "village", "above": "east", "title": "", "boxes": 0},
        {"name": "west", "above": None, "title": "", "boxes": 2},
    ]
    for name, above, words in (
        ("city", "village", "lies within 'city'"),
        ("city", "city", "'city' lies within itself"),
        ("north", "nowhere", "'nowhere' does not exist: add it first"),
    ):
        refused = put(client, name, above)
        assert refused.status_code == 409
        assert words in refused.text
    assert put(client, "Big City").status_code == 422
    assert client.put("/api/v1/places/north", json={"abvoe": "city"}).status_code == 422
    refused = client.delete("/api/v1/places/east")
    assert refused.status_code == 409
    assert "'village' and what else" in refused.text
    assert client.delete("/api/v1/places/nowhere").status_code == 404
    connection.execute("INSERT INTO agents (site, agent, last_seen_at) VALUES ('village', 'a', now())")
    boxes = {place["name"]: place["boxes"] for place in client.get("/api/v1/places").json()}
    assert boxes == {"city": 1, "east": 1, "village": 1, "west": 2}
    assert put(client, "village", "city").status_code == 204
    assert client.delete("/api/v1/places/east").status_code == 204
    assert client.get("/api/v1/events", params={"place": "east"}).status_code == 422
    assert client.get("/api/v1/events", params={"place": "west"}).json() == {"events": [], "next": None}


def test_a_planner_imports_a_district(client: httpx.Client, tmp_path: Path) -> None:
    file = tmp_path / "places.csv"
    file.write_text(
        "\ufeffname,above,title\nchaohu,,巢湖\nstation-3,chaohu,三所\nnorth,station-3,北村\n", encoding="utf-8"
    )
    done = hawkline(client, "place", "import", str(file))
    assert (done.returncode, done.stderr.strip()) == (0, "places: 3")
    assert hawkline(client, "place", "put", "south", "--in", "station-3", "--title", "南村").returncode == 0
    listed = hawkline(client, "place", "list", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(listed.stdout)))
    assert [(row["name"], row["above"], row["title"]) for row in rows] == [
        ("chaohu", "", "巢湖"),
        ("station-3", "chaohu", "三所"),
        ("north", "station-3", "北村"),
        ("south", "station-3", "南村"),
    ]
    assert hawkline(client, "place", "put", "south", "--in", "chaohu").returncode == 0
    assert hawkline(client, "place", "put", "south", "--title", "新南村").returncode == 0

    def south() -> dict[str, object]:
        found: dict[str, object] = next(row for row in client.get("/api/v1/places").json() if row["name"] == "south")
        return found

    assert (south()["above"], south()["title"]) == ("chaohu", "新南村"), "what is not given stays"
    assert hawkline(client, "place", "put", "south", "--top").returncode == 0
    assert (south()["above"], south()["title"]) == (None, "新南村")
    assert (
        "a place lies in one or in nothing"
        in hawkline(client, "place", "put", "south", "--top", "--in", "chaohu").stderr
    )
    assert hawkline(client, "events", "--place", "chaohu", "-o", "json").stdout == ""
    assert hawkline(client, "place", "remove", "north").returncode == 0
    assert len(json.loads(client.get("/api/v1/places").text)) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,parent\nx,y\n", "line 1: expected the columns name,above,title"),
        ("name,above,title\nnorth,,a,b\n", "line 2: expected 3 columns"),
        ("name,above,title\nnorth\n", "line 2: expected 3 columns"),
        ("name,above,title\n北村,,\n", "line 2: name '北村': expected 1 to 32"),
        ("name,above,title\nnorth,,\nsouth,nowhere,\n", "line 3: place 'nowhere' does not exist"),
        ("name,above,title\nnorth,a b,\n", "line 2: above 'a b'"),
        ("name,above,title\nnorth,,\nnorth,,x\n", "line 3: 'north' stands in a line before"),
        ("name,above,title\n", "no rows below the first line"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_by_its_line(
    client: httpx.Client, tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "places.csv"
    file.write_text(text, encoding="utf-8")
    done = hawkline(client, "place", "import", str(file))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "does not exist" in hawkline(client, "events", "--place", "nowhere").stderr


def test_other_files_are_told_too(client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "gbk.csv").write_bytes("name,above,title\nnorth,,北村\n".encode("gbk"))
    assert "UTF-8" in hawkline(client, "place", "import", str(tmp_path / "gbk.csv")).stderr
    assert "No such file" in hawkline(client, "place", "import", str(tmp_path / "none.csv")).stderr
