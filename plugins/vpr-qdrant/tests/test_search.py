"""What is found, against loops in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from vpr_qdrant import QdrantIndex
from vpr_qdrant.neighbours import exact_distance, rounding_bound


def unit(generator: np.random.Generator, count: int, dim: int) -> Any:
    rows = generator.normal(size=(count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def true_order(query: Any, rows: Any, metric: str, allowed: set[int] | None = None) -> list[tuple[float, int]]:
    """(distance, index) of every row, sorted, by the definition."""
    found = []
    for position, row in enumerate(rows):
        if allowed is not None and position not in allowed:
            continue
        pairs = [(float(a), float(b)) for a, b in zip(query, row, strict=True)]
        if metric == "l2":
            distance = math.sqrt(math.fsum((a - b) ** 2 for a, b in pairs))
        else:
            distance = 1.0 - math.fsum(a * b for a, b in pairs)
        found.append((float(np.float32(distance)), position))
    return sorted(found)


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize(("dim", "count", "batch"), [(1, 5, 2), (3, 41, 7), (17, 90, 256)])
def test_order_and_distances_are_those_of_the_definition(metric: Any, dim: int, count: int, batch: int) -> None:
    generator = np.random.default_rng(dim)
    rows, queries = unit(generator, count, dim), unit(generator, 9, dim)
    if metric == "l2":
        rows *= generator.uniform(0.1, 30, size=(count, 1)).astype(np.float32)
    with QdrantIndex(dim=dim, metric=metric, batch=batch) as index:
        index.add(rows[:4])
        index.add(rows[4:])
        for k in (1, 4, count):
            found = index.search(queries, k)
            for number, query in enumerate(queries):
                expected = true_order(query, rows, metric)[:k]
                np.testing.assert_allclose(found.distance[number], [d for d, _ in expected], rtol=1e-6, atol=1e-7)
                if dim > 1:  # in one dimension unit rows are full of ties, whose float32 distances may round apart
                    assert found.index[number].tolist() == [position for _, position in expected]


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_ties_by_index_however_many_there_are(metric: Any) -> None:
    """More equal descriptors than are proposed at first: the engine's own order must not show."""
    generator = np.random.default_rng(0)
    rows = unit(generator, 300, 24)
    rows[generator.permutation(300)[:200]] = rows[5]
    same = np.flatnonzero((rows == rows[5]).all(axis=1))
    with QdrantIndex(dim=24, metric=metric) as index:
        index.add(rows)
        for k in (1, 10, 150):
            assert index.search(rows[5:6], k).index[0].tolist() == same[:k].tolist()


def test_near_ties_are_ordered_by_float64() -> None:
    """Distances that float32 cannot tell apart while it sums, and whose difference float32 can hold."""
    generator = np.random.default_rng(3)
    dim, count = 512, 200
    query = unit(generator, 1, dim)
    rows = np.repeat(query, count, axis=0) + 1e-3 * unit(generator, count, dim)
    rows = rows.astype(np.float32)
    with QdrantIndex(dim=dim, metric="ip") as index:
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        index.add(rows)
        found = index.search(query, 20)
    expected = true_order(query[0], rows, "ip")[:20]
    assert found.index[0].tolist() == [position for _, position in expected]


def test_the_bound_covers_the_engines_rounding() -> None:
    generator = np.random.default_rng(1)
    for dim in (2, 33, 4096):
        rows, query = (
            generator.normal(size=(500, dim)).astype(np.float32),
            generator.normal(size=dim).astype(np.float32),
        )
        largest = float(np.linalg.norm(rows.astype(np.float64), axis=1).max())
        bound = rounding_bound(dim, float(np.linalg.norm(query.astype(np.float64))), largest)
        engine = np.linalg.norm(rows - query, axis=1).astype(np.float64) ** 2
        exact = ((rows.astype(np.float64) - query.astype(np.float64)) ** 2).sum(axis=1)
        assert np.abs(engine - exact).max() <= bound
        engine = (rows @ query).astype(np.float64)
        exact = rows.astype(np.float64) @ query.astype(np.float64)
        assert np.abs(engine - exact).max() <= bound
        assert bound < 1e-2 * exact.std()  # it is of some use, too


def test_equal_rows_have_equal_distances_wherever_they_stand() -> None:
    generator = np.random.default_rng(2)
    row, query = unit(generator, 1, 777), unit(generator, 1, 777)[0]
    for metric in ("l2", "ip"):
        assert len(set(exact_distance(query, np.repeat(row, 57, axis=0), metric).tolist())) == 1


def haversine(a: Any, b: Any) -> float:
    """Distance in metres on a sphere of 6,371,008.8 m."""
    lat1, lon1, lat2, lon2 = map(math.radians, (*a, *b))
    h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(h))


@pytest.mark.parametrize("center", [(48.2, 16.37), (-0.001, 179.9995), (89.99, 0.0)])
def test_a_geographic_filter_leaves_those_within_the_radius(center: tuple[float, float]) -> None:
    generator = np.random.default_rng(4)
    rows, queries = unit(generator, 120, 8), unit(generator, 6, 8)
    positions = np.array(center) + generator.normal(scale=2e-3, size=(120, 2))
    if center[0] > 80:
        positions[:, 1] = generator.uniform(-180, 180, size=120)
    positions[:, 0] = np.clip(positions[:, 0], -90, 90)
    positions[:, 1] = (positions[:, 1] + 180) % 360 - 180
    areas = np.repeat([center], 6, axis=0)
    areas[3] = positions[17]
    with QdrantIndex(dim=8, batch=4) as index:
        index.add(rows[:50], positions=positions[:50])
        index.add(rows[50:], positions=positions[50:].tolist())
        found = index.search(queries, 30, near=areas, radius=200.0)
        whole = index.search(queries, 30)
        one = index.search(queries, 30, near=center, radius=200.0)
    fewer = 0
    for number, query in enumerate(queries):
        allowed = {row for row in range(120) if haversine(areas[number], positions[row]) <= 200.0}
        expected = [position for _, position in true_order(query, rows, "l2", allowed)[:30]]
        assert found.index[number].tolist() == expected + [-1] * (30 - len(expected))
        assert np.isinf(found.distance[number, len(expected) :]).all()
        fewer += len(expected) < 30
        assert whole.index[number].tolist() == [position for _, position in true_order(query, rows, "l2")[:30]]
        if number != 3:
            assert one.index[number].tolist() == found.index[number].tolist()
    assert fewer


def test_positions_are_for_all_or_none_and_in_degrees() -> None:
    rows = unit(np.random.default_rng(0), 3, 4)
    index = QdrantIndex(dim=4)
    for bad, said in {
        ((48.0, 16.0),): r"positions: shape \(1, 2\), must be \(3, 2\)",
        ((5e6, 6e5),) * 3: r"positions: row 0 is \[5000000.0, 600000.0\]; must be latitude .* metres \(UTM\)",
        ((48.0, 16.0), (float("nan"), 0.0), (0.0, 0.0)): "positions: row 1 is ",
    }.items():
        with pytest.raises(ValueError, match=said):
            index.add(rows, positions=bad)
    assert len(index) == 0
    index.add(rows)
    with pytest.raises(ValueError, match="earlier descriptors came without them"):
        index.add(rows, positions=[[0, 0]] * 3)
    with pytest.raises(ValueError, match="near: the descriptors have no positions"):
        index.search(rows, 1, near=[0, 0], radius=5)
    with pytest.raises(ValueError, match="near: radius alone says nothing"):
        index.search(rows, 1, radius=5)
    with_positions = QdrantIndex(dim=4)
    with_positions.add(rows, positions=[[0, 0]] * 3)
    with pytest.raises(ValueError, match="earlier descriptors came with them"):
        with_positions.add(rows)
    for radius in (0, -1.0, float("nan"), 3e7):
        with pytest.raises(ValueError, match=r"radius: .* m; must be above 0"):
            with_positions.search(rows, 1, near=[0, 0], radius=radius)
    with pytest.raises(TypeError, match="radius: must be a number of metres, got None"):
        with_positions.search(rows, 1, near=[0, 0])
    index.close()
    with_positions.close()


def test_what_is_refused_is_named() -> None:
    rows = unit(np.random.default_rng(0), 5, 4)
    index = QdrantIndex(dim=4, metric="ip")
    index.add(rows)
    bad = rows.copy()
    bad[2, 1] = np.nan
    for given, kind, said in [
        (bad, ValueError, r"row 7 has nan in column 1 \(1 of 5 rows"),
        (rows * 2, ValueError, r"row 5 has norm 2 \(5 of 5 rows\), must be 1 within 0\.001 under metric ip"),
        (rows[:, :3].copy(), ValueError, "dimension 3, the database has 4"),
        (rows[0], ValueError, r"shape \(4,\), must be \(N, 4\); one descriptor alone is x\[None\]"),
        (rows.astype(np.float64), TypeError, "type float64, must be float32"),
        (rows.tolist(), TypeError, "must be a numpy array, got list"),
    ]:
        with pytest.raises(kind, match=f"descriptors: {said}"):
            index.add(given)
    with pytest.raises(ValueError, match=r"descriptors: row 0 has norm .* must be at most 1e\+18"):
        QdrantIndex(dim=4).add(rows * np.float32(1e25))
    for k, said in {0: "from 1 to 5", 6: "from 1 to 5", True: "an integer", 2.0: "an integer"}.items():
        with pytest.raises((ValueError, TypeError), match=said):
            index.search(rows, k)  # type: ignore[arg-type]
    assert index.search(rows[:0], 2).index.shape == (0, 2)
    for settings in ({"dim": 0}, {"dim": 4, "metric": "cosine"}, {"dim": 4, "batch": 0}):
        with pytest.raises(ValueError, match=r"dim|metric|batch"):
            QdrantIndex(**settings)  # type: ignore[arg-type]


class Graphlike:
    """A store whose graph finds a few only, and which finds everything when asked to."""

    def __init__(self, store: Any, reach: int) -> None:
        self.store, self.reach = store, reach
        self.asked: list[tuple[int, int, bool]] = []

    def propose(self, queries: Any, limit: int, *, near: Any, radius: Any, exact: bool) -> Any:
        self.asked.append((len(queries), limit, exact))
        found = self.store.propose(queries, limit, near=near, radius=radius, exact=True)
        return found if exact else [(ids[: self.reach], cost[: self.reach]) for ids, cost in found]

    def rows(self, ids: Any) -> Any:
        return self.store.rows(ids)


@pytest.mark.parametrize(("reach", "again"), [(12, False), (9, True)])
def test_where_a_graph_finds_too_few_everything_is_searched(reach: int, again: bool) -> None:
    generator = np.random.default_rng(0)
    rows, queries = unit(generator, 80, 6), unit(generator, 4, 6)
    with QdrantIndex(dim=6, exact=False) as index:
        index.add(rows)
        store: Any = Graphlike(index._store, reach)
        index._store = store
        found = index.search(queries, 10)
        index._store = store.store
    for number, query in enumerate(queries):
        assert found.index[number].tolist() == [position for _, position in true_order(query, rows, "l2")[:10]]
    assert store.asked == [(4, 26, False)] + [(4, 26, True)] * again
