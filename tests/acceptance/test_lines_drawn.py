"""Lines are drawn at the centre on a camera's newest picture, tried on its last minute, sent, and obeyed by the box."""

import re
from collections.abc import Callable

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from shared.configuration import MAIN
from tests.acceptance.pages import Browser, click, see, waiting
from tests.acceptance.site import Site, await_true
from tests.acceptance.test_configuration_sent import CAMERA, PATH, SYNTHETIC, becomes, crossed, put, start

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

LATIN = re.compile(r"[A-Za-z]{3,}")
EVENTS = re.compile(r"会产生 (\d+) 个事件")


def test_a_line_is_drawn_tried_sent_and_obeyed(site: Site, browser: Callable[[], Browser]) -> None:
    start(site)
    put(site, {MAIN: CAMERA.format(name="fence", source=SYNTHETIC), "scene-fence.toml": ""}, why="no lines yet")
    becomes(site, "kept")
    page = browser()
    page.get(f"{site.url}/#/rollout")
    click(page, "[data-box=box] [data-test=open]")
    click(page, "[data-camera=fence] [data-test=draw]")
    assert "画面时间" in see(page, "[data-test=taken]")
    canvas = page.find_element(By.CSS_SELECTOR, "[data-test=canvas]")
    assert canvas.get_property("width") == 640, "the camera's own picture"
    click(page, "[data-new=tripwire]")
    name = page.find_element(By.CSS_SELECTOR, "[data-field=name] input")
    name.send_keys(Keys.CONTROL, "a")
    name.send_keys("drawn")
    assert "至少需要 2 个点" in see(page, "[data-test=hint]")
    wide, high = canvas.size["width"], canvas.size["height"]
    for part in (-0.47, 0.47):
        place = round(part * wide), round(0.22 * high)
        ActionChains(page).move_to_element_with_offset(canvas, *place).click().perform()

    def events() -> int:
        click(page, "[data-test=try]")
        told = waiting(page).until(lambda b: EVENTS.search(see(b, "[data-test=outcome]")))
        return int(told[1])

    found = await_true("somebody has crossed the line since", events, 60)
    shown = page.find_elements(By.CSS_SELECTOR, "[data-test=event]")
    assert len(shown) >= found
    assert "drawn" in shown[0].text
    assert "越界" in shown[0].text
    aside = page.find_element(By.TAG_NAME, "aside").text.replace("drawn", "")
    assert not LATIN.search(aside), aside
    assert not crossed(site, "drawn"), "what is tried is not in force"
    click(page, "[data-test=send]")
    click(page, "aside form button[type=submit]")
    waiting(page, 60).until(lambda b: "已按配置值守" in see(b, "[data-test=state]"))
    await_true("the line reports", lambda: crossed(site, "drawn"), 60)
    there = site.get(f"{PATH}/test/box/scenes")
    assert [(each["camera"], each["drawn"]) for each in there] == [("fence", True)]
    (ax, ay), (bx, by) = there[0]["scene"]["tripwires"][0]["points"]
    assert (ax, ay, bx, by) == pytest.approx((0.03, 0.72, 0.97, 0.72), abs=0.02)
    audit = site.get("/api/v1/audit?limit=100")
    deeds = [each["what"] for each in audit if each["subject"].endswith("box/fence")]
    assert any(each.startswith("POST") and each.endswith("surveys") for each in deeds)
    assert not site.get("/api/v1/gaps?lost=true")
