"""k-reciprocal re-ranking against the definition over the whole matrix of distances, in float64."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_rerank import KReciprocal, Neighbours
from vpr_rerank.nearest import NearestInDatabase, distances_to


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def scene(seed, size, dim, places=6):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(places, dim))
    database = unit(centres[rng.integers(places, size=size)] + 0.4 * rng.normal(size=(size, dim)))
    return unit(centres[:3] + 0.4 * rng.normal(size=(3, dim))), database


def by_definition(query, database, k1, k2, lam):
    """Costs of all database images: node 0 .. N - 1 are the database, N is the query; everything is a dense matrix."""
    everything = np.concatenate([database, query[None]]).astype(np.float64)
    n = len(everything)
    d = np.linalg.norm(everything[:, None] - everything[None], axis=2)
    np.fill_diagonal(d, 0)
    order = np.empty((n, n), dtype=int)
    for p in range(n):
        others = [g for g in np.argsort(d[p], kind="stable") if g != p]
        order[p] = [p, *others]

    def around(p, k):
        return set(order[p][: k + 1].tolist())

    def reciprocal(p, k):
        return {g for g in around(p, k) if p in around(g, k)}

    v = np.zeros((n, n))
    for p in range(n):
        close = reciprocal(p, k1)
        wide = set(close)
        for c in close:
            theirs = reciprocal(c, max(1, k1 // 2))
            if len(theirs & close) >= 2 / 3 * len(theirs) - 1e-12:
                wide |= theirs
        for g in wide:
            v[p, g] = np.exp(-d[p, g])
    mean = np.stack([v[order[p][:k2]].mean(axis=0) for p in range(n)])
    q = n - 1
    jaccard = [1 - np.minimum(mean[q], mean[g]).sum() / np.maximum(mean[q], mean[g]).sum() for g in range(n - 1)]
    return (1 - lam) * np.array(jaccard) + lam * d[q, :-1] / 2


@pytest.mark.parametrize(
    ("k1", "k2", "lam", "size", "dim"),
    [(6, 3, 0.3, 60, 8), (20, 6, 0.0, 70, 12), (1, 1, 0.5, 20, 5), (9, 1, 1.0, 31, 3), (50, 6, 0.3, 24, 8)],
)
def test_equals_the_definition(k1, k2, lam, size, dim):
    queries, database = scene(k1, size, dim)
    index = np.tile(np.arange(size), (len(queries), 1))
    given = KReciprocal(k1=k1, k2=k2, lam=lam).reorder(
        queries, database, Neighbours(np.zeros(index.shape, np.float32), index)
    )
    for row in range(len(queries)):
        cost = by_definition(queries[row], database, k1, k2, lam)
        np.testing.assert_allclose(given.distance[row], np.sort(cost), atol=2e-6)
        np.testing.assert_allclose(cost[given.index[row]], np.sort(cost), atol=2e-6)


def test_a_few_answers_have_the_costs_that_they_have_among_all():
    queries, database = scene(3, 300, 16, places=20)
    method = KReciprocal(k1=8, k2=4)
    everything = np.tile(np.arange(300), (3, 1))
    whole = method.reorder(queries, database, Neighbours(np.zeros(everything.shape, np.float32), everything))
    few = np.argsort(np.linalg.norm(queries[:, None] - database[None], axis=2), axis=1)[:, :7]
    part = method.reorder(queries, database, Neighbours(np.zeros(few.shape, np.float32), few))
    for row in range(3):
        known = dict(zip(whole.index[row].tolist(), whole.distance[row].tolist(), strict=True))
        assert [known[answer] for answer in part.index[row].tolist()] == part.distance[row].tolist()


def test_only_rows_that_are_asked_for_are_computed(monkeypatch):
    """One query with few answers leads to a few neighbourhoods, not to those of the whole database."""
    queries, database = scene(4, 2000, 16, places=200)
    kept = {}
    plain = NearestInDatabase.need
    monkeypatch.setattr(
        NearestInDatabase, "need", lambda self, rows: (kept.__setitem__("lists", self), plain(self, rows))[1]
    )
    near = np.argsort(np.linalg.norm(queries[:1, None] - database[None], axis=2), axis=1)[:, :3]
    KReciprocal(k1=4, k2=2).reorder(queries[:1], database, Neighbours(np.zeros(near.shape, np.float32), near))
    assert 0 < len(kept["lists"]._lists) < 200


def test_lists_do_not_depend_on_the_block(monkeypatch):
    _, database = scene(5, 90, 10)
    monkeypatch.setattr("vpr_rerank.nearest._BLOCK", 70)  # seven rows at a time
    blocked = distances_to(database[:5], database)
    monkeypatch.undo()
    assert np.array_equal(blocked, distances_to(database[:5], database))
    together, alone = NearestInDatabase(database, k=6), NearestInDatabase(database, k=6)
    together.need(set(range(90)))
    alone.need({17})
    assert np.array_equal(together.of(17)[0], alone.of(17)[0])
    wanted = np.argsort(np.linalg.norm(database[17].astype(np.float64) - database, axis=1), kind="stable")[1:7]
    assert together.of(17)[0].tolist() == wanted.tolist()


@pytest.mark.parametrize("given", [{"k1": 0}, {"k2": 0}, {"k1": 3, "k2": 4}, {"lam": 1.5}])
def test_bad_parameters(given):
    with pytest.raises(ValueError, match=r"k1|k2|lam"):
        KReciprocal(**given)
