"""Counting recall, searching exactly, and starting NetVLAD by k-means."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from bench.speed import yardsticks
from bench.speed.measure import Effort, compare, own_memory
from bench.speed.row import Row

__all__ = ["initialization", "recall", "search", "write_database"]

QUERIES, DATABASE, DIM = 8280, 83_952, 4096  # Pitts250k-test at the paper's whitened dimension
AT = (1, 5, 10, 20)


def recall(effort: Effort) -> list[Row]:
    """Count recall@1/5/10/20 of 8,280 queries from a ranking of depth 20."""
    from vpr_eval import recall_at

    queries, database = effort.size(QUERIES, 50), effort.size(DATABASE, 500)
    generator = np.random.default_rng(0)
    positives = [np.sort(generator.choice(database, size=130, replace=False)) for _ in range(queries)]
    ranked = generator.integers(0, database, size=(queries, 20))
    ours = list(recall_at(ranked, positives, at=AT).recall.values())
    theirs = yardsticks.recall_python_loop(ranked, positives, AT)
    if not np.allclose(ours, theirs):
        raise AssertionError(f"recall differs: {ours} and {theirs}")
    comparison = compare(
        {
            "ours": lambda: recall_at(ranked, positives, at=AT),
            "Python loop": lambda: yardsticks.recall_python_loop(ranked, positives, AT),
        },
        repeats=effort.rounds(),
    )
    what = f"counting recall@1/5/10/20, {queries:,} queries"
    return [Row.from_comparison(what, comparison, reference="Python loop", target="at least 50x")]


def write_database(path: Path, *, rows: int, dim: int) -> np.ndarray:
    """Write random unit rows to ``path`` block by block and return them as a read-only memory map."""
    generator = np.random.default_rng(0)
    written = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, dim))
    for start in range(0, rows, 4096):
        block = generator.standard_normal((min(4096, rows - start), dim), dtype=np.float32)
        written[start : start + len(block)] = block / np.linalg.norm(block, axis=1, keepdims=True)
    written.flush()
    del written
    return np.load(path, mmap_mode="r")


def search(effort: Effort) -> list[Row]:
    """Exact search of a database on disk and recall, in bounded memory; the limit is the bare matrix product."""
    from vpr_eval import recall_at, search_exact

    rows, dim = effort.size(DATABASE, 300), effort.size(DIM, 32)
    queries, few, some = effort.size(QUERIES, 40), effort.size(100, 5), effort.size(1000, 20)
    generator = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        database = write_database(Path(folder) / "database.npy", rows=rows, dim=dim)
        asked = np.asarray(database[:queries]) + 0.02 * generator.standard_normal((queries, dim), dtype=np.float32)
        asked /= np.linalg.norm(asked, axis=1, keepdims=True)
        positives = [np.array([number]) for number in range(queries)]
        top = min(20, rows)

        def evaluate() -> None:
            found = search_exact(asked, database, top)
            if recall_at(found.index, positives, at=AT).recall[1] < 0.99:
                raise AssertionError("the search does not find the images that the queries were made from")

        def product() -> None:
            for start in range(0, rows, 8192):
                asked[:some] @ database[start : start + 8192].T

        contestants = {
            "ours": lambda: search_exact(asked[:few], database, top),
            "whole matrix, argsort": lambda: np.argsort(-(asked[:few] @ np.asarray(database).T), axis=1),
        }
        part = compare(contestants, repeats=effort.rounds(0.6), warmup=0)
        memory = {name: own_memory(call) for name, call in contestants.items()}
        bare = compare({"product": product}, repeats=effort.rounds(0.4), warmup=0).timings["product"].median
        held: list[int] = []
        whole = compare({"ours": lambda: held.append(own_memory(evaluate))}, repeats=1, warmup=0).timings["ours"]
    what = f"x {rows:,} x {dim:,} from disk, top {top}"
    seconds, limit = whole.median, bare * queries / some
    return [
        Row.from_comparison(
            f"exact search, {few} queries {what}",
            part,
            reference="whole matrix, argsort",
            memory=memory,
            target="bounded memory",
        ),
        Row(
            what=f"evaluation, {queries:,} queries {what}, recall",
            reference="the bare matrix product",
            ours_seconds=seconds,
            reference_seconds=limit,
            ratio=limit / seconds,
            ratio_low=limit / seconds,
            ratio_high=limit / seconds,
            limit="the bare matrix product",
            limit_seconds=limit,
            ours_bytes=held[0],
            count=queries,
            unit="queries",
            target="exact, bounded memory",
            note=(
                f"run once at this size; the product was timed with {some:,} queries and scaled. Memory is beside "
                f"{asked.nbytes / 2**20:,.0f} MiB of queries and mapped pages of the database's "
                f"{database.nbytes / 2**20:,.0f} MiB, which the kernel may take back"
            ),
            repeats=1,
            seconds={"ours": whole.seconds},
        ),
    ]


def initialization(effort: Effort) -> list[Row]:
    """K-means on all 50,000 descriptors of 512-D, 64 clusters, beside faiss on the same."""
    import faiss

    from vpr_pooling import NetVLAD

    count, dim, clusters = effort.size(50_000, 600), effort.size(512, 16), effort.size(64, 8)
    drawn = torch.randn(count, dim, generator=torch.Generator().manual_seed(0))
    features = torch.nn.functional.normalize(drawn, dim=1)
    array = features.numpy()
    layer = NetVLAD(in_channels=dim, num_clusters=clusters)

    def faiss_all() -> None:
        faiss.Kmeans(dim, clusters, niter=100, seed=1, max_points_per_centroid=count).train(array)

    comparison = compare(
        {
            "ours": lambda: layer.init_from_features(features, generator=torch.Generator().manual_seed(0)),
            "faiss on all": faiss_all,
        },
        repeats=effort.rounds(0.4),
    )
    what = f"NetVLAD start: k-means on {count:,} x {dim}, K={clusters}, 100 iterations, and alpha"
    return [Row.from_comparison(what, comparison, reference="faiss on all", target="seconds")]
