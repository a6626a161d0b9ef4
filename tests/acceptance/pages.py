"""The console's pages in real browsers, served by a centre of the test's own process."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from aggregator.alerting.alerts import Publishing
from aggregator.api.first_token import FirstToken, make_token
from aggregator.console_api import CONSOLE, Guarded, build
from aggregator.people.sealing import Sealer
from aggregator.store import Database
from aggregator.store.pictures import PictureStore
from shared.net import pick_free_port

Browser = webdriver.Chrome
WAIT_S = 30.0


def known(folder: Path) -> Guarded:
    """A centre that asks who one is."""
    make_token(folder)
    return Guarded(FirstToken(folder), Sealer(folder), "https://localhost", "0" * 64)


@contextlib.contextmanager
def served(database: Database, folder: Path, guarded: Guarded | None = None) -> Iterator[str]:
    """The console and its API; yields the address."""
    port = pick_free_port()
    app = build(database, PictureStore(folder / "evidence"), Publishing(), CONSOLE, guarded)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def waiting(page: Browser, timeout_s: float = WAIT_S) -> WebDriverWait[Browser]:
    """Asks again until the time is up, also where an element was drawn anew between its finding and its reading."""
    return WebDriverWait(page, timeout_s, ignored_exceptions=[StaleElementReferenceException])


def see(page: Browser, selector: str, timeout_s: float = WAIT_S) -> str:
    """Wait until an element shows; returns its text."""
    return waiting(page, timeout_s).until(lambda b: [one.text for one in b.find_elements(By.CSS_SELECTOR, selector)])[0]


def click(page: Browser, selector: str, by: str = By.CSS_SELECTOR, timeout_s: float = WAIT_S) -> None:
    """Click on an element as soon as it is there and can be clicked."""

    def clicked(page: Browser) -> bool:
        button = page.find_element(by, selector)
        if button.is_enabled():
            button.click()
            return True
        return False

    waiting(page, timeout_s).until(clicked)


def press(page: Browser, key: str) -> None:
    page.find_element(By.TAG_NAME, "body").send_keys(key)
