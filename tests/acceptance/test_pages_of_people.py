"""Accounts, roles, keys, sessions, shifts and the audit as people use them; no page tells of what is not theirs."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyotp
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from aggregator.api.session import COOKIE
from aggregator.people import second_step
from aggregator.store import Database
from aggregator.store.places import put_place
from aggregator.store.scope import EVERYWHERE
from tests.acceptance.pages import Browser, click, known, press, see, served, waiting
from tests.integration.conftest import connection, database, migrated, server_dsn  # noqa: F401 - fixtures
from tests.integration.people import EVERYTHING, PASSWORD, Centre, rows
from tests.integration.test_api import raise_alerts  # noqa: F401 - a fixture
from tests.integration.test_scope import FOREIGN, OWN, World, foreign_words, named, world  # noqa: F401 - a fixture

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]


def find(page: Browser, selector: str) -> WebElement:
    return waiting(page).until(lambda b: b.find_elements(By.CSS_SELECTOR, selector))[0]


def gone(page: Browser, selector: str) -> None:
    waiting(page).until_not(lambda b: b.find_elements(By.CSS_SELECTOR, selector))


def fill(page: Browser, form: str, **fields: str) -> None:
    """Write into a form, and send it."""
    for name, value in fields.items():
        find(page, f"{form} input[name={name}]").send_keys(Keys.CONTROL + "a" + Keys.NULL, value)
    click(page, f"{form} button[type=submit]")


def choose(page: Browser, selector: str, label: str) -> None:
    """Choose from a list."""
    click(page, f"{selector} .n-base-selection")
    option = f"//div[contains(@class, 'n-base-select-option')][contains(., '{label}')]"
    click(page, option, By.XPATH)


def come_in(page: Browser, centre: Centre, account: str, path: str = "/") -> None:
    cookie = {"name": COOKIE, "value": centre.cookie(account), "url": centre.url, "path": "/", "secure": True}
    page.execute_cdp_cmd("Network.setCookie", {**cookie, "httpOnly": True})
    page.get("about:blank")  # from a page of ours only what stands behind # would change, and nothing be loaded
    page.get(f"{centre.url}/#{path}")
    assert see(page, "[data-test=me]") == account


def test_an_administrator_makes_people_roles_and_keys(
    database: Database, tmp_path: Path, browser: Callable[[], Browser]
) -> None:
    with database.connect("test") as connection:
        put_place(connection, EVERYWHERE, "north")
    with served(database, tmp_path, known(tmp_path)) as url:
        centre, page = Centre(url, tmp_path, database), browser()
        centre.account("zhao", "administrator")
        centre.account("qian", "administrator")
        page.get(f"{url}/sign-in")
        come_in(page, centre, "zhao", "/people")
        fill(page, "[data-test=add-account]", name="wang", title="王芳", password=PASSWORD)
        choose(page, "[data-account=wang] [data-test=role]", "值班员")
        fill(page, "[data-account=wang] [data-test=give]", place="north")
        assert "north" in see(page, "[data-account=wang] [data-role=operator]")
        fill(page, "[data-account=wang] [data-test=give]", place="nowhere")
        waiting(page).until(lambda b: "does not exist" in see(b, ".n-message"))
        choose(page, "[data-account=wang] [data-test=role]", "名单审批人")
        find(page, "[data-account=wang] input[name=place]").send_keys(Keys.CONTROL + "a" + Keys.NULL, Keys.BACKSPACE)
        click(page, "[data-account=wang] [data-test=give] button")
        assert "待另一名管理员确认" in see(page, "[data-account=wang] [data-role=list-approver]")
        page.get(f"{url}/#/roles")
        click(page, "tr[data-role=operator] [data-test=second-step]")
        see(page, "tr[data-role=operator] .n-switch--active")
        page.get(f"{url}/#/keys")
        choose(page, "[data-test=add-key]", "审计员")
        fill(page, "[data-test=add-key]", name="reports")
        key = see(page, "[data-test=key]")
        with centre.client(key) as program:
            assert program.get("/api/v1/audit").status_code == 200
        page.get(f"{url}/#/audit")
        see(page, "[data-entry]")
        fill(page, "form", what="POST /api/v1/keys")
        waiting(page).until(lambda b: len(b.find_elements(By.CSS_SELECTOR, "[data-entry]")) == 1)
        assert key not in page.page_source
        assert PASSWORD not in page.page_source
        centre.cookie("qian")
        page.get(f"{url}/#/sessions")
        click(page, "[data-account=qian] [data-test=end]")
        gone(page, "[data-account=qian]")
        come_in(page, centre, "qian", "/people")
        click(page, "[data-account=wang] [data-test=confirm]")
        gone(page, "[data-account=wang] [data-test=confirm]")


def test_a_person_sets_up_a_phone_and_signs_in_with_it(
    database: Database, tmp_path: Path, browser: Callable[[], Browser]
) -> None:
    with served(database, tmp_path, known(tmp_path)) as url:
        centre, page = Centre(url, tmp_path, database), browser()
        centre.account("zhao", "administrator")
        centre.account("li", "operator")
        page.get(f"{url}/sign-in")
        come_in(page, centre, "li", "/account")
        panel = "[data-test=second-step]"
        fill(page, f"{panel} form", password=PASSWORD)
        phone = pyotp.TOTP(see(page, f"{panel} [data-test=secret]"))
        fill(page, f"{panel} form", code=phone.now())
        codes = see(page, "[data-test=recovery-codes]").split()
        assert len(codes) == second_step.RECOVERY_CODES
        see(page, f"{panel}[data-set-up=true]")
        click(page, "[data-test=sign-out]")

        def sign_in() -> None:
            see(page, "#password")
            for name, value in (("name", "li"), ("password", PASSWORD)):
                page.find_element(By.ID, name).send_keys(value)
            page.find_element(By.TAG_NAME, "button").click()

        def enter(code: str) -> None:
            find(page, "#code").send_keys(code, Keys.ENTER)

        sign_in()
        enter(codes[0])
        assert see(page, "[data-test=me]") == "li"
        click(page, "[data-test=sign-out]")
        sign_in()
        enter(codes[0])
        waiting(page).until(lambda b: "used before" in b.find_element(By.CSS_SELECTOR, "[role=alert]").text)
        enter(phone.at(int(time.time()) + second_step.STEP_S))  # the one of this half minute has been taken
        assert see(page, "[data-test=me]") == "li"


def test_a_shift_is_handed_over_on_the_page_and_an_auditor_has_his_own(
    database: Database, tmp_path: Path, browser: Callable[[], Browser]
) -> None:
    with database.connect("test") as connection:
        put_place(connection, EVERYWHERE, "north")
        connection.execute("INSERT INTO posts (name, title, place) VALUES ('desk', '北区值班室', 'north')")
    with served(database, tmp_path, known(tmp_path)) as url:
        centre, page = Centre(url, tmp_path, database), browser()
        centre.account("li", "operator@north")
        centre.account("sun", "auditor")
        page.get(f"{url}/sign-in")
        come_in(page, centre, "li", "/shift")
        assert "无人在岗" in see(page, "[data-post=desk] [data-test=nobody]")
        click(page, "[data-post=desk] [data-test=sign-on]")
        assert "li" in see(page, "[data-post=desk] [data-test=on]")
        find(page, "[data-post=desk] textarea").send_keys("东门灯坏了")
        click(page, "[data-post=desk] [data-test=hand-over]")
        assert "东门灯坏了" in see(page, "[data-post=desk] [data-test=handed-over]")
        come_in(page, centre, "sun")
        see(page, "[data-account=li]")  # the first of what they may see
        assert not page.find_elements(By.CSS_SELECTOR, "[data-test=disconnected], [data-test=link]")
        assert not page.find_elements(By.CSS_SELECTOR, "[data-test=add-account]")


def test_who_looks_back_is_asked_once_and_has_seen_what_he_opened(
    world: World,
    browser: Callable[[], Browser],
) -> None:
    database, folder, number = world.centre.database, world.centre.folder, world.alerts[OWN]
    with database.connect("test") as connection:
        connection.execute("UPDATE alerts SET cleared_at = now() - interval '1 hour', verdict = 'true'")

    def seen() -> int:
        return len(rows(database, "SELECT number FROM audit WHERE what = 'picture seen'"))

    with served(database, folder, known(folder)) as url:
        centre, page = replace(world.centre, url=url), browser()
        centre.account("li", f"operator@{named(OWN, 'place')}")
        page.get(f"{url}/sign-in")
        come_in(page, centre, "li")
        click(page, f"[data-alert='{number}'] [data-test=look-back]")
        fill(page, "[data-test=purpose]", purpose="案件 2026-7：盗窃")
        find(page, f"[data-enlarged='{number}'] img")
        waiting(page).until(lambda _: seen() == 1)
        press(page, Keys.ESCAPE)
        see(page, f"[data-alert='{number}'] [data-test=look-back]")
        time.sleep(1)
        assert seen() == 1, "what a list passes by nobody has looked at"
        click(page, f"[data-alert='{number}'] [data-test=look-back]")
        find(page, f"[data-enlarged='{number}'] img")
        press(page, Keys.ESCAPE)
        click(page, "[data-test=open-case]")
        gone(page, "[data-test=open-case]")
        click(page, f"[data-alert='{number}'] [data-test=look-back]")
        see(page, "[data-test=purpose]")


def test_no_page_tells_of_what_is_not_theirs(world: World, browser: Callable[[], Browser]) -> None:
    """Every page that the console has, as somebody of one station who may do everything there."""
    database, folder = world.centre.database, world.centre.folder
    with served(database, folder, known(folder)) as url:
        centre, page = replace(world.centre, url=url), browser()
        centre.account("li", *(f"{role}@{named(OWN, 'place')}" for role in EVERYTHING))
        centre.account("far", f"operator@{named(FOREIGN, 'place')}")
        page.get(f"{url}/sign-in")
        come_in(page, centre, "li")
        see(page, f"[data-alert='{world.alerts[OWN]}']")
        paths = page.execute_script("return [...document.querySelectorAll('nav a')].map((a) => a.getAttribute('href'))")
        assert {"#/", "#/boxes", "#/shift"} <= set(paths)
        loaded = "return performance.getEntriesByType('resource').every((each) => each.responseEnd)"
        for path in (*paths, "#/account", "#/people", "#/roles", "#/keys", "#/sessions", "#/audit"):
            page.get(f"{url}/{path}")
            waiting(page).until(lambda b: b.execute_script(loaded))
            assert not [word for word in (*foreign_words(), ">far<") if word in page.page_source], path
        page.get(f"{url}/#/boxes")
        assert see(page, f"[data-box={named(OWN, 'agent')}]")
        click(page, "[data-test=arming]")
        see(page, f"[data-line={named(OWN, 'line')}]")
        for word in foreign_words():
            assert word not in page.page_source
