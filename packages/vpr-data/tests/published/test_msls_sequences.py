"""MSLS's sequence tasks, counted again by hand as the benchmark's loader counts."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from vpr_data import open_published

LENGTHS = {"im2seq": (1, 3), "seq2im": (3, 1), "seq2seq": (3, 3)}


@pytest.fixture(scope="module")
def root(tmp_path_factory, trees) -> Path:
    folder = tmp_path_factory.mktemp("msls")
    trees.msls(folder)
    return folder


def restated(root: Path, side: str, city: str, length: int) -> list[tuple[list[str], list[tuple[float, float]]]]:
    """Keys and positions of each sequence: loops over rows, as the benchmark's loader has them."""
    base = root / "train_val" / city / side
    tables = {}
    for name in ("seq_info", "subtask_index", "raw", "postprocessed"):
        with (base / f"{name}.csv").open(newline="") as file:
            tables[name] = list(csv.DictReader(file))
    found = []
    for centre in range(len(tables["seq_info"])):
        rows = range(centre - length // 2, centre + length // 2 + 1)
        if rows[0] < 0 or rows[-1] >= len(tables["seq_info"]):
            continue
        info = [tables["seq_info"][row] for row in rows]
        frames = [int(row["frame_number"]) for row in info]
        if len({row["sequence_key"] for row in info}) > 1 or any(np.diff(frames) != 1):
            continue
        if tables["subtask_index"][centre]["all"] != "True" or tables["raw"][centre]["pano"] != "False":
            continue
        places = [tables["postprocessed"][row] for row in rows]
        xy = [(float(place["easting"]), float(place["northing"])) for place in places]
        found.append(([row["key"] for row in info], xy))
    return found


@pytest.mark.parametrize("task", LENGTHS)
def test_sequences_and_right_answers_are_those_of_the_benchmark(root: Path, task: str) -> None:
    split = open_published("msls", root=root, task=task, length=3).split("val")
    assert str(split.protocol) == f"msls-val-{task}3@25m-answerable"
    asked, known, right = [], [], {}
    for city in ("cph", "sf"):
        queries, database = (
            restated(root, side, city, n) for side, n in zip(("query", "database"), LENGTHS[task], strict=True)
        )
        asked += [",".join(keys) for keys, _ in queries]
        known += [",".join(keys) for keys, _ in database]
        for keys, xy in queries:
            near = [
                ",".join(other)
                for other, places in database
                if min(np.hypot(a[0] - b[0], a[1] - b[1]) for a in xy for b in places) <= 25
            ]
            right[",".join(keys)] = set(near)
    assert list(split.sequence_names("queries").values()) == asked
    assert list(split.sequence_names("database").values()) == known
    positives, names = split.positives(), split.sequence_names("database")
    ours = {name: {names[int(p)] for p in positives[row]} for row, name in split.sequence_names("queries").items()}
    assert ours == right
    assert sum(positives.lengths) == sum(map(len, right.values()))  # frames that stand for nothing are asked nothing
    # What stands for no sequence, and what lies in the other city, is no answer.
    every = np.tile(np.arange(len(split.database)), (len(split.queries), 1))
    kept = [{int(j) for j in np.flatnonzero(~row)} for row in split.ignored(every)]
    stands = set(names)
    assert all(row <= stands for row in kept)
    assert max(map(len, kept)) < len(stands)


def test_a_sequence_is_what_its_frame_sees_last(root: Path) -> None:
    """The matcher answers with the last frame of a sequence, for im2seq with the middle one of the database's."""
    for task, place in (("seq2seq", 2), ("im2seq", 1)):
        split = open_published("msls", root=root, task=task, length=3).split("val")
        for row, name in split.sequence_names("database").items():
            keys = name.split(",")
            frames = [f"{split.database.names[row + step - place].rsplit('/', 1)[1]}" for step in range(3)]
            assert frames == [f"{key}.jpg" for key in keys]
            assert len({int(split.database.drive[row + step - place]) for step in range(3)}) == 1


def test_the_test_split_has_sequences_and_no_truth(tmp_path: Path, trees) -> None:
    trees.msls(tmp_path)
    for side in ("database", "query"):
        rows = [(f"miami-{side}{i}", 0.0, False, True, True) for i in range(4)]
        trees.msls_side(tmp_path / "test" / "miami" / side, rows, None)
    split = open_published("msls", root=tmp_path, task="seq2seq").split("test")
    assert split.secret
    # The other cities have two images each, which make up no sequence of three.
    assert list(split.sequence_names("queries").values()) == [
        "miami-query0,miami-query1,miami-query2",
        "miami-query1,miami-query2,miami-query3",
    ]
    assert split.positives().lengths.sum() == 0
    none = open_published("msls", root=tmp_path, task="seq2seq", length=5).split("test")
    assert len(none.queries) == len(none.sequence_names("queries")) == none.extent() == 0


@pytest.mark.fault
@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"task": "seq2seq", "length": 4}, "longer than it: 3, 5, ..., got 4"),
        ({"task": "seq2seq", "length": 1}, "got 1"),
        ({"task": "im2seq", "sequences": True}, "leave out sequences"),
        ({"task": "im2seq", "protocol": "merged"}, "leave out sequences, and protocol: merged"),
    ],
)
def test_options_that_do_not_fit(root: Path, options: dict, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        open_published("msls", root=root, **options)
