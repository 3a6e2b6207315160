from __future__ import annotations

import pytest

from vpr_data import FolderDataset, describe, find_leaks, missing_files


@pytest.fixture
def dataset(tmp_path):
    def make(rows, **fields):
        text = "name,x,y,split,role\n" + "".join(f"{name},{x},0,{split},{role}\n" for name, x, split, role in rows)
        (tmp_path / "t.csv").write_text(text)
        for number, (name, *_) in enumerate(rows):
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            if not path.exists():
                path.write_bytes(bytes([number]) * 10)
        return FolderDataset(root=tmp_path, table="t.csv", **fields)

    return make


CLEAN = [
    ("a", 0, "train", "db"),
    ("b", 3, "train", "query"),
    ("c", 1000, "test", "db"),
    ("d", 1002, "test", "query"),
]


def test_a_clean_set_has_no_leak(dataset):
    assert find_leaks(dataset(CLEAN)) == []


def test_test_images_near_training_images_are_found(dataset):
    near = [*CLEAN, ("e", 20, "test", "query"), ("f", 24, "test", "query")]
    leaks = find_leaks(dataset(near))
    assert [(leak.kind, leak.left, leak.right, leak.count, leak.of) for leak in leaks] == [
        ("near", "test queries", "train database", 2, 3),
        ("near", "test queries", "train queries", 2, 3),
    ]
    assert leaks[0].nearest == 20
    assert leaks[0].examples == (("e", "a"), ("f", "a"))
    assert str(leaks[0]) == (
        "2 of 3 images of test queries are within reach of train database, the nearest at 20.0 m, such as e"
    )
    assert find_leaks(dataset(near), radius=5) == []


def test_copies_of_files_are_found_under_any_name(dataset, tmp_path):
    data = dataset([*CLEAN, ("e", 5000, "test", "query")])
    (tmp_path / "e").write_bytes((tmp_path / "a").read_bytes())
    (tmp_path / "d").write_bytes((tmp_path / "c").read_bytes())
    leaks = {(leak.left, leak.right): leak for leak in find_leaks(data)}
    assert set(leaks) == {("test queries", "train database"), ("test queries", "test database")}
    assert leaks["test queries", "train database"].examples == (("e", "a"),)
    assert "files of test database too, such as d" in str(leaks["test queries", "test database"])


def test_a_set_that_asks_itself_and_missing_files_are_no_leak(dataset, tmp_path):
    (tmp_path / "t.csv").write_text("name,x,y\na,0,0\nb,0,0\n")
    (tmp_path / "a").write_bytes(b"1")
    assert find_leaks(FolderDataset(root=tmp_path, table="t.csv")) == []


def test_frames_of_different_walks_are_not_compared_by_number(dataset):
    rows = [("1", 0, "train", "db"), ("2", 0, "train", "q"), ("3", 0, "test", "db"), ("4", 0, "test", "q")]
    assert find_leaks(dataset(rows, unit="frame", columns={"frame": "x"})) == []


def test_what_looks_wrong_is_said(dataset, tmp_path):
    (far,) = describe(dataset([("a", 0, "test", "db"), ("b", 900_000, "test", "query")]))
    assert far.warnings[0].startswith("no query has a database image within 25 m; are both in the same coordinates?")
    assert far.warnings[1].startswith("positions spread over 900 km; look for rows with latitude and longitude swapped")
    (degrees,) = describe(dataset([("a", 5.1234, "test", "db"), ("b", 5.1235, "test", "query")]))
    assert degrees.warnings == (
        "all positions lie within a metre and look like degrees; give them as columns 'lat' and 'lon'",
    )
    (tmp_path / "d.csv").write_text("name,x,y\na,0,0\nb,9,0\n")
    (tmp_path / "q.csv").write_text("name,x,y\na,0,0\n")
    (shared,) = describe(FolderDataset(root=tmp_path, database="d.csv", queries="q.csv"))
    assert shared.warnings == ("1 queries are in the database too, and will find themselves",)
    assert (shared.database, shared.queries, shared.median_positives, shared.extent) == (2, 1, 2.0, 9.0)


def test_missing_files_of_a_folder_set(dataset, tmp_path):
    data = dataset(CLEAN)
    (tmp_path / "c").unlink()
    assert missing_files(data) == [tmp_path / "c"]
