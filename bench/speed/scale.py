"""``python -m bench.speed.scale``: what an index of many images costs and finds, ours beside hnswlib and usearch.

Synthetic descriptors with a measured spectrum: a place is a draw from the spectrum between places, each of its views
adds a draw from the spectrum within places (``spectrum.json``: NetVLAD of photographs from walks, reduced to 1,024),
all of it about the measured mean, turned at random and normalised. recall@1 is that of *places*: the nearest image is
one of the query's place. Bytes are those of the index file, the original rows apart, which lie on disk.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.speed.measure import own_memory
from vpr_runner.bench.figure import COLOURS, MARKERS
from vpr_runner.files.atomic import write_bytes, write_json, write_text
from vpr_runner.files.provenance import measured, provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SPECTRUM = Path(__file__).with_name("spectrum.json")
VIEWS, TIMED, LISTS, THREADS = 4, 200, 512, 1
Variant = dict[str, Any]


def write_places(path: Path, *, count: int, dim: int, queries: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Write ``count`` descriptors to ``path``; return them as a memory map, and ``queries`` more, of known places.

    Row ``i`` shows place ``i // 4``, query ``j`` the place of row ``j * (count // queries)``.
    """
    from vpr_eval.index.rotation import Rotation

    known = json.loads(SPECTRUM.read_text(encoding="utf-8"))
    within = np.sqrt(np.array(known["within"][:dim]))
    between = np.sqrt(np.maximum(np.array(known["total"][:dim]) - np.array(known["within"][:dim]), 0))
    turn = Rotation(dim=dim, seed=seed)
    generator = np.random.default_rng(seed)
    mean = generator.standard_normal(dim)
    mean *= known["mean"] ** 0.5 / np.linalg.norm(mean)
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, dim))
    asked = np.empty((queries, dim), dtype=np.float32)
    step = 4096
    for start in range(0, count, step):
        size = min(step, count - start)
        places = between * np.random.default_rng((seed, 1, start)).standard_normal((-(-size // VIEWS), dim))
        shown = np.repeat(places, VIEWS, axis=0)[:size] + within * generator.standard_normal((size, dim))
        rows[start : start + size] = _unit(turn((shown + mean).astype(np.float32)))
        mine = np.arange(queries)[np.arange(queries) * (count // queries) // step == start // step]
        again = places[(mine * (count // queries) - start) // VIEWS] + within * generator.standard_normal(
            (len(mine), dim)
        )
        asked[mine] = _unit(turn((again + mean).astype(np.float32)))
    rows.flush()
    del rows
    return np.load(path, mmap_mode="r"), asked


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def contestants(dim: int) -> Iterator[tuple[Callable[[np.ndarray], Any], dict[str, Variant]]]:
    """Yield what builds an index of rows, and by name the ways in which that index is then asked."""
    from vpr_eval import BinaryIndex, FlatIndex, HNSWIndex, IVFPQIndex, IVFRaBitQIndex, IVFSQIndex

    def ours(kind: Any, **parameters: Any) -> Callable[[np.ndarray], Any]:
        def build(rows: np.ndarray) -> Any:
            index = kind(dim=dim, **parameters)
            index.build(rows)
            return index

        return build

    yield ours(FlatIndex), {"flat": {}}
    yield ours(BinaryIndex), {"binary": {}, "binary, codes alone": {"rescore": 0}}
    yield (
        ours(IVFRaBitQIndex, lists=LISTS),
        {
            "ivf_rabitq": {},
            "ivf_rabitq, 64 lists visited": {"probes": 64},
            "ivf_rabitq, 64 lists, codes alone": {"probes": 64, "rescore": 0},
        },
    )
    yield ours(IVFPQIndex, lists=LISTS, parts=64), {"ivf_pq": {}, "ivf_pq, 64 lists visited": {"probes": 64}}
    yield ours(IVFSQIndex, lists=LISTS), {"ivf_sq, 64 lists visited": {"probes": 64}}
    yield ours(HNSWIndex), {"hnsw": {}}
    if find_spec("hnswlib") is not None:
        yield _hnswlib(dim), {"hnswlib, M 32, ef 128": {}}
    if find_spec("usearch") is not None:
        yield _usearch(dim), {"usearch, float16": {}}


class Peer:
    """An index of another library, asked and saved as ours are."""

    def __init__(self, ask: Callable[[np.ndarray], np.ndarray], save: Callable[[str], None]) -> None:
        self.ask, self._save = ask, save

    def save(self, path: Path) -> None:
        """Write the index."""
        self._save(str(path))


def asking(index: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return ``queries -> (Q, 10)`` rows."""
    return index.ask if isinstance(index, Peer) else lambda queries: index.search(queries, 10).index


def _hnswlib(dim: int) -> Callable[[np.ndarray], Peer]:
    def build(rows: np.ndarray) -> Peer:
        import hnswlib

        index = hnswlib.Index(space="l2", dim=dim)
        index.init_index(max_elements=len(rows), ef_construction=128, M=32)
        index.set_num_threads(THREADS)
        index.add_items(np.asarray(rows))
        index.set_ef(128)
        return Peer(lambda queries: index.knn_query(queries, k=10)[0].astype(np.int64), index.save_index)

    return build


def _usearch(dim: int) -> Callable[[np.ndarray], Peer]:
    def build(rows: np.ndarray) -> Peer:
        from usearch.index import Index

        index = Index(ndim=dim, metric="l2sq", dtype="f16", connectivity=32, expansion_add=128, expansion_search=128)
        index.add(np.arange(len(rows)), np.asarray(rows), threads=THREADS)
        return Peer(
            lambda queries: np.atleast_2d(index.search(queries, 10, threads=THREADS).keys).astype(np.int64), index.save
        )

    return build


def measure(count: int, dim: int, queries: int) -> Iterator[dict[str, Any]]:
    """Yield one result for each index and way of asking."""
    with tempfile.TemporaryDirectory() as folder:
        rows, asked = write_places(Path(folder) / "rows.npy", count=count, dim=dim, queries=queries)
        place = np.arange(queries) * (count // queries) // VIEWS
        truth: np.ndarray | None = None
        for build, variants in contestants(dim):
            made: list[Any] = []
            start = time.perf_counter()
            memory = own_memory(lambda build=build, made=made: made.append(build(rows)))
            seconds = time.perf_counter() - start
            made[0].save(Path(folder) / "index")
            size = (Path(folder) / "index").stat().st_size
            for name, settings in variants.items():
                for field, value in settings.items():
                    setattr(made[0], field, value)
                search = asking(made[0])
                answers = np.concatenate([search(asked[first : first + 256]) for first in range(0, queries, 256)])
                each = []
                for number in range(min(TIMED, queries)):
                    query = asked[number : number + 1]
                    begin = time.perf_counter()
                    search(query)
                    each.append(time.perf_counter() - begin)
                truth = answers if truth is None else truth
                yield {
                    "name": name,
                    "recall_at_1_of_places": float((answers[:, 0] // VIEWS == place).mean()),
                    "of_ten_nearest": _shared(answers, truth),
                    "bytes_an_image": size / count,
                    "ms_a_query": 1e3 * float(np.median(each)),
                    "ms_a_query_range": [1e3 * float(np.quantile(each, share)) for share in (0.1, 0.9)],
                    "build_seconds": seconds,
                    "build_bytes": memory,
                }


def _shared(found: np.ndarray, truth: np.ndarray) -> float:
    return float((found[:, :, None] == truth[:, None, :]).any(axis=2).mean())


def table(result: dict[str, Any]) -> str:
    """Return a result as Markdown."""
    lines = [
        f"*{result['count']:,} descriptors of {result['dim']:,} numbers, {result['queries']:,} queries*",
        "",
        "| index | recall@1 of places | of the 10 nearest | bytes an image | ms a query (10 % .. 90 %) | build |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        low, high = row["ms_a_query_range"]
        shared = f"{100 * row['of_ten_nearest']:.1f}"
        lines.append(
            f"| {row['name']} | {100 * row['recall_at_1_of_places']:.1f} | {shared} | {row['bytes_an_image']:,.0f} | "
            f"{row['ms_a_query']:.2f} ({low:.2f} .. {high:.2f}) | {row['build_seconds']:,.0f} s |"
        )
    return "\n".join([*lines, "", *(f"- {note}" for note in result["notes"]), f"- {measured(result['provenance'])}"])


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw recall@1 against bytes an image and against the time of a query."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    figure = Figure(figsize=(12, 4.8), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    for axis, key, label in zip(
        figure.subplots(1, 2), ("bytes_an_image", "ms_a_query"), ("bytes an image", "ms a query"), strict=True
    ):
        for number, row in enumerate(result["rows"]):
            style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number // 2 % len(MARKERS)]}
            axis.plot(row[key], 100 * row["recall_at_1_of_places"], linestyle="", label=row["name"], **style)
        axis.set_xscale("log")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(label)
        axis.set_ylabel("recall@1 of places, %")
        axis.grid(visible=True, color="#dddddd", linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(fontsize=7, frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    write_bytes(path, content.getvalue())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write JSON, Markdown and a figure."""
    import faiss
    import torch

    torch.set_num_threads(THREADS)
    faiss.omp_set_num_threads(THREADS)
    parser = argparse.ArgumentParser(prog="nox -s speed -- scale", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="descriptors")
    parser.add_argument("--dim", type=int, default=1024, help="numbers each, at most 1,024")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--note", action="append", default=[], help="what a reader of the table should know")
    parser.add_argument(
        "--output", type=Path, default=Path("bench/results"), help="folder for JSON, Markdown and figure"
    )
    options = parser.parse_args(arguments)
    result: dict[str, Any] = {
        "provenance": provenance(),
        "count": options.count,
        "dim": options.dim,
        "queries": options.queries,
        "notes": [
            f"of {LISTS} lists 16 are visited where nothing else is said; a query comes alone; {THREADS} thread",
            "compressed kinds compare their first 100 candidates with the original rows on disk, but for codes alone",
            *options.note,
        ],
        "rows": [],
    }
    path = options.output / f"scale-{options.count}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    for row in measure(options.count, options.dim, options.queries):
        print(f"{row['name']}: {row['build_seconds']:.0f} s", file=sys.stderr, flush=True)
        result["rows"].append(row)
        write_json(path, result)
    write_text(path.with_suffix(".md"), table(result) + "\n")
    draw(result, path.with_suffix(".png"))
    print(table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
