"""``nox -s bench -- --where``: its page against its results, and a run of it that is tiny."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.where import __main__ as where
from bench.where.page import block, read_results

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_says_what_the_results_say() -> None:
    text = (ROOT / "docs" / "where.md").read_text(encoding="utf-8")
    results = read_results(ROOT / "bench" / "results")
    assert block(results) in text, "run: python -m bench.where --page docs/where.md"
    for result in results:
        for row in result["rows"]:
            found = row["evaluation"]
            assert f"{found['median_error']['estimate']:.1f} m" in text
            assert 0 <= found["refused"] <= 1


def row_of(low: float, high: float) -> dict[str, object]:
    median = {"value": (low + high) / 2, "interval": [low, high]}
    shares = {cut: {"estimate": 0.5, "first_answer": 0.5} for cut in ("5", "25", "100")}
    believed = {"photos": 0, "first_right": 0}
    found = {"median_error": {"estimate": 1.0, "first_answer": 1.0}, "difference_of_medians": median}
    found |= {"share_within": shares, "difference_within": {"value": 0.0, "interval": [0.0, 0.0]}}
    found |= {"refused": 1.0, "believed": believed}
    return {"photos": "p", "network": "n", "learnt_on": "l", "evaluation": found}


def test_that_it_is_no_better_is_said_only_where_it_is_not() -> None:
    provenance = json.loads((ROOT / "bench" / "results" / "where-city.json").read_text(encoding="utf-8"))["provenance"]
    never = block([{"rows": [row_of(-1, 0.0), row_of(0.5, 2)], "provenance": provenance}])
    assert "does not beat the first answer beyond chance" in never
    assert "in 0 of 2 rows, and worse in 1." in never
    once = block([{"rows": [row_of(-2, -1), row_of(-1, 1)], "provenance": provenance}])
    assert "does not beat" not in once
    assert "in 1 of 2 rows, and worse in 0." in once


@pytest.mark.slow
def test_a_tiny_run_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    arguments = ["--quick", "--only", "city", "--output", str(tmp_path), "--kept", str(tmp_path / "kept")]
    assert where.main(arguments) == 0
    first = json.loads((tmp_path / "where-city.json").read_text(encoding="utf-8"))
    assert [(row["network"][-7:], row["photos"]) for row in first["rows"]] == [
        (" frozen", "`city` test, 20 queries"),
        (" frozen", "another city (seed 1) test, 20 queries"),
        ("trained", "`city` test, 20 queries"),
        ("trained", "another city (seed 1) test, 20 queries"),
    ]
    monkeypatch.setattr("bench.where.city.network_of", None)  # nothing is trained or measured again
    assert where.main(arguments) == 0
    assert json.loads((tmp_path / "where-city.json").read_text(encoding="utf-8"))["rows"] == first["rows"]
    assert "learnt on `city` val, 10 queries; on another city (seed 1) test" in capsys.readouterr().err
