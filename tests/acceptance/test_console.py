"""Two operators' browsers: an alert appears, is acknowledged in one and seen acknowledged in the other."""

from collections.abc import Callable

import pytest
from selenium.webdriver.common.by import By

from tests.acceptance.pages import Browser, click, see, waiting
from tests.acceptance.site import Site, await_true
from tests.acceptance.test_kills import many_lines

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]


def test_alert_is_seen_acknowledged_and_cleared_everywhere(site: Site, browser: Callable[[], Browser]) -> None:
    site.start_aggregator()
    one, other = browser(), browser()
    one.get(site.url)
    other.get(site.url)
    waiting(one, 20).until(lambda b: "目前没有告警" in see(b, "main"))

    agent = site.add_agent("box", {"fence": (many_lines(1), 'kind = "synthetic"\nscene = "fence"\nseed = 3')})
    agent.start()
    card = see(one, "[data-alert][data-state=new]")
    assert "line 0" in card
    assert "越界（绊线）" in card
    assert "2 级" in card
    number = one.find_element(By.CSS_SELECTOR, "[data-alert]").get_attribute("data-alert")
    assert see(other, f"[data-alert='{number}'][data-state=new]")
    see(one, f"[data-alert='{number}'] img")
    loaded = "return document.querySelector(\"[data-alert='" + number + "'] img\").naturalWidth"
    waiting(one, 20).until(lambda b: b.execute_script(loaded) > 0)

    click(one, f"[data-alert='{number}'] [data-test=acknowledge]")
    assert "this machine" in see(other, f"[data-alert='{number}'][data-state=acknowledged] [data-test=acknowledged]")
    click(other, f"[data-alert='{number}'] [data-test=clear-false]")
    assert "误报" in see(one, f"[data-alert='{number}'][data-state=cleared] [data-test=cleared]")
    verdicts = site.get("/api/v1/lines/verdicts")
    assert [(row["line"], row["false_alarms"]) for row in verdicts] == [("line 0", 1)]

    one.get(site.url + "/#/boxes")
    assert "在线" in see(one, "[data-box=box][data-state=online]")

    # The other operator's page must not look calm when nothing can reach it any more.
    site.aggregator.kill()
    assert "连接中断" in see(other, "[data-test=disconnected]", 15)
    site.aggregator.start()
    site.await_ready()
    waiting(other, 60).until_not(lambda b: b.find_elements(By.CSS_SELECTOR, "[data-test=disconnected]"))
    assert "实时" in see(other, "[data-test=link]")


def test_keyboard_alone_is_enough(site: Site, browser: Callable[[], Browser]) -> None:
    site.start_aggregator()
    agent = site.add_agent("box", {"fence": (many_lines(1), 'kind = "synthetic"\nscene = "fence"\nseed = 3')})
    agent.start()
    await_true("an alert", lambda: site.get("/api/v1/alerts")["alerts"])
    page = browser()
    page.get(site.url)
    see(page, "[data-alert][data-state=new]")
    body = page.find_element(By.TAG_NAME, "body")
    body.send_keys("j")
    number = page.find_element(By.CSS_SELECTOR, ".card.selected").get_attribute("data-alert")
    body.send_keys("a")
    see(page, f"[data-alert='{number}'][data-state=acknowledged]")
    # The selection has gone on, where another alert has come meanwhile.
    click(page, f"[data-alert='{number}'] .what")
    body.send_keys("1")
    see(page, f"[data-alert='{number}'][data-state=cleared]")
    assert site.get(f"/api/v1/alerts/{number}")["verdict"] == "true"
