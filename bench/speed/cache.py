"""The descriptor cache on disk: a half-precision memory map against an HDF5 file."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

import numpy as np

from bench.speed import yardsticks
from bench.speed.measure import Effort, compare
from bench.speed.row import Row
from vpr_runner.cache import memory_map

__all__ = ["measure"]


def measure(effort: Effort) -> list[Row]:
    """Write a cache batch by batch, then read 1,000 rows by number for each of a few queries."""
    count, dim, reads = effort.size(4000, 60), effort.size(32_768, 256), effort.size(8, 2)
    pool = effort.size(1000, 20)
    what = f"descriptor cache {count:,} x {dim:,}: write, then {reads} times {pool:,} rows by number"
    if importlib.util.find_spec("h5py") is None:
        return [Row(what=what, reference="HDF5, float32", skipped="h5py is not installed: pip install h5py")]
    random = np.random.default_rng(0)
    rows = random.standard_normal((count, dim), dtype=np.float32) / np.float32(np.sqrt(dim))
    wanted = [np.sort(random.choice(count, pool, replace=False)) for _ in range(reads)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def ours() -> float:
            path = folder / "ours.f16"
            cache = memory_map(path, (count, dim), np.float16)
            for start in range(0, count, 24):
                cache[start : start + 24] = rows[start : start + 24]
            cache.flush()
            total = sum(float(cache[row].sum(dtype=np.float32)) for row in wanted)
            del cache
            path.unlink()
            return total

        def hdf5() -> float:
            path = folder / "cache.h5"
            total = yardsticks.hdf5_round_trip(rows, path, wanted)
            path.unlink()
            return total

        if abs(ours() - hdf5()) > 1e-2 * pool * reads:
            raise AssertionError("the two caches do not give the same rows back")
        comparison = compare({"ours": ours, "HDF5, float32": hdf5}, repeats=effort.rounds(0.6))
    note = f"{2 * count * dim / 2**20:.0f} MiB on the disk instead of {4 * count * dim / 2**20:.0f}"
    return [Row.from_comparison(what, comparison, reference="HDF5, float32", note=note)]
