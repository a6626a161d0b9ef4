"""Operators who all press the key at the same moment, for `hawkline bench fanout`: in a process of their own."""

import asyncio
import json
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass

from provisioning.lab.local_site.observer import percentile

_BODY = b"{}"
_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Deeds:
    """What shall be done.

    Attributes:
        port: of the API on loopback.
        at_once: acknowledgements that are sent at the same moment, each on a connection of its own.
        rounds: how often, a second apart.
    """

    port: int
    at_once: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: times from sending to the whole answer, and how many were not answered with 200."""

    acknowledged: int
    refused: int
    p50_ms: float
    p99_ms: float
    most_ms: float


async def act(deeds: Deeds) -> Done:
    """Acknowledge open alerts, round by round.

    Raises:
        ConnectionError: fewer alerts are open than are needed.
    """
    numbers = await asyncio.to_thread(_open_alerts, deeds)
    waited_ms, refused = list[float](), 0
    for _ in range(deeds.rounds):
        taken = [numbers.pop() for _ in range(deeds.at_once)]
        streams = [await asyncio.open_connection("127.0.0.1", deeds.port) for _ in taken]
        for number, status, took_ms in await asyncio.gather(
            *(_acknowledge(*stream, number) for stream, number in zip(streams, taken, strict=True))
        ):
            waited_ms.append(took_ms)
            if status != 200:
                refused += 1
                sys.stderr.write(f"alert {number}: answered with {status}\n")
        await asyncio.sleep(_PAUSE_S)
    p50, p99, most = (round(percentile(waited_ms, part) or 0.0, 1) for part in (0.5, 0.99, 1.0))
    return Done(len(waited_ms) - refused, refused, p50, p99, most)


def _open_alerts(deeds: Deeds) -> list[int]:
    wanted, found = deeds.at_once * deeds.rounds, list[int]()
    before = ""
    while len(found) < wanted:
        url = f"http://127.0.0.1:{deeds.port}/api/v1/alerts?open=true&limit=500{before}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            page = json.load(answer)
        found += [alert["id"] for alert in page["alerts"] if alert["acknowledged_at"] is None]
        if page["next_before"] is None:
            break
        before = f"&before={page['next_before']}"
    if len(found) < wanted:
        raise ConnectionError(f"{wanted} open alerts are needed, there are {len(found)}: let the bench run longer")
    return found


async def _acknowledge(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
) -> tuple[int, int, float]:
    """Number of the alert, status of the answer, and milliseconds until all of it was there."""
    began_s = time.perf_counter()
    writer.write(
        b"POST /api/v1/alerts/%d/acknowledge HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (number, len(_BODY), _BODY)
    )
    answer = await reader.read(-1)
    took_ms = (time.perf_counter() - began_s) * 1000
    writer.close()
    return number, int(answer.split(b" ", 2)[1]) if answer else 0, took_ms


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(asyncio.run(act(Deeds(**json.loads(sys.argv[1])))))) + "\n")
