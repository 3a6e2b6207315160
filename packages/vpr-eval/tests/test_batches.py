"""Answers do not depend on how many queries are asked at once, where faiss's do."""

from __future__ import annotations

from typing import Any, Literal

import faiss
import numpy as np
import pytest

pytest.importorskip("vpr_core", reason="the contract kit is a host's; the package alone has none")

from pydantic import Field

from vpr_core import ComponentConfig, IndexSpec
from vpr_core.testing import IndexContract, breaches
from vpr_eval import FlatIndex, Neighbours


class Config(ComponentConfig):
    type: Literal["bare"] = "bare"
    metric: Literal["l2", "ip"] = Field(default="l2", description="Metric.")


class BareFaiss(FlatIndex):
    """Sound in all but this: what `faiss.knn` proposes is taken as it comes."""

    def _search(self, queries: Any, norms: Any, k: int) -> Neighbours:
        kind = faiss.METRIC_L2 if self.metric == "l2" else faiss.METRIC_INNER_PRODUCT
        cost, index = faiss.knn(queries, self.descriptors, min(len(self), k + 40), metric=kind)
        distance = np.sqrt(np.maximum(cost, 0)) if self.metric == "l2" else 1 - cost
        place = np.lexsort((index, distance), axis=1)[:, :k]
        return Neighbours(np.take_along_axis(distance, place, axis=1), np.take_along_axis(index, place, axis=1))


def test_an_index_of_bare_faiss_breaks_the_contract_and_ours_does_not() -> None:
    def spec(kind: Any) -> IndexSpec[Any]:
        return IndexSpec(name="bare", config=Config, build=lambda c, dim: kind(dim=dim, metric=c.metric), summary="-")

    found = breaches(IndexContract, spec(BareFaiss))
    assert set(found) == {"test_many_queries_find_what_each_finds_alone"}
    assert "find other neighbours or distances alone than among 157" in found.popitem()[1]
    assert breaches(IndexContract, spec(FlatIndex)) == {}


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize(("count", "dim"), [(20, 96), (130, 1024)])
def test_beyond_the_number_at_which_faiss_multiplies_matrices(metric: Any, count: int, dim: int) -> None:
    rng = np.random.default_rng(dim)
    base = rng.standard_normal((1, dim))
    rows, queries = (base + 1e-3 * rng.standard_normal((n, dim)) for n in (400, count))
    rows, queries = ((x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32) for x in (rows, queries))
    index, bare = (kind(dim=dim, metric=metric) for kind in (FlatIndex, BareFaiss))
    index.add(rows)
    bare.add(rows)
    together = index.search(queries, 10)
    alone = [index.search(query[None], 10) for query in queries]
    assert np.array_equal(np.concatenate([one.index for one in alone]), together.index)
    assert np.array_equal(np.concatenate([one.distance for one in alone]), together.distance)
    wide = rows.astype(np.float64)
    for query, found in zip(queries[:30].astype(np.float64), together.index, strict=False):
        exact = np.sqrt(((query - wide) ** 2).sum(axis=1)) if metric == "l2" else 1 - (query * wide).sum(axis=1)
        assert found.tolist() == np.lexsort((np.arange(400), exact.astype(np.float32)))[:10].tolist()
    if count * dim >= 128_000 and metric == "l2":
        theirs = np.concatenate([bare.search(query[None], 10).index for query in queries])
        assert (theirs != bare.search(queries, 10).index).any(), "faiss's own switch is not reached: a test of nothing"
