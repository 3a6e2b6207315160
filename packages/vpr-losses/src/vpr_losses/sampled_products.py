"""Inner products of chosen (query, database) pairs on a CPU, neither gathering rows nor computing the others."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

__all__ = ["sampled_products"]

_WIDTH = 1024
"""Numbers of each row that are multiplied at a time: those of a block and of all queries stay in the outer cache."""

_CHUNK_BYTES = 1 << 21
"""The same of one block of database rows, in bytes."""

_STORED_BYTES = 1 << 25
"""Rows that do not lie together are copied this many bytes at a time, as they are stored."""


def sampled_products(queries: Tensor, database: Tensor, rows: Tensor, *, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return ``q_t . x_r`` and ``|x_r|^2`` for the rows that each query asks for, 0 where a row is -1.

    A row is read and raised to ``dtype`` once for all queries that want it, and multiplied with those only: the product
    of two dense matrices, sampled at the pairs. Pairs are ordered by row; a block of rows is cut into columns, so that
    each pair's numbers come from the cache. It holds one copy of the queries in ``dtype`` and about 40 MiB.

    Args:
        queries: ``(T, D)`` on the CPU.
        database: ``(M, D)``, likewise.
        rows: ``(T, L)`` int64 rows of ``database``, -1 for none.
        dtype: float32 or float64.

    Returns:
        Two ``(T, L)``.
    """
    flat = rows.flatten()
    order = torch.argsort(flat, stable=True)
    order = order[int((flat < 0).sum()) :]
    wanted, start_of = torch.unique_consecutive(flat[order], return_counts=True)
    start_of = torch.cat([start_of.new_zeros(1), start_of.cumsum(0)])
    asking = order // max(1, rows.shape[1])
    columns = range(0, queries.shape[1], _WIDTH)
    parts = [queries[:, first : first + _WIDTH].to(dtype).contiguous() for first in columns]
    products, norms = torch.zeros(len(order), dtype=dtype), torch.zeros(len(wanted), dtype=dtype)
    width = max(1, min(_WIDTH, queries.shape[1]))
    height = max(1, min(_CHUNK_BYTES // (products.element_size() * width), len(wanted)))
    height = min(height, max(1, _STORED_BYTES // max(1, database.element_size() * database.shape[1])))
    buffer = torch.empty(height * width, dtype=dtype)
    for start in range(0, len(wanted), height):
        part = wanted[start : start + height]
        begin = start_of[start : start + height + 1]
        pairs = slice(int(begin[0]), int(begin[-1]))
        block, norm = _rows(database, part), norms[start : start + height]
        pattern = _pattern(begin - begin[0], asking[pairs], products[pairs], shape=(len(part), len(queries)))
        for first, query in zip(columns, parts, strict=True):
            stored = block[:, first : first + _WIDTH]
            x = buffer[: stored.numel()].view(stored.shape).copy_(stored)
            torch.sparse.sampled_addmm(pattern, x, query.T, out=pattern)
            norm += torch.linalg.vector_norm(x, dim=1).square()
        products[pairs] = pattern.values()
    found, lengths = (torch.zeros(flat.shape, dtype=dtype) for _ in range(2))
    found[order] = products
    lengths[order] = norms.repeat_interleave(start_of.diff())
    return found.view(rows.shape), lengths.view(rows.shape)


def _rows(database: Tensor, rows: Tensor) -> Tensor:
    """Return rows as they are stored; without a copy where they lie together."""
    first, last = int(rows[0]), int(rows[-1])
    together = last - first + 1 == len(rows)
    return database[first : last + 1] if together else database.index_select(0, rows)


def _pattern(begin: Tensor, columns: Tensor, values: Tensor, *, shape: tuple[int, int]) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse", category=UserWarning)  # "in beta state"
        # A query may ask for a row twice, which a checked matrix would not allow; the products come out right.
        return torch.sparse_csr_tensor(begin, columns, values.clone(), size=shape, check_invariants=False)
