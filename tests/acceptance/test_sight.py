"""A camera that is covered is an alarm with both pictures; a view that moved is right once a person confirms it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from tests.acceptance.pages import Browser, waiting
from tests.acceptance.site import Site, await_true

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(420)]

SCENE = """
[[tripwires]]
name = "fence"
priority = 2
points = [[0.0, 0.72], [1.0, 0.72]]
"""
LEARNT_S, SEEN_S = 75, 60


def hawkline(site: Site, *command: str) -> subprocess.CompletedProcess[str]:
    told = {**os.environ, "HAWKLINE_URL": site.url}
    return subprocess.run(
        [sys.executable, "-m", "shared", *command], env=told, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_covered_camera_is_an_alarm_of_its_line_and_a_moved_one_is_confirmed(
    site: Site, browser: Callable[[], Browser]
) -> None:
    trouble = site.folder / "trouble"
    source = f'kind = "synthetic"\nscene = "fence"\nseed = 3\ntrouble = "{trouble}"'
    site.start_aggregator()
    site.add_agent("box", {"fence": (SCENE, source)}).start()
    page = browser()
    page.get(site.url)

    def camera() -> dict[str, Any]:
        boxes = site.get("/api/v1/boxes")
        return boxes[0]["health"]["cameras"][0] if boxes and boxes[0]["health"] else {}

    def alert() -> dict[str, Any] | None:
        found = site.get("/api/v1/alerts?limit=200")["alerts"]
        return next((each for each in found if each["condition"] == "sight_covered"), None)

    site_name = await_true("a box", lambda: site.get("/api/v1/boxes"))[0]["site"]
    await_true("the camera's view is known", lambda: camera().get("sight") == "clear", LEARNT_S + 30)
    tried = hawkline(site, "line", "test", site_name, "box", "fence", "fence", "--for", "60s", "-o", "json")
    assert tried.returncode == 0, tried.stderr
    heard = json.loads(tried.stdout)
    assert heard["heard"] == "line_crossed"
    assert heard["after_s"] < 20, heard  # within two seconds where nothing else keeps the machine busy
    assert heard["rings"] == "with priority 2"
    assert hawkline(site, "coverage", "now").returncode == 0, "every line is confirmed"

    trouble.write_text("covered")
    began_s = time.monotonic()
    raised = await_true("an alert", alert, SEEN_S)
    await_true("a picture of before and one of now", lambda: (alert() or {}).get("pictures") == 2, SEEN_S)
    assert time.monotonic() - began_s < SEEN_S
    assert raised["priority"] == 2, "of the armed line"
    assert camera()["state"] == "blind"

    waiting(page, 20).until(
        lambda b: "镜头被遮挡" in [each.text for each in b.find_elements(By.CSS_SELECTOR, "[data-test=condition]")]
    )
    unconfirmed = waiting(page, 20).until(
        lambda b: b.find_elements(By.CSS_SELECTOR, "[data-test=unconfirmed] [data-line=fence]")
    )[0]
    assert "镜头被遮挡" in unconfirmed.text
    assert "没有其他摄像机看得到" in unconfirmed.text
    told = hawkline(site, "coverage", "now", "-o", "csv")
    assert told.returncode == 1, "no camera stands in for it"
    assert "sight_covered" in told.stdout
    untold = hawkline(site, "line", "test", site_name, "box", "fence", "fence", "--for", "1s")
    assert untold.returncode == 1
    assert "it cannot be confirmed: sight_covered" in untold.stderr
    assert len(page.find_elements(By.CSS_SELECTOR, ".card[data-state=new] .picture img")) >= 2, "before and now"
    trouble.write_text("moved")  # it sees again, and something else
    await_true("the view has moved", lambda: camera().get("sight") == "moved", SEEN_S)
    assert camera()["state"] == "impaired", "its lines go on ringing"
    button = waiting(page, 60).until(lambda b: b.find_elements(By.CSS_SELECTOR, "[data-test=confirm-view]"))[0]
    page.execute_script("arguments[0].click()", button)
    await_true("the box learns the new view", lambda: camera().get("sight") == "clear", 60)
    assert camera()["state"] == "watching"
    await_true("the cover is over", lambda: (alert() or {"ended_at": 1})["ended_at"], 150)
    await_true("its line is confirmed", lambda: not site.get("/api/v1/coverage/now")["unconfirmed"])
    waiting(page, 20).until(lambda b: not b.find_elements(By.CSS_SELECTOR, "[data-test=unconfirmed]"))
