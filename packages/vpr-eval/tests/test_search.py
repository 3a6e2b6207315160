"""Exact search against a plain float64 definition: loops, exact sums, sort by (distance, index)."""

from __future__ import annotations

import math

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vpr_eval import FlatIndex, Neighbours, StoredRows, search_exact
from vpr_eval.index import candidates, exact
from vpr_eval.index.metric import exact_cost, rounding_bound


def definition(queries, database, k, metric):
    """Distances as exactly rounded sums, then float32; order by (distance, index)."""
    distances, indices = [], []
    for query in queries.astype(np.float64).tolist():
        pairs = []
        for position, row in enumerate(database.astype(np.float64).tolist()):
            if metric == "l2":
                value = math.sqrt(math.fsum((a - b) ** 2 for a, b in zip(query, row, strict=True)))
            else:
                value = 1.0 - math.fsum(a * b for a, b in zip(query, row, strict=True))
            pairs.append((float(np.float32(value)), position))
        pairs.sort()
        distances.append([pair[0] for pair in pairs[:k]])
        indices.append([pair[1] for pair in pairs[:k]])
    return Neighbours(np.array(distances, dtype=np.float32), np.array(indices, dtype=np.int64))


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def same(found, expected):
    np.testing.assert_array_equal(found.index, expected.index)
    np.testing.assert_array_equal(found.distance, expected.distance)


def flat(database, **options):
    index = FlatIndex(dim=database.shape[1], **options)
    index.add(database)
    return index


@st.composite
def lattices(draw):
    """Small whole numbers: many exact ties."""
    dim = draw(st.integers(1, 5))
    size = draw(st.integers(1, 60))
    element = st.integers(-2, 2).map(float)
    database = draw(arrays.arrays(np.float32, (size, dim), elements=element))
    queries = draw(arrays.arrays(np.float32, (draw(st.integers(1, 6)), dim), elements=element))
    return queries, database, draw(st.integers(1, size)), draw(st.integers(1, size))


@given(lattices())
def test_ties_go_by_index_in_memory_and_streamed(case):
    queries, database, k, block = case
    expected = definition(queries, database, k, "l2")
    same(flat(database).search(queries, k), expected)
    same(search_exact(queries, database, k, block=block), expected)


@settings(max_examples=40)
@given(
    arrays.arrays(np.float32, (30, 3), elements=st.floats(-1e4, 1e4, width=32)),
    st.integers(1, 30),
    st.sampled_from([1e-30, 1e-12, 1.0, 1e12]),
)
def test_any_magnitude(database, k, scale):
    database = (database * np.float32(scale)).astype(np.float32)
    queries = database[::7] * np.float32(1.5)
    same(flat(database).search(queries, k), definition(queries, database, k, "l2"))


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize(("queries", "size", "dim", "k"), [(1, 1, 1, 1), (3, 50, 7, 50), (25, 300, 65, 20)])
def test_random_vectors(metric, queries, size, dim, k):
    rng = np.random.default_rng(dim)
    database, asked = (unit(rng.standard_normal((n, dim))) for n in (size, queries))
    expected = definition(asked, database, k, metric)
    same(flat(database, metric=metric).search(asked, k), expected)
    same(search_exact(asked, database, k, metric=metric, block=17), expected)


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("spread", [1e-7, 1e-6])
def test_near_ties_that_float32_cannot_tell_apart(metric, spread):
    rng = np.random.default_rng(3)
    base = unit(rng.standard_normal((1, 256)))
    database = unit(base + spread * rng.standard_normal((400, 256)))
    queries = unit(base + 0.02 * rng.standard_normal((24, 256)))
    expected = definition(queries, database, 10, metric)
    kind = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
    _, plain = faiss.knn(queries, database, 10, metric=kind)
    assert (plain != expected.index).any(), "the case is too easy: plain float32 gets it right"
    same(flat(database, metric=metric).search(queries, 10), expected)
    same(search_exact(queries, database, 10, metric=metric, block=64), expected)


def test_the_near_ties_need_the_bound(monkeypatch):
    """Without it the case above goes wrong: rows whose float32 costs have changed places are not asked again."""
    monkeypatch.setattr(candidates, "rounding_bound", lambda dim, norms, row, metric: np.full(len(norms), 1e-300))
    with pytest.raises(AssertionError):
        test_near_ties_that_float32_cannot_tell_apart("l2", 1e-6)


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("dim", [1, 3, 64, 1000, 4096])
def test_a_product_is_never_further_off_than_the_bound(metric, dim):
    rng = np.random.default_rng(dim)
    for scale in (1.0, 1e-22, 1e15) if metric == "l2" else (1.0,):
        rows = unit(rng.standard_normal((40, dim))) * np.float32(scale)
        rows[20:] = np.abs(rows[20:])  # errors that do not cancel
        queries = np.abs(rows[:3]) + rows[10:13] * np.float32(1e-3 if metric == "l2" else 0)
        norms, asked = (np.sqrt(np.einsum("nd,nd->n", x, x), dtype=np.float64) for x in (rows, queries))
        cost = -(queries @ rows.T).astype(np.float64)
        if metric == "l2":
            cost = 2 * cost + np.einsum("nd,nd->n", rows, rows) + (queries.astype(np.float64) ** 2).sum(axis=1)[:, None]
        for query in range(3):
            bound = rounding_bound(dim, np.full(40, asked[query]), norms, metric)
            exact = exact_cost(np.broadcast_to(queries[query], rows.shape), rows, metric)
            assert (np.abs(cost[query] - exact) <= bound).all()
            true = [
                math.fsum((a - b) ** 2 if metric == "l2" else -a * b for a, b in zip(q, d, strict=True))
                for q, d in [
                    (queries[query].astype(np.float64).tolist(), row.astype(np.float64).tolist()) for row in rows
                ]
            ]
            assert (np.abs(exact - true) <= bound * 2.0**-20 + 1e-300).all()


class Wrong(np.ndarray):
    """Queries whose products are off by nearly all that the bound allows, up for some rows, down for others."""

    def __matmul__(self, other):
        product = np.asarray(self) @ np.asarray(other)
        return (product + WRONG["by"][: len(product), : product.shape[1]]).astype(np.float32)


WRONG: dict[str, np.ndarray] = {}


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("seed", range(6))
def test_any_product_within_the_bound_gives_the_same_answer(metric, seed):
    """What a library computes may be wrong by the bound in either direction, for the k-th as for its neighbours."""
    rng = np.random.default_rng(seed)
    dim, size, k = 64, 200, 5
    base = unit(rng.standard_normal((1, dim)))
    database = unit(base + 4e-4 * rng.standard_normal((size, dim)))
    queries = unit(base + 0.02 * rng.standard_normal((3, dim)))
    expected = definition(queries, database, k, metric)
    norms = np.linalg.norm(queries.astype(np.float64), axis=1)
    bound = rounding_bound(dim, norms, 1.0, metric)[:, None]
    direction = np.where(rng.random((3, size)) < 0.5, -1.0, 1.0)
    if seed < 2:  # the true nearest too far and all others too near, and the other way round
        direction[:] = 1.0 if seed == 0 else -1.0
        np.put_along_axis(direction, expected.index, -direction[0, 0], axis=1)
    WRONG["by"] = direction * 0.9 * bound / (2 if metric == "l2" else 1)
    rows = StoredRows(database)
    rows.norms(unit=False)
    tile = candidates.Candidates(queries.view(Wrong), norms, k, metric, 2**18)
    tile.offer(rows, database, rows.norms(unit=False), 0)
    same(tile.settle(rows), expected)


def test_rows_of_very_different_length():
    """One long row must not make every other a candidate, nor hide one."""
    rng = np.random.default_rng(9)
    database = rng.standard_normal((300, 6)).astype(np.float32)
    database[150] *= np.float32(1e12)
    database[7] *= np.float32(1e-12)
    queries = database[[3, 7, 150, 299]] * np.float32(1.001)
    expected = definition(queries, database, 12, "l2")
    same(flat(database).search(queries, 12), expected)
    same(search_exact(queries, database, 12, block=50), expected)


def test_more_dimensions_than_the_bound_can_speak_of():
    assert np.isinf(rounding_bound(2**22 + 8, np.ones(2), 1.0, "l2")).all()
    assert rounding_bound(2**21, np.ones(2), 1.0, "l2")[0] < 1


@pytest.mark.parametrize("most", [0, 64, 2048])
def test_equal_descriptors_across_the_last_place(monkeypatch, most):
    monkeypatch.setattr(exact, "_MOST_CANDIDATES", most)
    rng = np.random.default_rng(5)
    far = rng.standard_normal((150, 8)).astype(np.float32) + 10
    database = np.concatenate([far, np.ones((700, 8), dtype=np.float32), far])
    rng.shuffle(database)
    queries = np.zeros((3, 8), dtype=np.float32)
    expected = np.flatnonzero((database == 1).all(axis=1))[:40]
    for found in (flat(database).search(queries, 40), search_exact(queries, database, 40, block=99)):
        np.testing.assert_array_equal(found.index, np.tile(expected, (3, 1)))


def test_result_does_not_depend_on_batch_block_threads_or_order_of_adding():
    rng = np.random.default_rng(11)
    database = unit(rng.standard_normal((2000, 96)))
    database[1500:1600] = database[:100]
    queries = unit(rng.standard_normal((60, 96)))
    whole = flat(database).search(queries, 15)
    index = FlatIndex(dim=96)
    for start in range(0, 2000, 137):
        index.add(database[start : start + 137])
    one_by_one = [index.search(queries[row : row + 1], 15) for row in range(60)]
    same(
        Neighbours(np.concatenate([n.distance for n in one_by_one]), np.concatenate([n.index for n in one_by_one])),
        whole,
    )
    for block in (1, 333, 1999, 5000):
        same(search_exact(queries[:5], database, 15, block=block), Neighbours(whole.distance[:5], whole.index[:5]))
    before = faiss.omp_get_max_threads()
    try:
        faiss.omp_set_num_threads(1)
        same(flat(database).search(queries, 15), whole)
    finally:
        faiss.omp_set_num_threads(before)


def test_half_precision_memory_map(tmp_path):
    rng = np.random.default_rng(2)
    path = tmp_path / "descriptors.f16"
    stored = np.memmap(path, dtype=np.float16, mode="w+", shape=(500, 24))
    stored[:] = unit(rng.standard_normal((500, 24)))
    stored.flush()
    database = np.memmap(path, dtype=np.float16, mode="r", shape=(500, 24))
    queries = database[::50]
    seen = []
    found = search_exact(queries, database, 9, block=64, progress=lambda done, total: seen.append((done, total)))
    same(found, definition(np.asarray(queries), np.asarray(database), 9, "l2"))
    assert (found.index[:, 0] == np.arange(0, 500, 50)).all()
    assert (found.distance[:, 0] == 0).all()
    assert seen[-1] == (500, 500)
    assert len(seen) == 8


def test_no_queries_is_an_empty_answer():
    assert flat(np.ones((3, 2), dtype=np.float32)).search(np.empty((0, 2), dtype=np.float32), 2).index.shape == (0, 2)


def test_rows_need_not_be_contiguous():
    wide = np.random.default_rng(0).standard_normal((20, 12)).astype(np.float32)
    same(flat(wide[::2, ::3]).search(wide[1:4, ::3], 5), flat(wide[::2, ::3].copy()).search(wide[1:4, ::3].copy(), 5))


def test_descriptors_are_given_back():
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    index = flat(rows)
    index.descriptors[:] = 0
    np.testing.assert_array_equal(index.descriptors, rows)
    assert FlatIndex(dim=4).descriptors.shape == (0, 4)


def test_neighbours_check_themselves():
    distance, index = np.zeros((2, 3), dtype=np.float32), np.zeros((2, 3), dtype=np.int64)
    assert Neighbours(distance, index).first(2).index.shape == (2, 2)
    assert len(Neighbours(distance, index)) == 2
    with pytest.raises(ValueError, match=r"distance: shape \(2, 2\) beside index of shape \(2, 3\)"):
        Neighbours(distance[:, :2], index)
    with pytest.raises(ValueError, match="types float64, int64"):
        Neighbours(distance.astype(np.float64), index)
    with pytest.raises(ValueError, match="count: must be at least 1"):
        Neighbours(distance, index).first(0)
