"""Lists and cordons as people use them on the page: one draws up or starts, another approves or confirms."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from aggregator.store import Database
from aggregator.store.database import Connection
from tests.acceptance.pages import Browser, click, known, see, served, waiting
from tests.acceptance.test_pages_of_people import choose, come_in, find
from tests.integration.conftest import connection, database, migrated, server_dsn  # noqa: F401 - fixtures
from tests.integration.people import Centre
from tests.integration.test_cordons import SITES, World

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]

SAID = {
    "title": "失窃货车",
    "purpose": "11 月 12 日盗窃案",
    "case_number": "2026-1187",
    "instructions": "不要拦截，通知值班长",
}


@pytest.fixture
def world(database: Database, connection: Connection, tmp_path: Path) -> Iterator[World]:
    connection.execute("INSERT INTO places (name, above, title) VALUES ('city', NULL, '全城')")
    for site in SITES:
        connection.execute("INSERT INTO places (name, above, title) VALUES (%s, 'city', '')", (site,))
    with served(database, tmp_path, known(tmp_path)) as url:
        yield World(Centre(url, tmp_path, database), connection)


@pytest.fixture
def person(world: World, browser: Callable[[], Browser]) -> Callable[..., Browser]:
    def come(name: str, *roles: str) -> Browser:
        world.centre.account(name, *roles)
        world.connection.execute("UPDATE grants SET waits = false")
        page = browser()
        come_in(page, world.centre, name, "/lists")
        return page

    return come


def write(page: Browser, form: str, **fields: str) -> None:
    for name, value in fields.items():
        find(page, f"{form} [name={name}]").send_keys(value)


def until(page: Browser, selector: str, said: str) -> None:
    waiting(page).until(lambda _: said in see(page, selector))


def test_one_draws_a_list_up_and_another_approves_it_and_sees_who_holds_it(
    world: World, person: Callable[..., Browser]
) -> None:
    li, wang = person("li", "list-requester"), person("wang", "list-approver")
    form = "[data-test=draw-list]"
    choose(li, f"{form} [data-test=place]", "全城")
    write(li, form, **SAID, plates="皖A12345\n苏B·99999")
    click(li, f"{form} button[type=submit]")
    assert "2 个车牌" in see(li, "[data-list='1'][data-state=draft]")
    click(li, "[data-list='1'] [data-test=submit]")
    see(li, "[data-list='1'][data-state=submitted]")
    assert li.find_elements(By.CSS_SELECTOR, "[data-test=approve]") == [], "nobody approves their own"
    wang.refresh()
    click(wang, "[data-list='1'] [data-test=approve]")
    assert "wang 审批" in see(wang, "[data-list='1'][data-state=approved]")
    world.turn()
    world.answer("north")
    click(wang, "[data-list='1'] [data-test=boxes]")
    until(wang, "[data-test=held]", "north / gate: 已布控")
    assert "south / gate: 尚未应答" in see(wang, "[data-test=held]")
    assert "皖A12345" not in wang.page_source
    click(wang, "[data-list='1'] [data-test=look]")
    write(wang, "[data-list='1'] [data-test=look]", why="核对车牌")
    click(wang, "[data-list='1'] [data-test=look] button[type=submit]")
    until(wang, "[data-test=plates]", "皖A12345")
    click(wang, "[data-list='1'] [data-test=take-back]")
    write(wang, "[data-list='1'] [data-test=take-back]", why="弄错了")
    click(wang, "[data-list='1'] [data-test=take-back] button[type=submit]")
    see(wang, "[data-list='1'][data-state=refused]")


def test_a_cordon_is_in_force_at_once_and_a_second_person_confirms_it(
    world: World, person: Callable[..., Browser]
) -> None:
    li, wang = person("li", "shift-leader"), person("wang", "list-approver")
    form = "[data-test=start-cordon]"
    choose(li, f"{form} [data-test=site]", "north")
    write(li, form, **SAID, plate="皖A12345")
    click(li, f"{form} button[type=submit]")
    one = "[data-cordon='1']"
    until(li, f"{one}[data-state=unconfirmed] [data-test=armed]", "已布控 0 / 3")
    world.turn()
    world.answer(*SITES)
    until(li, f"{one} [data-test=armed]", "已布控 3 / 3")
    assert li.find_elements(By.CSS_SELECTOR, "[data-test=confirm-cordon]") == []
    wang.get(f"{world.centre.url}/#/")
    click(wang, "[data-test=confirm-on-page]")
    click(wang, f"{one} [data-test=look]")
    write(wang, f"{one} [data-test=look]", why="核对车牌")
    click(wang, f"{one} [data-test=look] button[type=submit]")
    until(wang, "[data-test=plates]", "皖A12345")
    click(wang, f"{one} [data-test=confirm-cordon]")
    see(li, f"{one}[data-state=approved]")
    assert "皖A12345" not in li.page_source
    world.turn()
    world.hit("north", 1)
    li.get(f"{world.centre.url}/#/")
    click(li, "[data-test=cordon-off]")
    assert "命中的车牌" in see(li, "[data-test=of-hit]"), "of a hit nobody has to type the plate"
    write(li, form, **SAID)
    click(li, f"{form} button[type=submit]")
    see(li, "[data-cordon='2'][data-state=unconfirmed]")
    click(li, "[data-cordon='2'] [data-test=end-cordon]")
    write(li, "[data-cordon='2'] [data-test=end-cordon]", why="已找到")
    click(li, "[data-cordon='2'] [data-test=end-cordon] button[type=submit]")
    until(li, "[data-cordon='2'][data-state=lapsed]", "未确认")
