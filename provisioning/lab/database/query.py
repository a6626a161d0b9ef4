"""How long questions to a filled record take, over HTTP, until the last byte."""

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx

from aggregator.store.database import Database
from provisioning.lab.database.fill import Size, compress, fill
from provisioning.lab.database.server import api_of, bench_server
from shared.errors import UnavailableError

Row = dict[str, Any]
_ROUNDS = 5
_YEARS = 20
_STATION_MS, _YEAR_MS = 50.0, 300.0
# What a program that knows nothing of windows would ask: the newest of some boxes, whatever the plan.
_PLAIN = """
SELECT e.* FROM events e JOIN producers p ON p.id = e.producer_id
WHERE p.site IN (SELECT name FROM places WHERE above = %(station)s) ORDER BY e.event_at DESC LIMIT 100
"""


def measure(size: Size, dsn: str | None, told: Callable[[str], None]) -> Iterator[Row]:
    """Fill a database of its own, ask warm, restart it, ask again.

    Args:
        dsn: of a server; None starts an embedded one.
        told: hears about progress.

    Yields:
        Rows of a table.
    """
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="hawkline-bench-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        with bench_server(folder / "database", dsn) as server:
            version = server.version()
            told(f"{version}: {size.events:,} events of {size.days} days …")
            began_s = time.monotonic()
            fill(server.database, size, now, told)
            told(f"filled in {time.monotonic() - began_s:.0f} s")
            yield _on_disk(server.database, size, now, version)
            with api_of(server, folder / "api") as client:
                _ask(client, server.database, size, now, "")  # the first round finds nothing warm
                yield from _ask(client, server.database, size, now, "warm")
                if server.restarts:
                    server.restart()
                    yield from _ask(client, server.database, size, now, "after a restart of PostgreSQL", rounds=1)


def _ask(
    client: httpx.Client, database: Database, size: Size, now: datetime, state: str, rounds: int = _ROUNDS
) -> list[Row]:
    stations = size.stations * rounds
    random.Random(1).shuffle(stations)
    year = {"since": (now - timedelta(days=365)).isoformat(), "until": now.isoformat(), "step": "quarter"}
    week = {"since": (now - timedelta(days=7)).isoformat(), "step": "day", "zone": "Asia/Shanghai"}
    line = {"site": "site-0", "agent": "box-3", "line": "line-2"}
    years = _YEARS if rounds > 1 else 3
    return [
        _row("newest 100 of a station", state, [_get(client, "events", place=name) for name in stations], _STATION_MS),
        _row(
            "a year of quarter-hours of the busiest 100 lines",
            state,
            [_get(client, "counts/series", **year, busiest=100) for _ in range(years)],
            _YEAR_MS,
        ),
        _row("newest 100 of a line", state, [_get(client, "events", **line) for _ in range(rounds)]),
        _row("alarms of a district", state, [_get(client, "events", place="district-0", priority=2)]),
        _row("a week of a station by day", state, [_get(client, "counts", place=name, **week) for name in stations]),
        _row("peer: newest 100 of a station, plain SQL", state, [_plain(database, name) for name in size.stations]),
    ]


def _get(client: httpx.Client, path: str, **asked: Any) -> float:
    """Milliseconds until the last byte, which is not looked at: a client that parses would be measured too."""
    url = client.build_request("GET", f"/api/v1/{path}", params=asked).url
    connection = HTTPConnection(url.host, url.port or 80, timeout=60)
    try:
        began_s = time.perf_counter()
        connection.request("GET", url.raw_path.decode())
        answer = connection.getresponse()
        body = answer.read()
        took_ms = 1000 * (time.perf_counter() - began_s)
    finally:
        connection.close()
    if answer.status != 200:
        raise UnavailableError(f"{url}: {answer.status} {body[:300]!r}")
    return took_ms


def _plain(database: Database, station: str) -> float:
    with database.connect("bench peer", autocommit=True) as connection:
        began_s = time.perf_counter()
        connection.execute(_PLAIN, {"station": station}).fetchall()
        return 1000 * (time.perf_counter() - began_s)


def _row(question: str, state: str, took_ms: list[float], bar_ms: float | None = None) -> Row:
    p50, p95 = (quantiles(took_ms, n=20, method="inclusive")[at] for at in (9, 18)) if len(took_ms) > 1 else took_ms * 2
    met = None if bar_ms is None else "met" if p95 <= bar_ms else "missed"
    return {
        "question": question,
        "state": state,
        "asked": len(took_ms),
        "p50": f"{p50:.1f} ms",
        "p95": f"{p95:.1f} ms",
        "most": f"{max(took_ms):.1f} ms",
        "bar": "" if bar_ms is None else f"p95 <= {bar_ms:g} ms",
        "verdict": met or "",
    }


def _on_disk(database: Database, size: Size, now: datetime, version: str) -> Row:
    before, after = compress(database, now)
    compressed = f"{after / size.events:.1f}" if after < before else "not measured"
    return {
        "question": f"bytes an event: {before / size.events:.1f}; compressed: {compressed}",
        "state": version,
        "asked": size.events,
        **dict.fromkeys(("p50", "p95", "most", "bar", "verdict"), ""),
    }
