"""Hard negatives for a part of queries: 1,000 candidates each at D = 32,768, from a half-precision cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.speed import yardsticks
from bench.speed.measure import Effort, compare, peak_memory
from bench.speed.row import Row

if TYPE_CHECKING:
    from vpr_losses import MiningRequest

__all__ = ["make_request", "measure", "unit_rows"]


def unit_rows(count: int, dim: int, *, seed: int, dtype: torch.dtype = torch.float16) -> torch.Tensor:
    """Return random unit rows, made block by block."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.empty(count, dim, dtype=dtype)
    for start in range(0, count, 512):
        block = torch.randn(min(512, count - start), dim, generator=generator)
        rows[start : start + 512] = torch.nn.functional.normalize(block, dim=1)
    return rows


def make_request(queries: int, database: int) -> MiningRequest:
    """Return a request in which query ``q`` has three potential positives around database image ``q``."""
    from vpr_losses import MiningRequest, Ragged

    near = [torch.arange(number, min(number + 3, database)) for number in range(queries)]
    return MiningRequest(
        queries=torch.arange(queries),
        positives=Ragged.from_rows(near),
        excluded=Ragged.from_rows(near),
        database_size=database,
        seed=0,
        epoch=0,
    )


def measure(effort: Effort) -> list[Row]:
    """Mine a part of 1,000 queries against 10,000 cached descriptors; the yardstick has fewer queries, for time."""
    from vpr_losses import HardNegatives

    dim, database = effort.size(32_768, 128), effort.size(10_000, 200)
    queries, few, pool = effort.size(1000, 12), effort.size(20, 4), effort.size(1000, 50)
    cache = unit_rows(database, dim, seed=0)
    noise = unit_rows(queries, dim, seed=1)
    asked = torch.nn.functional.normalize(cache[:queries].float() + noise.float(), dim=1).half()
    del noise
    request, part = make_request(queries, database), make_request(few, database)
    random = np.random.default_rng(0)
    candidates = [np.sort(random.choice(np.arange(i + 3, database), pool, replace=False)) for i in range(few)]
    as_array, database_array = asked[:few].float().numpy(), cache.numpy()
    some = unit_rows(effort.size(256, 8), dim, seed=2, dtype=torch.float32)
    alone = asked[: effort.size(256, 8)].float()

    def mine_all() -> None:
        HardNegatives(pool=pool).mine(request, query_descriptors=asked, database_descriptors=cache)

    def mine_few() -> None:
        HardNegatives(pool=pool).mine(part, query_descriptors=asked[:few], database_descriptors=cache)

    def per_query_index() -> None:
        yardsticks.hardest_negatives_per_query(as_array, database_array, candidates, 10)

    def products() -> None:
        for _ in range(4):
            alone @ some.T

    whole = compare({"ours": mine_all, "product": products}, repeats=effort.rounds(0.4), warmup=0)
    comparison = compare({"ours": mine_few, "index per query": per_query_index}, repeats=effort.rounds(0.4))
    memory = {"ours": peak_memory(mine_few), "index per query": peak_memory(per_query_index)}
    per_query = 1e3 * whole.timings["ours"].median / queries
    rate = 4 * len(alone) * len(some) / whole.timings["product"].median
    dense = 1e3 * database / rate
    what = f"{pool:,} candidates of {database:,} each, D={dim:,}, float16 cache"
    return [
        Row.from_comparison(
            f"mining {few} queries, {what}",
            comparison,
            reference="index per query",
            memory=memory,
            count=few,
            unit="queries",
            target="5 ms a query",
            note=(
                f"a part of {queries:,} queries, where a row that is read serves many, takes {per_query:.2f} ms a "
                f"query; the whole matrix product at the rate of a bare one would take {dense:.2f} ms a query"
            ),
        )
    ]
