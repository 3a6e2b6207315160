from __future__ import annotations

import pytest

from vpr_data import describe, grown_box, holidays, missing_files, oxford5k, paris6k


@pytest.fixture
def write(tmp_path):
    def written(name, text=""):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return written


@pytest.fixture
def oxford(tmp_path, write):
    for name in ("all_souls_000001", "all_souls_000002", "christ_church_000179", "oxford_000317"):
        write(f"images/{name}.jpg")
    for query, image in (("all_souls_1", "all_souls_000002"), ("christ_church_1", "christ_church_000179")):
        write(f"groundtruth/{query}_query.txt", f"oxc1_{image} 136.5 34.1 648.5 955.7\n")
        write(f"groundtruth/{query}_good.txt", f"{image}\n")
        write(f"groundtruth/{query}_ok.txt", "oxford_000317\n")
        write(f"groundtruth/{query}_junk.txt", "all_souls_000001\n" if query == "all_souls_1" else "")
    return tmp_path


def test_oxford(oxford):
    found = oxford5k(root=oxford)
    assert found.names == (
        "all_souls_000001.jpg",
        "all_souls_000002.jpg",
        "christ_church_000179.jpg",
        "oxford_000317.jpg",
    )
    assert found.queries.tolist() == [1, 2]
    assert found.path(1) == oxford / "images/all_souls_000002.jpg"
    assert [row.tolist() for row in found.positives()] == [[1, 3], [2, 3]]
    assert [row.tolist() for row in found.ignored()] == [[0], []]
    assert found.boxes[0].tolist() == [136.5, 34.1, 648.5, 955.7]
    assert not found.ignore_query
    assert missing_files(found) == []
    (summary,) = describe(found, name="oxford5k")
    assert (summary.images, summary.queries, summary.good, summary.junk) == (4, 2, 1.0, 0.5)
    assert summary.warnings == ("4 images, 5,063 are published", "2 queries, 55 are published")


def test_the_fingerprint_notices_names_sizes_boxes_and_ground_truth(oxford, write):
    found = {oxford5k(root=oxford).fingerprint()}
    for name, text in (
        ("images/oxford_000317.jpg", "x"),
        ("images/oxford_000318.jpg", ""),
        ("groundtruth/all_souls_1_query.txt", "oxc1_all_souls_000002 136.5 34.1 648.5 955.8\n"),
        ("groundtruth/all_souls_1_junk.txt", ""),
        ("groundtruth/all_souls_1_ok.txt", ""),
    ):
        write(name, text)
        found.add(oxford5k(root=oxford).fingerprint())
    assert len(found) == 6
    assert oxford5k(root=oxford).fingerprint() in found


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("all_souls_1_query.txt", "oxc1_all_souls_000002 1 2 3", "must read 'name left top right bottom', got"),
        ("all_souls_1_query.txt", "oxc1_all_souls_000002 1 2 x 4", "must read 'name left top right bottom'"),
        ("all_souls_1_query.txt", "oxc1_all_souls_000002 9 2 3 4", "must read 'name left top right bottom'"),
        ("all_souls_1_query.txt", "", "must read 'name left top right bottom', got ''"),
        (
            "all_souls_1_query.txt",
            "oxc1_elsewhere 1 2 3 4",
            "names the image 'elsewhere', which is not in the image folder",
        ),
        ("all_souls_1_good.txt", "elsewhere", r"all_souls_1_good.txt: names the image 'elsewhere'"),
    ],
)
def test_bad_ground_truth_is_named(oxford, write, name, text, message):
    write(f"groundtruth/{name}", text)
    with pytest.raises(ValueError, match=message):
        oxford5k(root=oxford)


def test_missing_ground_truth(oxford):
    (oxford / "groundtruth/all_souls_1_junk.txt").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"all_souls_1_junk.txt: there is no such file; unpack the ground-truth"
    ):
        oxford5k(root=oxford)
    for file in (oxford / "groundtruth").iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError, match=r"holds no \*_query.txt; unpack"):
        oxford5k(root=oxford)
    (oxford / "groundtruth").rmdir()
    with pytest.raises(FileNotFoundError, match="has no folder 'groundtruth' or 'gt_files_170407'"):
        oxford5k(root=oxford)


def test_paris_leaves_out_the_corrupt_images(tmp_path, write):
    for name in ("defense/paris_defense_000001", "defense/paris_defense_000605", "louvre/paris_louvre_000136"):
        write(f"images/{name}.jpg")
    write("corrupt.txt", "louvre/paris_louvre_000136.jpg\n")
    write("groundtruth/defense_1_query.txt", "paris_defense_000605 1 2 300 400\n")
    for level, text in (("good", "paris_defense_000001"), ("ok", ""), ("junk", "")):
        write(f"groundtruth/defense_1_{level}.txt", text)
    found = paris6k(root=tmp_path)
    assert found.names == ("defense/paris_defense_000001.jpg", "defense/paris_defense_000605.jpg")
    assert found.queries.tolist() == [1]
    assert [row.tolist() for row in found.positives()] == [[0]]
    write("images/louvre/paris_defense_000001.jpg")
    with pytest.raises(ValueError, match="two images have the same name in different folders"):
        paris6k(root=tmp_path)


def test_holidays(tmp_path, write):
    for number in (100000, 100001, 100002, 100100, 100101, 149900):
        write(f"jpg/{number}.jpg")
    found = holidays(root=tmp_path)
    assert found.queries.tolist() == [0, 3, 5]
    assert [row.tolist() for row in found.positives()] == [[1, 2], [4], []]
    assert [row.tolist() for row in found.ignored()] == [[0], [3], [5]]
    assert found.max_pixels == 786_432
    write("holidays_images.dat", "100101.jpg\n100100.jpg\n")
    assert holidays(root=tmp_path).names == ("100100.jpg", "100101.jpg")
    with pytest.raises(FileNotFoundError, match="has no folder 'jpg_rotated'"):
        holidays(root=tmp_path, upright=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [("beach.jpg", "the name must be a number, as in Holidays"), ("100201.jpg", "group 1002 has no query 100200.jpg")],
)
def test_bad_holidays(tmp_path, write, name, message):
    write("jpg/100000.jpg")
    write(f"jpg/{name}")
    with pytest.raises(ValueError, match=message):
        holidays(root=tmp_path)


@pytest.mark.parametrize(
    ("box", "by", "wanted"),
    [
        ((136.5, 34.1, 648.5, 955.7), 0, (136, 33, 649, 768)),
        ((136.5, 34.1, 648.5, 700.2), 98, (38, 0, 747, 768)),
        ((136.5, 134.1, 648.5, 600.2), 81.5, (54, 52, 730, 682)),
        ((1, 1, 1024, 768), 98, (0, 0, 1024, 768)),
    ],
)
def test_the_query_box_grows_and_is_clipped(box, by, wanted):
    # By hand: counted from 1, edges round(edge -+ by), then clipped to 1 ... width; slices count from 0.
    assert grown_box(box, by=by, width=1024, height=768) == wanted
