"""The official files and the development sets; they are no part of the repository."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vpr_data import FolderDataset, describe, pitts30k, pitts250k, read_dbstruct, within_radius
from vpr_data.places.leaks import near_leaks

pytestmark = pytest.mark.shared

# Counted in the official files once and for all: ../shared/reference/netvlad-paper.md, section 3.5.
TABLE = {
    "pitts250k_train": (91_464, 7_824, 24, 216, 0),
    "pitts250k_val": (78_648, 7_608, 360, 384, 0),
    "pitts250k_test": (83_952, 8_280, 96, 240, 0),
    "pitts30k_train": (10_000, 7_416, 96, 288, 0),
    "pitts30k_val": (10_000, 7_608, 360, 384, 0),
    "pitts30k_test": (10_000, 6_816, 384, 504, 0),
}


@pytest.mark.parametrize("name", TABLE)
def test_pittsburgh_counts_and_distances(shared_data, name):
    struct = read_dbstruct(shared_data / "pittsburgh" / f"{name}.mat")

    def none_within(radius, beyond=None):
        rows = within_radius(struct.query_xy, struct.database_xy, radius, beyond=beyond)
        return int((rows.lengths == 0).sum())

    found = (
        len(struct.database_names),
        len(struct.query_names),
        none_within(10),
        none_within(10, beyond=1),
        none_within(25),
    )
    assert found == TABLE[name]
    assert struct.which_set == name.rpartition("_")[2]
    assert (struct.radius, struct.training_radius) == (25.0, 10.0)


def test_pittsburgh_as_a_data_set_shows_the_published_numbers(shared_data, tmp_path):
    data = pitts30k(root=tmp_path, metadata=shared_data / "pittsburgh")
    summaries = {summary.split: summary for summary in describe(data, name="pitts30k")}
    assert {split: summary.untrainable for split, summary in summaries.items()} == {
        "train": 288,
        "val": 384,
        "test": 504,
    }
    assert all(summary.warnings == () for summary in summaries.values())
    assert pitts250k(root=tmp_path, metadata=shared_data / "pittsburgh").split_names == ("train", "val", "test")


def test_positions_equal_those_that_patch_netvlad_ships(shared_data):
    struct = read_dbstruct(shared_data / "pittsburgh" / "pitts30k_test.mat")
    with np.load(shared_data / "pittsburgh" / "pitts30k_test.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["utmDb"], struct.database_xy)
        assert np.array_equal(arrays["utmQ"], struct.query_xy)


def test_pitts30k_is_a_part_of_pitts250k(shared_data):
    for split in ("train", "val", "test"):
        small, large = (
            set(read_dbstruct(shared_data / "pittsburgh" / f"{name}_{split}.mat").database_names)
            for name in ("pitts30k", "pitts250k")
        )
        assert small <= large


def test_the_seams_of_pitts30k(shared_data, tmp_path):
    data = pitts30k(root=tmp_path, metadata=shared_data / "pittsburgh")
    found = {(leak.left, leak.right): leak.count / leak.of for leak in near_leaks(data)}
    assert found["val database", "train database"] == pytest.approx(0.043, abs=0.0005)
    assert ("test database", "train database") not in found


@pytest.mark.parametrize(("name", "counts"), [("tokyo247", (75_984, 315)), ("nordland", (27_592, 27_592))])
def test_published_positions_load_as_npz(shared_data, tmp_path, name, counts):
    for role, count in zip(("db", "q"), counts, strict=True):
        (tmp_path / f"{role}.txt").write_text("".join(f"{i:06}.jpg\n" for i in range(count)))
    unit = {"unit": "frame"} if name == "nordland" else {"group": 12}
    data = FolderDataset(
        root=tmp_path, database="db.txt", queries="q.txt", npz=shared_data / name / f"{name}.npz", name=name, **unit
    )
    split = data.split("test")
    assert str(split.protocol) == {"tokyo247": "tokyo247@25m-nms12", "nordland": "nordland@10frames"}[name]
    lengths = split.positives().lengths
    assert (lengths > 0).all()
    if name == "nordland":
        assert lengths[1000] == 21


def test_tower_walks(shared_data):
    data = FolderDataset(
        root=shared_data / "tower_walks",
        table="positions.csv",
        columns={
            "role": "upstream_split",
            "split": "partition",
            "x": "pseudo_east_m",
            "y": "pseudo_north_m",
            "place": "floor",
        },
        radius=10,
    )
    assert data.split_names == ("train", "val")
    assert [len(data.split(name).database) + len(data.split(name).queries) for name in data.split_names] == [1716, 618]


def test_corridor_positives_equal_the_published_ground_truth(shared_data):
    data = FolderDataset(root=shared_data / "corridor", database="ref", queries="query", unit="frame", radius=2)
    split = data.split("test")
    truth = json.loads((shared_data / "corridor" / "similarity" / "corridor_gt.json").read_text())
    assert [row.tolist() for row in split.positives()] == truth
