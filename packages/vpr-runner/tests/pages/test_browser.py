"""The page in a real browser; skipped where there is no Chromium with its driver, or no selenium."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpr_runner.pages.page import write_page
from vpr_runner.pages.shown import Shown, ShownAnswer, ShownQuery

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
EVIL = "<img src=x onerror=document.title='broken'><script>document.title='broken'</script>"


@pytest.fixture
def browser() -> Iterator[Any]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1300,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield opened
    opened.quit()


@pytest.mark.slow
def test_a_page_is_filtered_zoomed_and_sorted_and_asks_nobody(browser: Any, tmp_path: Path) -> None:
    def query(number: int) -> ShownQuery:
        off = (250.0, 3.0, 40.0, 7.0)[number]
        answer = ShownAnswer(
            rank=1, name=f"a{number}", file=None, distance=0.1, xy=(off, 10.0), metres=off, right=off < 25
        )
        return ShownQuery(name=f"{number}{EVIL}", file=None, answers=[answer], xy=(0.0, 10.0 * number), right=off < 25)

    ground = np.random.default_rng(0).uniform(0, 300, (40, 2))
    shown = Shown(title=f"page {EVIL}", facts=[], queries=[query(n) for n in range(4)], ground=ground)
    write_page(tmp_path / "report.html", shown)
    browser.get((tmp_path / "report.html").as_uri())

    def visible(selector: str) -> list[str]:
        found: list[str] = browser.execute_script(
            "return [...document.querySelectorAll(arguments[0] + ':not([hidden])')].map(e => e.dataset.q)",
            selector,
        )
        return found

    def view() -> list[float]:
        box = browser.execute_script("return document.getElementById('map').getAttribute('viewBox')")
        return [float(one) for one in box.split()]

    assert browser.title == f"page {EVIL}"  # text, and nothing of it ran
    assert visible(".card") == ["0", "1", "2", "3"]
    browser.find_element("css selector", "input[value=wrong]").click()
    assert visible(".card") == visible("#table tbody tr") == ["0", "2"]
    assert browser.find_element("id", "count").text == "2 of 4"
    browser.find_element("id", "find").send_keys("2<img")
    assert visible(".card") == visible(".mark") == ["2"]
    browser.find_element("id", "find").clear()
    browser.find_element("css selector", "input[value=all]").click()
    chart = browser.find_element("id", "map")
    before = view()
    chart.send_keys("+")
    assert view()[2] == pytest.approx(0.7 * before[2], rel=1e-3)
    chart.send_keys("0")
    assert view() == pytest.approx(before, abs=0.01)
    heads = browser.find_elements("css selector", "#table thead button")
    browser.execute_script("arguments[0].click()", heads[2])
    assert visible("#table tbody tr") == ["1", "3", "2", "0"]
    assert heads[2].find_element("xpath", "..").get_attribute("aria-sort") == "ascending"
    browser.execute_script("arguments[0].click()", heads[2])
    assert visible("#table tbody tr") == ["0", "2", "3", "1"]
    assert [line for line in browser.get_log("browser") if line["level"] == "SEVERE"] == []
    sent = [json.loads(line["message"])["message"] for line in browser.get_log("performance")]
    asked = {one["params"]["request"]["url"] for one in sent if one["method"] == "Network.requestWillBeSent"}
    assert all(address.startswith(("file:", "data:", "blob:")) for address in asked), asked
