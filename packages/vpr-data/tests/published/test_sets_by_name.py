"""Every set opens from a tree of its published structure, and says what is wrong with one that is not."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from vpr_data import PUBLISHED, describe, missing_files, open_published, shortfalls
from vpr_data.published.dataset import _periods
from vpr_data.published.entry import Counts
from vpr_data.published.in_step import check_truth, in_step, of_bench
from vpr_data.published.listing import page

NAMES = (
    "sped",
    "sped_lists",
    "sped_formatted",
    "essex3in1",
    "gardens_point",
    "gardens_point_walks",
    "places17",
    "amstertime",
    "amstertime_formatted",
    "st_lucia",
    "eynsham",
    "svox",
    "sf_xl",
    "baidu_mall",
    "pitts30k_formatted",
    "tokyo247_formatted",
    "nordland_vprbench",
    "nordland_formatted",
    "nordland_seasons",
    "msls",
    "msls_lists",
    "msls_formatted",
)


@pytest.fixture
def opened(tmp_path, trees):
    """Open a tree by its name, with other options if asked."""

    def open_tree(name, **options):
        tree = trees.TREES[name](tmp_path)
        return open_published(tree.type, root=tmp_path, **{**tree.options, **options})

    return open_tree


def test_every_tree_is_tried(trees):
    assert set(NAMES) == set(trees.TREES)


def data_counts(data, tree):
    return getattr(data, "published_counts", PUBLISHED[tree.type].counts)


@pytest.mark.parametrize("name", NAMES)
def test_counts_and_protocols(name, tmp_path, trees):
    """The count check passes scaled down; against the published numbers it says what lacks."""
    tree = trees.TREES[name](tmp_path)
    data = open_published(tree.type, root=tmp_path, **tree.options)
    scaled = {split: Counts(database, queries) for split, (database, queries, _) in tree.splits.items()}
    summaries = {summary.split: summary for summary in describe(data, counts=scaled)}
    found = {split: (s.database, s.queries, s.protocol) for split, s in summaries.items()}
    assert found == tree.splits
    assert all("published" not in warning for summary in summaries.values() for warning in summary.warnings)
    assert all(summary.without_positives == 0 or split == "test" for split, summary in summaries.items())
    assert missing_files(data) == []
    short = shortfalls(data, name=tree.type)
    assert len(short) == 2 * sum(split in summaries and c.sure for split, c in data_counts(data, tree).items())
    said = [line for summary in describe(data, name=tree.type) for line in summary.warnings]
    assert any("published" in line for line in said) == bool(data_counts(data, tree))


@pytest.mark.parametrize(
    "name", ["sped_lists", "gardens_point", "places17", "baidu_mall", "nordland_formatted", "nordland_seasons"]
)
def test_right_answers(name, opened):
    """Independently: pairs have one number; frames differ by the tolerance at most; centres lie within 10 m."""
    split = opened(name).split("test")
    reach = {"sped_lists": 0, "gardens_point": 2, "places17": 15, "baidu_mall": 2.5}.get(name, 10)
    wanted = [[j for j in range(len(split.database)) if abs(i - j) <= reach] for i in range(len(split.queries))]
    assert [row.tolist() for row in split.positives()] == wanted


def test_nordland_of_vpr_bench(opened):
    """Query i is right with 10 i - 1, 10 i and 10 i + 1; the first has two."""
    split = opened("nordland_vprbench").split("test")
    assert [row.tolist() for row in split.positives()] == [[0, 1], [9, 10, 11], [19, 20, 21]]


def test_query_sets_share_one_database(opened):
    data = opened("sf_xl")
    split = data.split("test")
    assert {label: len(rows) for label, rows in split.subsets.items()} == {"v1": 2, "v2": 3, "night": 4, "occlusion": 5}
    night = split.subset("night")
    assert str(night.protocol) == "sf_xl-test-night@25m"
    assert all("/queries_night/" in name for name in night.queries.names)
    assert night.database is split.database
    # One alone has the same protocol, so that the two may be compared.
    alone = opened("sf_xl", queries=("night",)).split("test")
    assert (alone.protocol, alone.queries.names, alone.subsets) == (night.protocol, night.queries.names, {})
    assert data.published_counts["test"].subsets == {"v1": 1000, "v2": 598, "night": 466, "occlusion": 76}


def test_what_of_the_tree_is_missing_is_listed(tmp_path, trees):
    trees.svox(tmp_path)
    shutil.rmtree(tmp_path / "images/test/queries_snow")
    shutil.rmtree(tmp_path / "images/val")
    data = open_published("svox", root=tmp_path)
    assert data.split_names == ("train", "test")
    assert missing_files(data) == [tmp_path / "images/val/gallery", tmp_path / "images/test/queries_snow"]
    assert "snow" not in str(data.split("test").protocol)
    with pytest.raises(FileNotFoundError, match="queries_snow: there is no such folder"):
        open_published("svox", root=tmp_path, queries=("snow",))
    with pytest.raises(ValueError, match=r"queries must be some of plain, night, .* got \['fog'\]"):
        open_published("svox", root=tmp_path, queries=("fog",))


def test_the_other_part_of_sf_xl(tmp_path, trees):
    trees.sf_xl(tmp_path)
    (tmp_path / "processed").rename(tmp_path / "small")
    small = open_published("sf_xl", root=tmp_path, part="small")
    assert str(small.split("val").protocol) == "sf_xl-small-val@25m"
    assert small.published_counts == {}
    with pytest.raises(ValueError, match=r"this is the part 'small'.*say part: small"):
        open_published("sf_xl", root=tmp_path / "small")


def test_views_that_are_turned_away(opened):
    """Headings of queries are 15 degrees times their number, those of the database 0."""
    split = opened("baidu_mall", turn=20.0).split("test")
    assert str(split.protocol) == "baidu_mall-20deg@10m"
    wanted = [[j for j in range(7) if abs(i - j) <= 2.5 and 15 * i <= 20] for i in range(9)]
    assert [row.tolist() for row in split.positives()] == wanted


def test_tokyos_periods_by_the_numbers_in_names(tmp_path, trees):
    trees.tokyo247_formatted(tmp_path)
    split = open_published("tokyo247", root=tmp_path).split("test")
    # Files 00000, 00001, 00002: counted from 1, number modulo 3 is 1 by day, 2 at sunset, 0 by night.
    assert {label: rows.tolist() for label, rows in split.subsets.items()} == {"day": [1], "sunset": [2], "night": [0]}
    assert (split.training.positive, split.training.beyond) == (10, 1)


class Runs:
    def __reduce__(self):
        return print, ("run",)


def _foreign(root):
    (root / "SPED_gt.npy").write_bytes(
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '|O', 'fortran_order': False, 'shape': (12,), }".ljust(117)
        + b"\n"
        + pickle.dumps(np.array([Runs()] * 12, dtype=object))
    )


def _resort(root):
    names = [f"ref/{i}.jpg" for i in range(12)]
    for i, name in enumerate(names):
        (root / f"ref/{i:07}.jpg").rename(root / name)
    np.save(root / "SPED_dbImages.npy", np.array(sorted(names)))


def _swap_rows(path, first, second):
    lines = path.read_text().splitlines()
    lines[first], lines[second] = lines[second], lines[first]
    path.write_text("\n".join(lines))


def _other_names(root):
    np.save(root / "msls_val_dbImages.npy", np.sort(np.load(root / "msls_val_dbImages.npy"))[::-1])


MISTAKES = {
    "missing city": (
        "msls",
        lambda root: shutil.rmtree(root / "train_val/sf"),
        r"train_val/sf: there is no such folder; val is cph, sf together",
    ),
    "a sorted table": (
        "msls",
        lambda root: _swap_rows(root / "train_val/cph/query/raw.csv", 2, 4),
        "row 2 is of cph-q3, that of seq_info.csv of cph-q1; the tables belong together row by row",
    ),
    "a missing table": (
        "msls",
        lambda root: (root / "train_val/cph/query/subtask_index.csv").unlink(),
        "subtask_index.csv: there is no such table; unpack metadata.zip",
    ),
    "lists of msls sorted": ("msls_lists", _other_names, "in another city; the truth counts in the order"),
    "a truth of another nordland": (
        "nordland_vprbench",
        lambda root: np.save(root / "Nordland_gt.npy", np.array([[0], [1], [2]])),
        "query 0 is right with .0., under nordland-vprbench@1frames",
    ),
    "as many queries": (
        "nordland_vprbench",
        lambda root: np.save(root / "Nordland_qImages.npy", np.load(root / "Nordland_dbImages.npy")),
        "28 queries for 28 database images; this variant has a query for 10",
    ),
    "foreign objects": ("sped_lists", _foreign, "nothing else"),
    "sorted list": ("sped_lists", _resort, r"entry 4 \(ref/2.jpg\) comes behind ref/11.jpg; .*made or sorted again"),
    "half a pair": (
        "sped",
        lambda root: (root / "query/0000003.jpg").unlink(),
        "number 3 is missing behind query/0000002.jpg",
    ),
    "the last of the pairs": (
        "essex3in1",
        lambda root: np.save(root / "ESSEX_qImages.npy", np.load(root / "ESSEX_qImages.npy")[:-1]),
        "1 of 11 images of the database have no counterpart in the queries: 10",
    ),
    "half of amstertime": (
        "amstertime",
        lambda root: (root / "old/0005.jpg").unlink(),
        "1 of 5 images of the database have no counterpart in the queries: 5",
    ),
    "truth of the other gardens": (
        "gardens_point",
        lambda root: np.save(root / "ground_truth_new.npy", np.arange(12)[:, None]),
        "GardensPointWalking has 2 frames, GardensPoint_TN 3",
    ),
    "walks of two lengths": (
        "gardens_point_walks",
        lambda root: (root / "night_right/Image011.jpg").unlink(),
        "12 frames in day_right, 11 in night_right",
    ),
    "another set's positions": (
        "amstertime_formatted",
        lambda root: (root / "images/test/queries/@0@5000@@@@@0005@@@@@@@@.jpg").rename(
            root / "images/test/queries/@585000.1@4477000.2@17@T@@@@@@@@@@@.jpg"
        ),
        "positions are made up.*images of another set",
    ),
    "no pose": (
        "baidu_mall",
        lambda root: (root / "query_gt/004.camera").unlink(),
        r"004.camera: 1 of 9 images in .*query_images_undistort have no pose",
    ),
    "a pose that is none": (
        "baidu_mall",
        lambda root: (root / "query_gt/004.camera").write_text("1 2\n" * 9),
        r"004.camera: line 5 must be three numbers, got '1 2'",
    ),
    "names without positions": (
        "st_lucia",
        lambda root: (root / "images/test/queries/a.jpg").write_bytes(b"x"),
        r"'images/test/queries/a.jpg' carries no position",
    ),
    "another layout": ("eynsham", lambda root: (root / "images/test").rename(root / "all"), "shows the tree"),
}


@pytest.mark.fault
def test_the_two_nordlands_are_never_taken_for_each_other(tmp_path, trees):
    for tree, other in (("nordland_vprbench", "patchnetvlad"), ("nordland_formatted", "vprbench")):
        trees.TREES[tree](tmp_path / tree)
        own = trees.TREES[tree](tmp_path / tree).options["variant"]
        with pytest.raises(ValueError, match=f"holds the other set of this name .{own}: .*say variant: {own}"):
            open_published("nordland", root=tmp_path / tree, variant=other)


@pytest.mark.fault
@pytest.mark.parametrize("mistake", MISTAKES)
def test_usual_mistakes_are_said(mistake, tmp_path, trees):
    name, spoil, said = MISTAKES[mistake]
    tree = trees.TREES[name](tmp_path)
    spoil(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        open_published(tree.type, root=tmp_path, **tree.options).split("val" if tree.type == "msls" else "test")


def test_the_table_of_sets_is_current():
    document = Path(__file__).parents[4] / "docs" / "datasets.md"
    if not document.is_file():
        pytest.skip("the documents are in the repository only")
    text = document.read_text(encoding="utf-8")
    assert text == page(text), "run: python -m vpr_data.published.listing"


@pytest.mark.shared
def test_gardens_point_as_it_is_here(shared_data):
    split = open_published("gardens_point", root=shared_data / "gardens_point").split("test")
    assert (len(split.database), len(split.queries), str(split.protocol)) == (200, 200, "gardens_point@2frames")
    assert split.positives().lengths.tolist() == [3, 4, *[5] * 196, 4, 3]


@pytest.mark.shared
def test_a_truth_of_vpr_bench_belongs_to_its_rule_alone(shared_data):
    """The real file of its corridor, whose rule is two frames."""
    root = shared_data / "corridor"
    database, queries, truth = of_bench(root, lists=None)
    splits = [
        in_step(name="corridor", root=root, database=database, queries=queries, unit="frame", tolerance=frames)
        for frames in (2, 3)
    ]
    assert check_truth(splits[0], truth, hint="") is splits[0]
    with pytest.raises(ValueError, match=r"query 0 is right with .0, 1, 2., under corridor@3frames"):
        check_truth(splits[1], truth, hint="")


@pytest.mark.shared
def test_tokyos_periods_take_turns_by_the_real_numbers(shared_data, trees):
    lines = (shared_data / "tokyo247" / "tokyo247_imageNames_query.txt").read_text().split()
    names = [trees.at(0, 0, pano=line.rpartition("/")[2]) for line in lines]
    periods = _periods(names, ("day", "sunset", "night"))
    assert [rows.tolist() for rows in periods.values()] == [list(range(turn, 315, 3)) for turn in range(3)]
