"""Squared distances of chosen (query, database) pairs, from a cache too large for memory."""

from __future__ import annotations

import torch
from torch import Tensor

from vpr_losses.precision import raised, without_autocast
from vpr_losses.sampled_products import sampled_products

__all__ = ["DENSE_ADVANTAGE", "pair_distances"]

_BLOCK_BYTES = 1 << 25
"""Database rows held in float32 at once, in bytes."""

_GATHER_BYTES = 1 << 22
"""The same for one query's rows: small enough to stay in a core's cache between the copy and the product."""

DENSE_ADVANTAGE = 6
"""Pairs that a blocked matrix product computes while a sampled one computes one (D = 32,768, float16 cache, AVX2)."""

_ROW_COST = 8
"""Reading and raising a row in the blocked product, in pairs."""


@torch.no_grad()
def pair_distances(queries: Tensor, database: Tensor, rows: Tensor) -> Tensor:
    """Return ``|q_t - x_r|^2`` for the rows that each query asks for.

    ``|q|^2 + |x|^2 - 2 q . x`` in float32 (float64 if either side is), whatever the cache is stored in. Rows wanted by
    many queries are multiplied with all of them in blocks, others with the queries that want them, whichever is less
    work. Beside tables of at most ``T * min(M, 6 L)`` numbers and the queries in float32 it holds about 50 MiB, so that
    ``database`` may be a memory map of any size.

    Args:
        queries: ``(T, D)``.
        database: ``(M, D)``.
        rows: ``(T, L)`` int64 rows of ``database``, -1 for none.

    Returns:
        ``(T, L)``; infinity where ``rows`` is -1.

    Raises:
        ValueError: a distance is NaN.
    """
    with without_autocast(database):
        kind = torch.promote_types(raised(queries[:0]).dtype, raised(database[:0]).dtype)
        exists = rows >= 0
        wanted = torch.zeros(len(database) + 1, dtype=torch.bool, device=rows.device)
        wanted[rows] = True  # -1 marks the spare last place
        used = torch.nonzero(wanted[:-1]).flatten()
        if (len(queries) + _ROW_COST) * len(used) <= DENSE_ADVANTAGE * int(exists.sum()):
            column = wanted[:-1].cumsum(0) - 1
            products, norms = _dense(queries.to(kind), database, used)
            place = column[rows.clamp(min=0)]
            products, norms = products.gather(1, place), norms[place]
        elif database.device.type == "cpu":
            products, norms = sampled_products(queries, database, rows, dtype=kind)
        else:
            products, norms = _gathered(queries.to(kind), database, rows)
        lengths: Tensor = torch.linalg.vector_norm(queries, dim=1, keepdim=True, dtype=kind).square()
        squared = (lengths + norms - 2.0 * products).clamp_(min=0.0)
    result: Tensor = squared.masked_fill_(~exists, torch.inf)
    if bool(torch.isnan(result).any()):
        query = int(torch.isnan(result).any(dim=1).nonzero()[0])
        row = int(rows[query][torch.isnan(result[query])][0])
        raise ValueError(
            f"query_descriptors[{query}] or database_descriptors[{row}] holds NaN or infinity: the cache was made by a "
            f"model that has diverged, or from an unreadable image"
        )
    return result


def _dense(queries: Tensor, database: Tensor, used: Tensor) -> tuple[Tensor, Tensor]:
    """Return products ``(T, U)`` and squared norms ``(U,)`` of the ``used`` rows."""
    products = queries.new_empty(len(queries), len(used))
    norms = queries.new_empty(len(used))
    height = max(1, _BLOCK_BYTES // (queries.element_size() * max(1, queries.shape[1])))
    buffer = queries.new_empty(min(height, len(used)), queries.shape[1])
    for start in range(0, len(used), height):
        part = used[start : start + height]
        first, last = int(part[0]), int(part[-1])
        together = last - first + 1 == len(part)
        block = database[first : last + 1] if together else database.index_select(0, part)
        x = block if block.dtype == buffer.dtype else buffer[: len(part)].copy_(block)
        torch.mm(queries, x.T, out=products[:, start : start + len(part)])
        norms[start : start + len(part)] = torch.linalg.vector_norm(x, dim=1).square()
    return products, norms


def _gathered(queries: Tensor, database: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return products and squared norms ``(T, L)``, query by query."""
    products, norms = (queries.new_zeros(rows.shape) for _ in range(2))
    height = max(1, _GATHER_BYTES // (queries.element_size() * max(1, queries.shape[1])))
    stored = database.new_empty(height, database.shape[1])
    x = stored if database.dtype == queries.dtype else queries.new_empty(height, database.shape[1])
    for query, wanted, product, norm in zip(queries, rows, products, norms, strict=True):
        for start in range(0, len(wanted), height):
            part = wanted[start : start + height].clamp(min=0)
            size = len(part)
            torch.index_select(database, 0, part, out=stored[:size])
            if x is not stored:
                x[:size].copy_(stored[:size])
            product[start : start + size] = x[:size] @ query
            norm[start : start + size] = torch.linalg.vector_norm(x[:size], dim=1).square()
    return products, norms
