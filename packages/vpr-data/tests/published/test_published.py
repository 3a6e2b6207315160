from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from vpr_data import PUBLISHED, describe, instructions, missing_files, open_published, pitts30k, tokyo247, tokyo_tm


def cells(names):
    array = np.empty((len(names), 1), dtype=object)
    array[:, 0] = names
    return array


@pytest.fixture
def published(tmp_path):
    """Write a .mat file of the official structure."""

    def write(name, *, database, queries, stamps=None, where="datasets"):
        folder = tmp_path / where
        folder.mkdir(parents=True, exist_ok=True)
        struct = {
            "whichSet": name.rpartition("_")[2],
            "dbImageFns": cells([image for image, _ in database]),
            "utmDb": np.array([place for _, place in database], dtype=np.float64).T,
            **({"dbTimeStamp": np.array([stamps[0]], dtype=np.float64)} if stamps else {}),
            "qImageFns": cells([image for image, _ in queries]),
            "utmQ": np.array([place for _, place in queries], dtype=np.float64).T,
            **({"qTimeStamp": np.array([stamps[1]], dtype=np.float64)} if stamps else {}),
            "numImages": np.uint16(len(database)),
            "numQueries": np.uint16(len(queries)),
            "posDistThr": np.uint8(25),
            "posDistSqThr": np.uint16(625),
            "nonTrivPosDistSqThr": np.uint8(100),
        }
        savemat(folder / f"{name}.mat", {"dbStruct": struct}, do_compression=True)

    return write


@pytest.fixture
def pittsburgh(tmp_path, published):
    for split in ("train", "val", "test"):
        published(
            f"pitts30k_{split}",
            database=[(f"000/{split}_d{i}.jpg", (i * 8, 0)) for i in range(6)],
            queries=[(f"000/{split}_q{i}.jpg", (i * 8 + 0.5, 0)) for i in range(2)],
        )
    return tmp_path


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(root / name)


@pytest.mark.parametrize(("above", "queries"), [("images", "queries"), (".", "queries_real")])
def test_pittsburgh_as_it_is_laid_out(pittsburgh, above, queries):
    touch(pittsburgh, f"{above}/000/test_d0.jpg", f"{queries}/000/test_q0.jpg")
    data = pitts30k(root=pittsburgh)
    assert data.split_names == ("train", "val", "test")
    split = data.split("test")
    assert split.database.path(0) == pittsburgh / above / "000/test_d0.jpg"
    assert split.queries.path(0) == pittsburgh / queries / "000/test_q0.jpg"
    assert str(split.protocol) == "pitts30k-test@25m"
    assert [row.tolist() for row in split.positives()] == [[0, 1, 2, 3], [0, 1, 2, 3, 4]]
    training = split.training
    assert (training.positive, training.beyond, training.negative) == (10, 1, 25)
    assert [row.tolist() for row in split.within(training.positive, beyond=training.beyond)] == [[1], [0, 2]]
    assert data.split("test") is split


def test_what_is_missing_is_listed_before_anything_runs(pittsburgh):
    data = pitts30k(root=pittsburgh)
    assert len(missing_files(data)) == 3 * 8
    touch(pittsburgh, "images/000/test_d0.jpg")
    missing = missing_files(pitts30k(root=pittsburgh), splits=("test",))
    assert len(missing) == 7
    assert missing[0] == pittsburgh / "images/000/test_d1.jpg"


def test_numbers_are_compared_with_the_published_ones(pittsburgh):
    summaries = describe(pitts30k(root=pittsburgh), name="pitts30k")
    assert [summary.split for summary in summaries] == ["train", "val", "test"]
    assert summaries[2].warnings == ("6 images, 10,000 are published", "2 queries, 6,816 are published")
    assert (summaries[2].database, summaries[2].queries, summaries[2].without_positives) == (6, 2, 0)
    assert describe(pitts30k(root=pittsburgh))[0].warnings == ()


def test_metadata_is_looked_for_and_its_absence_explained(tmp_path, pittsburgh, published):
    with pytest.raises(
        FileNotFoundError, match=r"pitts30k_train.mat or .* is in none of .*; the .mat files are public"
    ):
        pitts30k(root=tmp_path / "a" / "b")
    assert pitts30k(root=tmp_path / "images").split_names == ("train", "val", "test")  # beside the root
    (tmp_path / "datasets" / "pitts30k_train.mat").unlink()
    data = pitts30k(root=tmp_path)
    assert data.split_names == ("val", "test")
    with pytest.raises(FileNotFoundError, match=r"pitts30k_train.mat is in none of"):
        data.split("train")
    with pytest.raises(ValueError, match="name must be one of train, val, test, the splits of pitts30k, got 'all'"):
        data.split("all")
    elsewhere = pitts30k(root=tmp_path / "x" / "y", metadata=tmp_path / "datasets")
    assert elsewhere.split_names == ("val", "test")


def test_the_fingerprint_notices_images(pittsburgh):
    before = pitts30k(root=pittsburgh).fingerprint()
    assert pitts30k(root=pittsburgh).fingerprint() == before
    touch(pittsburgh, "images/000/test_d0.jpg")
    assert pitts30k(root=pittsburgh).fingerprint() != before


def test_tokyo_24_7(tmp_path, published):
    published(
        "tokyo247",
        database=[(f"03814/{i // 12}_{i % 12}.jpg", (i // 12 * 30, 0)) for i in range(36)],
        queries=[(f"{i:05}.jpg", (i, 0)) for i in range(7)],
    )
    # The official list says .jpg, the distributed database is .png.
    touch(tmp_path, "images/03814/0_0.png", "247query_subset_v2/00000.jpg")
    split = tokyo247(root=tmp_path).split("test")
    assert split.database.path(0).name == "0_0.png"
    assert split.database.path(35).name == "2_11.png"
    assert split.queries.path(6).name == "00006.jpg"
    assert str(split.protocol) == "tokyo247@25m-nms12"
    assert split.groups().tolist() == [0] * 12 + [1] * 12 + [2] * 12
    periods = {name: positions.tolist() for name, positions in split.subsets.items()}
    # Counted from 1, query modulo 3 is 1 by day, 2 at sunset, 0 by night.
    assert periods == {
        "day": [i for i in range(7) if (i + 1) % 3 == 1],
        "sunset": [i for i in range(7) if (i + 1) % 3 == 2],
        "night": [i for i in range(7) if (i + 1) % 3 == 0],
    }
    assert str(split.subset("night").protocol) == "tokyo247-night@25m-nms12"


def test_tokyo_time_machine(tmp_path, published):
    for split in ("train", "val"):
        published(
            f"tokyoTM_{split}",
            database=[(f"{split}{i}.jpg", (3 * i, 0)) for i in range(4)],
            queries=[(f"{split}0.jpg", (0, 0))],
            stamps=([201001, 201001, 201305, 201001], [201001]),
        )
    data = tokyo_tm(root=tmp_path)
    assert data.split_names == ("train", "val")
    split = data.split("val")
    assert str(split.protocol) == "tokyoTM-val@25m-othertime"
    assert [row.tolist() for row in split.positives()] == [[2]]
    assert split.training.different_time
    assert split.ignored(np.array([[0, 1, 2, 3]])).tolist() == [[True, True, False, True]]
    published("tokyoTM_val", database=[("a", (0, 0))], queries=[("b", (0, 0))])
    with pytest.raises(ValueError, match=r"tokyoTM_val.mat: has no dbTimeStamp and qTimeStamp, which tokyoTM needs"):
        tokyo_tm(root=tmp_path).split("val")


def test_every_published_set_says_how_to_get_it():
    for name, entry in PUBLISHED.items():
        text = instructions(name, root="/data/x")
        assert text.startswith(name)
        assert "lay the files out below /data/x" in text
        assert entry.downloads or entry.ask
        assert all(download.url.startswith("https://") for download in entry.downloads)
    with pytest.raises(ValueError, match=r"name must be one of pitts30k, pitts250k, tokyo247, .*, got 'imagenet'"):
        open_published("imagenet", root="x")


def test_open_by_name(pittsburgh):
    assert open_published("pitts30k", root=pittsburgh).name == "pitts30k"
