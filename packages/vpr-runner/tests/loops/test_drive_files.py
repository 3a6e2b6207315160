"""Times and truth come from the files that robots leave; loops leave as others read them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from vpr_core import UsageError
from vpr_runner.loops.picture import similarity_image
from vpr_runner.loops.rules import LoopCandidate
from vpr_runner.loops.times import times_of
from vpr_runner.loops.truth import Truth, judge, read_truth
from vpr_runner.loops.written import as_csv, as_g2o, as_tum


def loop(query: int, match: int, distance: float = 0.5) -> LoopCandidate:
    return LoopCandidate(
        query=query, match=match, query_time=query / 2, match_time=match / 2, distance=distance, support=3
    )


@pytest.mark.parametrize(
    ("names", "wanted", "said"),
    [
        (["a/walk_00000500ms.jpg", "a/walk_00012500ms.jpg"], [0.5, 12.5], "from file names"),
        (["1305031102.175304.png", "1305031102.275304.png"], [1305031102.175304, 1305031102.275304], "from file names"),
        (["1403636579763555584.png", "1403636579813555456.png"], [1403636579.763555584, 1403636579.813555456], "names"),
        (["000000.jpg", "000001.jpg"], [0, 1], "one image a second"),
        (["1305031102.175304.png", "cover.png"], [0, 1], "one image a second"),
    ],
)
def test_times_of_file_names(names: list[str], wanted: list[float], said: str) -> None:
    found, where = times_of(names)
    assert found == pytest.approx(wanted, rel=1e-12)
    assert said in where


def test_times_of_a_table(tmp_path: Path) -> None:
    tum, table = tmp_path / "rgb.txt", tmp_path / "times.csv"
    tum.write_text("# color images\n1.5 rgb/b.png\n1.0 rgb/a.png\n")
    table.write_text("Time,name\n2.5,b.png\n\n2.0,a.png\n")
    names = ["rgb/a.png", "rgb/b.png"]
    assert times_of(names, table=tum)[0].tolist() == [1.0, 1.5]
    assert times_of(names, table=table)[0].tolist() == [2.0, 2.5]
    assert times_of(names, rate=4)[0].tolist() == [0, 0.25]
    for text, said in (
        ("1.0 rgb/a.png\n", "no time for 1 of 2 images, such as 'rgb/b.png'"),
        ("later rgb/a.png\n", "line 1: 'later' is no number"),
        ("when,what\n1,2\n", "has the columns when, what; name and time are wanted"),
        ("1.0\n", "line 1: write `time name`"),
    ):
        tum.write_text(text)
        with pytest.raises(UsageError, match=said):
            times_of(names, table=tum)
    with pytest.raises(UsageError, match="cannot be read"):
        times_of(names, table=tmp_path / "none.txt")
    with pytest.raises(UsageError, match="one of the two"):
        times_of(names, table=tum, rate=1.0)


def test_truth_of_a_trajectory_and_of_a_table(tmp_path: Path) -> None:
    file = tmp_path / "truth.txt"
    file.write_text("# ground truth\n2.0 5 0 0 0 0 0 1\n1.0 1 2 3 0 0 0 1\n")
    found = read_truth(file, ["a", "b", "c"], np.array([1.1, 1.9, 9.0]))
    assert found[:2].tolist() == [[1, 2, 3], [5, 0, 0]]
    assert np.isnan(found[2]).all(), "no pose within half a second"
    file.write_text("name,x,y\nb,1,2\na,3,\n")
    found = read_truth(file, ["a", "b"], np.zeros(2))
    assert found[1].tolist() == [1, 2]
    assert np.isnan(found[0]).any()
    for text, said in (
        ("1.0 2 3\n", "line 1: expected time tx ty tz"),
        ("name,x,y\nz,1,2\n", "names none of the 2 images, such as 'a'"),
        ("name,lat\na,1\n", "name, x and y are wanted"),
        ("900 0 0 0 0 0 0 1\n", "have no time in common"),
        ("# nothing\n", "is empty"),
    ):
        file.write_text(text)
        with pytest.raises(UsageError, match=said):
            read_truth(file, ["a", "b"], np.zeros(2))


def test_what_loops_are_worth() -> None:
    points = np.array([[0, 0], [50, 0], [100, 0], [0, 1], [50, 1], [100, 1], [np.nan, 0]], dtype=np.float64)
    truth, times = Truth(points=points, within=5), np.arange(7.0)
    closes = truth.closes(times, exclude=2)
    assert closes.tolist() == [False] * 3 + [True] * 3 + [False]
    every = [loop(3, 0, 0.1), loop(4, 1, 0.2), loop(2, 0, 0.3), loop(5, 2, 0.4), loop(6, 0, 0.05)]
    found = judge(every[:3], every, truth, closes)
    assert (found.images, found.accepted, found.right) == (3, 3, 2)
    assert found.precision is not None
    assert found.precision[0] == pytest.approx(2 / 3)
    assert found.recall is not None
    assert found.recall[0] == pytest.approx(2 / 3)
    assert found.at_full_precision == pytest.approx(2 / 3)
    assert found.ninety_nine == pytest.approx(0.2)
    assert [round(point[1], 3) for point in found.curve] == [1.0, 1.0, 0.667, 0.75]
    nothing = judge([], [], truth, closes)
    assert (nothing.precision, nothing.at_full_precision) == (None, 0.0)
    assert "recall" in str(nothing)


def test_loops_as_others_read_them() -> None:
    loops = [loop(9, 1, 0.25), loop(10, 2)]
    names = [f"{n}, =x.jpg" if n == 1 else f"=run{n}.jpg" for n in range(11)]
    rows = list(csv.DictReader(io.StringIO(as_csv(loops, names, [True, None]))))
    assert [(row["query"], row["match"], row["right"]) for row in rows] == [
        ("'=run9.jpg", "1, =x.jpg", "true"),
        ("'=run10.jpg", "'=run2.jpg", ""),
    ]
    assert np.loadtxt(io.StringIO(as_tum(loops))).tolist() == [[4.5, 0.5, 0.25], [5.0, 1.0, 0.5]]
    words = [line.split() for line in as_g2o(loops, within=2).splitlines() if line[0] != "#"]
    assert [word[:3] for word in words] == [["EDGE_SE3:QUAT", "1", "9"], ["EDGE_SE3:QUAT", "2", "10"]]
    assert [float(value) for value in words[0][3:10]] == [0, 0, 0, 0, 0, 0, 1]
    information = np.zeros((6, 6))
    information[np.triu_indices(6)] = [float(value) for value in words[0][10:]]
    assert np.allclose(information, np.diag([0.25] * 3 + [0.0] * 3))


def test_a_thin_line_of_loops_stays_in_a_small_picture() -> None:
    rows = np.random.default_rng(0).normal(size=(37, 16))
    rows[30] = rows[3]
    rows[12] = np.nan
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    small = similarity_image(rows, side=5)
    assert small.shape == (5, 5)
    assert np.isfinite(small).all()
    assert small[4, 0] == pytest.approx(1, abs=1e-6)
    whole = similarity_image(rows, side=100)
    known = np.delete(np.arange(37), 12)
    np.testing.assert_allclose(whole[np.ix_(known, known)], rows[known] @ rows[known].T, atol=1e-6)
