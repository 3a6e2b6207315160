"""What is shown of a result: table, Markdown, figure, and the tables of a document."""

from __future__ import annotations

import copy
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpr_runner.bench.figure import COLOURS, draw_curves
from vpr_runner.bench.readme import load_result, rendered, update_document
from vpr_runner.bench.result import assemble_result, write_result
from vpr_runner.bench.suite import Suite
from vpr_runner.bench.table import markdown, text
from vpr_runner.files.provenance import code_state, provenance


def made_up() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_cells", Path(__file__).with_name("bench_cells.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SUITE = Suite(name="made_up", title="Made up | for a test", base={}, methods={"NetVLAD": {}, "max": {}})


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return assemble_result(SUITE, made_up().cells())


def test_rows_hold_mean_and_spread_over_seeds(result: dict[str, Any]) -> None:
    cells = [cell for cell in result["cells"] if (cell["method"], cell["stage"]) == ("NetVLAD", "trained")]
    row = next(row for row in result["rows"] if (row["method"], row["stage"]) == ("NetVLAD", "trained"))
    by_seed = [sum(rank == 1 for rank in cell["tests"][""]["first_hits"]) / 60 for cell in cells]
    mean = sum(by_seed) / 3
    assert row["recall"]["1"]["mean"] == pytest.approx(mean, abs=1e-12)
    assert row["recall"]["1"]["std"] == pytest.approx((sum((x - mean) ** 2 for x in by_seed) / 2) ** 0.5, abs=1e-12)
    assert row["recall"]["1"]["low"] < mean < row["recall"]["1"]["high"]
    assert row["milliseconds"] == {"backbone": 1.5, "pooling": 0.25}
    assert row["train_seconds"] == 13.5
    assert row["seeds"] == [0, 1, 2]


def test_what_reranking_took_is_shown_where_there_was_any(result: dict[str, Any]) -> None:
    assert "re-ranking" not in text(result)
    cells = made_up().cells()
    for cell in cells:
        if cell["method"] == "max":
            cost = {"milliseconds": 30.0 + cell["seed"], "looking": 8.0, "scored": 20.0, "bytes_an_image": 5000.0}
            cell["tests"][""]["reordered"] = cost
    lines = markdown(assemble_result(SUITE, cells)).splitlines()
    head = next(line for line in lines if line.startswith("| method"))
    place = head.split(" | ").index("re-ranking, ms/query")
    shown = {line.split(" | ")[0][2:]: line.split(" | ")[place : place + 2] for line in lines if line.startswith("|")}
    assert shown["max"] == ["22.0", "5 000"]
    assert shown["NetVLAD"] == ["-", "-"]
    for cell in cells:
        if cell["method"] == "max":
            cell["tests"][""]["reordered"] |= {"looking": None, "bytes_an_image": None}
    row = next(row for row in assemble_result(SUITE, cells)["rows"] if row["method"] == "max")
    assert row["reordered"] == {"milliseconds": 30.0, "bytes_an_image": None}


def test_one_seed_has_no_spread() -> None:
    cells = [cell for cell in made_up().cells() if cell["seed"] == 1]
    row = assemble_result(SUITE, cells)["rows"][0]
    assert row["recall"]["1"]["std"] is None
    assert "±" not in text(assemble_result(SUITE, cells))


def test_paired_comparison_finds_the_plain_difference_and_not_one_where_there_is_none(result: dict[str, Any]) -> None:
    trained = next(item for item in result["comparisons"] if item["stage"] == "trained")
    assert trained["baseline"] == "NetVLAD"
    assert trained["difference"] > 0.2
    assert trained["p_value"] < 0.001
    assert trained["low"] <= trained["difference"] <= trained["high"]

    same = [cell for cell in made_up().cells() if cell["method"] == "NetVLAD"]
    twins = [{**copy.deepcopy(cell), "method": "max"} for cell in same]
    outcome = assemble_result(SUITE, [*same, *twins])["comparisons"][0]
    assert outcome["difference"] == 0
    assert outcome["p_value"] == pytest.approx(1.0)


def test_gain_is_trained_minus_untrained_on_the_same_queries(result: dict[str, Any]) -> None:
    assert [item["method"] for item in result["gains"]] == ["NetVLAD", "max"]
    for item in result["gains"]:
        mean = {row["stage"]: row["recall"]["1"]["mean"] for row in result["rows"] if row["method"] == item["method"]}
        assert item["difference"] == pytest.approx(mean["trained"] - mean["untrained"])
        assert item["low"] <= item["difference"] <= item["high"]
    assert "NetVLAD, trained against untrained: recall@1 +" in text(result)
    untrained = [cell for cell in made_up().cells() if cell["stage"] == "untrained"]
    assert assemble_result(SUITE, untrained)["gains"] == []


def test_text_is_aligned_and_says_on_what_it_rests(result: dict[str, Any]) -> None:
    said = text(result)
    lines = said.splitlines()
    assert lines[0] == SUITE.title
    assert "made-up@25m; 60 queries, 90 database images; 3 seeds, mean ± standard deviation" in said
    header = next(line for line in lines if line.startswith("method"))
    end = header.index("recall@1") + len("recall@1")
    rows = [line for line in lines if line.startswith(("NetVLAD  ", "max  "))]
    assert len(rows) == 4
    assert all(line[end - 1].isdigit() and line[end] == " " for line in rows)
    assert "NetVLAD against max (trained): recall@1 +" in said
    assert all(character.isprintable() or character == "\n" for character in said)


def test_markdown_marks_the_best_of_each_stage(result: dict[str, Any]) -> None:
    said = markdown(result)
    rows = [line for line in said.splitlines() if line.startswith(("| NetVLAD", "| max"))]
    assert len(rows) == 4
    assert all(line.count("|") == rows[0].count("|") for line in rows)
    trained = next(line for line in rows if line.startswith("| NetVLAD | trained"))
    assert trained.split("|")[4].strip().startswith("**")
    assert not next(line for line in rows if line.startswith("| max | trained")).split("|")[4].strip().startswith("**")


def test_result_file_round_trips_and_keeps_number_lists_on_one_line(result: dict[str, Any], tmp_path: Path) -> None:
    path = write_result(result, tmp_path / "made_up.json")
    assert load_result(path) == json.loads(json.dumps(result))
    lines = path.read_text().splitlines()
    assert sum('"first_hits": [' in line and line.rstrip(",").endswith("]") for line in lines) == len(result["cells"])
    for field in ("date", "code", "hardware", "versions", "seeds", "config_hash"):
        assert result[field] is not None


def test_result_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    for content in ("{", "[]", "{}", '{"schema": 99, "rows": []}'):
        path = tmp_path / "x.json"
        path.write_text(content)
        with pytest.raises(ValueError, match=r"x\.json: not a result of `vpr bench`"):
            load_result(path)


def test_documents_are_rewritten_between_markers_only(result: dict[str, Any], tmp_path: Path) -> None:
    write_result(result, tmp_path / "made_up.json")
    document = tmp_path / "README.md"
    document.write_text("before\n<!-- bench:made_up -->\nold\n<!-- /bench:made_up -->\nafter\n")
    assert update_document(document, tmp_path) is True
    said = document.read_text()
    assert said.startswith("before\n<!-- bench:made_up -->\n")
    assert said.endswith("<!-- /bench:made_up -->\nafter\n")
    assert markdown(result) in said
    assert "old" not in said
    assert update_document(document, tmp_path) is False
    assert rendered("no marker here", tmp_path) == "no marker here"
    with pytest.raises(FileNotFoundError, match="nothing"):
        rendered("<!-- bench:nothing -->\n<!-- /bench:nothing -->", tmp_path)


def test_figure_draws_every_method_in_its_own_colour(result: dict[str, Any], tmp_path: Path) -> None:
    path = draw_curves(result, tmp_path / "recall.png")
    with Image.open(path) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    for colour in COLOURS[:2]:
        wanted = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)])
        assert (np.abs(pixels.astype(int) - wanted).max(axis=1) < 12).sum() > 100
    assert not list(tmp_path.glob(".partial*"))


def test_figure_has_a_panel_for_each_setting(tmp_path: Path) -> None:
    cells = [made_up().cell("a", "trained", 0, [1, 2, 0], setting=setting) for setting in ("one", "two", "three")]
    suite = Suite(name="x", title="X", base={}, methods={"a": {}})
    single = draw_curves(assemble_result(suite, cells[:1]), tmp_path / "single.png")
    several = draw_curves(assemble_result(suite, cells), tmp_path / "several.png")
    with Image.open(single) as small, Image.open(several) as large:
        assert large.size[0] > 1.8 * small.size[0]
        assert large.size[1] > 1.8 * small.size[1]


def test_provenance_names_code_machine_and_libraries() -> None:
    found = provenance()
    assert found["hardware"]["cores"] >= 1
    assert {"python", "torch", "numpy", "vpr-runner", "vpr-core"} <= set(found["versions"])
    assert set(found["code"]) == {"commit", "dirty"}


def test_a_file_outside_any_repository_has_no_commit(tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    file.touch()
    assert code_state(file) == {"commit": None, "dirty": None}


def test_provenance_is_that_of_the_cells_and_a_list_when_they_differ() -> None:
    """Not that of the last start, which may have found all of them done."""
    cells = made_up().cells()
    now = cells[0]["provenance"][0]
    old = {**now, "date": "2020-01-02T00:00:00+00:00", "versions": {**now["versions"], "torch": "1.0.0"}}
    younger = {**now, "date": "2099-01-01T00:00:00+00:00"}
    cells[1]["provenance"] = [younger]
    whole = assemble_result(SUITE, cells)
    assert {name: whole[name] for name in now} == younger
    assert "provenance" not in whole
    cells[2]["provenance"] = [old, now]
    mixed = assemble_result(SUITE, cells)
    assert mixed["provenance"] == [younger, old]
    assert "versions" not in mixed
    said = text(mixed)
    assert "measured 2020-01-02" in said
    assert "torch 1.0.0" in said
    assert "measured 2099-01-01" in markdown(mixed)
    assert said.count("spread over seeds") == 1


def test_a_recall_beyond_the_answers_that_were_looked_at_has_no_column() -> None:
    cells = made_up().cells()
    for each in cells:
        for test in each["tests"].values():
            test["recall"] = {"5": test["recall"]["5"]}
            test["first_hits"] = [rank if rank <= 5 else 0 for rank in test["first_hits"]]
    result = assemble_result(SUITE, cells)
    whole = assemble_result(SUITE, made_up().cells())
    for row, expected in zip(result["rows"], whole["rows"], strict=True):
        assert row["recall"] == {at: expected["recall"][at] for at in ("1", "5")}  # recall@1 is known from the ranks
    assert "recall@5" in text(result)
    assert "recall@10" not in text(result) + markdown(result)
    rows = [line for line in markdown(result).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1


def test_a_suite_may_ask_for_recall_at_full_precision(result: dict[str, Any]) -> None:
    assert "full_precision" not in result["rows"][0]
    assert "100 % precision" not in markdown(result)
    cells = made_up().cells()
    for cell in cells:
        outcome = cell["tests"][""]
        right = [int(rank == 1) for rank in outcome["first_hits"]]
        draw = np.random.default_rng(cell["seed"])
        distance = [0.5 - 0.2 * hit + float(draw.random()) / 4 for hit in right]
        outcome["first"] = {"distance": distance, "right": right, "answerable": [1] * len(right)}
    decided = assemble_result(SUITE, cells)
    row = decided["rows"][0]["full_precision"]
    by_seed = []
    for cell in cells:
        if (cell["method"], cell["stage"]) == ("NetVLAD", "untrained"):
            first = cell["tests"][""]["first"]
            pairs = list(zip(first["distance"], first["right"], strict=True))
            error = min(distance for distance, hit in pairs if not hit)
            by_seed.append(sum(hit and distance < error for distance, hit in pairs) / len(pairs))
    assert row["by_seed"] == pytest.approx(by_seed)
    assert row["mean"] == pytest.approx(np.mean(by_seed))
    assert row["low"] <= row["mean"] <= row["high"]
    table = [line for line in markdown(decided).splitlines() if line.startswith("|")]
    assert "recall at 100 % precision | 95 % of it" in table[0]
    assert len({line.count("|") for line in table}) == 1
    assert f"{100 * row['mean']:.1f} ±" in table[2]
    assert "95 % of it" in text(decided)
