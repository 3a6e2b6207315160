"""Single queries of the embedded Qdrant of vpr-qdrant, beside qdrant-client's local mode, which it replaced."""

from __future__ import annotations

import importlib.util
import tempfile
import warnings
from pathlib import Path

import numpy as np

from bench.speed.measure import Effort, compare
from bench.speed.row import Row

__all__ = ["measure"]

TOP = 10
LOCAL = "qdrant-client, local mode, folder"


def measure(effort: Effort) -> list[Row]:
    """Search places of 512 numbers, exactly, and by a graph over int8 codes."""
    count, dim, asked = effort.size(20_000, 200), effort.size(512, 16), effort.size(20, 4)
    what = f"{asked} single queries x {count:,} x {dim}, top {TOP}, embedded Qdrant"
    if importlib.util.find_spec("vpr_qdrant") is None:
        return [
            Row(what=what, reference=LOCAL, skipped="vpr-qdrant is not installed: pip install ./plugins/vpr-qdrant")
        ]
    from qdrant_client import QdrantClient, models

    from vpr_qdrant import QdrantIndex

    generator = np.random.default_rng(0)
    centers = generator.standard_normal((count // 50, dim))
    place = generator.integers(len(centers), size=count + asked)
    rows = centers[place] + 0.6 * generator.standard_normal((count + asked, dim))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    rows, queries = rows[:count], rows[count:]
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(action="ignore"),  # that local mode is not for so many
        QdrantIndex(dim=dim, metric="ip") as exact,
        QdrantIndex(dim=dim, metric="ip", exact=False, quantization="int8") as codes,
    ):
        client = QdrantClient(path=str(Path(folder) / "local"))
        client.create_collection("rows", models.VectorParams(size=dim, distance=models.Distance.DOT))
        for start in range(0, count, 1000):
            part = rows[start : start + 1000].tolist()
            client.upsert("rows", models.Batch(ids=list(range(start, start + len(part))), vectors=part))
        for index in (exact, codes):
            index.add(rows)

        def local() -> list[list[int]]:
            answers = [client.query_points("rows", query.tolist(), limit=TOP) for query in queries]
            return [[int(point.id) for point in answer.points] for answer in answers]

        def found(index: QdrantIndex) -> list[list[int]]:
            return [index.search(query[None], TOP).index[0].tolist() for query in queries]

        theirs = local()
        if found(exact) != theirs:
            raise AssertionError("the two find different neighbours")
        recall = np.mean([len({*a} & {*b}) / TOP for a, b in zip(found(codes), theirs, strict=True)])
        comparison = compare(
            {"ours": lambda: found(exact), "codes": lambda: found(codes), LOCAL: local}, repeats=effort.rounds()
        )
        client.close()
    note = "ties by position and distances in float64 included; opening, filling and optimising are not"
    first = Row.from_comparison(what, comparison, reference=LOCAL, count=asked, unit="queries", note=note)
    renamed = type(comparison)(
        {"ours": comparison.timings["codes"], LOCAL: comparison.timings[LOCAL]}, comparison.warmup
    )
    note = f"recall@{TOP} against exact search {recall:.3f}: what the codes propose is compared again"
    second = Row.from_comparison(
        f"{what}, HNSW graph over int8 codes", renamed, reference=LOCAL, count=asked, unit="queries", note=note
    )
    return [first, second]
