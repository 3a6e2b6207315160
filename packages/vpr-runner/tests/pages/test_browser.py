"""Pages in a real browser."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpr_runner.pages.page import write_page
from vpr_runner.pages.shown import Accepted, Shown, ShownAnswer, ShownQuery
from vpr_runner.pages.tiles import Tiles

Until = Callable[[Callable[[], bool]], None]
EVIL = "<img src=x onerror=document.title='broken'><script>document.title='broken'</script>"


@pytest.mark.slow
def test_a_page_is_filtered_zoomed_and_sorted_and_asks_nobody(
    browser: Any, asked: Callable[[], set[str]], tmp_path: Path
) -> None:
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
    assert all(address.startswith(("file:", "data:", "blob:")) for address in asked())


class _TileServer(SimpleHTTPRequestHandler):
    """Answers every address with one picture of 256 x 256."""

    content = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def tile_service() -> Iterator[str]:
    picture = io.BytesIO()
    Image.new("RGB", (256, 256), (220, 230, 240)).save(picture, "PNG")
    _TileServer.content = picture.getvalue()
    with ThreadingHTTPServer(("127.0.0.1", 0), _TileServer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{{z}}/{{x}}/{{y}}.png"
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_tiles_lie_below_the_map_and_nobody_else_is_asked(
    browser: Any, asked: Callable[[], set[str]], until: Until, tile_service: str, tmp_path: Path
) -> None:
    pytest.importorskip("xstatic.pkg.leaflet", reason="needs vpr-runner[tiles]")

    def query(number: int) -> ShownQuery:
        degrees = (48.2 + number / 1000, 16.37)
        answer = ShownAnswer(
            rank=1, name="a", file=None, distance=0.1, degrees=(48.2, 16.371), metres=90.0, right=number > 0
        )
        name = f"{number}</script>{EVIL}"
        return ShownQuery(name=name, file=None, answers=[answer], degrees=degrees, right=number > 0)

    ground = np.array([[48.2, 16.37], [48.203, 16.374], [np.nan, np.nan]])
    shown = Shown(
        title="tiles",
        facts=[],
        queries=[query(n) for n in range(3)],
        ground=np.zeros((0, 2)),
        ground_degrees=ground,
        accepted=Accepted(recall=[0.1, 0.5, 0.6], precision=[1.0, 0.8, 0.6], said="first answers: area 40"),
        run="backbone: {type: tiny}",
    )
    write_page(tmp_path / "tiles.html", shown, tiles=Tiles.at(tile_service))
    browser.get((tmp_path / "tiles.html").as_uri())
    loaded = "return [...document.querySelectorAll('.leaflet-tile')].filter(t => t.naturalWidth === 256).length"
    until(lambda: browser.execute_script(loaded) > 0)
    assert browser.title == "tiles"  # no name ran
    origin = tile_service.partition("/{z}")[0]
    credit = browser.find_element("css selector", ".leaflet-control-attribution").text
    assert credit.endswith(f"tiles: {origin.removeprefix('http://')}")
    before = browser.execute_script("return document.querySelector('.leaflet-proxy').style.transform")
    browser.find_element("css selector", ".leaflet-control-zoom-in").click()
    until(lambda: browser.execute_script("return document.querySelector('.leaflet-proxy').style.transform") != before)
    browser.find_element("id", "tilefit").click()
    browser.find_element("css selector", "input[value=wrong]").click()
    assert browser.find_element("id", "count").text == "1 of 3"
    press = "arguments[0].click()"  # the page scrolls smoothly, and a mouse would miss
    browser.execute_script(press, browser.find_element("css selector", "[data-look='0']"))
    assert "on" in browser.find_element("id", "q0").get_attribute("class")
    run_file = browser.find_element("id", "run")
    browser.execute_script(press, run_file.find_element("css selector", "summary"))
    assert run_file.find_element("css selector", "pre").text == "backbone: {type: tiny}"
    found = asked()
    assert any(address.startswith(origin) for address in found)
    assert all(address.startswith(("file:", "data:", "blob:", f"{origin}/")) for address in found), found
