"""Published sets at the command line, on the small trees of vpr-data's tests."""

from __future__ import annotations

import shutil
import sys
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from vpr_runner.cli import main

TREES = Path(__file__).parents[1] / "packages" / "vpr-data" / "tests" / "published" / "trees.py"
RUN = """\
dataset: {{type: msls, root: {root}}}
backbone: {{type: tiny}}
pooling: {{type: avg}}
image: {{size: [24, 32]}}
eval: {{split: val, recall_at: [1, 2]}}
"""


@pytest.fixture(scope="module")
def trees() -> Any:
    spec = spec_from_file_location("vpr_data_trees_at_the_command_line", TREES)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_counts_stand_beside_the_published_ones(tmp_path: Path, trees: Any, capsys: pytest.CaptureFixture[str]) -> None:
    trees.sf_xl(tmp_path)
    assert main(["data", "info", "sf_xl", "--root", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "sf_xl-test-v1+v2+night+occlusion@25m" in out
    assert "10         published 2805840" in out
    assert "4 queries night, 466 are published (as remembered" in out


def test_what_is_missing_is_listed(tmp_path: Path, trees: Any, capsys: pytest.CaptureFixture[str]) -> None:
    trees.svox(tmp_path)
    assert main(["data", "check", "svox", "--root", str(tmp_path)]) == 0
    shutil.rmtree(tmp_path / "images/test/queries_rain")
    assert main(["data", "check", "svox", "--root", str(tmp_path)]) == 1
    assert "queries_rain\n" in capsys.readouterr().out
    trees.st_lucia(tmp_path / "lucia")
    assert main(["data", "check", "st_lucia", "--root", str(tmp_path / "lucia")]) == 1
    assert "test: 15 images, 1,549 are published" in capsys.readouterr().out


def test_a_bare_nordland_is_refused_with_both_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "info", "nordland", "--root", str(tmp_path)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "patchnetvlad: database summer, queries winter, 27,592 each, 10 frames" in said
    assert "vprbench: database winter, 27,592, queries summer, every tenth, 2,760, 1 frame" in said


def test_the_challenges_file(tmp_path: Path, trees: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Answers of the city alone, and no recall, which only the server can count."""
    trees.msls(tmp_path / "msls")
    run = tmp_path / "run.yaml"
    run.write_text(RUN.format(root=tmp_path / "msls"))
    file = tmp_path / "answers.zip"
    assert main(["eval", str(run), "--split", "test", "--predictions", str(file), "--quiet"]) == 0
    assert "12 queries answered, hand in" in capsys.readouterr().out
    with zipfile.ZipFile(file) as archive:
        lines = [line.split() for line in archive.read("predictions.csv").decode().splitlines()]
    assert len(lines) == 12
    for query, *answers in lines:
        city = query.partition("-")[0]
        assert sorted(answers) == [f"{city}-database0", f"{city}-database1"]
    assert main(["eval", str(run), "--split", "test", "--quiet"]) == 2
    assert "known to the benchmark's server alone; --predictions answers.zip" in capsys.readouterr().err
    # The same file form of the split that is public goes in and comes back.
    own = tmp_path / "val.zip"
    assert main(["eval", str(run), "--predictions", str(own), "--json", "--quiet"]) == 0
    ours = capsys.readouterr().out
    assert main(["eval", str(run), "--from-predictions", str(own), "--json", "--quiet"]) == 0
    theirs = capsys.readouterr().out
    assert (
        ours[ours.index('"recall"') : ours.index('"intervals"')]
        == theirs[theirs.index('"recall"') : theirs.index('"intervals"')]
    )


SEQUENCES = """\
dataset: {{type: msls, root: {root}, task: {task}, length: 3}}
backbone: {{type: tiny}}
pooling: {{type: avg}}
sequence: {{type: msls, task: {task}, length: 3}}
image: {{size: [24, 32]}}
eval: {{split: val, recall_at: [1, 2]}}
"""


def scored_by_the_benchmark(lines: list[str], right: dict[str, set[str]], at: int) -> float:
    """Recall as the benchmark's script counts it: a table cut at blanks, the queries that have a right answer."""
    import numpy as np

    table = np.loadtxt(lines, ndmin=2, dtype=str)
    rows = {row[0]: list(row[1:]) for row in table}
    assert len(rows) == len(table)
    assert all(len(set(row)) == len(row) for row in rows.values())
    counted = [query for query, answers in right.items() if answers]
    return sum(bool(right[query] & set(rows[query][:at])) for query in counted) / len(counted)


@pytest.mark.parametrize("task", ["im2seq", "seq2im", "seq2seq"])
def test_sequences_leave_and_come_back(
    tmp_path: Path, trees: Any, capsys: pytest.CaptureFixture[str], task: str
) -> None:
    """What is written scores the same by the benchmark's rule, by ours when it is read, and as it was measured."""
    import json

    from vpr_data import open_published

    trees.msls(tmp_path / "msls")
    run, file = tmp_path / "run.yaml", tmp_path / "val.zip"
    run.write_text(SEQUENCES.format(root=tmp_path / "msls", task=task))
    assert main(["eval", str(run), "--predictions", str(file), "--json", "--quiet"]) == 0
    ours = json.loads(capsys.readouterr().out)
    assert ours["protocol"] == f"msls-val-{task}3@25m-answerable"
    with zipfile.ZipFile(file) as archive:
        lines = archive.read("predictions.csv").decode().splitlines()
    query, first = lines[0].split()[:2]
    assert (query.count(","), first.count(",")) == (2 * task.startswith("seq"), 2 * task.endswith("seq"))
    assert main(["eval", str(run), "--from-predictions", str(file), "--json", "--quiet"]) == 0
    theirs = json.loads(capsys.readouterr().out)
    assert theirs["recall"] == ours["recall"]
    split = open_published("msls", root=tmp_path / "msls", task=task, length=3).split("val")
    names, positives = split.sequence_names("database"), split.positives()
    right = {name: {names[int(p)] for p in positives[row]} for row, name in split.sequence_names("queries").items()}
    for at in (1, 2):
        assert scored_by_the_benchmark(lines, right, at) == pytest.approx(ours["recall"][str(at)])
    # A table has the same names.
    table = tmp_path / "val.csv"
    assert main(["eval", str(run), "--predictions", str(table), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["eval", str(run), "--from-predictions", str(table), "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["recall"] == ours["recall"]


def test_the_challenges_file_of_sequences(tmp_path: Path, trees: Any, capsys: pytest.CaptureFixture[str]) -> None:
    trees.msls(tmp_path / "msls")
    for side in ("database", "query"):
        rows = [(f"miami-{side}{i}", 0.0, False, True, True) for i in range(4)]
        trees.msls_side(tmp_path / "msls" / "test" / "miami" / side, rows, None)
    run, file = tmp_path / "run.yaml", tmp_path / "test.txt"
    run.write_text(SEQUENCES.format(root=tmp_path / "msls", task="im2seq"))
    assert main(["eval", str(run), "--split", "test", "--predictions", str(file), "--quiet"]) == 0
    capsys.readouterr()
    lines = [line.split() for line in file.read_text().splitlines()]
    assert len(lines) == 14  # an image of each city's query side; but miami has sequences alone
    sequences = {f"miami-database{i},miami-database{i + 1},miami-database{i + 2}" for i in range(2)}
    for query, *answers in lines:
        known = sequences if query.startswith("miami") else set()
        assert set(answers) == known | {f"unanswered-{n}" for n in range(1, 3 - len(known))}


@pytest.mark.fault
def test_sequences_that_are_none_are_said(tmp_path: Path, trees: Any, capsys: pytest.CaptureFixture[str]) -> None:
    trees.msls(tmp_path / "msls")
    run, file = tmp_path / "run.yaml", tmp_path / "val.txt"
    run.write_text(SEQUENCES.format(root=tmp_path / "msls", task="im2seq"))
    assert main(["eval", str(run), "--predictions", str(file), "--quiet"]) == 0
    lines = file.read_text().splitlines()
    query, *answers = lines[0].split()
    backwards = ",".join(reversed(answers[0].split(",")))
    for changed, why in (
        ([" ".join([query, "nowhere,b,c"]), *lines[1:]], "'nowhere' belongs to no sequence of the database"),
        (
            [" ".join([query, ",".join(answers[0].split(",")[:2])]), *lines[1:]],
            "2 keys; with dataset.task im2seq each of the database has 3",
        ),
        ([" ".join([query, backwards]), *lines[1:]], "these images are no sequence of the database"),
        ([" ".join(["nobody", *answers]), *lines[1:]], "'nobody' belongs to no sequence of the queries"),
        (lines[1:], "has no answer for 1 of"),
        ([lines[0], *lines], "stands there twice"),
    ):
        file.write_text("\n".join(changed))
        capsys.readouterr()
        assert main(["eval", str(run), "--from-predictions", str(file), "--quiet"]) == 2
        assert why in " ".join(capsys.readouterr().err.split())
    assert main(["eval", str(run), "--set", "sequence.length=5", "--quiet"]) == 2
    assert "asks im2seq with 3 images" in capsys.readouterr().err


@pytest.mark.fault
def test_answers_of_published_queries_that_are_not_counted_are_passed_over(tmp_path: Path, trees: Any) -> None:
    """MSLS publishes 747 query images and counts 740; who answered all of them is scored on those that count."""
    import numpy as np

    from vpr_core import UsageError
    from vpr_data import open_published
    from vpr_eval import Neighbours
    from vpr_runner.evaluation.predictions import read_predictions, write_predictions

    trees.msls(tmp_path)
    split = open_published("msls", root=tmp_path).split("val")
    index = np.tile(np.arange(2), (len(split.queries), 1))
    write_predictions(tmp_path / "p.txt", split, Neighbours(np.zeros(index.shape, dtype=np.float32), index))
    counted = (tmp_path / "p.txt").read_text()
    (tmp_path / "p.txt").write_text(f"cph-far cph-d0 cph-d1\n{counted}")
    assert read_predictions(tmp_path / "p.txt").on(split).index.tolist() == index.tolist()
    (tmp_path / "p.txt").write_text(f"nobody cph-d0 cph-d1\n{counted}")
    with pytest.raises(UsageError, match="'nobody' is no query of this split"):
        read_predictions(tmp_path / "p.txt").on(split)
