from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from vpr_core import UsageError
from vpr_runner.pages.drawing import Drawing
from vpr_runner.pages.exports import as_csv, as_geojson, as_kml
from vpr_runner.pages.page import as_html
from vpr_runner.pages.shown import Accepted, Shown, ShownAnswer, ShownQuery, service_link
from vpr_runner.pages.thumbnails import thumbnails
from vpr_runner.pages.tiles import Tiles

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;{{ 7*7 }}.jpg"


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def made(folder: Path, *, queries: int = 3, name: str = EVIL, **changes: Any) -> Shown:
    generator = np.random.default_rng(0)
    files = []
    for number in range(queries + 2):
        files.append(folder / f"{number}.jpg")
        Image.fromarray(generator.integers(0, 256, (96, 128, 3), dtype=np.uint8)).save(files[-1])

    def answer(rank: int, right: bool) -> ShownAnswer:
        return ShownAnswer(
            rank=rank,
            name=f"{rank}-{name}",
            file=files[rank],
            distance=0.1 * rank,
            xy=(10.0 * rank, 5.0),
            degrees=(48.2 + rank / 1000, 16.37),
            metres=10.0 * rank if right else 120.0,
            right=right,
        )

    listed = [
        ShownQuery(
            name=f"{number}-{name}",
            file=files[number],
            answers=[answer(1, number > 0), answer(2, True)],
            xy=(1.0 * number, 0.0),
            right=number > 0,
            estimate=((2.0, 3.0), (48.2, 16.37), 12.0),
            believed=number > 1,
        )
        for number in range(queries)
    ]
    content: dict[str, Any] = {
        "title": name,
        "facts": [("recall@1", "66.7 %")],
        "queries": listed,
        "ground": generator.uniform(0, 100, (50, 2)),
        "recall": {1: (0.667, (0.5, 0.8)), 5: (1.0, None)},
        "provenance": {"name": name},
    }
    return Shown(**{**content, **changes})


def test_names_stay_text_and_nothing_is_asked_of_anybody(tmp_path: Path) -> None:
    page = as_html(made(tmp_path))
    found = Elements()
    found.feed(page)
    assert sum(tag == "script" for tag, _ in found.tags) == 1
    assert not [tag for tag, attributes in found.tags if any(name.startswith("on") for name in attributes)]
    sources = {
        value
        for _, attributes in found.tags
        for name in ("src", "srcset", "data-src")
        if (value := attributes.get(name))
    }
    assert sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not [tag for tag, _ in found.tags if tag in ("link", "iframe", "object", "embed", "base")]
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|import\(", page)
    assert any(EVIL in text for text in found.text)
    assert "49.jpg" not in page  # a template in a name is not one
    policy = next(a["content"] for tag, a in found.tags if tag == "meta" and a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_a_page_of_200_queries_stays_below_2_mb(tmp_path: Path) -> None:
    """With pictures of noise, which JPEG compresses worst."""
    page = as_html(made(tmp_path, queries=200, name="photo.jpg"))
    assert len(page.encode()) < 2_000_000
    assert page.count("data:image/jpeg") >= 200


def test_pictures_keep_to_their_budget(tmp_path: Path) -> None:
    shown = made(tmp_path)
    files = [query.file for query in shown.queries if query.file is not None]
    generous = thumbnails([*files, *files, tmp_path / "gone.jpg"])
    assert list(generous) == files
    tight = thumbnails(files, budget=5000)
    assert sum(map(len, tight.values())) <= 5000
    assert list(tight) == files[: len(tight)]
    assert thumbnails([]) == {}


def test_a_page_without_positions_pictures_or_answers(tmp_path: Path) -> None:
    lone = ShownQuery(name="a", file=None, answers=[], failure="cut short")
    page = as_html(made(tmp_path, queries=0, ground=np.zeros((0, 2)), recall={}, provenance={}))
    assert "there is no map" in page
    content = as_html(Shown(title="t", facts=[], queries=[lone], ground=np.full((3, 2), np.nan)))
    assert "could not be read: cut short" in content
    one = Drawing(Shown(title="t", facts=[], queries=[], ground=np.array([[5.0, 5.0]])))
    assert one.width > 0 < one.height
    assert one.ground == "M0.00 0.00h0"


def test_the_map_points_north(tmp_path: Path) -> None:
    drawing = Drawing(made(tmp_path, ground=np.array([[0.0, 0.0], [0.0, 100.0]])))
    (_, south), (_, north) = (re.findall(r"-?[\d.]+", one)[:2] for one in drawing.ground.split("h0")[:2])
    assert float(north) < float(south)


def test_tables_for_other_programs(tmp_path: Path) -> None:
    shown = made(tmp_path)
    features = json.loads(as_geojson(shown))["features"]
    assert len(features) == 9
    assert features[0]["geometry"]["coordinates"] == [16.37, 48.2]
    assert features[0]["properties"]["query"] == f"0-{EVIL}"
    assert features[1]["properties"]["right"] is False
    root = ET.fromstring(as_kml(shown))
    places = root.findall(".//{http://www.opengis.net/kml/2.2}coordinates")
    assert [place.text for place in places][:2] == ["16.3700000,48.2000000", "16.3700000,48.2010000"]
    rows = list(csv.DictReader(io.StringIO(as_csv(shown))))
    assert len(rows) == 9
    assert rows[0]["lat"] == "48.2000000"
    assert rows[1]["metres"] == "120.000"
    assert rows[1]["query"] == f"0-{EVIL}"
    formula = ShownQuery(name="=cmd()", file=None, answers=[], estimate=((0, 0), None, 1.0))
    bare = Shown(title="t", facts=[], queries=[formula], ground=np.zeros((0, 2)))
    assert "'=cmd()" in as_csv(bare)
    for form in (as_geojson, as_kml):
        with pytest.raises(UsageError, match="no answer has one"):
            form(bare)


def test_errors_are_lines_from_where_a_photo_was_taken_to_its_first_answer(tmp_path: Path) -> None:
    shown = made(tmp_path)
    known = replace(shown.queries[0], degrees=(48.25, 16.4))
    whole = replace(shown, queries=[known, *shown.queries[1:]])
    features = json.loads(as_geojson(whole))["features"]
    lines = [one for one in features if one["geometry"]["type"] == "LineString"]
    assert [one["geometry"]["coordinates"] for one in lines] == [[[16.4, 48.25], [16.37, 48.201]]]
    assert lines[0]["properties"]["metres"] == 120.0
    assert lines[0]["properties"]["right"] is False
    assert [one["properties"]["kind"] for one in features].count("query") == 1
    assert len(features) == 11
    root = ET.fromstring(as_kml(whole))
    name = "{http://www.opengis.net/kml/2.2}"
    (line,) = root.findall(f".//{name}LineString/{name}coordinates")
    assert line.text == "16.4000000,48.2500000 16.3700000,48.2010000"
    assert [row["right"] for row in csv.DictReader(io.StringIO(as_csv(shown)))][:3] == ["", "false", "true"]


def test_the_run_file_and_the_curve_of_first_answers_are_in_the_page(tmp_path: Path) -> None:
    accepted = Accepted(recall=[0.0, 0.5, 1.0], precision=[1.0, 0.8, 0.6], said="first answers: area 40 <b>")
    page = as_html(made(tmp_path, accepted=accepted, run="backbone: {type: tiny}  # <script>alert(1)</script>"))
    found = Elements()
    found.feed(page)
    assert any(text == "backbone: {type: tiny}  # <script>alert(1)</script>" for text in found.text)
    assert sum(tag == "script" for tag, _ in found.tags) == 1
    curve = page[page.index('id="accepted"') :]
    assert re.search(r'class="curveline" d="([^"]*)"', curve)[1] == "M36.0 15.0L192.0 45.0L348.0 75.0"  # type: ignore[index]
    assert "area 40 &lt;b&gt;" in page
    assert 'id="accepted"' not in as_html(made(tmp_path))


def test_tiles_are_of_one_service_that_the_policy_names(tmp_path: Path) -> None:
    pytest.importorskip("xstatic.pkg.leaflet", reason="needs vpr-runner[tiles]")
    tiles = Tiles.at("https://{s}.tile.example.org:8443/{z}/{x}/{y}.png?key=1")
    page = as_html(made(tmp_path, queries=200, name="photo.jpg"), tiles=tiles)
    assert len(page.encode()) < 2_000_000
    found = Elements()
    found.feed(page)
    policy = next(a["content"] for tag, a in found.tags if tag == "meta" and a.get("http-equiv"))
    assert policy is not None
    assert "img-src data: blob: https://*.tile.example.org:8443;" in policy
    assert "connect-src" not in policy
    assert not re.search(r"url\(|@import", page[: page.index("</style>")])
    assert not re.search(r"fetch\(|XMLHttpRequest|sourceMappingURL", page)
    evil = as_html(made(tmp_path), tiles=tiles)
    assert evil.count("<script") == 2
    assert evil.count("</script") == 2
    assert "openstreetmap" in Tiles.at("https://tile.openstreetmap.org/{z}/{x}/{y}.png").credit.lower()
    for bad in (
        "tile.example/{z}/{x}/{y}",
        "https://a.example/{z}/{x}.png",
        "javascript:{z}{x}{y}",
        "https://u:p@h/{z}{x}{y}",
        "https://h;script-src *//{z}{x}{y}",
    ):
        with pytest.raises(UsageError, match="an address of tiles looks like"):
            Tiles.at(bad)
    bare = Shown(title="t", facts=[], queries=[], ground=np.zeros((0, 2)))
    with pytest.raises(UsageError, match="on no map of the earth"):
        as_html(bare, tiles=tiles)


def test_a_link_opens_the_place() -> None:
    assert service_link((-33.45, -70.65)).startswith("https://www.openstreetmap.org/?mlat=-33.4500000&mlon=-70.6500000")
