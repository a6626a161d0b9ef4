"""Sensors and partitions as people use them on the page: what is not armed comes first, and is armed from there."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from aggregator.store import Database
from aggregator.store.database import Connection
from shared.clock import to_ms
from shared.events import Event, PartitionChanged, PartitionState, SensorChanged, SensorState
from tests.acceptance.pages import Browser, click, known, see, served, waiting
from tests.acceptance.test_pages_of_people import choose, come_in, find, gone
from tests.integration.conftest import connection, database, migrated, server_dsn  # noqa: F401 - fixtures
from tests.integration.house import House
from tests.integration.people import Centre

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]


class World:
    """A centre, and one box that this test is."""

    def __init__(self, centre: Centre, house: House, connection: Connection) -> None:
        self.centre, self._house, self.connection = centre, house, connection

    def tell(self, *events: Event) -> None:
        self._house.send(*events, agent="box")

    def sensor(self, name: str, state: SensorState, what: str = "door", detail: str = "", low: bool = False) -> None:
        self.tell(SensorChanged(to_ms(time.time()), name, what, state, 2, detail, low))

    def partition(self, state: PartitionState, hinders: tuple[str, ...] = (), order: int = 0) -> None:
        wanted, at_ms = bool(hinders), to_ms(time.time())
        self.tell(
            PartitionChanged(at_ms, "house", state, "schedule", hinders, "", wanted, order, 3, 5 if wanted else 0)
        )

    def orders(self) -> list[dict[str, Any]]:
        rows = self.connection.execute(
            "SELECT number, partition, deed, without, deeds, ordered_by FROM partition_orders ORDER BY slot"
        )
        return [dict(row) for row in rows]


@pytest.fixture
def world(database: Database, connection: Connection, tmp_path: Path) -> Iterator[World]:
    house = House(database, connection, site="north")
    house.beat("box")
    with served(database, tmp_path, known(tmp_path)) as url:
        world = World(Centre(url, tmp_path, database), house, connection)
        world.sensor("front door", SensorState.NORMAL)
        world.sensor("窗", SensorState.ALARM, "window", "open")
        world.sensor("hall", SensorState.NORMAL, "infrared", low=True)
        world.sensor("output/siren", SensorState.NORMAL, "output")
        world.partition(PartitionState.DISARMED, ("窗",))
        yield world


def state(page: Browser, selector: str, said: str) -> None:
    waiting(page).until(lambda _: said in see(page, f"{selector} [data-test=state]"))


def test_a_shift_leader_arms_bypasses_and_tests(world: World, browser: Callable[[], Browser]) -> None:
    world.centre.account("li", "shift-leader")
    page = browser()
    come_in(page, world.centre, "li", "/sensors")
    state(page, "[data-partition=house]", "应布防而未布防")
    assert see(page, "[data-partition=house] [data-test=hinders]") == "妨碍布防：窗"
    rows = page.find_elements(By.CSS_SELECTOR, "[data-sensor]")
    names = [row.get_attribute("data-sensor") for row in rows]
    assert set(names[:2]) == {"hall", "窗"}, "what is troubled comes first"
    state(page, "[data-sensor=窗]", "报警")

    click(page, "[data-partition=house] [data-test=without]")
    see(page, "[data-partition=house] [data-test=waits]")
    (order,) = world.orders()
    assert (order["deed"], order["without"], order["ordered_by"], order["deeds"]) == ("night", ["窗"], "li", 3)
    world.sensor("窗", SensorState.BYPASSED, "window")
    world.partition(PartitionState.ARMED_AWAY, order=order["number"])
    state(page, "[data-partition=house]", "已布防")
    gone(page, "[data-partition=house] [data-test=waits]")

    click(page, "[data-partition=house] [data-test=deed-disarm]")
    find(page, "[data-partition=house] [name=why]").send_keys("保洁")
    click(page, "[data-partition=house] form button[type=submit]")
    waiting(page).until(lambda _: world.orders()[0]["deed"] == "disarm")
    row = world.connection.execute("SELECT why FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    assert row
    assert row["why"] == "保洁"

    world.sensor("窗", SensorState.ALARM, "window")
    state(page, "[data-sensor=窗]", "报警")
    click(page, "[data-sensor=窗] [data-test=bypass]")
    choose(page, "[data-sensor=窗] [data-test=way]", "到时间")
    find(page, "[data-sensor=窗] [name=reason]").send_keys("玻璃破了")
    click(page, "[data-sensor=窗] form button[type=submit]")
    said = see(page, "[data-sensor=窗] [data-test=bypassed]")
    assert "li 旁路：玻璃破了" in said
    assert "设备还没有执行" in said
    world.sensor("窗", SensorState.BYPASSED, "window")
    waiting(page).until(lambda _: "还没有执行" not in see(page, "[data-sensor=窗] [data-test=bypassed]"))
    click(page, "[data-sensor=窗] [data-test=end-bypass]")
    gone(page, "[data-sensor=窗] [data-test=bypassed]")

    click(page, "[data-sensor='output/siren'] [data-test=try]")
    waiting(page).until(lambda _: ("siren", "test") in {(o["partition"], o["deed"]) for o in world.orders()})
    click(page, "[data-test=only-troubled]")
    gone(page, "[data-sensor='front door']")


def test_an_operator_sees_and_does_not_arm_and_a_silent_box_is_not_known(
    world: World, browser: Callable[[], Browser]
) -> None:
    world.centre.account("wang", "operator")
    page = browser()
    come_in(page, world.centre, "wang", "/sensors")
    state(page, "[data-sensor='front door']", "正常")
    assert not page.find_elements(By.CSS_SELECTOR, "[data-test^=deed-], [data-test=bypass], [data-test=try]")
    find(page, "[name=find]").send_keys("窗")
    gone(page, "[data-sensor='front door']")
    find(page, "[name=find]").clear()
    world.connection.execute("UPDATE agents SET state = 'silent'")
    state(page, "[data-sensor=窗]", "情况不明")
