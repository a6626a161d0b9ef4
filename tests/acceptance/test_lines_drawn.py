"""Lines are drawn at the centre on a camera's newest picture, tried on its last minute, sent, and obeyed by the box."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.site import Site, await_true
from tests.acceptance.test_configuration_sent import PATH, becomes, crossed, put, start, states

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]


def surveyed(site: Site, scene: dict[str, Any] | None = None) -> dict[str, Any]:
    body = {"camera": "fence", "scene": scene}
    asked = httpx.post(f"{site.url}/api/v1/boxes/test/box/surveys", json=body, timeout=10, trust_env=False)
    assert asked.status_code == 200, asked.text
    began = time.monotonic()
    def settled() -> dict[str, Any] | None:
        told = site.get(f"/api/v1/surveys/{asked.json()['number']}")
        return told if told["state"] != "waiting" else None
    found = await_true("the box answers", settled, 30)
    print("took", time.monotonic() - began)
    return found


def test_lines(site: Site) -> None:
    start(site)
    files = {"configuration.toml": '[[cameras]]\nname = "fence"\nscene = "scene-fence.toml"\n[cameras.source]\nkind = "synthetic"\nscene = "fence"\nseed = 3\n', "scene-fence.toml": ""}
    put(site, files, why="no lines yet")
    becomes(site, "kept")
    first = surveyed(site)
    print(first)
    jpeg = httpx.get(f"{site.url}/api/v1/surveys/{first['number']}/picture", trust_env=False)
    assert jpeg.status_code == 200, jpeg.text
    Path("/tmp/m/survey.jpg").write_bytes(jpeg.content)
    time.sleep(25)
    scene = {"tripwires": [{"name": "drawn", "points": [[0.0, 0.72], [1.0, 0.72]]}]}
    tried = surveyed(site, scene)
    print(tried)
    there = site.get(f"{PATH}/test/box/scenes")
    print(there)
    answer = httpx.put(f"{site.url}{PATH}/test/box/scenes/fence", json={"based_on": there[0]["number"], "scene": scene, "why": "drawn"}, timeout=10, trust_env=False)
    assert answer.status_code == 200, answer.text
    becomes(site, "kept")
    await_true("reports", lambda: crossed(site, "drawn"), 60)
    assert 0
