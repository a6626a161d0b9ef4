"""Kinds of alerts as an operator sees them and a receiver of webhooks hears them: each by its own name, and over."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from selenium.webdriver.common.by import By

from aggregator.alerting.alerts import Publishing
from aggregator.config import WebhookSettings
from aggregator.domains.webhooks.sender import WebhookSender
from aggregator.store import Database
from shared.clock import SystemClock
from shared.events import CameraState, SensorChanged, SensorState
from tests.acceptance.pages import Browser, served, waiting
from tests.integration.conftest import connection, database, migrated, server_dsn  # noqa: F401 - fixtures
from tests.integration.house import House, camera, now_ms
from tests.integration.test_webhooks import Receiver

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]

SEEN = {
    "camera_blind": "摄像机无画面",
    "box_silent": "设备失联",
    "clock_wrong": "时钟不准",
    "sensor_tamper": "探测器被拆动",
    "certificate_ends": "证书即将到期",
}
CERTIFICATE = (
    "INSERT INTO devices (site, agent, serial, key, enrolled_at, renewed_at, expires_at)"
    " VALUES ('s', 'a', '1', '', now(), now(), now() + interval '3 days')"
)


def sensor(state: SensorState) -> SensorChanged:
    return SensorChanged(now_ms(), "fence 3", "infrared", state, 2, "cover")


def test_each_kind_is_an_alert_of_its_own_and_is_over(
    database: Database,
    connection,
    tmp_path: Path,
    browser: Callable[[], Browser],  # type: ignore[no-untyped-def]
) -> None:
    receiver = Receiver(204)
    webhook = WebhookSettings("desk", receiver.url, "s" * 32, ("raised", "ended"))
    house = House(database, connection, Publishing([webhook]))
    sender = WebhookSender(webhook, SystemClock())
    with served(database, tmp_path) as url:
        page = browser()
        page.get(url)
        house.send(camera(CameraState.STALLED), sensor(SensorState.TAMPER))
        house.beat(agent="b", state="silent")
        house.beat(health='{"at_ms": 1}')
        connection.execute(CERTIFICATE)
        house.look()
        house.wait(60)
        told = {row[0] for row in house.alerts()}
        assert told == set(SEEN)
        waiting(page, 30).until(lambda b: len(b.find_elements(By.CSS_SELECTOR, ".card")) == len(SEEN))
        words = [each.text for each in page.find_elements(By.CSS_SELECTOR, "[data-test=condition]")]
        assert sorted(words) == sorted(SEEN.values())
        body = page.find_element(By.TAG_NAME, "body").text
        for said in ("gate", "视频中断", "why", "fence 3", "s / b", "时钟慢", "有效期至"):
            assert said in body

        house.send(camera(CameraState.WATCHING), sensor(SensorState.NORMAL))
        house.beat(agent="b")
        house.beat()
        connection.execute("UPDATE devices SET expires_at = now() + interval '90 days'")
        house.look()
        house.wait(120)
        over = {row[0]: row[-1] for row in house.alerts()}
        assert over == dict.fromkeys(("clock_wrong", "certificate_ends"), "cleared") | dict.fromkeys(
            ("camera_blind", "box_silent", "sensor_tamper"), "ended"
        ), "those for maintenance clear themselves, the others wait for an operator"
        waiting(page, 30).until(lambda b: len(b.find_elements(By.CSS_SELECTOR, "[data-state=cleared]")) == 2)
        for button in page.find_elements(By.CSS_SELECTOR, "[data-test=acknowledge]"):
            button.click()
        waiting(page, 30).until(lambda b: len(b.find_elements(By.CSS_SELECTOR, "[data-state=cleared]")) == 5)
    with database.connect("mail", autocommit=True) as own, httpx.Client(trust_env=False) as client:
        while sender.deliver_one(own, client):
            pass
    receiver.close()
    heard = [(found["change"], found["alert"]["condition"]) for found in map(json.loads, receiver.bodies)]
    assert sorted(heard) == sorted((change, kind) for change in ("raised", "ended") for kind in SEEN)
