from __future__ import annotations

import csv
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpr_core import UsageError
from vpr_data import EvaluationProtocol, Frame, ImageSet, PlaceSplit
from vpr_eval import Neighbours, precision_recall
from vpr_runner import assemble, evaluate
from vpr_runner.cli import main
from vpr_runner.evaluation.curve import curve_of
from vpr_runner.evaluation.evaluate import score_predictions
from vpr_runner.evaluation.predictions import read_predictions, write_predictions


@pytest.fixture
def split(tmp_path: Path) -> PlaceSplit:
    frame = Frame.local(latitude=48.2, longitude=16.37)
    database = ImageSet(
        root=tmp_path,
        names=["db/a.jpg", "db/b.jpg", "db/c,1.jpg"],
        xy=np.array([[0.0, 0], [30, 0], [60, 0]]),
        frame=frame,
    )
    queries = ImageSet(root=tmp_path, names=["q/0.jpg", "q/1.jpg"], xy=np.array([[2.0, 0], [61, 0]]), frame=frame)
    protocol = EvaluationProtocol(name="line", radius=25)
    return PlaceSplit(name="test", database=database, queries=queries, protocol=protocol)


FOUND = Neighbours(
    np.array([[0.25, 0.5, 0.75], [0.125, 0.5, np.inf]], dtype=np.float32),
    np.array([[0, 1, 2], [1, 2, -1]], dtype=np.int64),
)


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_what_leaves_comes_back(split: PlaceSplit, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"answers{ending}"
    write_predictions(file, split, FOUND)
    back = read_predictions(file).on(split)
    assert np.array_equal(back.index, FOUND.index)
    assert np.array_equal(back.distance, FOUND.distance)


def test_a_row_says_what_a_person_wants_to_know(split: PlaceSplit, tmp_path: Path) -> None:
    write_predictions(tmp_path / "a.csv", split, FOUND)
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["query"], row["rank"], row["database"], row["correct"]) for row in rows] == [
        ("q/0.jpg", "1", "db/a.jpg", "1"),
        ("q/0.jpg", "2", "db/b.jpg", "0"),
        ("q/0.jpg", "3", "db/c,1.jpg", "0"),
        ("q/1.jpg", "1", "db/b.jpg", "0"),
        ("q/1.jpg", "2", "db/c,1.jpg", "1"),
    ]
    assert float(rows[0]["database_lat"]) == pytest.approx(48.2, abs=1e-9)
    assert float(rows[1]["database_lon"]) > 16.37


def test_lists_of_other_tools_are_read(split: PlaceSplit, tmp_path: Path) -> None:
    """MSLS: keys without endings, cut at blanks. VPR-methods-evaluation: blocks of whole paths of another machine."""
    write_predictions(tmp_path / "msls.txt", split, FOUND)
    assert (tmp_path / "msls.txt").read_text() == "0 a b c,1\n1 b c,1\n"
    assert np.array_equal(read_predictions(tmp_path / "msls.txt").on(split).index, FOUND.index)
    folder = tmp_path / "preds"
    folder.mkdir()
    for number, (query, found) in enumerate((("0", "a b"), ("1", "b"))):
        paths = "\n".join(f"/data/images/test/db/{name}.jpg" for name in found.split())
        (folder / f"{number:03d}.txt").write_text(
            f"Query path:\n/data/images/test/q/{query}.jpg\n\nPredictions paths:\n{paths}\n\nPositives paths:\n"
        )
    assert read_predictions(folder).on(split).index.tolist() == [[0, 1], [1, -1]]


@pytest.mark.fault
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("query,rank,database\nq/0.jpg,1,db/a.jpg\n", "no answer for 1 of 2 queries, for one q/1.jpg"),
        ("query,rank,database\nq/0.jpg,0,db/a.jpg\n", "line 2: rank 0 counts from 1"),
        ("query,rank,database\nq/0.jpg,1,db/a.jpg\nq/0.jpg,1,db/b.jpg\n", "line 3: rank 1 stands there twice"),
        ("query,rank,database\nq/0.jpg,1,db/z.jpg\nq/1.jpg,1,db/a.jpg\n", "'db/z.jpg' is no database image"),
        ("query,rank,database,distance\nq/0.jpg,1,db/a.jpg,nan\n", "line 2: distance is NaN"),
        ("query,database\nq/0.jpg,db/a.jpg\n", "no field 'rank'"),
        ("", "empty; a table"),
        ('{"query": "q/0.jpg"\n', "not JSON lines"),
    ],
)
def test_what_fits_nothing_is_said(split: PlaceSplit, tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(UsageError, match=why):
        read_predictions(tmp_path / "p.csv").on(split)


def test_our_own_answers_score_as_they_did(make_config: Any, engine_registry: Any, tmp_path: Path) -> None:
    from vpr_runner.data import split_of

    config = make_config(eval={"bootstrap": 50})
    dots = split_of(config.dataset, engine_registry, name="test")
    report = evaluate(assemble(config, engine_registry).eval(), dots, config, registry=engine_registry, progress=False)
    assert report.answers is not None
    write_predictions(tmp_path / "a.csv", dots, report.answers)
    back = read_predictions(tmp_path / "a.csv").on(dots)
    again = score_predictions(dots, back, config.eval, seed=config.seed, source="a.csv")
    assert again.recall == report.recall
    assert again.intervals == report.intervals
    assert again.first_hits.tolist() == report.first_hits.tolist()
    assert str(again.protocol) == report.protocol
    curve = curve_of(report)
    right = report.first_hits == 1
    expected = precision_recall(-report.answers.distance[:, 0], right, total=len(right))
    assert curve.average_precision == expected.average_precision


def test_by_command_without_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    for side, places in (("database", (0, 30, 60)), ("queries", (1, 62))):
        for x in places:
            path = tmp_path / "photos" / "test" / side / f"@{500000 + x}@5000000@{side}{x}@.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (x, 0, 0)).save(path)
    lines = [
        {
            "query": "@500001@5000000@queries1@.png",
            "rank": 1,
            "database": "@500000@5000000@database0@.png",
            "distance": 0.1,
        },
        {
            "query": "@500062@5000000@queries62@.png",
            "rank": 1,
            "database": "@500000@5000000@database0@.png",
            "distance": 0.2,
        },
    ]
    answers = tmp_path / "theirs.jsonl"
    answers.write_text("".join(json.dumps(line) + "\n" for line in lines))
    block = f"{{type: folder, root: {tmp_path / 'photos'}}}"
    asked = ["eval", "--from-predictions", str(answers), "--dataset", block, "--curve", str(tmp_path / "pr.png")]
    assert main([*asked, "-o", str(tmp_path / "r.json"), "-q", "--set", "eval.recall_at=[1]"]) == 0
    said = capsys.readouterr().out
    assert "recall@1     50.00" in said
    assert "average precision 50.00" in said
    assert (tmp_path / "pr.png").read_bytes().startswith(b"\x89PNG")
    assert main([*asked, "--against", str(tmp_path / "r.json"), "-q", "--set", "eval.recall_at=[1]"]) == 0
    assert "on the same 2 queries" in capsys.readouterr().out
    assert main(["eval", "--from-predictions", str(answers), "-q"]) == 2
    assert "on which data set?" in capsys.readouterr().err


def test_the_zip_of_the_msls_server(split: PlaceSplit, tmp_path: Path) -> None:
    """One list in one archive, the same bytes whenever it is written; what is no such archive is refused."""
    for name in ("a.zip", "b.zip"):
        write_predictions(tmp_path / name, replace(split, database=replace(split.database, names=KEYS)), FOUND)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["predictions.csv"]
        assert archive.read("predictions.csv").decode() == "0 a b c\n1 b c\n"
    assert read_predictions(tmp_path / "a.zip").answers["1"] == [("b", None), ("c", None)]
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("one", "0 a")
        archive.writestr("two", "0 a")
    with pytest.raises(UsageError, match="holds 2 files; the MSLS server takes one"):
        read_predictions(tmp_path / "two.zip")
    (tmp_path / "no.zip").write_bytes(b"PK no archive")
    with pytest.raises(UsageError, match=r"no\.zip cannot be read"):
        read_predictions(tmp_path / "no.zip")


KEYS = ["db/a.jpg", "db/b.jpg", "db/c.jpg"]


def test_remarks_and_places_that_were_not_answered_are_passed_over(split: PlaceSplit, tmp_path: Path) -> None:
    """The benchmark's own examples begin with remarks; its table wants equally many columns in all lines."""
    short = Neighbours(FOUND.distance, np.array([[0, 1, 2], [1, -1, -1]], dtype=np.int64))
    write_predictions(tmp_path / "p.zip", replace_names(split), short, filled=True)
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        lines = archive.read("predictions.csv").decode().splitlines()
    assert lines == ["0 a b c1", "1 b unanswered-1 unanswered-2"]
    table = np.loadtxt(lines, ndmin=2, dtype=str)  # as the benchmark's script reads it
    assert table.shape == (2, 4)
    (tmp_path / "p.txt").write_text("# Each row contains, a key\n" + "\n".join(lines) + "  # of 2\n")
    assert read_predictions(tmp_path / "p.txt").on(replace_names(split)).index.tolist() == short.index.tolist()


def replace_names(split: PlaceSplit) -> PlaceSplit:
    return replace(split, database=replace(split.database, names=["db/a.jpg", "db/b.jpg", "db/c1.jpg"]))


@pytest.mark.fault
def test_an_answer_that_stands_twice_in_a_line_is_refused(split: PlaceSplit, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("0 a b\n1 b b\n")
    with pytest.raises(UsageError, match="line 2: names b twice"):
        read_predictions(tmp_path / "p.txt")
