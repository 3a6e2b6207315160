from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from vpr_data import ImageSet


def images(names=("a.jpg", "sub/b.jpg"), **fields):
    fields.setdefault("xy", [[0.0, 1.0], [2.0, 3.0]])
    return ImageSet(root=Path("/photos"), names=names, **fields)


def test_paths_and_fields():
    found = images(time=[5, 6], place=np.array([1, 1], dtype=np.int32))
    assert len(found) == 2
    assert found.path(1) == Path("/photos/sub/b.jpg")
    assert found.xy.dtype == np.float64
    assert found.time.dtype == found.place.dtype == np.int64
    assert found.metric_points is found.xy


def test_select_keeps_every_field_in_order():
    found = images(time=[5, 6], points=[[1.0, 2, 3], [4, 5, 6]]).select([1, 0])
    assert found.names == ("sub/b.jpg", "a.jpg")
    assert found.xy.tolist() == [[2, 3], [0, 1]]
    assert found.time.tolist() == [6, 5]
    assert found.metric_points.tolist() == [[4, 5, 6], [1, 2, 3]]


def test_names_of_any_script_and_with_any_sign_are_fine():
    names = ["Größe 1.jpg", "東京　駅.jpg", "a\u0301\u200d.jpg", "@1@2@.jpg", "<b>|&=.jpg", "'\".jpg"]
    assert ImageSet(root=Path(), names=names, xy=np.zeros((6, 2))).names == tuple(names)


def test_an_empty_set_is_allowed_and_can_be_pickled():
    found = pickle.loads(pickle.dumps(ImageSet(root=Path(), names=[], xy=np.zeros((0, 2)))))
    assert len(found) == 0


@pytest.mark.parametrize("name", ["../x.jpg", "/etc/passwd", "a/../../x", "C:\\x.jpg", "..\\x.jpg", "a\0b"])
def test_a_name_may_not_leave_the_root(name):
    with pytest.raises(ValueError, match=r"names\[1\] is .*, which leaves the root"):
        images(names=["a.jpg", name])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"names": ["a", "a"]}, r"names\[1\] repeats 'a'"),
        ({"names": ["a/b", "a//b"]}, r"names\[1\] repeats 'a/b'"),
        ({"names": ["a/b", "a/./b"]}, r"names\[1\] repeats 'a/b'"),
        ({"names": ["a", "\x1b[31mb"]}, r"names\[1\] is '\\x1b\[31mb'; control characters .* rename the file"),
        ({"names": ["a\nb", "b"]}, r"names\[0\] is 'a\\nb'; control"),
        ({"names": ["a", "b\x9b2J"]}, r"names\[1\] is 'b\\x9b2J'; control"),
        ({"names": ["a", ""]}, r"names\[1\] is empty"),
        ({"xy": [[0.0, 1.0]]}, r"xy must have shape \(2, 2\), one row a name, got \(1, 2\)"),
        ({"xy": [[0.0, 1, 2], [3, 4, 5]]}, r"xy must have shape \(2, 2\)"),
        ({"xy": [[0.0, 1], [np.nan, 2]]}, r"xy of image 'sub/b.jpg' \(row 1\) is \[nan, 2.0\]; .*1 of 2 rows"),
        ({"xy": [[np.inf, 1], [0, 2]]}, r"xy of image 'a.jpg' \(row 0\)"),
        ({"points": [[1.0, 2, np.nan], [0, 0, 0]]}, r"points of image 'a.jpg'"),
        ({"time": [1]}, r"time must have shape \(2,\)"),
        ({"time": [1.5, 2.0]}, r"time must hold whole numbers \(int64\), got float64"),
        ({"place": ["x", "y"]}, r"place must hold whole numbers"),
    ],
)
def test_bad_input_is_named(fields, message):
    with pytest.raises(ValueError, match=message):
        images(**fields)
