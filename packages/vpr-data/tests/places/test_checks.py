"""One check for every source of positions: what is improbable is said before any number is printed."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_data import EvaluationProtocol, FolderDataset, ImageSet, PlaceSplit
from vpr_data.places.checks import place_warnings, position_warnings


def split_of(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    return FolderDataset(root=tmp_path, table="t.csv").split("test")


def rows(*places, header="name,x,y,role"):
    lines = [f"{role}{n},{x},{y},{role}\n" for n, (x, y) in enumerate(places) for role in ("database", "query")]
    return header + "\n" + "".join(lines)


def test_degrees_over_more_than_one_degree_in_x_and_y(tmp_path):
    warnings = position_warnings(split_of(tmp_path, rows(*((14 + 0.5 * i, 48 + 0.2 * i) for i in range(6)))))
    assert warnings[0].startswith("every answer is right: all 6 database images lie within 25 m of every query")
    assert "they look like degrees; if they are, call the columns 'lat' and 'lon'" in warnings[1]
    south = position_warnings(split_of(tmp_path, rows(*((-33.1 - 0.5 * i, -70.6 + 0.2 * i) for i in range(6)))))  # y, x
    assert any("look like degrees" in text for text in south)


@pytest.mark.parametrize(
    "places",
    [
        [(0.25 + 40 * i, 3.5 * i) for i in range(6)],  # a robot that starts at its origin
        [(584_744.96 + 40 * i, 4_476_709.92) for i in range(6)],
        [(100.5 + 40 * i, 60.25) for i in range(6)],
    ],
)
def test_metres_are_not_taken_for_degrees(tmp_path, places):
    assert position_warnings(split_of(tmp_path, rows(*places))) == []


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ([(48.1, 16.3), (48.11, 16.31), (-48.12, 16.3)], "beyond the equator from the other 4, at mirrored degrees"),
        ([(-33.1, -70.6), (-33.11, -70.61), (-33.12, 70.6)], "beyond the meridian of Greenwich from the other 4"),
        ([(48.1, 16.3), (48.11, 16.31), (0, 0)], "2 images are at exactly 0, 0, in the Gulf of Guinea"),
        ([(48.1, 16.3), (48.11, 16.31), (16.3, 48.1)], "look for rows with latitude and longitude swapped"),
    ],
)
def test_hemispheres_zeros_and_swapped_rows(tmp_path, places, said):
    found = position_warnings(split_of(tmp_path, rows(*places, header="name,lat,lon,role")))
    assert any(said in text for text in found), found


def test_sets_across_the_equator_or_greenwich_are_well(tmp_path):
    for lat, lon in ((0.0, 20.0), (51.5, 0.0)):
        places = [(lat + 0.001 * i, lon + 0.001 * i) for i in range(-3, 3)]
        assert position_warnings(split_of(tmp_path, rows(*places, header="name,lat,lon,role"))) == []


def labelled(tmp_path, database, queries, **protocol):
    sets = [
        ImageSet(root=tmp_path, names=[f"{side}{row}" for row in range(len(xy))], xy=np.asarray(xy, dtype=float))
        for side, xy in (("d", database), ("q", queries))
    ]
    return PlaceSplit(name="t", database=sets[0], queries=sets[1], protocol=EvaluationProtocol(name="t", **protocol))


def test_one_position_for_most_images(tmp_path):
    placeholder = [(0, 0)] * 40 + [(1000 * i, 7) for i in range(1, 30)]
    asked = [(1000 * i, 7) for i in range(1, 30)]
    (said,) = position_warnings(labelled(tmp_path, placeholder, asked, radius=25))
    assert said == "40 of 69 images of the database have the very same position; is it a placeholder?"
    panoramas = [(100 * (i // 24), 0) for i in range(96)]
    assert position_warnings(labelled(tmp_path, panoramas, panoramas[::24], radius=25)) == []
    frames = position_warnings(labelled(tmp_path, [(0, 0)] * 30, [(0, 0)] * 5, radius=1, unit="frame"))
    assert frames[0].startswith("every answer is right: all 30 database images lie within 1 frame of every query")
    assert frames[1] == "30 of 30 images of the database have the very same frame number; is it a placeholder?"


def test_one_place_for_everything_and_no_answer_for_any(tmp_path):
    (every,) = position_warnings(labelled(tmp_path, [(3, 0)] * 5, [(3, 0)] * 2, radius=0, unit="place"))
    assert every.startswith("every answer is right: all 5 database images lie within its place")
    many = [(50.0 * i, 0) for i in range(2000)]
    apart = [(50.0 * i, 1000) for i in range(2000)]
    (none,) = position_warnings(labelled(tmp_path, many, apart, radius=25))
    assert none.startswith("no query has a database image within 25 m; are both in the same coordinates?")
    assert position_warnings(labelled(tmp_path, many, [*apart, many[7]], radius=25)) == []


def test_a_map_has_its_positions_looked_at_too(tmp_path):
    degrees = np.array([[48.1, 16.3], [48.11, 16.31], [-48.12, 16.3], [np.nan, np.nan]])
    located = np.array([True, True, True, False])
    images = ImageSet(root=tmp_path, names=list("abcd"), xy=degrees * 1e5, degrees=degrees, located=located)
    (said,) = place_warnings(images)
    assert said.startswith("1 image is beyond the equator from the other 2, at mirrored degrees")
    assert place_warnings(images.select([0, 1])) == []
    assert place_warnings(images.select([3])) == []
    same = ImageSet(root=tmp_path, names=[str(n) for n in range(30)], xy=np.zeros((30, 2)))
    assert place_warnings(same) == ["30 of 30 images have the very same position; is it a placeholder?"]
