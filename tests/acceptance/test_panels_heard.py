"""An alarm panel reports to a real box: it rings at the centre, and what was acknowledged survives a kill behind it."""

import socket
import time
from datetime import UTC, datetime

import pytest

from edge_agent.inputs.dc09 import message as dc09
from edge_agent.inputs.dc09.message import Message
from shared.net import pick_free_port
from tests.acceptance.site import Site, await_true

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]
KEY = b"0123456789abcdef"
PANELS = """
[panels]
host = "127.0.0.1"
port = {port}

[[panels.accounts]]
name = "shop"
account = "1234"
key_file = "shop.key"
poll_s = 1

[[panels.accounts.zones]]
zone = "5"
name = "back-door"
what = "door"
priority = 1
"""


def reports(port: int, number: int, content: str, identifier: str = "ADM-CID") -> bytes:
    """What a panel is answered."""
    now = datetime.now(UTC).replace(microsecond=0)
    message = Message(identifier, f"{number:04d}", "0", "0", "1234", content, (), now, encrypted=True)
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(dc09.encode(message, KEY, bytes(16)))
        frame, _ = dc09.next_frame(connection.recv(2000))
    assert frame
    return dc09.parse(frame, KEY).identifier.encode()


def test_a_panel_rings_and_nothing_that_it_was_told_is_kept_is_lost(site: Site) -> None:
    site.start_aggregator()
    port = pick_free_port()
    agent = site.add_agent("box", {"fence": ("", 'kind = "synthetic"\nscene = "fence"\nseed = 3')})
    with site.config("box").open("a") as config:
        config.write(PANELS.format(port=port))
    (site.folder / "shop.key").write_bytes(KEY)
    agent.start()
    await_true("panels are heard", lambda: "panels are heard" in agent.log.read_text(errors="replace"), 60)
    assert reports(port, 1, "", "NULL") == b"ACK"
    assert reports(port, 2, "1130 01 005") == b"ACK"
    (alert,) = await_true("it rings", lambda: [a for a in alerts(site) if a["condition"] == "sensor_alarm"])
    assert (alert["name"], alert["priority"], alert["detail"]["what"]) == ("shop/back-door", 1, "door")

    # The centre is away, and the box dies right behind the acknowledgement.
    site.aggregator.kill()
    assert reports(port, 3, "1120 01 007") == b"ACK"
    agent.kill()
    site.aggregator.start()
    site.await_ready()
    agent.start()
    await_true("it comes all the same", lambda: "panic" in {a["condition"] for a in alerts(site)}, 90)

    began_s = time.monotonic()
    await_true("it does not poll any more", lambda: "sensor_silent" in {a["condition"] for a in alerts(site)}, 90)
    assert time.monotonic() - began_s < 90
    assert reports(port, 4, "", "NULL") == b"ACK"
    await_true("it is there again", lambda: state_of(site, "shop") == "normal")
    told = {row["sensor"]: row["state"] for row in site.get("/api/v1/sensors")}
    assert told["shop/zone 7"] == "alarm"
    assert KEY.decode() not in agent.log.read_text(errors="replace")


def alerts(site: Site) -> list[dict[str, object]]:
    found: list[dict[str, object]] = site.get("/api/v1/alerts")["alerts"]
    return found


def state_of(site: Site, sensor: str) -> str:
    return str(next((row["state"] for row in site.get("/api/v1/sensors") if row["sensor"] == sensor), ""))
