"""Hard negatives for a part of queries: 1,000 candidates each at D = 32,768, from a half-precision cache."""

from __future__ import annotations

import numpy as np
import torch

from bench.speed import yardsticks
from bench.speed.measure import compare
from bench.speed.row import Row

DIM, POOL = 32_768, 1000


def measure(*, repeats: int, queries: int = 100, database: int = 2000) -> list[Row]:
    """Mine ``queries`` queries against ``database`` cached descriptors; milliseconds are for all of them."""
    from vpr_losses import HardNegatives, MiningRequest, Ragged

    generator = torch.Generator().manual_seed(0)
    unit = torch.nn.functional.normalize
    cache = unit(torch.randn(database, DIM, generator=generator), dim=1).half()
    asked = unit(cache[:queries].float() + 0.005 * torch.randn(queries, DIM, generator=generator), dim=1).half()
    rows = [torch.arange(i, min(i + 3, database)) for i in range(queries)]
    request = MiningRequest(
        queries=torch.arange(queries),
        positives=Ragged.from_rows(rows),
        excluded=Ragged.from_rows(rows),
        database_size=database,
        seed=0,
        epoch=0,
    )
    random = np.random.default_rng(0)
    candidates = [np.sort(random.choice(np.arange(i + 3, database), POOL, replace=False)) for i in range(queries)]
    as_array, database_array = asked.float().numpy(), cache.numpy()

    def ours() -> None:
        HardNegatives(pool=POOL).mine(request, query_descriptors=asked, database_descriptors=cache)

    def per_query_index() -> None:
        yardsticks.hardest_negatives_per_query(as_array, database_array, candidates, 10)

    comparison = compare({"ours": ours, "index per query": per_query_index}, repeats=repeats)
    what = f"mining {queries} queries, {POOL:,} candidates of {database:,}, D={DIM:,}, float16 cache"
    target = f"at most {5 * queries} ms (5 ms a query)"
    return [Row.from_comparison(what, comparison, reference="index per query", target=target)]
