"""Approximate indexes and their knobs, against exact search of the same descriptors."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.choices.lab import Lab, Row
from bench.choices.outcome import first_hits
from vpr_eval import BinaryIndex, FlatIndex, HNSWIndex, IVFPQIndex, IVFRaBitQIndex, IVFSQIndex

KINDS: Mapping[str, tuple[Any, dict[str, Any], dict[str, Mapping[str, int]]]] = {
    "hnsw": (HNSWIndex, {}, {"ef 16": {"ef_search": 16}, "ef 64": {"ef_search": 64}, "ef 128": {"ef_search": 128}}),
    "ivf_sq": (
        IVFSQIndex,
        {},
        {f"{n} list{'s' * (n > 1)} visited": {"probes": n} for n in (1, 2, 4, 16)},
    ),
    "ivf_sq of 8 bits": (IVFSQIndex, {"code": "int8"}, {"codes alone": {"probes": 16, "rescore": 0}}),
    "ivf_pq, 64 bytes": (
        IVFPQIndex,
        {"parts": 64},
        {"re-scored": {"probes": 16}, "codes alone": {"probes": 16, "rescore": 0}},
    ),
    "ivf_rabitq": (IVFRaBitQIndex, {}, {"re-scored": {"probes": 16}, "codes alone": {"probes": 16, "rescore": 0}}),
    "binary": (BinaryIndex, {}, {"re-scored": {}, "codes alone": {"rescore": 0}}),
    "binary, turned": (BinaryIndex, {"rotate": True}, {"codes alone": {"rescore": 0}}),
}
_TIMED = 50


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows of each kind and way of asking; bytes are those of the index file, milliseconds of one query."""
    logging.getLogger("vpr_eval.index").setLevel(logging.ERROR)  # that a bad knob finds little is what is measured
    for head in lab.fitted.heads:
        database, queries = lab.plain(head)
        flat = FlatIndex(dim=database.shape[1])
        flat.build(database)
        for kind, (make, parameters, asking) in KINDS.items():
            if kind.startswith("ivf_pq") and (len(database) < 256 or database.shape[1] % 64):
                continue
            index = make(dim=database.shape[1], **parameters)
            index.build(database)
            with tempfile.TemporaryDirectory() as folder:
                index.save(Path(folder) / "index")
                size = (Path(folder) / "index").stat().st_size / len(database)
            for name, settings in asking.items():
                for field, value in settings.items():
                    setattr(index, field, value)
                hits = first_hits(
                    database,
                    queries,
                    lab.at.split,
                    search=lambda k, index=index, queries=queries: index.search(queries, k),
                )
                spent = _alternately(flat, index, queries[:_TIMED])
                yield lab.row(f"{kind}, {name}", "both", head, hits=hits, size=round(size, 1), **spent, of="query")


def _alternately(flat: Any, index: Any, queries: np.ndarray) -> dict[str, float]:
    """Milliseconds of a query that comes alone, exact search and the index in turns, medians."""
    spent: dict[str, list[float]] = {"plain_ms": [], "ms": []}
    for number in range(len(queries)):
        for name, asked in (("plain_ms", flat), ("ms", index)):
            start = time.perf_counter()
            asked.search(queries[number : number + 1], 10)
            spent[name].append(1000 * (time.perf_counter() - start))
    return {name: round(float(np.median(values)), 4) for name, values in spent.items()}
