"""One query: exact search beside the bare product, and the compressed indexes beside exact search."""

from __future__ import annotations

import numpy as np
import torch

from bench.speed.measure import Effort, compare, own_memory
from bench.speed.row import Row

__all__ = ["measure", "places"]

SIZES = ((100_000, 512), (20_000, 4096))
COMPRESSED = (100_000, 512)
TOP = 20


def places(count: int, dim: int, *, views: int = 4, seed: int = 0) -> np.ndarray:
    """Unit rows ``(count, dim)`` of places seen ``views`` times, with a spectrum that falls like 1 / sqrt(i)."""
    generator = np.random.default_rng(seed)
    spread = np.arange(1, dim + 1, dtype=np.float32) ** -0.5
    rows = np.empty((count, dim), dtype=np.float32)
    step = max(views, 2**22 // dim // views * views)
    for start in range(0, count, step):
        part = rows[start : start + step]
        place = generator.standard_normal((-(-len(part) // views), dim), dtype=np.float32)
        part[:] = np.repeat(place, views, axis=0)[: len(part)]
        part += np.float32(0.6) * generator.standard_normal(part.shape, dtype=np.float32)
        part *= spread
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows


def measure(effort: Effort) -> list[Row]:
    """Measure both."""
    return [*_exact(effort), *_compressed(effort)]


def _exact(effort: Effort) -> list[Row]:
    from vpr_eval import FlatIndex

    made = []
    for count, dim in SIZES:
        rows = places(effort.size(count, 400), effort.size(dim, 32))
        asked = rows[7:8] + np.float32(0.01)
        index = FlatIndex(dim=rows.shape[1])
        index.build(rows)
        matrix, query = torch.from_numpy(rows), torch.from_numpy(asked[0])

        def bare(matrix: torch.Tensor = matrix, query: torch.Tensor = query) -> None:
            torch.topk(matrix @ query, TOP)

        def ours(index: FlatIndex = index, asked: np.ndarray = asked) -> None:
            index.search(asked, TOP)

        made.append(
            Row.from_comparison(
                f"one exact query among {len(rows):,} x {rows.shape[1]:,}, top {TOP}",
                compare({"ours": ours, "product and topk": bare}, repeats=4 * effort.rounds(), warmup=2),
                reference="product and topk",
                target="at most 1.3 times its time",
                note="ours is exact, ties by index; the product's order is float32's",
            )
        )
    return made


def _compressed(effort: Effort) -> list[Row]:
    from vpr_eval import BinaryIndex, FlatIndex, HNSWIndex, IVFPQIndex, IVFRaBitQIndex

    count, dim = (effort.size(full, quick) for full, quick in zip(COMPRESSED, (2000, 32), strict=True))
    rows = places(count, dim)
    queries = places(200, dim, views=1, seed=1)
    queries += rows[:: count // 200][:200] * 2
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    flat = FlatIndex(dim=dim)
    flat.build(rows)
    made = []
    for kind, parameters in (
        (BinaryIndex, {"rotate": True}),
        (IVFRaBitQIndex, {}),
        (IVFPQIndex, {"parts": min(64, dim // 4)}),
        (HNSWIndex, {}),
    ):
        index = kind(dim=dim, **parameters)
        held = own_memory(lambda index=index: index.build(rows, queries=queries))
        turn = iter(range(10**9))

        def asked(turn: object = turn) -> np.ndarray:
            number = next(turn) % 200  # type: ignore[call-overload]
            return queries[number : number + 1]

        contestants = {
            "ours": lambda index=index, asked=asked: index.search(asked(), TOP),
            "exact": lambda asked=asked: flat.search(asked(), TOP),
        }
        checked = index.checked
        made.append(
            Row.from_comparison(
                f"one query among {count:,} x {dim:,} with {index.kind}, top {TOP}",
                compare(contestants, repeats=4 * effort.rounds(), warmup=2),
                reference="exact",
                note=(
                    f"finds {100 * (checked.queries_nearest or 0):.1f} % of the nearest and "
                    f"{100 * (checked.queries_all or 0):.1f} % of the ten nearest of 200 queries; building took "
                    f"{held / 2**20:,.0f} MiB beside the rows"
                ),
            )
        )
    return made
