"""Many pages in one browser, sessions that end, keys that act on what is seen: the console at a server of our own."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from aggregator.api.first_token import token_of
from aggregator.api.session import COOKIE
from aggregator.store import Database
from tests.acceptance.pages import Browser, click, known, press, see, served, waiting
from tests.integration.conftest import database, migrated, server_dsn  # noqa: F401 - fixtures
from tests.integration.people import Centre
from tests.integration.test_api import raise_alerts  # noqa: F401 - a fixture

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]

RaiseAlerts = Callable[..., None]
TABS = 12


def more_alerts(database: Database, count: int) -> None:
    """As many more, each of a line of its own, after the first; told by no feed."""
    with database.connect("test") as connection:
        connection.execute(
            "INSERT INTO alerts (key, condition, priority, subject, site, agent, camera, name, first_at, last_at,"
            " confirmed_at, members) SELECT key || number, condition, priority, subject, site, agent, camera,"
            " 'line ' || number, first_at, last_at, confirmed_at, members FROM alerts, generate_series(1, %s) AS number"
            " WHERE id = 1",
            (count,),
        )


def test_twelve_pages_are_live_and_can_act(
    database: Database,
    tmp_path: Path,
    raise_alerts: RaiseAlerts,
    browser: Callable[[], Browser],
) -> None:
    raise_alerts(1)
    more_alerts(database, 2)
    with served(database, tmp_path) as url:
        page = browser()
        page.get(url)
        for _ in range(TABS - 1):
            page.switch_to.new_window("tab")
            page.get(url)
        tabs = page.window_handles
        assert len(tabs) == TABS
        for tab in tabs:
            page.switch_to.window(tab)
            assert "实时" in see(page, ".link.live")
            assert len(page.find_elements(By.CSS_SELECTOR, "[data-alert]")) == 3
        assert "hawkline_feed_clients 1.0" in httpx.get(f"{url}/metrics", trust_env=False).text

        for tab, number in ((tabs[0], 1), (tabs[-1], 2)):  # the first page leads, the last only listens
            page.switch_to.window(tab)
            click(page, f"[data-alert='{number}'] [data-test=acknowledge]")
            for other in tabs:
                page.switch_to.window(other)
                see(page, f"[data-alert='{number}'][data-state=acknowledged]")

        page.switch_to.window(tabs[0])
        page.close()
        httpx.post(f"{url}/api/v1/alerts/3/clear", json={"verdict": "test"}, trust_env=False)
        for other in tabs[1:]:
            page.switch_to.window(other)
            see(page, "[data-alert='3'][data-state=cleared]")
            assert "实时" in see(page, ".link.live")
        click(page, "[data-alert='1'] [data-test=clear-false]")
        page.switch_to.window(tabs[1])
        see(page, "[data-alert='1'][data-state=cleared]")
        metrics = httpx.get(f"{url}/metrics", trust_env=False).text
        assert "hawkline_feed_clients 1.0" in metrics


def test_a_session_that_ends_is_told(
    database: Database,
    tmp_path: Path,
    raise_alerts: RaiseAlerts,
    browser: Callable[[], Browser],
) -> None:
    raise_alerts(1)
    with served(database, tmp_path, known(tmp_path)) as url:
        centre = Centre(url, tmp_path, database)
        centre.account("li", "operator")
        page = browser()
        page.get(f"{url}/sign-in")

        def sign_in(for_s: int) -> None:
            value = centre.cookie("li", for_s)
            page.execute_cdp_cmd(
                "Network.setCookie",
                {"name": COOKIE, "value": value, "url": url, "path": "/", "secure": True, "httpOnly": True},
            )

        sign_in(12)
        page.get(url)
        see(page, "[data-alert='1']")
        press(page, "j")
        press(page, " ")
        see(page, "[data-enlarged='1']")
        assert "1 分钟后过期" in see(page, "[data-test=ending]")
        assert "登录已过期" in see(page, "[data-test=disconnected][data-why=ended]")
        assert page.find_elements(By.CSS_SELECTOR, "main.stale [data-alert='1']"), "what it showed stays, greyed"
        assert page.find_element(By.CSS_SELECTOR, "[data-test=sign-in]").get_attribute("href") == f"{url}/sign-in"
        assert page.title.startswith("⚠")
        top = "return document.elementFromPoint(300, arguments[0].getBoundingClientRect().top + 5) === arguments[0]"
        banner = page.find_element(By.CSS_SELECTOR, "[data-test=disconnected]")
        assert page.execute_script(top, banner), "the enlarged picture hides that nothing is confirmed"
        sign_in(3600)  # in another page of the browser
        see(page, ".link.live")
        assert not page.find_elements(By.CSS_SELECTOR, "[data-test=disconnected]")


def test_a_person_makes_the_first_account_signs_out_and_in(
    database: Database, tmp_path: Path, browser: Callable[[], Browser]
) -> None:
    """As browsers do it: with their own heads, and cookies that they keep."""
    with served(database, tmp_path, known(tmp_path)) as url:
        page = browser()

        def fill(**fields: str) -> None:
            for name, value in fields.items():
                page.find_element(By.ID, name).send_keys(value)
            page.find_element(By.TAG_NAME, "button").click()

        page.get(url)
        assert page.current_url == f"{url}/sign-in", "who is not known is led there"
        fill(token=token_of(tmp_path), name="li", password="a long enough one")
        assert see(page, "[data-test=me]") == "li"
        click(page, "[data-test=sign-out]")
        assert see(page, "h1") == "鹰线 Hawkline"
        fill(name="li", password="not the password")
        assert "wrong name or password" in see(page, "p[role=alert]")
        fill(name="li", password="a long enough one")
        assert see(page, "[data-test=me]") == "li"


def test_keys_follow_the_picture_and_a_slip_is_taken_back(
    database: Database,
    tmp_path: Path,
    raise_alerts: RaiseAlerts,
    browser: Callable[[], Browser],
) -> None:
    raise_alerts(1)
    more_alerts(database, 2)
    with served(database, tmp_path) as url:
        page = browser()
        page.get(url)
        see(page, "[data-alert='3']")
        assert page.title.startswith("(3)")
        press(page, "j")
        press(page, " ")
        see(page, "[data-enlarged='3']")
        press(page, "j")
        see(page, "[data-enlarged='2']")
        press(page, "2")
        see(page, "[data-alert='2'][data-state=cleared]")
        see(page, "[data-enlarged='1']")  # the next in need
        press(page, Keys.ESCAPE)
        press(page, "u")
        see(page, "[data-alert='2'].selected:not(.cleared)")
        press(page, "k")
        press(page, "k")
        see(page, "[data-alert='3'].selected")
        press(page, "a")
        see(page, "[data-alert='3'][data-state=acknowledged]")
        see(page, "[data-alert='1'].selected[data-state=new]")
        said = httpx.get(f"{url}/api/v1/alerts/2/verdicts", trust_env=False).json()
        assert [one["verdict"] for one in said] == ["false", None]


def test_no_card_moves_under_the_pointer(
    database: Database,
    tmp_path: Path,
    raise_alerts: RaiseAlerts,
    browser: Callable[[], Browser],
) -> None:
    raise_alerts(1)
    more_alerts(database, 1)
    with served(database, tmp_path) as url:
        page = browser()
        page.get(url)
        see(page, "[data-alert='2']")
        order = "return [...document.querySelectorAll('[data-alert]')].map((card) => card.dataset.alert)"
        webdriver.ActionChains(page).move_to_element(page.find_element(By.CSS_SELECTOR, "[data-alert='1']")).perform()
        httpx.post(f"{url}/api/v1/alerts/2/acknowledge", json={}, trust_env=False)
        see(page, "[data-alert='2'][data-state=acknowledged]")
        assert page.execute_script(order) == ["2", "1"]
        webdriver.ActionChains(page).move_to_element(page.find_element(By.CSS_SELECTOR, ".brand")).perform()
        waiting(page).until(lambda b: b.execute_script(order) == ["1", "2"])


def test_of_5000_open_alerts_only_those_that_can_be_seen_are_built(
    database: Database,
    tmp_path: Path,
    raise_alerts: RaiseAlerts,
    browser: Callable[[], Browser],
) -> None:
    raise_alerts(1)
    more_alerts(database, 4999)
    with served(database, tmp_path) as url:
        page = browser()
        page.get(url)
        waiting(page).until(lambda b: see(b, "[data-test=count-alerts]") == "5000")
        cards = "return [...document.querySelectorAll('[data-alert]')].map((card) => Number(card.dataset.alert))"
        assert 3 < len(page.execute_script(cards)) < 100
        for wanted in (5000, 4999, 4998):  # the newest first
            press(page, "j")
            assert see(page, f"[data-alert='{wanted}'].selected")
        page.execute_script("document.querySelector('main').scrollTo(0, 1e9)")
        assert see(page, "[data-alert='1']")
        assert len(page.execute_script(cards)) < 100
        press(page, "a")  # of the one that is selected, wherever the list stands
        waiting(page).until(lambda b: see(b, "[data-test=count-alerts]") == "4999")
        press(page, "k")
        press(page, "j")
        assert see(page, "[data-alert='4997'].selected"), "and the selection is brought into sight again"


def test_the_page_says_whether_the_box_does_what_was_ordered(
    database: Database,
    tmp_path: Path,
    raise_alerts: RaiseAlerts,
    browser: Callable[[], Browser],
) -> None:
    raise_alerts(1)
    with database.connect("test", autocommit=True) as connection, served(database, tmp_path) as url:
        connection.execute("INSERT INTO config_cameras (producer_id, revision, camera, name) VALUES (1, 1, 0, 'road')")
        connection.execute(
            "INSERT INTO config_lines (producer_id, revision, line, camera, name, points, direction, priority)"
            " VALUES (1, 1, 0, 0, 'gate', '[[0, 0.5], [1, 0.5]]', 'both', 2)"
        )
        connection.execute(
            "INSERT INTO agents (site, agent, state, health) SELECT site, agent, 'online', '{}' FROM producers"
        )
        page = browser()
        page.get(f"{url}/#/boxes")
        click(page, "[data-test=arming]")
        see(page, "[data-line=gate]")
        assert not page.find_elements(By.CSS_SELECTOR, "[data-test=obeys]"), "nothing was ordered"
        click(page, "[data-test=arm-disarmed]")
        assert see(page, "[data-test=obeys][data-state=waiting]") == "已下达，等待设备执行"
        connection.execute(
            "UPDATE agents SET health = jsonb_build_object('sections', (SELECT jsonb_agg(jsonb_build_object("
            "'name', section, 'refused', version, 'error', 'no such line')) FROM desired_sections))"
        )
        assert see(page, "[data-test=obeys][data-state=refused]") == "设备无法执行：no such line"
