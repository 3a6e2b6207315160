from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vpr_data import PairsDataset, describe
from vpr_data.truth.lists import read_rows

NAMES = ["z.jpg", "a.jpg", "m.jpg", "b.jpg"]
QUERIES = ["q2.jpg", "q1.jpg", "q3.jpg"]
RIGHT = [[0, 1], [], [3]]


def of(*items: object) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "db.txt").write_text("\n".join(NAMES) + "\n")
    np.save(tmp_path / "q.npy", np.array(QUERIES))
    vpr_bench = np.empty((3, 2), dtype=object)
    for row, query in enumerate((2, 0, 1)):
        vpr_bench[row] = [query, RIGHT[query]]
    np.save(tmp_path / "gsv.npy", of(*(np.array(row, dtype=int) for row in RIGHT)), allow_pickle=True)
    np.save(tmp_path / "bench.npy", vpr_bench, allow_pickle=True)
    (tmp_path / "rows.csv").write_text("query,database\nq3.jpg,b.jpg\nq2.jpg,a.jpg\nq2.jpg,z.jpg\n")
    (tmp_path / "places.csv").write_text("query,database\n2,3\n0,1\n0,0\n")
    (tmp_path / "object.json").write_text(json.dumps({"q2.jpg": ["a.jpg", 0], "q3.jpg": "b.jpg"}))
    (tmp_path / "lists.json").write_text(json.dumps([["z.jpg", 1], [], ["b.jpg"]]))
    return tmp_path


@pytest.mark.parametrize("truth", ["gsv.npy", "bench.npy", "rows.csv", "places.csv", "object.json", "lists.json"])
def test_every_form_says_the_same(root: Path, truth: str) -> None:
    """Places count in the order of the lists, which nobody sorts."""
    split = PairsDataset(root=root, database="db.txt", queries="q.npy", truth=truth, name="set").split("test")
    assert list(split.database.names) == NAMES
    assert list(split.queries.names) == QUERIES
    assert [row.tolist() for row in split.positives()] == RIGHT
    assert str(split.protocol) == "set-test@list"


def test_one_place_for_each_query(root: Path) -> None:
    for array in (np.array([[3], [0], [2]]), np.array([3, 0, 2]), np.array([3.0, 0.0, 2.0])):
        np.save(root / "one.npy", array)
        rows = read_rows(root / "one.npy", queries=QUERIES, database=NAMES)
        assert [row.tolist() for row in rows] == [[3], [0], [2]]


def test_what_is_neither_right_nor_wrong_is_taken_out(root: Path) -> None:
    (root / "unsure.csv").write_text("query,database\nq2.jpg,m.jpg\n")
    both = PairsDataset(root=root, database="db.txt", queries="q.npy", truth="gsv.npy", ignore="unsure.csv")
    split = both.split("test")
    answers = np.array([[2, 0, 3], [2, -1, 0], [2, 3, 1]])
    assert split.ignored(answers).tolist() == [[True, False, False], [False] * 3, [False] * 3]
    assert [row.tolist() for row in split.never_negative()] == [[0, 1, 2], [], [3]]
    assert (
        both.fingerprint() != PairsDataset(root=root, database="db.txt", queries="q.npy", truth="gsv.npy").fingerprint()
    )
    (root / "unsure.csv").write_text("query,database\nq2.jpg,z.jpg\n")
    with pytest.raises(ValueError, match=r"z\.jpg is listed as right for q2\.jpg, and as neither"):
        PairsDataset(root=root, database="db.txt", queries="q.npy", truth="gsv.npy", ignore="unsure.csv")


def test_some_of_the_listed_queries_are_asked(root: Path) -> None:
    """msls_val_qIdx: rows of the list of query images."""
    np.save(root / "idx.npy", np.array([2, 0]))
    np.save(root / "some.npy", of(np.array([3]), np.array([0, 1])), allow_pickle=True)
    split = PairsDataset(root=root, database="db.txt", queries="q.npy", asked="idx.npy", truth="some.npy").split("test")
    assert list(split.queries.names) == ["q3.jpg", "q2.jpg"]
    assert [row.tolist() for row in split.positives()] == [[3], [0, 1]]


def test_frames_in_step(root: Path) -> None:
    for side, count in (("ref", 5), ("query", 4)):
        (root / side).mkdir()
        for number in range(count):
            (root / side / f"{number:07d}.jpg").touch()
    split = PairsDataset(root=root, database="ref", queries="query", tolerance=1).split("test")
    assert [row.tolist() for row in split.positives()] == [[0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert str(split.protocol).endswith("-test@1frames")
    assert describe(PairsDataset(root=root, database="ref", queries="query", tolerance=0))[0].without_positives == 0


@pytest.mark.fault
def test_usual_mistakes_are_said(root: Path) -> None:
    np.save(root / "short.npy", of(np.array([0]), np.array([1])), allow_pickle=True)
    (root / "loose").mkdir()
    for name in ("b.jpg", "a.jpg"):
        (root / "loose" / name).touch()
    for change, why in (
        ({"truth": "short.npy"}, "right answers of 2 queries, 3 are listed; it belongs to another list"),
        ({"database": "loose"}, "its files are not simply numbered"),
        ({"database": "q.npy"}, r"3 is no place in a list of 3 \(0 to 2\)"),
        ({"truth": "nothing.csv"}, "cannot be read"),
        ({"truth": "db.txt"}, "expected a header with query and database"),
        ({"tolerance": 2}, "one of the two"),
        ({"root": root / "nowhere"}, "no folder"),
    ):
        given = {"root": root, "database": "db.txt", "queries": "q.npy", "truth": "gsv.npy", **change}
        with pytest.raises(ValueError, match=why):
            PairsDataset(**given)


@pytest.mark.shared
def test_the_corridor_as_it_is_published(shared_data: Path) -> None:
    data = PairsDataset(root=shared_data / "corridor", database="ref", queries="query", truth="ground_truth_new.npy")
    split = data.split("test")
    assert (len(split.database), len(split.queries)) == (111, 111)
    assert all(query in row for query, row in enumerate(split.positives()))
    assert 1 < split.positives().lengths.mean() < 12
