"""Arithmetic of the network: half precision and 8 bits, on both sides and on one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bench.choices.lab import Lab, Pair, Row, timed
from vpr_core.config import make_run
from vpr_core.runtimes import RuntimeRequest
from vpr_runner import Retriever
from vpr_runner.exporting.kept import kept_export
from vpr_runner.exporting.parity import BOUNDS
from vpr_runner.network.architecture import Architecture

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vpr_core.runtimes import Runtime

PRECISIONS = ("bfloat16", "float16")
MOST_PIXELS = 10_000_000
"""A CPU without bfloat16 units takes eight times as long: beyond so many, the database is not encoded so."""
RUNTIMES: Mapping[str, str] = {"onnxruntime": "onnxruntime", "openvino": "OpenVINO"}
CALIBRATE, BATCH = 300, 16


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows of autocast to each type (pooling layers work in float32 whatever they are given), and of int8."""
    some = lab.pictures[1][:4]
    contestants = {"plain": lambda: lab.encode(some)}
    contestants |= {name: lambda name=name: lab.encode(some, precision=name) for name in PRECISIONS}
    spent = timed(contestants, each=len(some), repeats=2)
    pixels = len(lab.at.split.database) * lab.at.size[0] * lab.at.size[1]
    for name in PRECISIONS:
        whole = name == "bfloat16" and pixels <= MOST_PIXELS
        database = lab.encode(lab.pictures[0], precision=name) if whole else None
        maps = (database, lab.encode(lab.pictures[1], precision=name))
        sides = ("both", "queries", "database") if whole else ("queries",)
        yield from lab.of_maps(name, maps, sides=sides, ms=spent[name], plain_ms=spent["plain"], of="network")
    for head, layer in lab.fitted.heads.items():
        yield from _runtimes(lab, head, layer)


def _runtimes(lab: Lab, head: str, layer: nn.Module) -> Iterator[Row]:
    """Yield rows of the whole network, executed by each runtime in 8 bits, and by one of them in float32."""
    retriever = Retriever(backbone=lab.fitted.backbone, pooling=layer).eval()
    calls: dict[str, Any] = {"plain": torch.inference_mode()(retriever)}
    found: dict[str, Pair] = {}
    some = lab.pictures[1][:BATCH]
    for runtime, called in RUNTIMES.items():
        for precision in ("float32", "int8"):
            if (runtime, precision) == ("openvino", "float32"):
                continue
            name = f"{precision} by {called}"
            made = _runtime(lab, head, retriever, {"type": runtime, "precision": precision})
            calls[name] = lambda images, made=made: made.run(images.numpy())
            found[name] = lab.plain(head)[0], _run(made, lab.pictures[1])
            if precision == "int8":
                found[name] = _run(made, lab.pictures[0]), found[name][1]
    spent = timed({name: lambda call=call: call(some) for name, call in calls.items()}, each=len(some))
    database, queries = lab.plain(head)
    for name, pair in found.items():
        clock = {"ms": spent[name], "plain_ms": spent["plain"], "of": "network"}
        if not name.startswith("int8"):
            yield lab.row(name, "queries", head, pair, **clock)
            continue
        sides = {"both": pair, "queries": (database, pair[1]), "database": (pair[0], queries)}
        for side, mixed in sides.items():
            row = lab.row(name, side, head, mixed, **clock)
            # What the toolkit itself would refuse to use, compared with torch on the user's images.
            smallest = float(np.einsum("nd,nd->n", queries, pair[1]).min())
            yield {**row, "smallest_cosine": round(smallest, 6), "refused": smallest < BOUNDS["int8"][1]}


def _runtime(lab: Lab, head: str, retriever: Retriever, block: dict[str, str]) -> Runtime:
    """Return the runtime of a network, calibrated on training images."""
    fitted = lab.fitted
    pooling = {
        "NetVLAD": {"type": "netvlad", "num_clusters": fitted.clusters},
        "GeM": {"type": "gem"},
        "ConvAP": fitted.group.modern["pooling"],
    }[head]
    size = list(fitted.group.training_size)
    run = {**fitted.group.runs[fitted.name], "pooling": pooling, "image": {"size": size}}
    config = make_run(run, fitted.registry, source="bench.choices")
    cache = fitted.folder / "exports"
    cache.mkdir(parents=True, exist_ok=True)
    file, digest, inputs = kept_export(retriever, Architecture.of(config), fitted.registry, cache=cache)
    images = fitted.training_pictures()
    chosen = images[np.unique(np.linspace(0, len(images) - 1, min(CALIBRATE, len(images))).astype(int))]
    request = RuntimeRequest(
        model=file,
        digest=digest,
        inputs=inputs,
        cache=cache,
        threads=torch.get_num_threads(),
        samples=lambda: (part.numpy() for part in chosen.split(8)),
        samples_digest=f"{len(chosen)} training images at {size}",
    )
    kind = fitted.registry.get("runtime", block["type"])
    built: Runtime = fitted.registry.build("runtime", kind.config.model_validate(block), request)
    return built


def _run(runtime: Runtime, images: Tensor) -> np.ndarray:
    return np.concatenate([runtime.run(part.numpy()) for part in images.split(BATCH)])
