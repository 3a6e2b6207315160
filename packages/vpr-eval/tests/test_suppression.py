"""Non-maximum suppression and time stamps, against loops."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpr_eval import FlatIndex, Neighbours, drop_same_time, suppress_groups


def padded(kept, keep):
    kept = kept[:keep]
    fill = keep - len(kept)
    return [pair[0] for pair in kept] + [-1] * fill, [pair[1] for pair in kept] + [np.inf] * fill


def slow_groups(neighbours, keep, group_of):
    rows = []
    for places, distances in zip(neighbours.index.tolist(), neighbours.distance.tolist(), strict=True):
        seen, kept = set(), []
        for place, distance in zip(places, distances, strict=True):
            if place >= 0 and group_of(place) not in seen:
                seen.add(group_of(place))
                kept.append((place, distance))
        rows.append(padded(kept, keep))
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows], dtype=np.float32)


@st.composite
def results(draw):
    size = draw(st.integers(1, 40))
    depth = draw(st.integers(1, size))
    rows = [draw(st.permutations(range(size)))[:depth] for _ in range(draw(st.integers(1, 5)))]
    for row in rows:
        tail = draw(st.integers(0, depth))
        row[depth - tail :] = [-1] * tail if draw(st.booleans()) else row[depth - tail :]
    index = np.array(rows, dtype=np.int64)
    distance = np.where(index < 0, np.inf, np.arange(depth, dtype=np.float64)).astype(np.float32)
    return Neighbours(distance, index), size


@settings(max_examples=300)
@given(results(), st.integers(1, 12), st.integers(1, 13), st.randoms(use_true_random=False))
def test_groups_equal_the_definition(case, keep, group, random):
    neighbours, size = case
    labels = [random.randrange(5) for _ in range(size)]
    for given_group, group_of in ((group, lambda place: place // group), (np.array(labels), labels.__getitem__)):
        found = suppress_groups(neighbours, keep=keep, group=given_group)
        index, distance = slow_groups(neighbours, keep, group_of)
        np.testing.assert_array_equal(found.index, index)
        np.testing.assert_array_equal(found.distance, distance)


@settings(max_examples=200)
@given(results(), st.integers(1, 12), st.randoms(use_true_random=False))
def test_time_equals_the_definition(case, keep, random):
    neighbours, size = case
    database = np.array([random.randrange(3) for _ in range(size)])
    queries = np.array([random.randrange(3) for _ in range(len(neighbours))])
    found = drop_same_time(neighbours, query_time=queries, database_time=database, keep=keep)
    for query, row in enumerate(neighbours.index.tolist()):
        kept = [place for place in row if place >= 0 and database[place] != queries[query]][:keep]
        assert found.index[query].tolist() == kept + [-1] * (keep - len(kept))


def test_tokyo_fetches_enough_for_every_place():
    """keep panoramas are always among the 12 keep nearest cutouts, so the answer equals ranking panoramas."""
    rng = np.random.default_rng(0)
    database = rng.standard_normal((12 * 30, 6)).astype(np.float32)
    queries = rng.standard_normal((9, 6)).astype(np.float32)
    index = FlatIndex(dim=6)
    index.add(database)
    found = suppress_groups(index.search(queries, 12 * 5), keep=5)
    whole = index.search(queries, len(database))
    for query in range(9):
        panoramas = list(dict.fromkeys((whole.index[query] // 12).tolist()))
        assert (found.index[query] // 12).tolist() == panoramas[:5]


NEIGHBOURS = Neighbours(np.zeros((1, 2), dtype=np.float32), np.array([[3, 1]]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: suppress_groups(NEIGHBOURS, keep=0), "keep: must be at least 1"),
        (lambda: suppress_groups(NEIGHBOURS, keep=1, group=0), "group: size must be at least 1, got 0"),
        (
            lambda: suppress_groups(NEIGHBOURS, keep=1, group=np.arange(3)),
            "group: 3 labels, but the ranking holds database",
        ),
        (
            lambda: suppress_groups(NEIGHBOURS, keep=1, group=np.arange(4) - 1),
            "group: labels must be at least 0, got -1",
        ),
        (lambda: suppress_groups(NEIGHBOURS, keep=1, group=np.ones(4)), "group: must be integers (N,), got float64"),
        (
            lambda: drop_same_time(NEIGHBOURS, query_time=np.arange(2), database_time=np.arange(4), keep=1),
            "query_time: shape (2,) for 1 queries",
        ),
        (
            lambda: drop_same_time(NEIGHBOURS, query_time=np.arange(1), database_time=np.arange(3), keep=1),
            "database_time: shape (3,), but the ranking holds database image 3",
        ),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
