"""Each format through the tool that reads it, where that can be installed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from vpr_core import UsageError
from vpr_runner.pairs.choose import ImagePairs, Side
from vpr_runner.pairs.features import write_hloc_features, write_kapture_features
from vpr_runner.pairs.formats import as_csv, as_kapture, as_text, renamed
from vpr_runner.pairs.poses import pairs_by_pose, read_poses

PAIRS = ImagePairs(
    first=("a/0.jpg", "a/0.jpg", "b.jpg"),
    second=("b.jpg", "ü/c.jpg", "ü/c.jpg"),
    score=np.array([0.75, 0.5, -0.25], dtype=np.float32),
)
BLANK = ImagePairs(first=("a b.jpg",), second=("c,d.jpg",), score=np.ones(1, dtype=np.float32))


def test_the_text_is_what_hloc_reads() -> None:
    """hloc's rule, restated: a line is cut at any blank into exactly two names."""
    read = [line.split() for line in as_text(PAIRS).splitlines()]
    assert all(len(words) == 2 for words in read)
    assert read == [list(pair) for pair in zip(PAIRS.first, PAIRS.second, strict=True)]
    with pytest.raises(UsageError, match=r"'a b.jpg': hloc and COLMAP cut a line at blanks.*--rename"):
        as_text(BLANK)


def test_tables_hold_any_name() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(BLANK))))
    assert rows == [{"first": "a b.jpg", "second": "c,d.jpg", "score": "1.000000"}]


def test_new_names_are_all_different() -> None:
    new = renamed(["a b.jpg", "a_b.jpg", "a\tb.jpg", "#x", "_x"], form="text")
    assert len(set(new.values())) == 5
    assert not [name for name in new.values() if any(c.isspace() for c in name) or name.startswith("#")]
    assert new["a_b.jpg"] == "a_b.jpg"


def test_kapture_reads_the_pairs_and_the_features(tmp_path: Path) -> None:
    csv_io = pytest.importorskip("kapture.io.csv")
    features = pytest.importorskip("kapture.io.features")
    (tmp_path / "pairs.txt").write_text(as_kapture(PAIRS), encoding="utf-8")
    with (tmp_path / "pairs.txt").open(encoding="utf-8") as file:
        read = [(query, image, float(score)) for query, image, score in csv_io.table_from_file(file)]
    assert [pair[:2] for pair in read] == list(zip(PAIRS.first, PAIRS.second, strict=True))
    assert [score for *_, score in read] == PAIRS.score.tolist()
    rows = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    rows[1] = np.nan
    images = Side(names=["a/0.jpg", "bad.jpg", "b.jpg"], rows=rows)
    assert write_kapture_features(tmp_path, images, kind="netvlad", about={"model": "x"}) == 2
    path = features.get_global_features_fullpath("netvlad", str(tmp_path), "a/0.jpg")
    assert np.array_equal(features.image_global_features_from_file(path, np.float32, 5).ravel(), rows[0])
    with pytest.raises(UsageError, match="holds features already"):
        write_kapture_features(tmp_path, images, kind="netvlad", about={})
    with pytest.raises(UsageError, match="kapture cuts a line at commas"):
        as_kapture(BLANK)


def test_hloc_finds_the_descriptors_by_name(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    rows = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    rows[1] = np.nan
    images = Side(names=["a/0.jpg", "bad.jpg", "b.jpg"], rows=rows)
    file = tmp_path / "feats.h5"
    count = write_hloc_features(file, images, sizes={"b.jpg": (640, 480)}, about={"model": "x"})
    assert count == 2
    with h5py.File(file, "r", libver="latest") as store:
        assert store["a/0.jpg/global_descriptor"].dtype == np.float16
        assert np.array_equal(store["a/0.jpg"]["global_descriptor"][:], rows[0].astype(np.float16))
        assert store["b.jpg"]["image_size"][:].tolist() == [640, 480]
        assert "bad.jpg" not in store
        assert json.loads(store.attrs["vpr"]) == {"model": "x"}
    assert not list(tmp_path.glob(".partial*"))


def test_poses_of_colmap_and_of_tum_stand_where_they_should(tmp_path: Path) -> None:
    colmap = tmp_path / "images.txt"
    half = np.sqrt(0.5)
    colmap.write_text(  # turned by 90 degrees about y, standing at (2, 0, 0): t = -R c
        "# Image list\n1 1 0 0 0 0 0 0 1 a.jpg\n1.0 2.0 -1\n"
        f"2 {half} 0 {half} 0 0 0 2 1 with blank.jpg\n\n3 2 0 0 0 -1 0 0 1 c.jpg\n\n"
    )
    poses = read_poses(colmap)
    assert poses.names == ("a.jpg", "with blank.jpg", "c.jpg")
    assert np.allclose(poses.centres, [[0, 0, 0], [2, 0, 0], [1, 0, 0]])
    assert np.allclose(poses.views, [[0, 0, 1], [-1, 0, 0], [0, 0, 1]])
    near = pairs_by_pose(poses, matched=5, radius=1.5, angle=30)
    assert list(zip(near.first, near.second, strict=True)) == [("a.jpg", "c.jpg")]
    everything = pairs_by_pose(poses, matched=5, radius=1.5, angle=180)
    assert len(everything) == 2
    tum = tmp_path / "trajectory.txt"
    tum.write_text("# time tx ty tz qx qy qz qw\n10.5 0 0 0 0 0 0 1\n11.0 1 0 0 0 0 0 1\n")
    assert read_poses(tum).names == ("10.5", "11.0")
    assert np.allclose(read_poses(tum).centres[1], [1, 0, 0])
    for text, why in (("hello world\n", "neither COLMAP's"), ("1 0 0 0 0 0 0 0\n", "is no rotation")):
        tum.write_text(text)
        with pytest.raises(UsageError, match=why):
            read_poses(tum)


def test_colmap_imports_and_matches_the_pairs(tmp_path: Path) -> None:
    """The real one: features of six drawn images, then the matches that our list asks for, and no others."""
    pycolmap = pytest.importorskip("pycolmap")
    from PIL import Image

    generator = np.random.default_rng(0)
    wall = Image.fromarray(generator.integers(0, 256, (60, 90, 3), dtype=np.uint8)).resize((720, 480), Image.BICUBIC)
    names = [f"v{number}.png" for number in range(6)]
    (tmp_path / "images").mkdir()
    for number, name in enumerate(names):
        wall.crop((20 * number, 10, 20 * number + 480, 370)).save(tmp_path / "images" / name)
    pairs = ImagePairs(first=("v0.png", "v1.png", "v0.png"), second=("v1.png", "v2.png", "v5.png"), score=np.ones(3))
    (tmp_path / "pairs.txt").write_text(as_text(pairs))
    database = tmp_path / "database.db"
    pycolmap.extract_features(str(database), str(tmp_path / "images"))
    pairing = pycolmap.ImportedPairingOptions(match_list_path=str(tmp_path / "pairs.txt"))
    pycolmap.match_image_pairs(str(database), pairing_options=pairing)
    import sqlite3

    with sqlite3.connect(database) as connection:
        ids = dict(connection.execute("SELECT image_id, name FROM images"))
        rows = connection.execute("SELECT pair_id, rows FROM matches").fetchall()
    matched = {tuple(sorted((ids[pair // 2147483647], ids[pair % 2147483647]))) for pair, count in rows}
    assert matched == {("v0.png", "v1.png"), ("v1.png", "v2.png"), ("v0.png", "v5.png")}
    assert all(count > 50 for _, count in rows)
