"""The descriptor cache on disk: a half-precision memory map against an HDF5 file, rewritten as each refresh does."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

import numpy as np
import torch

from bench.speed import yardsticks
from bench.speed.measure import Effort, compare
from bench.speed.row import Row
from vpr_losses.pair_distances import pair_distances
from vpr_runner.encoding.cache import memory_map

__all__ = ["measure"]

BATCH = 24


def measure(effort: Effort) -> list[Row]:
    """Write a cache batch by batch, then compare each of a few queries with 1,000 rows of it."""
    count, dim, asked = effort.size(4000, 60), effort.size(32_768, 256), effort.size(8, 2)
    pool = effort.size(1000, 20)
    what = f"descriptor cache {count:,} x {dim:,} rewritten, then distances of {asked} queries to {pool:,} rows each"
    if importlib.util.find_spec("h5py") is None:
        return [Row(what=what, reference="HDF5, float32", skipped="h5py is not installed: pip install h5py")]
    random = np.random.default_rng(0)
    rows = random.standard_normal((count, dim), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    queries = rows[:asked] + random.standard_normal((asked, dim), dtype=np.float32) / np.float32(np.sqrt(dim))
    wanted = np.stack([np.sort(random.choice(count, pool, replace=False)) for _ in range(asked)])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def ours() -> np.ndarray:
            cache = torch.from_numpy(memory_map(folder / "cache.f16", (count, dim), np.float16))
            for start in range(0, count, BATCH):
                cache[start : start + BATCH] = torch.from_numpy(rows[start : start + BATCH])
            return pair_distances(torch.from_numpy(queries), cache, torch.from_numpy(wanted)).numpy()

        def hdf5() -> np.ndarray:
            return yardsticks.distances_from_hdf5(rows, folder / "cache.h5", queries, wanted, batch=BATCH)

        difference = float(np.abs(ours() - hdf5()).max())
        if difference > 1e-3:
            raise AssertionError(f"distances from the two caches differ by {difference}")
        comparison = compare({"ours": ours, "HDF5, float32": hdf5}, repeats=effort.rounds())
    note = (
        f"{2 * count * dim / 2**20:.0f} MiB on the disk instead of {4 * count * dim / 2**20:.0f}, both small enough to "
        f"stay in the page cache; squared distances differ by {difference:.0e} at most"
    )
    return [Row.from_comparison(what, comparison, reference="HDF5, float32", note=note)]
