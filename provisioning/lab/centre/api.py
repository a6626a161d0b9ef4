"""How long questions of pages and programs take, of whom all is theirs, a city, or a district of ten."""

import asyncio
import random
import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any, cast

import httpx

from aggregator.config import load_aggregator_settings
from aggregator.embedded.database_access import opened
from aggregator.people import grants, keys
from aggregator.people.grants import Holder
from aggregator.people.principal import Principal
from aggregator.store import Database
from aggregator.store.scope import EVERYWHERE
from provisioning.lab.cpu_steal import Stolen
from provisioning.lab.local_site.observer import percentile
from provisioning.lab.local_site.trusted import TrustedAggregator
from shared.errors import UnavailableError
from shared.output import say
from shared.trust import client_context, read_root

SCOPES = {"everywhere": None, "city": "city", "a district of ten": "district-0"}
_ROLES = "operator", "administrator"
_QUESTIONS: tuple[Callable[[random.Random], str], ...] = (
    lambda _: "/api/v1/alerts?limit=100",
    lambda _: "/api/v1/alerts?open=true&limit=200",
    lambda _: "/api/v1/alerts/77",
    lambda dice: f"/api/v1/boxes?site={_village(dice)}",
    lambda _: "/api/v1/sensors",
    lambda dice: f"/api/v1/events?place={_village(dice)}&limit=50",
    lambda _: "/api/v1/availability?place=station-0",
    lambda _: "/api/v1/gaps",
    lambda _: "/api/v1/maintenance",
    lambda dice: "/api/v1/places" if dice.random() < 0.1 else "/api/v1/me",
)


def measure(folder: Path, rate: float, seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Fill a centre with a district, and ask it in turn as each of those.

    Args:
        rate: questions a second, in an open loop.
        seconds: of each turn.
        rounds: turns of each.

    Raises:
        UnavailableError: the centre is not there, or does not answer.
    """
    aggregator = TrustedAggregator(folder)
    aggregator.prepare()
    try:
        aggregator.start()
        with opened(load_aggregator_settings(aggregator.config), aggregator.config) as database:
            say("6,000 sites in four levels, 1,100 boxes, 20,000 alerts …")
            asked_with = _filled(database)
        tls = client_context(read_root(aggregator.root_path))
        stolen, took = Stolen(), {name: list[tuple[float, float]]() for name in SCOPES}
        for number in range(rounds + 1):
            say(f"round {number} of {rounds} …")
            for name in SCOPES if number % 2 else reversed(SCOPES):
                figures = asyncio.run(_ask(aggregator.url, tls, asked_with[name], rate, seconds))
                if number:  # the first one warms up
                    took[name].append(figures)
        return [_row(name, took, rate, stolen.part()) for name in SCOPES]
    finally:
        aggregator.stop()


def _row(name: str, took: dict[str, list[tuple[float, float]]], rate: float, stolen: float) -> dict[str, Any]:
    of_all = [own[1] / everything[1] for own, everything in zip(took[name], took["everywhere"], strict=True)]
    return {
        "asks": name,
        "asked_per_s": rate,
        "p50_ms": round(median(own[0] for own in took[name]), 1),
        "p99_ms": round(median(own[1] for own in took[name]), 1),
        "p99_of_everywhere": round(median(of_all), 2),
        "stolen": stolen,
    }


def _filled(database: Database) -> dict[str, str]:
    """Fill the database; returns a key for each scope."""
    text = resources.files(__package__).joinpath("district.sql").read_text("utf-8")
    founder, made = Principal("laboratory", EVERYWHERE), dict[str, str]()
    with database.connect("bench") as connection:
        connection.execute(cast("Any", text))
        for name, place in SCOPES.items():
            key_name = place or "everywhere"
            made[name] = keys.add(connection, founder, key_name, timedelta(days=1))
            for role in _ROLES:
                grants.give(connection, founder, Holder(key=key_name), role, place)
    with database.connect("bench", autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return made


async def _ask(url: str, tls: ssl.SSLContext, key: str, rate: float, seconds: float) -> tuple[float, float]:
    """Ask in an open loop; returns p50 and p99 from the moment that each was due, in ms."""
    dice, took_ms = random.Random(5), list[float]()
    headers, limits = {"authorization": f"Bearer {key}"}, httpx.Limits(max_connections=50)

    async with httpx.AsyncClient(
        base_url=url, headers=headers, verify=tls, timeout=30, trust_env=False, limits=limits
    ) as client:

        async def one(path: str, due_s: float) -> None:
            answer = await client.get(path)
            took_ms.append((time.perf_counter() - due_s) * 1000)
            if answer.status_code not in (200, 404):
                raise UnavailableError(f"{path} was answered with {answer.status_code}: {answer.text[:200]}")

        begun_s, waiting = time.perf_counter(), list[asyncio.Task[None]]()
        for number in range(int(seconds * rate)):
            due_s = begun_s + number / rate
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            waiting.append(asyncio.create_task(one(dice.choice(_QUESTIONS)(dice), due_s)))
        await asyncio.gather(*waiting)
    return percentile(took_ms, 0.5) or 0.0, percentile(took_ms, 0.99) or 0.0


def _village(dice: random.Random) -> str:
    """One of the district that has boxes."""
    return f"village-{dice.randrange(100) * 10}"
