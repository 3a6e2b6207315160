"""The page of ``vpr serve`` in a real browser: a photo is dropped, the map and the answers are there."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs vpr-runner[serve]")

from vpr_runner.locate.locator import Locator
from vpr_runner.serving.application import application

DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
const carried = new DataTransfer();
carried.items.add(new File([bytes], arguments[1], {type: "image/jpeg"}));
const drop = new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true});
document.getElementById("form").dispatchEvent(drop);
"""


@pytest.mark.slow
def test_a_dropped_photo_is_placed_on_the_map(
    album: Path,
    take_photo: Callable[..., bytes],
    on_a_socket: Callable[..., Any],
    browser: Any,
    asked: Callable[[], set[str]],
    until: Callable[[Callable[[], bool]], None],
) -> None:
    photo = (album / "photos" / "02.jpg").read_bytes()
    where = Locator.open(album / "map")
    said = where(album / "photos" / "02.jpg")
    evil = "<img src=x onerror=document.title='broken'>.jpg"

    def text(selector: str) -> str:
        return str(browser.find_element("css selector", selector).text)

    with on_a_socket(application(where, hosts=("127.0.0.1",))) as port:
        origin = f"http://127.0.0.1:{port}"
        browser.get(origin)
        assert browser.find_element("id", "here").get_attribute("d") == ""
        assert not browser.find_element("id", "asktoken").is_displayed()  # nobody is asked for one
        assert not browser.find_element("id", "result").is_displayed()
        browser.execute_script(DROP, base64.b64encode(photo).decode(), evil)
        until(lambda: len(browser.find_elements("css selector", "#answers li")) == 5)
        assert text("#name") == evil
        assert browser.title == "Where was this photo taken?"
        assert text("#answers li .name") == "1. 02.jpg"
        assert text("#place").startswith(f"{said.lat:.6f}, {said.lon:.6f}")
        assert "not calibrated" in text("#note")
        assert browser.execute_script("return document.getElementById('picture').naturalWidth") == 40
        # Drawn where the estimate lies, among the images of the map.
        drawn = browser.execute_script("const b = document.getElementById('here').getBBox(); return [b.x, b.y]")
        middle = [float(one) for one in browser.find_element("id", "map").get_attribute("data-middle").split()]
        assert drawn == pytest.approx([said.position["x"] - middle[0], middle[1] - said.position["y"]], abs=0.01)
        assert browser.find_element("id", "others").get_attribute("d").count("M") == 5

        view = browser.find_element("id", "map").get_dom_attribute("viewBox").split()
        browser.find_element("id", "map").send_keys("+")
        closer = browser.find_element("id", "map").get_dom_attribute("viewBox").split()
        assert float(closer[2]) == pytest.approx(0.7 * float(view[2]), rel=1e-3)

        browser.find_element("id", "photo").send_keys(str(album / "photos" / "04.jpg"))  # chosen instead
        until(lambda: text("#name") == "04.jpg" and len(browser.find_elements("css selector", "#answers li")) == 5)
        assert text("#answers li .name") == "1. 04.jpg"
        lost = take_photo(album / "lost.jpg", 9)[:400]
        (album / "lost.jpg").write_bytes(lost)
        assert all(address.startswith((f"{origin}/", "blob:", "data:")) for address in asked())
        browser.find_element("id", "photo").send_keys(str(album / "lost.jpg"))
        until(lambda: "cannot be read" in text("#verdict"))
