"""HNSW and inverted lists: close to exact, honest about distances, the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_eval import FlatIndex, HNSWIndex, IVFPQIndex, IVFSQIndex


def places(seed=0, count=2000, dim=32):
    """Places on a low-dimensional surface, a few views each: descriptors as they come."""
    rng = np.random.default_rng(seed)
    surface = rng.standard_normal((8, dim))
    rows = np.repeat(rng.standard_normal((count // 4, 8)), 4, axis=0) @ surface
    rows += 0.5 * rng.standard_normal(rows.shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


DATABASE = places()
QUERIES = DATABASE[::40] + np.float32(0.01)
QUERIES /= np.linalg.norm(QUERIES, axis=1, keepdims=True)

MAKERS = {
    "hnsw": (lambda **more: HNSWIndex(dim=32, **more), 0.98),
    "ivf_sq": (lambda **more: IVFSQIndex(dim=32, lists=40, **more), 0.95),
    "ivf_sq int8": (lambda **more: IVFSQIndex(dim=32, lists=40, code="int8", **more), 0.9),
    "ivf_sq auto": (lambda **more: IVFSQIndex(dim=32, probes=40, **more), 0.95),
    "ivf_pq": (lambda **more: IVFPQIndex(dim=32, lists=40, parts=16, **more), 0.6),
}


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("name", MAKERS)
def test_finds_most_neighbours_and_orders_them(name, metric):
    make, least = MAKERS[name]
    index, exact = make(metric=metric), FlatIndex(dim=32, metric=metric)
    for part in np.array_split(DATABASE, 7):
        index.add(part)
    exact.add(DATABASE)
    found, truth = index.search(QUERIES, 10), exact.search(QUERIES, 10)
    assert len(index) == 2000
    overlap = (found.index[:, :, None] == truth.index[:, None, :]).any(axis=2).mean()
    assert overlap >= least
    order = np.lexsort((found.index, found.distance), axis=1)
    np.testing.assert_array_equal(order, np.tile(np.arange(10), (len(QUERIES), 1)))


@pytest.mark.parametrize("name", MAKERS)
def test_building_twice_gives_the_same(name):
    make, _ = MAKERS[name]
    first, second = make(), make()
    first.add(DATABASE)
    second.add(DATABASE)
    one, two = first.search(QUERIES, 10), second.search(QUERIES, 10)
    np.testing.assert_array_equal(one.index, two.index)
    np.testing.assert_array_equal(one.distance, two.distance)


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_hnsw_distances_are_those_of_exact_search(metric):
    index, exact = HNSWIndex(dim=32, metric=metric), FlatIndex(dim=32, metric=metric)
    index.add(DATABASE)
    exact.add(DATABASE)
    found, truth = index.search(QUERIES, 5), exact.search(QUERIES, 5)
    same = found.index == truth.index
    assert same.mean() > 0.9
    np.testing.assert_array_equal(found.distance[same], truth.distance[same])


@pytest.mark.parametrize("name", ["hnsw", "ivf_sq", "ivf_sq int8"])
def test_equal_descriptors_go_by_index(name):
    make, _ = MAKERS[name]
    index = make()
    rows = DATABASE.copy()
    rows[[1900, 50, 777, 1200]] = rows[10]
    index.add(rows)
    found = index.search(rows[10:11], 5)
    assert found.index[0].tolist() == [10, 50, 777, 1200, 1900]
    assert len(set(found.distance[0].tolist())) == 1


def test_what_was_not_found_is_minus_one_at_infinity():
    index = IVFSQIndex(dim=32, lists=100, probes=1)
    index.add(DATABASE[:400])
    found = index.search(QUERIES, 100)
    missing = found.index == -1
    assert missing.any()
    assert np.isinf(found.distance[missing]).all()
    assert np.isfinite(found.distance[~missing]).all()
    assert not (np.diff(missing.astype(int), axis=1) < 0).any(), "-1 stands before something found"


def test_too_few_descriptors_are_named():
    index = IVFSQIndex(dim=32, lists=64)
    index.add(DATABASE[:10])
    with pytest.raises(ValueError, match="lists: 64 lists need at least as many descriptors, 10 were added"):
        index.search(QUERIES, 1)
    quantised = IVFPQIndex(dim=32, parts=8)
    quantised.add(DATABASE[:100])
    with pytest.raises(ValueError, match="learns 256 centres and needs at least as many descriptors, 100 were added"):
        quantised.search(QUERIES, 1)


def test_a_small_set_works_with_the_defaults():
    index = IVFSQIndex(dim=32)
    index.add(DATABASE[:3])
    assert index.search(DATABASE[:3], 3).index[:, 0].tolist() == [0, 1, 2]


def test_descriptors_waiting_to_be_trained_on_are_copies():
    rows = DATABASE[:200].copy()
    index = IVFSQIndex(dim=32)
    index.add(rows)
    rows[:] = 0
    assert index.search(DATABASE[:1], 1).distance[0, 0] < 1e-2
