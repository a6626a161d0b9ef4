"""A fresh site per test."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from tests.acceptance.site import Site

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1280,900"
)

Browser = webdriver.Chrome


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """A site that is taken down afterwards; what it said is shown when the test fails."""
    tmp_path.chmod(0o755)
    site = Site(tmp_path)
    yield site
    site.close()
    for log in sorted(tmp_path.glob("*.log")):
        print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}")


@pytest.fixture
def browser(request: pytest.FixtureRequest) -> Iterator[Callable[[], Browser]]:
    """Makes headless Chromiums; without one the test skips, and fails where CI=true."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        reason = "Chromium and its driver are missing (Debian: chromium chromium-driver)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    opened: list[Browser] = []

    def open_browser() -> Browser:
        options = webdriver.ChromeOptions()
        for flag in _FLAGS.split():
            options.add_argument(flag)
        options.binary_location = chromium
        opened.append(webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)))
        return opened[-1]

    yield open_browser
    for one in opened:
        one.quit()
