"""`hawkline scene edit` in a real browser: one frame, points by the mouse, tried, saved, and the file works."""

import http.client
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from shared.scene import load_scene
from tests.acceptance.pages import click, waiting

HAN, LATIN = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[A-Za-z]{3,}")

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]


@pytest.fixture
def editor(tmp_path: Path, real_video: Path) -> Iterator[tuple[str, Path]]:
    """The command on a car park's video; gives the page's address and the scene file, which is not there yet."""
    scene = tmp_path / "scene.toml"
    command = [sys.executable, "-c", "from shared.commands import main; main()", "scene", "edit"]
    arguments = [str(real_video / "car-detection.mp4"), "--scene", str(scene), "--no-open"]
    process = subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    address = process.stderr.readline().removeprefix("open ").strip()
    assert address.startswith("http://127.0.0.1:")
    yield address, scene
    process.terminate()
    process.wait(10)
    process.stderr.close()


def test_draw_try_and_save(editor: tuple[str, Path], browser: Callable[[], webdriver.Chrome]) -> None:
    address, scene = editor
    page = browser()
    page.get(address)
    canvas = page.find_element(By.ID, "picture")
    waiting(page, 20).until(lambda _: canvas.get_property("width") == 768)
    click(page, "[data-new=tripwire]")
    wide = canvas.size["width"]
    for part in (-0.45, 0.45):
        ActionChains(page).move_to_element_with_offset(canvas, round(part * wide), 0).click().perform()
    name = page.find_element(By.ID, "field-name")
    name.clear()
    name.send_keys("lane")
    page.find_element(By.ID, "try").click()
    said = page.find_element(By.ID, "said")
    waiting(page, 90).until(lambda _: "个事件" in said.text)
    assert "4 个事件" in said.text
    pictures = page.find_elements(By.CSS_SELECTOR, "#seen li img")
    assert len(pictures) == 4, "each event has its picture"
    Select(page.find_element(By.ID, "field-direction")).select_by_value("left_to_right")
    page.find_element(By.ID, "try").click()
    waiting(page, 90).until(lambda _: "2 个事件" in said.text)
    assert "另有 2 次没有计数" in said.text
    left_out = page.find_elements(By.CSS_SELECTOR, "#seen li.plain")
    assert len(left_out) == 2
    assert all("未计数" in item.text and "这条线只统计另一个方向" in item.text for item in left_out)
    Select(page.find_element(By.ID, "field-direction")).select_by_value("both")
    aside = page.find_element(By.TAG_NAME, "aside")
    assert not LATIN.search(aside.text.replace(str(scene), "").replace("lane", "").replace("English", ""))
    Select(page.find_element(By.ID, "language")).select_by_value("en")
    assert not HAN.search(aside.text.replace("中文", ""))
    page.find_element(By.ID, "save").click()
    waiting(page, 20).until(lambda _: "saved" in said.text)
    written = load_scene(scene)
    assert [line.name for line in written.tripwires] == ["lane"]
    (ax, ay), (bx, by) = written.tripwires[0].points
    assert (ax, ay, bx, by) == pytest.approx((0.05, 0.5, 0.95, 0.5), abs=0.02)


def test_a_wrong_scene_is_told_and_not_written(
    editor: tuple[str, Path], browser: Callable[[], webdriver.Chrome]
) -> None:
    address, scene = editor
    page = browser()
    page.get(address)
    click(page, "[data-new=zone]")
    page.find_element(By.ID, "save").click()
    said = page.find_element(By.ID, "said")
    waiting(page, 20).until(lambda _: "至少需要 3 个点" in said.text and said.get_attribute("class") == "bad")
    assert not scene.exists()


def test_only_who_knows_the_address_gets_anything(editor: tuple[str, Path]) -> None:
    address, _ = editor
    host, _, secret = address.removeprefix("http://").partition("/")

    def status(method: str, path: str, headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request(method, path, body="{}" if method == "POST" else None, headers=headers)
        code = connection.getresponse().status
        connection.close()
        return code

    assert status("GET", f"/{secret}frame", {}) == 200
    assert status("GET", "/frame", {}) == 404
    assert status("GET", f"/{secret}frame", {"Host": "evil.example"}) == 404
    assert status("POST", f"/{secret}save", {"Content-Type": "text/plain"}) == 404
