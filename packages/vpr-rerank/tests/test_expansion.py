"""Query expansion against the formula, in float64, and what it must refuse."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_rerank import AlphaQueryExpansion, Neighbours


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def searched(queries, database, *, first):
    distance = np.linalg.norm(queries[:, None].astype(np.float64) - database[None], axis=2)
    index = np.argsort(distance, axis=1, kind="stable")[:, :first]
    return Neighbours(np.take_along_axis(distance, index, axis=1).astype(np.float32), index)


@pytest.mark.parametrize(
    ("n", "alpha", "dim", "size", "first"), [(1, 3.0, 7, 50, 50), (5, 0.0, 33, 90, 20), (10, 3.5, 128, 61, 8)]
)
def test_equals_the_published_sum(n, alpha, dim, size, first):
    rng = np.random.default_rng(n)
    database, queries = unit(rng.normal(size=(size, dim))), unit(rng.normal(size=(6, dim)))
    found = searched(queries, database, first=first)
    given = AlphaQueryExpansion(neighbours=n, alpha=alpha).reorder(queries, database, found)
    for row in range(len(queries)):
        q = [float(value) for value in queries[row]]
        expanded = list(q)
        for answer in found.index[row][:n]:
            x = [float(value) for value in database[answer]]
            similarity = max(sum(a * b for a, b in zip(q, x, strict=True)), 0.0)
            expanded = [e + similarity**alpha * value for e, value in zip(expanded, x, strict=True)]
        length = sum(e * e for e in expanded) ** 0.5
        cost = {
            int(answer): sum((e / length - float(v)) ** 2 for e, v in zip(expanded, database[answer], strict=True))
            ** 0.5
            for answer in found.index[row]
        }
        wanted = sorted(cost.values())
        np.testing.assert_allclose(given.distance[row], wanted, rtol=1e-5)
        np.testing.assert_allclose([cost[int(answer)] for answer in given.index[row]], wanted, rtol=1e-5)


def test_it_finds_what_the_query_alone_does_not():
    """Two right images of one place: the second is near the first, and far from the query."""
    database = unit(np.array([[1, 0.6, 0, 0], [1, 1.5, 0, 0], [1, 0, 0, 1.3]], dtype=np.float64))
    queries = unit(np.array([[1.0, 0, 0, 0]]))
    found = searched(queries, database, first=3)
    assert found.index[0].tolist() == [0, 2, 1]
    given = AlphaQueryExpansion(neighbours=1, alpha=1).reorder(queries, database, found)
    assert given.index[0].tolist() == [0, 1, 2]


def test_half_precision_and_strides_are_the_same_rows():
    rng = np.random.default_rng(0)
    database, queries = unit(rng.normal(size=(80, 16))).astype(np.float16), unit(rng.normal(size=(4, 16)))
    found = searched(queries, database.astype(np.float32), first=30)
    plain = AlphaQueryExpansion().reorder(queries, database.astype(np.float32), found)
    for rows in (database, np.repeat(database, 2, axis=0)[::2]):
        given = AlphaQueryExpansion().reorder(queries, rows, found)
        assert np.array_equal(given.index, plain.index)


def test_a_query_opposite_to_all_answers_keeps_their_order():
    queries = np.array([[1.0, 0.0]], dtype=np.float32)
    database = np.array([[-1.0, 0.0], [-0.6, 0.8]], dtype=np.float32)
    found = Neighbours(np.zeros((1, 2), np.float32), np.array([[1, 0]]))
    assert AlphaQueryExpansion().reorder(queries, database, found).index.tolist() == [[1, 0]]


@pytest.mark.parametrize("given", [{"neighbours": 0}, {"alpha": -1}, {"alpha": float("nan")}, {"alpha": float("inf")}])
def test_bad_parameters(given):
    with pytest.raises(ValueError, match=next(iter(given))):
        AlphaQueryExpansion(**given)


def test_a_database_row_that_is_not_finite_is_named():
    database = np.full((3, 4), np.nan, dtype=np.float32)
    with pytest.raises(ValueError, match="database: NaN"):
        AlphaQueryExpansion().reorder(
            np.ones((1, 4), np.float32), database, Neighbours(np.zeros((1, 1), np.float32), np.zeros((1, 1), np.int64))
        )
