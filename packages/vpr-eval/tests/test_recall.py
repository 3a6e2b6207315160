"""recall@N against a loop over queries, on random cases and on what people get wrong."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpr_eval import recall_at


def definition(index, positives, at, without_positives):
    hits, counted = 0, 0
    for row, right in zip(index.tolist(), positives, strict=True):
        if without_positives == "exclude" and len(right) == 0:
            continue
        counted += 1
        hits += any(place in set(right) for place in row[:at])
    return hits / counted


@st.composite
def rankings(draw):
    size = draw(st.integers(1, 12))
    queries = draw(st.integers(1, 8))
    depth = draw(st.integers(1, size))
    order = st.permutations(range(size)).map(lambda row: row[:depth])
    rows = [draw(order) for _ in range(queries)]
    for row in rows:  # nothing found at the end of some rows
        tail = draw(st.integers(0, depth))
        row[depth - tail :] = [-1] * tail if draw(st.booleans()) else row[depth - tail :]
    positives = draw(
        st.lists(st.lists(st.integers(0, size - 1), max_size=size), min_size=queries, max_size=queries).filter(any)
    )
    return np.array(rows, dtype=np.int64), positives


@settings(max_examples=3000)
@given(rankings(), st.sampled_from(["count", "exclude"]))
def test_equals_the_definition(case, rule):
    index, positives = case
    cuts = range(1, index.shape[1] + 1)
    result = recall_at(index, positives, at=cuts, without_positives=rule)
    for cut in cuts:
        assert result.recall[cut] == definition(index, positives, cut, rule)
        assert result.hits(cut).mean() == result.recall[cut]
    np.testing.assert_allclose(result.curve(), [result.recall[cut] for cut in cuts], rtol=1e-15)
    assert result.without_positives == sum(not row for row in positives)
    assert result.counted == len(positives) - (result.without_positives if rule == "exclude" else 0)
    for query, row in enumerate(index.tolist()):
        ranks = [rank for rank, place in enumerate(row, 1) if place in positives[query]]
        assert result.first_hit[query] == (ranks[0] if ranks else 0)


def test_denominators():
    index = np.array([[0, 1], [2, 3], [1, 0]])
    positives = [np.array([1]), np.array([], dtype=np.int64), np.array([1])]
    assert recall_at(index, positives, at=[1, 2]).recall == {1: 1 / 3, 2: 2 / 3}
    excluded = recall_at(index, positives, at=[1, 2], without_positives="exclude")
    assert excluded.recall == {1: 0.5, 2: 1.0}
    assert excluded.evaluated.tolist() == [True, False, True]
    assert excluded.first_hit.tolist() == [2, 0, 1]


def test_positives_of_one_query_are_no_positives_of_the_next():
    index = np.array([[5], [0]])
    assert recall_at(index, [[0], [5]], at=[1]).recall[1] == 0.0


def test_nothing_found_is_not_the_last_image():
    assert recall_at(np.array([[-1, -1]]), [[9]], at=[2]).recall[2] == 0.0


def test_a_whole_ranking_may_be_cut_deeper_than_it_is():
    index = np.array([[0, 1, 2], [2, 1, 0]])
    assert recall_at(index, [[2], [1]], at=[1, 5, 10], database_size=3).recall == {1: 0.0, 5: 1.0, 10: 1.0}
    with pytest.raises(
        ValueError, match="at: recall@5 needs 5 neighbours a query, the ranking holds 3; search with k=5"
    ):
        recall_at(index, [[2], [1]], at=[1, 5], database_size=4)


@pytest.mark.parametrize("dtype", [np.int32, np.uint16, np.int64])
def test_integer_types(dtype):
    index = np.array([[3, 1], [0, 2]], dtype=dtype)
    assert recall_at(index, [np.array([1], dtype=dtype), np.array([0], dtype=dtype)], at=[1, 2]).recall == {
        1: 0.5,
        2: 1.0,
    }


GOOD = np.array([[0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("index", "positives", "options", "message"),
    [
        (GOOD.astype(float), [[0], [1]], {}, "index: must be an integer array (Q, k), got float64"),
        (GOOD[0], [[0], [1]], {}, "index: must be an integer array (Q, k), got int64 of shape (2,)"),
        (GOOD[:0], [], {}, "index: no queries; there is nothing to evaluate"),
        (GOOD[:, :0], [[0], [1]], {}, "index: no neighbours"),
        (GOOD, [[0]], {}, "positives: 1 rows for 2 queries"),
        (GOOD, [[0], [[1]]], {}, "positives: row 1 is int64 of shape (1, 1)"),
        (GOOD, [[0], [0.5]], {}, "positives: row 1 is float64"),
        (GOOD, [[0], [1, -1]], {}, "positives: row 1 holds -1; database positions start at 0"),
        (GOOD, [[], []], {}, "positives: none of the 2 queries has a right image in the database"),
        (GOOD, [[], []], {"without_positives": "exclude"}, "none of the 2 queries has a right image"),
        (GOOD, [[0], [1]], {"without_positives": "skip"}, "without_positives: 'skip' is unknown"),
        (GOOD, [[0], [1]], {"at": [1, 3]}, "at: recall@3 needs 3 neighbours a query, the ranking holds 2"),
        (GOOD, [[0], [1]], {"at": [0]}, "at: must be integers of at least 1, got 0"),
        (GOOD, [[0], [1]], {"at": [1.5]}, "at: must be integers of at least 1, got 1.5"),
        (GOOD, [[0], [7]], {"database_size": 5}, "positives: holds position 7, the database has 5 images"),
        (GOOD * 9, [[0], [1]], {"database_size": 5}, "index: holds position 9, the database has 5 images"),
    ],
)
def test_messages(index, positives, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        recall_at(index, positives, **{"at": [1], **options})
