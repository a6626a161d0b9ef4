"""A line is disarmed from the centre and armed again; an order waits for a box that is away; a zone alerts."""

import httpx
import pytest

from tests.acceptance.site import Site, await_true

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]

SITE = "test"
SCENE = """
[[tripwires]]
name = "fence"
points = [[0.0, 0.72], [1.0, 0.72]]

[[zones]]
name = "yard"
points = [[0.0, 0.6], [1.0, 0.6], [1.0, 0.95], [0.0, 0.95]]
dwell_s = 0.5
"""


def order(site: Site, name: str, armed: bool | None) -> httpx.Response:
    body = {"camera": "fence", "name": name, "armed": armed}
    return httpx.put(f"{site.url}/api/v1/boxes/{SITE}/box/arming", json=body, timeout=10, trust_env=False)


def obeyed(site: Site) -> int:
    boxes = site.get("/api/v1/boxes")
    told = (boxes[0]["health"] or {}).get("sections", []) if boxes else []
    return next((int(section["version"]) for section in told if section["name"] == "arming"), 0)


def test_armed_and_disarmed_from_the_centre(site: Site) -> None:
    site.start_aggregator()
    agent = site.add_agent("box", {"fence": (SCENE, 'kind = "synthetic"\nscene = "fence"\nseed = 3')})
    agent.start()

    def kinds() -> dict[str, int]:
        alerts = site.get("/api/v1/alerts?limit=200")["alerts"]
        return {kind: sum(alert["condition"] == kind for alert in alerts) for kind in ("tripwire", "intrusion")}

    await_true("an alert of the line and one of the zone", lambda: all(kinds().values()), 60)
    answer = order(site, "no such line", False)
    assert answer.status_code == 404
    assert "fence/fence, fence/yard" in answer.json()["detail"]

    assert order(site, "fence", False).json()["armed"] is False
    first = await_true("the box obeys", lambda: obeyed(site), 40)
    before = kinds()
    await_true("the zone goes on", lambda: kinds()["intrusion"] > before["intrusion"] + 1, 60)
    assert kinds()["tripwire"] == before["tripwire"], "disarmed, and still it raised an alert"

    agent.stop()
    assert order(site, "fence", None).status_code == 200
    agent.start()
    await_true("the box hears it when it is back", lambda: obeyed(site) > first, 60)
    await_true("the line raises alerts again", lambda: kinds()["tripwire"] > before["tripwire"], 60)
    listed = site.get(f"/api/v1/boxes/{SITE}/box/arming")
    assert [(entry["name"], entry["armed"], entry["changed_by"]) for entry in listed] == [
        ("fence", None, "this machine")
    ]
