"""MSLS by the rules of its benchmark, counted again by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_data import open_published
from vpr_data.places.checks import position_warnings

DATABASE = {"cph": [0, 1, 2, 4, 5, 6, 7, 8, 9], "sf": [0, 1, 2, 4, 5]}
QUERIES = {"cph": [0, 3, 4, 5], "sf": [0, 3]}
"""Numbers of the images that are no panoramas and of the subtask; the query far away has no answer."""


@pytest.fixture
def root(tmp_path, trees):
    trees.msls(tmp_path)
    return tmp_path


def test_val_per_city(root):
    split = open_published("msls", root=root).split("val")
    known = [(city, i) for city in DATABASE for i in DATABASE[city]]
    asked = [(city, i) for city in QUERIES for i in QUERIES[city]]
    assert [name.rsplit("/", 1)[-1] for name in split.database.names] == [f"{city}-d{i}.jpg" for city, i in known]
    assert [name.rsplit("/", 1)[-1] for name in split.queries.names] == [f"{city}-q{i}.jpg" for city, i in asked]
    # Both cities have one easting and northing here: only those of the query's own city are near.
    wanted = [
        [row for row, (city, i) in enumerate(known) if city == own and abs(12 * i - 12 * number - 3) <= 25]
        for own, number in asked
    ]
    assert [row.tolist() for row in split.positives()] == wanted
    assert split.notes == ("2 of 8 queries have no database image within 25 m, and are not asked",)
    answers = np.tile(np.arange(len(known)), (len(asked), 1))
    other_city = [[city != own for city, _ in known] for own, _ in asked]
    assert split.ignored(answers).tolist() == other_city
    assert split.extent() == 12 * 9  # not the way to the other city
    assert np.allclose(split.database.degrees[0], (55.67, 12.56))


def test_other_protocols_have_other_names(root):
    joined = open_published("msls", root=root, protocol="joined").split("val")
    assert str(joined.protocol) == "msls-val-joined@25m"
    assert not joined.ignored(np.array([[0, 12]] * len(joined.queries))).any()
    merged = open_published("msls", root=root, protocol="merged")
    assert str(merged.split("val").protocol) == "msls-val-merged@25m"
    assert len(merged.split("val").queries) == 8  # those of no subtask, too
    assert merged.published_counts == {}
    winter = open_published("msls", root=root, subtask="s2w").split("val")
    assert str(winter.protocol) == "msls-val-s2w@25m"
    assert [name.rsplit("/", 1)[-1] for name in winter.queries.names] == [
        "cph-q0.jpg",
        "cph-q3.jpg",
        "sf-q0.jpg",
        "sf-q3.jpg",
    ]
    alone = open_published("msls", root=root, cities=("cph",))
    assert str(alone.split("val").protocol) == "msls-val-cph@25m"
    assert (alone.published_counts["val"].database, alone.published_counts["val"].queries) == (12_556, 498)
    with pytest.raises(ValueError, match="cities must be some of trondheim, london"):
        open_published("msls", root=root, cities=("copenhagen",))


def test_sequences_are_drives_in_order(root):
    split = open_published("msls", root=root, sequences=True).split("val")
    assert str(split.protocol) == "msls-val-sequences@25m"
    # Sequences of four; the panorama d3 ends the first of cph's one frame early, q1 cuts a query's in two.
    assert split.database.drive[:9].tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert split.queries.drive.tolist()[:6] == [0, 1, 1, 2, 2, 2]
    assert len(set(split.database.drive[9:].tolist()) & {0, 1, 2}) == 0
    counted = [split.queries.names[row].rsplit("/", 1)[-1] for row in split.subsets["counted"]]
    assert counted == [f"{city}-q{i}.jpg" for city in QUERIES for i in QUERIES[city]]


def test_the_truth_of_test_is_secret(root):
    split = open_published("msls", root=root).split("test")
    assert split.secret
    assert split.positives().lengths.sum() == 0
    assert position_warnings(split) == list(split.notes)  # and none that positions look wrong
    assert split.ignored(np.array([[0, 2]] * len(split.queries))).sum() == len(split.queries) + 8


@pytest.mark.fault
def test_a_tree_of_another_tool_answers_its_own_protocol_alone(tmp_path, trees):
    trees.msls_formatted(tmp_path / "a")
    with pytest.raises(ValueError, match=r"this tree is that of 'merged'.*say protocol: merged"):
        open_published("msls", root=tmp_path / "a")
    trees.msls_lists(tmp_path / "b")
    with pytest.raises(ValueError, match=r"this tree is that of 'joined'.*say protocol: joined"):
        open_published("msls", root=tmp_path / "b", subtask="d2n", protocol="joined")
