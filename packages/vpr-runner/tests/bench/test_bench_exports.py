"""Tables for papers, spreadsheets and notebooks."""

from __future__ import annotations

import copy
import csv
import importlib.util
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from vpr_runner.bench.exports import COLUMNS, csv_table, escaped, latex_tables
from vpr_runner.bench.readme import load_result
from vpr_runner.bench.result import assemble_result, write_result
from vpr_runner.bench.suite import Suite
from vpr_runner.cli import main

SUITE = Suite(name="made_up", title="R_1 & 50 % of {it} <b>", base={}, methods={"NetVLAD": {}, "max": {}})


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("bench_cells", Path(__file__).with_name("bench_cells.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return assemble_result(SUITE, module.cells())


def row_of(result: dict[str, Any], method: str, stage: str) -> dict[str, Any]:
    return next(row for row in result["rows"] if (row["method"], row["stage"]) == (method, stage))


def test_latex_has_the_numbers_the_intervals_and_the_best_in_bold(result: dict[str, Any]) -> None:
    text = latex_tables([result])
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 1
    best = row_of(result, "NetVLAD", "trained")["recall"]["1"]
    assert best["mean"] > row_of(result, "max", "trained")["recall"]["1"]["mean"]
    (line,) = [line for line in text.splitlines() if line.startswith("NetVLAD & trained")]
    assert f"\\textbf{{{100 * best['mean']:.1f}}} $\\pm$ {100 * best['std']:.1f}" in line
    (worse,) = [line for line in text.splitlines() if line.startswith("max & trained")]
    assert "textbf" not in worse.split(" & ")[3]
    assert f"{{\\scriptsize [{100 * best['low']:.1f}, {100 * best['high']:.1f}]}}" in text
    columns = re.search(r"\\begin\{tabular\}\{(\w+)\}", text)
    assert columns is not None
    for line in text.splitlines():
        if line.endswith(r"\\"):
            assert line.count(" & ") == len(columns[1]) - 1


def test_latex_is_escaped(result: dict[str, Any]) -> None:
    text = latex_tables([result])
    assert r"R\_1 \& 50 \% of \{it\} {<}b{>}." in text
    assert (
        escaped("a\\b~c^d$e#\n\x1b")
        == r"a\textbackslash{}b\textasciitilde{}c\textasciicircum{}d\$e\# \textbackslash{}x1b"
    )
    body = re.sub(r"^%.*$", "", text, flags=re.MULTILINE)
    depth = 0
    for mark in re.sub(r"\\.", "", body):
        depth += {"{": 1, "}": -1}.get(mark, 0)
        assert depth >= 0
    assert depth == 0


def test_csv_has_every_number_whole(result: dict[str, Any]) -> None:
    changed = copy.deepcopy(dict(result))
    changed["rows"][0]["method"] = '=HYPERLINK("x"),"a\nb'
    rows = list(csv.DictReader(io.StringIO(csv_table([changed, result]))))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 2 * sum(len(row["recall"]) for row in result["rows"])
    assert rows[0]["method"] == '\'=HYPERLINK("x"),"a\nb'
    for row in rows[len(rows) // 2 :]:
        recall = row_of(result, row["method"], row["stage"])["recall"][row["n"]]
        assert [float(row[name]) for name in ("recall", "std", "low", "high")] == [
            recall[name] for name in ("mean", "std", "low", "high")
        ]


def test_csv_has_what_only_some_suites_measure(result: dict[str, Any]) -> None:
    decided = copy.deepcopy(dict(result))
    decided["rows"] = decided["rows"][:1]
    decided["rows"][0]["milliseconds"] = {"network": 3.125}
    decided["rows"][0]["full_precision"] = {"mean": 0.5, "std": None, "low": 0.25, "high": 0.75, "by_seed": [0.5]}
    decided["rows"][0]["reordered"] = {"milliseconds": 12.5, "bytes_an_image": 2048.0}
    names = [name for name in COLUMNS if name.endswith("_ms") or name.startswith(("full_precision", "rerank"))]
    first, *_, last = csv.DictReader(io.StringIO(csv_table([decided, result])))
    assert [first[name] for name in names] == ["", "", "3.125", "0.5", "", "0.25", "0.75", "12.5", "2048.0"]
    assert [last[name] for name in names][2:] == [""] * 7


def test_a_notebook_shows_the_table_of_a_result_file(result: dict[str, Any], tmp_path: Path) -> None:
    file = write_result(result, tmp_path / "result.json")
    shown = load_result(file)._repr_html_()
    assert "R_1 &amp; 50 % of {it} &lt;b&gt;." in shown
    best = row_of(result, "NetVLAD", "trained")["recall"]["1"]
    assert f"<b>{100 * best['mean']:.1f} ± {100 * best['std']:.1f}</b>" in shown
    assert shown.count("<tr>") == 1 + len(result["rows"])


def test_the_command_writes_both_and_refuses_a_folder(
    result: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_result(result, tmp_path / "result.json")
    tex, table = tmp_path / "out" / "t.tex", tmp_path / "out" / "t.csv"
    assert main(["bench", "--render", str(file), "--latex", str(tex), "--csv", str(table)]) == 0
    assert tex.read_text() == latex_tables([result])
    assert table.read_text() == csv_table([json.loads(file.read_text())])
    assert main(["bench", "--render", str(file), "--latex", str(tmp_path)]) == 2
    assert "is a folder; name a file" in capsys.readouterr().err


def test_a_suite_found_by_name_runs_no_python_file_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "bench" / "suites"
    folder.mkdir(parents=True)
    (folder / "idea.py").write_text("raise SystemExit('it ran')\n")
    (folder / "mine.yaml").write_text(
        "name: mine\ntitle: M\nplugins: [./idea.py]\nbase: {dataset: {type: city}, backbone: {type: tiny}}\n"
        "methods: {a: {pooling: {type: gem}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "mine", "--plan"]) == 2
    said = capsys.readouterr().err
    assert "names the Python file" in said
    assert f"vpr bench {folder / 'mine.yaml'}" in said
    (folder / "idea.py").write_text("import vpr_core\n@vpr_core.hookimpl\ndef vpr_backbones():\n    return iter(())\n")
    assert main(["bench", str(folder / "mine.yaml"), "--plan"]) == 0
    assert main(["bench", "mine", "--plan", "--plugin", str(folder / "idea.py")]) == 0
