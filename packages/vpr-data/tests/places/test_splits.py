from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vpr_data import EvaluationProtocol, ImageSet, PlaceSplit, TrainingRadii


def image_set(xy, *, prefix="i", root="/r", **fields):
    return ImageSet(
        root=Path(root), names=[f"{prefix}{i}.jpg" for i in range(len(xy))], xy=np.array(xy, float), **fields
    )


def make(protocol=None, **fields):
    fields.setdefault("database", image_set([[0, 0], [5, 0], [30, 0], [200, 0]], prefix="d"))
    fields.setdefault("queries", image_set([[1, 0], [100, 0]], prefix="q"))
    return PlaceSplit(name="test", protocol=protocol or EvaluationProtocol(name="toy", radius=25), **fields)


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({"name": "pitts30k-test", "radius": 25}, "pitts30k-test@25m"),
        ({"name": "tokyo247", "radius": 25.0, "group": 12}, "tokyo247@25m-nms12"),
        ({"name": "nordland", "radius": 10, "unit": "frame"}, "nordland@10frames"),
        ({"name": "x", "radius": 2.5, "ignore_same_time": True}, "x@2.5m-othertime"),
        ({"name": "x", "radius": 0, "unit": "place", "ignore_same_image": True}, "x@place-notself"),
        ({"name": "x", "radius": 25, "queries_without_positives": "exclude"}, "x@25m-answerable"),
    ],
)
def test_a_protocol_is_printed_in_one_word(fields, label):
    assert str(EvaluationProtocol(**fields)) == label


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "", "radius": 1}, "name must not be empty"),
        ({"name": "x", "radius": -1}, "radius must be finite and at least 0, got -1"),
        ({"name": "x", "radius": float("inf")}, "radius must be finite"),
        ({"name": "x", "radius": 1, "unit": "km"}, "unit must be 'm', 'frame' or 'place', got 'km'"),
        ({"name": "x", "radius": 1, "group": 0}, "group must be at least 1 or None, got 0"),
        ({"name": "x", "radius": 1, "queries_without_positives": "drop"}, "must be 'count' or 'exclude', got 'drop'"),
    ],
)
def test_bad_protocols(fields, message):
    with pytest.raises(ValueError, match=message):
        EvaluationProtocol(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"positive": -1.0}, "positive must be finite"),
        ({"positive": 10, "beyond": 10}, r"beyond must be at least 0 and less than positive \(10\), got 10"),
        ({"positive": 30, "negative": 25}, r"negative must be at least positive \(30\), got 25"),
    ],
)
def test_bad_training_radii(fields, message):
    with pytest.raises(ValueError, match=message):
        TrainingRadii(**fields)


def test_positives_and_negatives():
    split = make()
    assert [row.tolist() for row in split.positives()] == [[0, 1], []]
    assert [row.tolist() for row in split.within(40, beyond=1)] == [[1, 2], []]
    assert [row.tolist() for row in split.never_negative()] == [[0, 1], []]
    assert [row.tolist() for row in split.never_negative(40)] == [[0, 1, 2], []]


def test_images_of_the_query_s_place_are_never_negatives():
    split = make(
        database=image_set([[0, 0], [5, 0], [300, 0], [200, 0]], prefix="d", place=[7, 8, 7, 9]),
        queries=image_set([[1, 0], [100, 0]], prefix="q", place=[7, 9]),
        training=TrainingRadii(negatives_exclude_same_place=True),
    )
    assert [row.tolist() for row in split.never_negative()] == [[0, 1, 2], [3]]
    with pytest.raises(ValueError, match="database has no place labels"):
        make(training=TrainingRadii(negatives_exclude_same_place=True))


def test_time_stamps():
    database = image_set([[0, 0], [5, 0], [30, 0], [200, 0]], prefix="d", time=[1, 2, 3, 4])
    queries = image_set([[1, 0], [100, 0]], prefix="q", time=[1, 2])
    split = make(EvaluationProtocol(name="x", radius=25, ignore_same_time=True), database=database, queries=queries)
    assert [row.tolist() for row in split.positives()] == [[1], []]
    assert [row.tolist() for row in split.within(25)] == [[0, 1], []]
    assert split.ignored(np.array([[0, 1, -1], [1, 0, 3]])).tolist() == [[True, False, False], [True, False, False]]
    with pytest.raises(ValueError, match="database has no time stamps, which split 'test' needs"):
        make(training=TrainingRadii(different_time=True))
    with pytest.raises(ValueError, match="different_time needs time stamps, which split 'test' does not have"):
        make().within(5, different_time=True)


def test_a_query_in_the_database_does_not_answer_itself():
    both = image_set([[0, 0], [3, 0], [100, 0]])
    split = make(
        EvaluationProtocol(name="x", radius=25, ignore_same_image=True), database=both, queries=both.select([2, 0])
    )
    assert [row.tolist() for row in split.positives()] == [[], [1]]
    assert split.ignored(np.array([[2, 0], [1, 0]])).tolist() == [[True, False], [False, True]]
    elsewhere = make(
        EvaluationProtocol(name="x", radius=25, ignore_same_image=True),
        database=both,
        queries=image_set([[0, 0]], root="/other"),
    )
    assert [row.tolist() for row in elsewhere.positives()] == [[0, 1]]


def test_panorama_groups():
    grouped = make(EvaluationProtocol(name="x", radius=25, group=3))
    assert grouped.groups().tolist() == [0, 0, 0, 1]
    assert make().groups().tolist() == [0, 1, 2, 3]


def test_named_subsets():
    split = make(subsets={"day": np.array([1])})
    day = split.subset("day")
    assert day.queries.names == ("q1.jpg",)
    assert str(day.protocol) == "toy-day@25m"
    with pytest.raises(ValueError, match=r"name must be a subset of split 'test' \(day\), got 'night'"):
        split.subset("night")
    with pytest.raises(ValueError, match=r"subsets\['day'\] has positions outside 0..1"):
        make(subsets={"day": np.array([2])})


def test_coordinates_of_one_kind():
    points = image_set([[0, 0]], points=np.zeros((1, 3)))
    with pytest.raises(ValueError, match="database and queries must have coordinates of one kind"):
        make(queries=points)


def test_empty_sets_have_empty_answers():
    nothing = image_set(np.zeros((0, 2)))
    assert [row.tolist() for row in make(database=nothing).positives()] == [[], []]
    assert len(make(queries=nothing).positives()) == 0
