"""How the database's descriptors are stored; queries stay float32 but for codes that are compared bit by bit."""

from __future__ import annotations

from collections.abc import Iterator

import faiss
import numpy as np

from bench.choices.lab import Lab, Row
from bench.choices.outcome import first_hits
from vpr_eval import Neighbours

__all__ = ["by_bits", "measure", "product", "uniform"]

BITS = (8, 6, 4, 3, 2, 1)
PARTS = (16, 64, 256)


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows of float16, uniform codes, signs and product codes."""
    for head in lab.fitted.heads:
        database, queries = lab.plain(head)
        dim = database.shape[1]
        half = database.astype(np.float16).astype(np.float32)
        yield lab.row("float16", "database", head, (half, queries), size=2 * dim)
        for bits in BITS:
            name = f"{bits} bits a dimension" if bits > 1 else "1 bit a dimension, of its range"
            coded = uniform(database, bits)
            yield lab.row(name, "database", head, (coded, queries), size=dim * bits / 8)
        for name, mean in (
            ("signs as they are", 0.0),
            ("signs about the mean", database.mean(axis=0, dtype=np.float64)),
        ):
            codes = (database > mean, queries > mean)
            hits = first_hits(database, queries, lab.at.split, search=lambda k, codes=codes: by_bits(*codes, k))
            distinct = len(np.unique(np.packbits(codes[0], axis=1), axis=0)) / len(database)
            yield lab.row(name, "both", head, hits=hits, size=dim / 8, distinct=round(distinct, 4))
        for parts in PARTS:
            if dim % parts == 0 and len(database) >= 256:
                coded = product(database, parts)
                yield lab.row(f"product code, {parts} bytes", "database", head, (coded, queries), size=parts)


def uniform(rows: np.ndarray, bits: int) -> np.ndarray:
    """Return ``rows`` rounded to ``2 ** bits`` equal cells of each dimension's range, at the cells' middles.

    ``low + (floor((x - low) / (high - low) 2^bits) + 1/2) (high - low) / 2^bits``.
    """
    low, high = rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64)
    step = (high - low) / 2**bits
    cell = np.clip(np.floor((rows - low) / np.where(step > 0, step, 1)), 0, 2**bits - 1)
    return np.asarray(low + (cell + 0.5) * step, dtype=np.float32)


def by_bits(database: np.ndarray, queries: np.ndarray, k: int) -> Neighbours:
    """Return the ``k`` rows of least Hamming distance, the first of those as far; rows of bool."""
    a, b = (2.0 * queries - 1).astype(np.float32), (2.0 * database - 1).astype(np.float32)
    bits = np.rint((database.shape[1] - a @ b.T) / 2)
    index = np.argsort(bits, axis=1, kind="stable")[:, :k]
    return Neighbours(np.take_along_axis(bits, index, axis=1).astype(np.float32), index.astype(np.int64))


def product(rows: np.ndarray, parts: int) -> np.ndarray:
    """Return ``rows`` as faiss's product quantiser with 256 words a part, learnt from them, gives them back."""
    quantiser = faiss.ProductQuantizer(rows.shape[1], parts, 8)
    quantiser.cp.min_points_per_centroid = 1  # a small map: the words are its own rows, and it says so at length
    quantiser.cp.seed = 0
    quantiser.train(rows)
    return np.asarray(quantiser.decode(quantiser.compute_codes(rows)))
