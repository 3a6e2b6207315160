"""Counting recall, searching exactly, and starting NetVLAD by k-means."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from bench.speed import yardsticks
from bench.speed.measure import compare, peak_memory
from bench.speed.row import Row

QUERIES, DATABASE, DIM = 8280, 83_952, 4096  # Pitts250k-test at the paper's whitened dimension


def _ground_truth(generator: np.random.Generator, queries: int, database: int) -> list[np.ndarray]:
    return [np.sort(generator.choice(database, size=130, replace=False)) for _ in range(queries)]


def recall(*, repeats: int) -> list[Row]:
    """Count recall@1/5/10/20 of 8,280 queries from a ranking of depth 20."""
    from vpr_eval import recall_at

    generator = np.random.default_rng(0)
    positives = _ground_truth(generator, QUERIES, DATABASE)
    ranked = generator.integers(0, DATABASE, size=(QUERIES, 20))
    at = (1, 5, 10, 20)
    ours = list(recall_at(ranked, positives, at=at).recall.values())
    theirs = yardsticks.recall_python_loop(ranked, positives, at)
    if not np.allclose(ours, theirs):
        raise AssertionError(f"recall differs: {ours} and {theirs}")
    comparison = compare(
        {
            "ours": lambda: recall_at(ranked, positives, at=at),
            "Python loop": lambda: yardsticks.recall_python_loop(ranked, positives, at),
        },
        repeats=repeats,
    )
    what = f"counting recall@1/5/10/20, {QUERIES:,} queries"
    return [Row.from_comparison(what, comparison, reference="Python loop", target="at least 50x")]


def search(*, repeats: int, queries: int = 1000) -> list[Row]:
    """Exact search of a database on disk, in bounded memory; the limit is the bare matrix product."""
    from vpr_eval import search_exact

    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "database.npy"
        rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(DATABASE, DIM))
        for start in range(0, DATABASE, 4096):
            block = generator.standard_normal((min(4096, DATABASE - start), DIM), dtype=np.float32)
            rows[start : start + len(block)] = block / np.linalg.norm(block, axis=1, keepdims=True)
        rows.flush()
        del rows
        database = np.load(path, mmap_mode="r")
        asked = np.asarray(database[:queries]) + 0.02 * generator.standard_normal((queries, DIM), dtype=np.float32)
        asked /= np.linalg.norm(asked, axis=1, keepdims=True)

        few = asked[:100]

        def product() -> None:
            tensor = torch.from_numpy(asked)
            for start in range(0, DATABASE, 8192):
                tensor @ torch.from_numpy(np.array(database[start : start + 8192])).T

        contestants = {
            "ours": lambda: search_exact(few, database, 20),
            "whole matrix, argsort": lambda: np.argsort(-(few @ np.asarray(database).T), axis=1),
        }
        whole = compare(
            {"ours": lambda: search_exact(asked, database, 20), "limit": product}, repeats=repeats, warmup=0
        )
        part = compare(contestants, repeats=repeats, warmup=0)
        memory = {name: peak_memory(call) for name, call in contestants.items()}
    what = f"x {DATABASE:,} x {DIM:,} from disk, top 20"
    return [
        Row.from_comparison(f"exact search, {queries:,} queries {what}", whole, reference="limit"),
        Row.from_comparison(
            f"exact search, {len(few)} queries {what}",
            part,
            reference="whole matrix, argsort",
            memory=memory,
            target="bounded memory",
        ),
    ]


def initialization(*, repeats: int) -> list[Row]:
    """K-means on all 50,000 descriptors of 512-D, 64 clusters, beside faiss on the same and faiss's default sample."""
    import faiss

    from vpr_pooling import NetVLAD

    drawn = torch.randn(50_000, 512, generator=torch.Generator().manual_seed(0))
    features = torch.nn.functional.normalize(drawn, dim=1)
    array = features.numpy()
    layer = NetVLAD(in_channels=512, num_clusters=64)

    def faiss_all() -> None:
        faiss.Kmeans(512, 64, niter=100, seed=1, max_points_per_centroid=50_000).train(array)

    comparison = compare(
        {
            "ours": lambda: layer.init_from_features(features, generator=torch.Generator().manual_seed(0)),
            "faiss on all": faiss_all,
        },
        repeats=repeats,
    )
    what = "NetVLAD start: k-means on 50,000 x 512, K=64, 100 iterations, and alpha"
    return [Row.from_comparison(what, comparison, reference="faiss on all", target="seconds")]
