from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpr_data import Rows, within_radius
from vpr_data.places import neighbourhoods


def plainly(queries, database, radius, beyond, query_time, database_time):
    """The definition, pair by pair."""
    rows = []
    for q, query in enumerate(queries):
        row = []
        for d, image in enumerate(database):
            squared = sum((a - b) ** 2 for a, b in zip(query.tolist(), image.tolist(), strict=True))
            if squared > radius**2 or (beyond is not None and squared <= beyond**2):
                continue
            if query_time is not None and query_time[q] == database_time[d]:
                continue
            row.append(d)
        rows.append(row)
    return rows


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.tuples(st.integers(0, 30), st.integers(0, 40)),
    radius=st.sampled_from([0.0, 1.0, 2.0, 5.0, 3.7]),
    beyond=st.sampled_from([None, 0.0, 1.0]),
    timed=st.booleans(),
    width=st.sampled_from([2, 3]),
)
def test_equals_the_definition_pair_by_pair(seed, sizes, radius, beyond, timed, width):
    # Whole-number coordinates put many pairs exactly on the radius.
    rng = np.random.default_rng(seed)
    queries, database = (rng.integers(-4, 5, (size, width)).astype(np.float64) for size in sizes)
    times = [rng.integers(0, 2, size) if timed else None for size in sizes]
    if beyond is not None and beyond >= radius:
        beyond = None
    found = within_radius(queries, database, radius, beyond=beyond, query_time=times[0], database_time=times[1])
    assert [row.tolist() for row in found] == plainly(queries, database, radius, beyond, *times)


def test_both_ends_are_exact_at_utm_coordinates():
    origin = np.array([[584_744.0, 4_476_709.0]])
    database = origin + np.array([[25.0, 0.0], [15.0, 20.0], [25.0000001, 0.0], [1.0, 0.0], [0.6, 0.8], [0.0, 0.0]])
    assert within_radius(origin, database, 25)[0].tolist() == [0, 1, 3, 4, 5]
    assert 3 not in within_radius(origin, database, 25, beyond=1)[0].tolist()


def test_chunks_make_no_difference(monkeypatch):
    rng = np.random.default_rng(1)
    queries, database = rng.random((50, 2)) * 10, rng.random((80, 2)) * 10
    whole = within_radius(queries, database, 2.0)
    monkeypatch.setattr(neighbourhoods, "CHUNK", 7)
    parts = within_radius(queries, database, 2.0)
    assert np.array_equal(whole.values, parts.values)
    assert np.array_equal(whole.offsets, parts.offsets)


@pytest.mark.parametrize(
    ("radius", "beyond", "message"),
    [
        (-1.0, None, "radius must be finite and at least 0, got -1.0"),
        (float("nan"), None, "radius must be finite"),
        (5.0, 5.0, r"beyond must be at least 0 and less than radius \(5\), got 5.0"),
        (5.0, -1.0, "beyond must be at least 0"),
    ],
)
def test_bad_radii(radius, beyond, message):
    with pytest.raises(ValueError, match=message):
        within_radius(np.zeros((1, 2)), np.zeros((1, 2)), radius, beyond=beyond)


def test_times_come_together():
    with pytest.raises(ValueError, match="query_time and database_time must be given together"):
        within_radius(np.zeros((1, 2)), np.zeros((1, 2)), 1.0, query_time=np.zeros(1, dtype=np.int64))


@given(st.lists(st.lists(st.integers(0, 20), max_size=6), max_size=8), st.randoms(use_true_random=False))
def test_rows_behave_like_a_list_of_arrays(lists, random):
    rows = Rows.from_rows(lists)
    assert len(rows) == len(lists)
    assert [row.tolist() for row in rows] == lists
    assert [row.tolist() for row in rows[1:]] == lists[1:]
    assert rows.lengths.tolist() == [len(row) for row in lists]
    pairs = [(i, value) for i, row in enumerate(lists) for value in row]
    random.shuffle(pairs)
    again = Rows.from_pairs(
        np.array([i for i, _ in pairs], dtype=np.int64), np.array([v for _, v in pairs], dtype=np.int64), len(lists)
    )
    assert [row.tolist() for row in again] == [sorted(set(row)) for row in lists]
    assert [row.tolist() for row in again.union(Rows.from_rows([[99]] * len(lists)))] == [
        sorted({*row, 99}) for row in lists
    ]


def test_rows_refuse_what_does_not_fit():
    with pytest.raises(IndexError, match="row 1 of 1"):
        Rows.from_rows([[1]])[1]
    assert Rows.from_rows([[1], [2]])[-1].tolist() == [2]
    with pytest.raises(ValueError, match="offsets must begin with 0 and end with 1"):
        Rows(np.array([1]), np.array([0, 2]))
    with pytest.raises(ValueError, match="offsets must not decrease"):
        Rows(np.array([1]), np.array([0, 2, 1]))
    with pytest.raises(ValueError, match="other has 1 rows, this has 2"):
        Rows.from_rows([[1], [2]]).union(Rows.from_rows([[1]]))
