"""A picture leaves the centre: asked for at the page, rendered by its box, looked at, drawn on, and saved."""

from collections.abc import Callable

import httpx
import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from models.picture import decode
from tests.acceptance.pages import Browser, click, see, waiting
from tests.acceptance.site import Site, await_true
from tests.acceptance.test_kills import many_lines
from tests.conftest import has_object_model

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]


def test_a_picture_is_exported_from_the_page_and_what_is_drawn_on_it_is_blurred(
    site: Site, browser: Callable[[], Browser]
) -> None:
    site.start_aggregator()
    agent = site.add_agent("box", {"fence": (many_lines(1), 'kind = "synthetic"\nscene = "fence"\nseed = 3')})
    agent.start()
    await_true(
        "an alert with its picture",
        lambda: [each for each in site.get("/api/v1/alerts")["alerts"] if each["pictures"]],
    )
    page = browser()
    page.get(site.url)
    click(page, "[data-alert] img")
    click(page, "[data-test=export-picture]")
    fill(page, "export-purpose", "理赔 2026-88：门被撞")
    fill(page, "recipient", "保险公司")
    click(page, "[data-test=ask-export]")
    if not has_object_model():  # a checkout alone: nothing can look for people, and that is said
        waiting(page, 90).until(lambda b: "无法生成" in see(b, "[data-test=export-state]"))
        (failed,) = site.get("/api/v1/exports")
        assert (failed["state"], "model objects is not here" in failed["why"]) == ("failed", True)
        return
    assert "已生成" in see(page, "[data-test=save-export] ~ [data-test=export-state]", 90)
    (first,) = site.get("/api/v1/exports")
    assert (first["state"], first["taken"], first["recipient"]) == ("ready", 0, "保险公司")
    assert first["purpose"] == "理赔 2026-88：门被撞"

    picture = page.find_element(By.CSS_SELECTOR, "[data-test=picker]")
    wide, high = picture.size["width"], picture.size["height"]
    pull = ActionChains(page).move_to_element(picture).click_and_hold()
    pull.move_by_offset(round(0.3 * wide), round(0.3 * high)).release().perform()
    waiting(page).until(lambda b: len(b.find_elements(By.CSS_SELECTOR, "[data-test=area]")) == 1)
    click(page, "[data-test=ask-export]")
    there = lambda: [each["id"] for each in site.get("/api/v1/exports")]  # noqa: E731
    await_true("it is rendered again, and the first one given up", lambda: there() == [first["id"] + 1], 90)
    (second,) = site.get("/api/v1/exports")
    assert second["areas"] == [pytest.approx([0.5, 0.5, 0.8, 0.8], abs=0.02)]
    assert see(page, "[data-test=export-state]")

    before = decode(httpx.get(f"{site.url}/api/v1/evidence/{second['sha256']}").content).pixels
    after = decode(httpx.get(f"{site.url}/api/v1/exports/{second['id']}/picture").content).pixels
    rows, columns = before.shape[:2]
    drawn = np.s_[int(0.53 * rows) : int(0.77 * rows), int(0.53 * columns) : int(0.77 * columns)]
    assert detail(after[drawn]) < 0.3 * detail(before[drawn])
    assert after.shape == before.shape
    click(page, "[data-test=save-export]")
    await_true("it is taken", lambda: [each["taken"] for each in site.get("/api/v1/exports")] == [1])
    click(page, "[data-test=close-export]")
    see(page, "[data-enlarged] img")
    click(page, "[data-test=export-picture]")
    assert "已生成" in see(page, "[data-test=export-state]"), "it goes on where it was"
    click(page, "[data-test=give-up-export]")
    await_true("it is deleted", lambda: there() == [])
    assert site.get("/api/v1/cases") == [], "nothing is looked back for"


def fill(page: Browser, name: str, text: str) -> None:
    waiting(page).until(lambda b: b.find_element(By.NAME, name)).send_keys(text)


def detail(picture: np.ndarray) -> float:
    """How many neighbours differ."""
    return float((np.abs(np.diff(picture.astype(int), axis=1)).max(axis=2) > 6).mean())
