"""A site is accepted on the page: nothing that was not heard, open points with their reason, and a record to print."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.places import put_place
from aggregator.store.scope import EVERYWHERE
from shared.events import ConfigApplied, LineSpec
from tests.acceptance.pages import Browser, click, known, see, served, waiting
from tests.acceptance.test_pages_of_people import come_in, find
from tests.integration.conftest import connection, database, migrated, server_dsn  # noqa: F401 - fixtures
from tests.integration.house import POINTS, House, crossed, now_ms
from tests.integration.people import Centre

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]


@pytest.fixture
def house(database: Database, connection: Connection) -> House:
    with connection.transaction():
        put_place(connection, EVERYWHERE, "station")
        put_place(connection, EVERYWHERE, "north", above="station", title="北苑小区")
    house = House(database, connection, site="north")
    house.beat("a")
    lines = LineSpec(0, "东围墙", POINTS, "both", 1), LineSpec(0, "西围墙", POINTS, "both", 1)
    house.send(ConfigApplied(now_ms(), 1, ("gate",), lines))
    return house


@pytest.fixture
def centre(database: Database, house: House, tmp_path: Path) -> Iterator[Centre]:
    with served(database, tmp_path, known(tmp_path)) as url:
        yield Centre(url, tmp_path, database)


def test_what_was_heard_is_accepted_and_what_is_wrong_stays_open(
    centre: Centre, house: House, browser: Callable[[], Browser]
) -> None:
    centre.account("wu", "maintenance")
    page = browser()
    come_in(page, centre, "wu", "/acceptance")
    east, west = "[data-point=东围墙]", "[data-point=西围墙]"
    assert see(page, f"{east} [data-test=state]") == "未验收"
    assert "验收记录 北苑小区" in see(page, "[data-test=sheet]")
    accept = page.find_element(By.CSS_SELECTOR, f"{east} [data-test=accept]")
    assert not accept.is_enabled(), "it was not heard"
    house.send(crossed(1, 5))
    assert "刚有响应" in see(page, f"{east} [data-test=heard]")
    click(page, f"{east} [data-test=accept]")
    waiting(page).until(lambda b: see(b, f"{east} [data-test=state]") == "合格")
    click(page, f"{west} [data-test=refuse]")
    find(page, f"{west} [name=why]").send_keys("灯光太强")
    click(page, f"{west} form button[type=submit]")
    waiting(page).until(lambda b: see(b, f"{west} [data-test=state]") == "不合格")
    assert "灯光太强" in see(page, west)
    assert "2 项中合格 1 项" in see(page, "[data-test=done]")
    pdf = page.print_page()
    assert len(pdf) > 10_000, "the browser makes a PDF of it"
