from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from vpr_runner.cli import main
from vpr_runner.cli.bench_page import write_page_of

EVIL = "<script>alert(1)</script>{{ 7*7 }}"


class Table(HTMLParser):
    """Cells of each table, row by row, and the tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.tags: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.tables[-1][-1][-1] += data


def result(methods: tuple[str, ...] = ("NetVLAD", EVIL), seeds: tuple[int, ...] = (0, 1)) -> dict[str, Any]:
    """Four queries; the first method finds three at once, the second one."""
    from vpr_runner.bench.aggregate import rows
    from vpr_runner.files.provenance import provenance

    hits = {methods[0]: [[1, 1, 1, 2], [1, 1, 0, 1]], methods[1]: [[1, 0, 0, 3], [1, 2, 0, 0]]}
    cells = [
        {
            "setting": "",
            "method": method,
            "stage": "untrained",
            "seed": seed,
            "dim": 64,
            "descriptor_bytes": 256,
            "train_seconds": None,
            "milliseconds": {"backbone": 1.5, "pooling": 0.25},
            "config": {"backbone": {"type": "tiny"}, "name": EVIL},
            "tests": {
                "": {
                    "protocol": "city@25m",
                    "queries": 4,
                    "database": 9,
                    "counted": 4,
                    "recall": {str(n): sum(0 < hit <= n for hit in hits[method][seed]) / 4 for n in (1, 5)},
                    "first_hits": hits[method][seed],
                }
            },
        }
        for method in methods
        for seed in seeds
    ]
    whole = {"schema": 1, "suite": {"name": "s", "title": f"suite {EVIL}", "notes": "", "table": "pooling"}}
    return {
        **whole,
        **provenance(),
        "seeds": list(seeds),
        "rows": rows(cells, recall_at=(1, 5)),
        "comparisons": [],
        "gains": [],
        "cells": cells,
    }


def test_a_bench_is_a_page_of_tables_curves_and_queries(tmp_path: Path) -> None:
    write_page_of(tmp_path / "bench.html", result())
    page = (tmp_path / "bench.html").read_text()
    found = Table()
    found.feed(page)
    assert found.tags.count("script") == 1
    methods, queries = found.tables
    assert methods[0][:5] == ["method", "stage", "dim", "recall@1", "recall@5"]
    assert methods[1][:3] == ["NetVLAD", "untrained", "64"]
    assert methods[1][3].startswith("75.0")
    assert methods[2][0] == EVIL
    assert [row[1:] for row in queries[1:]] == [["100", "100"], ["100", "0"], ["50", "0"], ["50", "0"]]
    assert page.count('stroke-dasharray="6 4"') == 4  # two curves and their legend
    assert "type: tiny" in page
    assert not re.search(r"url\(|@import|fetch\(|https?://(?!www\.w3)", page)


@pytest.mark.slow
def test_its_tables_sort_in_a_browser(browser: Any, asked: Callable[[], set[str]], tmp_path: Path) -> None:
    write_page_of(tmp_path / "bench.html", result())
    browser.get((tmp_path / "bench.html").as_uri())
    assert browser.title == f"suite {EVIL}"

    def column(table: int, cell: int) -> list[str]:
        script = "return [...document.querySelectorAll('table')[arguments[0]].tBodies[0].rows]"
        found: list[str] = browser.execute_script(f"{script}.map(r => r.cells[arguments[1]].textContent)", table, cell)
        return found

    heads = browser.find_elements("css selector", "table.sorts thead button")
    assert column(0, 0) == ["NetVLAD", EVIL]
    heads[3].click()
    assert column(0, 0) == [EVIL, "NetVLAD"]
    browser.find_element("css selector", ".perquery summary").click()
    last = browser.find_elements("css selector", ".perquery thead button")[1]
    browser.execute_script("arguments[0].click()", last)
    assert column(1, 0) == ["3", "4", "1", "2"]
    assert all(address.startswith(("file:", "data:")) for address in asked())


def test_a_committed_result_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "result.json").write_text(json.dumps(result(("NetVLAD", "GeM"))))
    code = main(["bench", "--render", str(tmp_path / "result.json"), "--html", str(tmp_path / "page.html")])
    assert code == 0
    assert "<title>suite" in (tmp_path / "page.html").read_text()
    assert main(["bench", "city", "--html", str(tmp_path)]) == 2
    assert "is a folder; name a file" in capsys.readouterr().err
