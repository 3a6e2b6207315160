from __future__ import annotations

import contextlib
import os

import pytest

from vpr_data import list_images
from vpr_data.tables.camera import exif_columns
from vpr_data.tables.image_table import ImageTable
from vpr_data.tables.listing import name_columns


def table(*names):
    return ImageTable(source="here", columns={"name": list(names)})


def test_images_are_listed_sorted_hidden_ones_left_out(tmp_path, photo):
    for name in ("b.PNG", "a/z.jpg", "a/c.webp", ".hidden.jpg", ".git/x.jpg", "a/Thumbs.jpeg"):
        photo("pics/" + name)
    (tmp_path / "pics" / "notes.txt").write_text("x")
    found = list_images(tmp_path / "pics", root=tmp_path)
    assert found.columns["name"] == ["pics/a/Thumbs.jpeg", "pics/a/c.webp", "pics/a/z.jpg", "pics/b.PNG"]


def test_linked_folders_are_followed_once(tmp_path, photo):
    photo("pics/a/x.png")
    (tmp_path / "pics" / "a" / "back").symlink_to(tmp_path / "pics")
    (tmp_path / "elsewhere").symlink_to(tmp_path / "pics" / "a")
    assert list_images(tmp_path / "pics", root=tmp_path).columns["name"] == ["pics/a/x.png"]
    assert list_images(tmp_path / "elsewhere", root=tmp_path).columns["name"][-1] == "elsewhere/x.png"


def test_of_two_ways_to_a_folder_the_first_name_counts(tmp_path, photo, monkeypatch):
    """Whatever order the file system lists them in: the names of a map must not depend on the machine."""
    photo("pics/b/x.png")
    (tmp_path / "pics" / "a").symlink_to(tmp_path / "pics" / "b")
    (tmp_path / "pics" / "c").symlink_to(tmp_path / "pics" / "b")
    real = os.scandir
    for order in (False, True):

        @contextlib.contextmanager
        def ordered(folder, order=order):
            with real(folder) as entries:
                yield iter(sorted(entries, key=lambda entry: entry.name, reverse=order))

        monkeypatch.setattr(os, "scandir", ordered)
        assert list_images(tmp_path / "pics", root=tmp_path).columns["name"] == ["pics/a/x.png"]


def test_nothing_to_list(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such folder; give the folder that holds the images"):
        list_images(tmp_path / "none", root=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"holds no image \(looked for .jpg, "):
        list_images(tmp_path, root=tmp_path)


def test_a_file_name_that_is_not_utf_8(tmp_path, photo):
    source = photo("ok.png")
    try:
        os.link(source, os.fsencode(tmp_path) + b"/\xff.png")
    except OSError:
        pytest.skip("this file system allows UTF-8 names only")
    with pytest.raises(ValueError, match="is not UTF-8; rename the file"):
        list_images(tmp_path, root=tmp_path)


def test_positions_in_names():
    full = "q/@0584744.96@4476709.92@17@T@40.43@-80.00@pano@3@90@0@0@1.5@201307@note@.jpg"
    assert name_columns(table(full), unit="m") == {
        "x": ["0584744.96"],
        "y": ["4476709.92"],
        "lat": ["40.43"],
        "lon": ["-80.00"],
        "time": ["201307"],
        "zone": ["17T"],
    }
    assert name_columns(table("@1.5@2.5@@@@@@@@@@@@@.jpg", full), unit="m") == {
        "x": ["1.5", "0584744.96"],
        "y": ["2.5", "4476709.92"],
    }
    assert name_columns(table("@1@2@.jpg"), unit="m") == {"x": ["1"], "y": ["2"]}


def test_frames_and_places_in_names():
    assert name_columns(table("walk2/img_0031.jpg", "walk2/7.png"), unit="frame") == {"frame": ["0031", "7"]}
    assert name_columns(table("db/tower/1.jpg", "2.jpg"), unit="place") == {"place": ["tower", ""]}


@pytest.mark.parametrize(
    ("name", "unit", "message"),
    [
        ("plain.jpg", "m", "name of 'plain.jpg' carries no position; write '@easting@northing@...@.jpg'"),
        ("@12@.jpg", "m", "carries no position"),
        ("first.jpg", "frame", "name of 'first.jpg' has no number to be its frame; number the files"),
    ],
)
def test_names_without_positions(name, unit, message):
    with pytest.raises(ValueError, match=message):
        name_columns(table(name), unit=unit)


@pytest.mark.parametrize(("north", "east"), [(52.5, -5.25), (-33.8688, 151.2093), (0.0, 0.0)])
def test_exif_positions(tmp_path, tagged, north, east):
    tagged("a.jpg", north=north, east=east, time="2021:05:06 07:08:09")
    found = exif_columns(table("a.jpg"), root=tmp_path)
    assert float(found["lat"][0]) == pytest.approx(north, abs=1e-7)
    assert float(found["lon"][0]) == pytest.approx(east, abs=1e-7)
    assert found["time"] == ["2021:05:06 07:08:09"]


def test_times_are_left_out_unless_all_have_one(tmp_path, tagged):
    tagged("a.jpg", time="2021:05:06 07:08:09")
    tagged("b.jpg")
    assert set(exif_columns(table("a.jpg", "b.jpg"), root=tmp_path)) == {"lat", "lon"}


def test_images_without_a_position_are_listed(tmp_path, photo, tagged):
    tagged("good.jpg")
    photo("plain.jpg")
    (tmp_path / "bad.jpg").write_bytes(b"<html>")
    with pytest.raises(
        ValueError, match=r"3 of 4 images in here have no GPS position in EXIF: plain.jpg, bad.jpg, none"
    ):
        exif_columns(table("good.jpg", "plain.jpg", "bad.jpg", "none.jpg"), root=tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_has_no_position_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.jpg")
    with pytest.raises(ValueError, match=r"1 of 1 images in here have no GPS position in EXIF: x\.jpg"):
        exif_columns(table("x.jpg"), root=tmp_path)
