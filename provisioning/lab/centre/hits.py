"""How long from a listed plate at its line to the operator: a box, the broker, the centre and a feed, in real time.

When each vehicle is at its line the traffic itself says, counted from the one that the box told soonest after it was
due: a box that falls behind is not excused by its own stamps.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from provisioning.lab.centre.gantry import approved, enrol, playing, render, render_empty, states, until
from provisioning.lab.cpu_steal import Stolen, verdict
from provisioning.lab.edge.traffic import Driven, Traffic
from provisioning.lab.local_site.observer import FeedObserver, percentile
from provisioning.lab.local_site.people import signed_in
from provisioning.lab.local_site.trusted import TrustedAggregator
from provisioning.lab.rows import Row
from shared.trust import client_context, read_root

BAR_S, _LEAST = 1.0, 0.97
_SEED = 7100


def measure(folder: Path, vehicles: int) -> Iterator[Row]:
    """Let vehicles drive by at the pace of the road, each of them on a list."""
    box = folder / "box"
    box.mkdir()
    plates, truth = render(_SEED, vehicles, folder / "road.mkv"), Traffic(_SEED, "day", vehicles).truth
    render_empty(folder / "empty.mkv")
    aggregator = TrustedAggregator(folder / "centre")
    aggregator.prepare()
    with ExitStack() as stack:
        stack.callback(aggregator.stop)
        aggregator.start()
        asks = stack.enter_context(signed_in(aggregator, "asks", "list-requester"))
        decides = stack.enter_context(signed_in(aggregator, "decides", "list-approver"))
        operator = stack.enter_context(signed_in(aggregator, "operator", "operator"))
        shown = {"headers": operator.headers, "verify": client_context(read_root(aggregator.root_path))}
        feed = FeedObserver(aggregator.url, shown, "list_hit")
        agent = playing(aggregator, box, [folder / "empty.mkv"], "empty", realtime=True)
        enrol(aggregator, box)
        stack.callback(lambda: agent.stop())  # noqa: PLW0108 - whichever there is then
        agent.start()
        until(lambda: bool(aggregator.http.get("/api/v1/checkpoints").json()), "the lanes are known")
        number = approved(asks, decides, plates)
        until(lambda: states(asks, f"/lists/{number}/boxes") == ["held"], "the box holds the list")
        agent.stop()
        agent = playing(aggregator, box, [folder / "road.mkv"], "road", realtime=True)
        stack.callback(feed.stop)
        feed.start()
        stolen = Stolen()
        agent.start()
        until(lambda: _has_ended(aggregator), "the clip has ended", 3600.0)
        time.sleep(5.0)  # what was told last is on its way
        part = stolen.part()
    waited_s = list(_waited(feed, truth).values())
    p50_s, p99_s, most_s = (percentile(waited_s, part) or 0.0 for part in (0.5, 0.99, 1.0))
    met = len(waited_s) >= _LEAST * vehicles and p99_s <= BAR_S
    yield {
        "what": f"{vehicles} listed vehicles, two lanes, as fast as they drive",
        "hits": f"{len(waited_s)} of {vehicles}",
        "p50_s": round(p50_s, 3),
        "p99_s": round(p99_s, 3),
        "most_s": round(most_s, 3),
        "bar": f"p99 <= {BAR_S:g} s, hits >= {_LEAST:.0%}",
        "verdict": verdict(met, part),
        "stolen": part,
    }


def _waited(feed: FeedObserver, truth: Sequence[Driven]) -> dict[int, float]:
    """By vehicle, seconds from when it was at its line until the operator knew."""
    stamped, received = dict[int, float](), dict[int, float]()
    for number, alert in feed.alerts.items():
        vehicle = int(alert["detail"]["entry"]) - 1
        stamped.setdefault(vehicle, datetime.fromisoformat(alert["first_at"]).timestamp())
        received.setdefault(vehicle, feed.received_s[number])
    begun_s = min((stamped[vehicle] - truth[vehicle].time_s for vehicle in stamped), default=0.0)
    return {vehicle: at_s - begun_s - truth[vehicle].time_s for vehicle, at_s in received.items()}


def _has_ended(aggregator: TrustedAggregator) -> bool:
    boxes = aggregator.http.get("/api/v1/boxes").raise_for_status().json()
    cameras = [camera for box in boxes if box["health"] for camera in box["health"]["cameras"]]
    return any(camera["state"] == "ended" for camera in cameras)
