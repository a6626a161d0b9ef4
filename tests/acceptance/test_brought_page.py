"""A page of the console that another distribution brings: it is in the navigation, is shown, and ends."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from provisioning.lab.local_site.aggregator import LocalAggregator
from tests.acceptance.pages import click, see

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(120)]
EXAMPLE = Path(__file__).parents[1] / "fixtures" / "example_domain"


def test_a_page_from_outside_is_a_page_like_ours(
    tmp_path: Path, browser: Callable[[], webdriver.Chrome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLE), os.environ.get("PYTHONPATH", "")]))
    tmp_path.chmod(0o755)
    aggregator = LocalAggregator(tmp_path)
    aggregator.start()
    try:
        page = browser()
        page.get(f"{aggregator.url}/#/barriers")
        assert see(page, "[data-test=barriers]") == "损坏的道闸", "asked for before it was known"
        links = [link.text for link in page.find_elements(By.CSS_SELECTOR, "nav a")]
        assert links[-1] == "道闸"
        assert page.find_element(By.CSS_SELECTOR, "nav a.router-link-exact-active").text == "道闸"
        next(each for each in page.find_elements(By.CSS_SELECTOR, "header button") if each.text == "English").click()
        assert see(page, "nav a.router-link-exact-active") == "Barriers"
        assert see(page, "[data-test=barriers]") == "Broken barriers"
        assert len(page.find_elements(By.CSS_SELECTOR, "[data-test=barriers]")) == 1
        click(page, "nav a")
        see(page, "main [data-test=no-alerts], main")
        assert not page.find_elements(By.CSS_SELECTOR, "[data-test=barriers]")
    finally:
        aggregator.stop()
