"""``python -m bench.runtimes --data DIR``: recall of each runtime and precision beside torch in float32.

One network (ResNet-18 to layer3 with ImageNet's weights, NetVLAD started from k-means on the tower's training
gallery), evaluated on photographs and on the rendered city. DIR holds tower_walks, corridor, gardens_point and weights.
What is done is kept in the result file and not measured again; ``--into docs/speed.md`` writes its table.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.speed.runtimes import CONTESTANTS, contestants
from vpr_core import build_registry
from vpr_core.config import parse_run
from vpr_core.cpu import cpu_features
from vpr_runner import evaluate
from vpr_runner.bench.readme import between_markers, rewrite
from vpr_runner.data import split_of
from vpr_runner.files.atomic import write_json
from vpr_runner.files.provenance import measured, provenance
from vpr_runner.training.start import initialised

__all__ = ["main"]

TAG = "runtimes"
FLOAT32 = "torch float32"


def sets(data: Path) -> dict[str, dict[str, Any]]:
    """Return the blocks of each set: `bench/suites/real.yaml`'s, and the city."""
    return {
        "gardens_point": {
            "dataset": _frames(data / "gardens_point"),
            "image": {"size": [128, 224]},
            "eval": {"split": "test"},
        },
        "corridor": {
            "dataset": _frames(data / "corridor"),
            "image": {"size": [120, 160]},
            "eval": {"split": "test"},
        },
        "tower_walks": {"dataset": _tower(data), "image": {"size": [120, 208]}, "eval": {"split": "val"}},
        "city": {"dataset": {"type": "city", "size": "bench"}, "eval": {"split": "test"}},
    }


def _frames(root: Path) -> dict[str, Any]:
    return {
        "type": "folder",
        "root": str(root),
        "database": "ref",
        "queries": "query",
        "unit": "frame",
        "radius": 2,
    }


def _tower(data: Path) -> dict[str, Any]:
    columns = {"x": "pseudo_east_m", "y": "pseudo_north_m", "role": "upstream_split"}
    return {
        "type": "folder",
        "root": str(data / "tower_walks"),
        "table": "positions.csv",
        "columns": {**columns, "split": "partition", "place": "floor"},
        "name": "tower",
        "radius": 10,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is missing, write the file after each contestant."""
    parser = argparse.ArgumentParser(prog="nox -s speed -- recall", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of tower_walks, corridor, gardens_point and weights")
    parser.add_argument("--only", action="append", help="this set; may be given again")
    parser.add_argument("--emulated", action="store_true", help="torch bfloat16 also where the processor emulates it")
    parser.add_argument("--output", type=Path, default=Path("bench/results/runtimes.json"), help="result file")
    parser.add_argument("--into", type=Path, help="rewrite the table of this document from --output; measure nothing")
    options = parser.parse_args(arguments)
    if options.into is not None:
        committed = json.loads(options.output.read_text(encoding="utf-8"))
        rewrite(options.into, lambda text: between_markers(text, tag=TAG, table=lambda _: table(committed)))
        return 0
    if options.data is None:
        parser.error("--data: say where the sets lie")
    registry = build_registry()
    weights = options.data / "weights/resnet18_layer3/resnet18_to_layer3_bnfolded.pth"
    base: dict[str, Any] = {
        "backbone": {"type": "resnet18", "weights": str(weights), "cut": "layer3", "train_from": "layer3"},
        "pooling": {"type": "netvlad", "num_clusters": 64},
        "init": {"images": 500, "locations": 100},
        "compute": {"device": "cpu", "batch": 8},
    }
    result = json.loads(options.output.read_text(encoding="utf-8")) if options.output.is_file() else {"sets": {}}
    start = parse_run(
        json.dumps({**base, "dataset": _tower(options.data), "image": {"size": [120, 208]}}), registry, source="bench"
    )
    retriever = initialised(start, registry, progress=False).eval()
    measured_here = {FLOAT32: {}, **contestants()}
    if options.emulated:
        measured_here["torch bfloat16"] = CONTESTANTS["torch bfloat16"]
    for name, blocks in sets(options.data).items():
        if options.only and name not in options.only:
            continue
        found = result["sets"].setdefault(name, {})
        for label, compute in measured_here.items():
            if label in found:
                continue
            content = {**base, **blocks, "compute": {**base["compute"], **compute}}
            content["eval"] = {**blocks["eval"], "bootstrap": 0, "recall_at": [1, 5, 10]}
            config = parse_run(json.dumps(content), registry, source="bench")
            split = split_of(config.dataset, registry, name=config.eval.split)
            report = evaluate(retriever, split, config, registry=registry, progress=False)
            runtime = report.provenance.get("runtime", {})
            found[label] = {
                "recall": {str(at): value for at, value in report.recall.items()},
                "queries": report.counted,
                "database": report.database,
                "images_per_second": report.images_per_second,
                "first_hits": np.asarray(report.first_hits[report.evaluated]).tolist(),
                "cosine": runtime.get("cosine_to_torch_float32"),
                "runtime": {key: value for key, value in runtime.items() if key != "cpu"},
            }
            result["provenance"] = {**provenance(), "cpu": list(cpu_features()), "torch": torch.__version__}
            write_json(options.output, result)
            print(name, label, found[label]["recall"], found[label]["cosine"], flush=True)
    return 0


def table(result: dict[str, Any]) -> str:
    """Return recall@1 of each contestant on each set, the change beside float32 in queries, and cosines."""
    names = list(result["sets"])
    labels = [label for label in (FLOAT32, *CONTESTANTS) if any(label in result["sets"][name] for name in names)]
    lines = [
        f"| runtime | {' | '.join(names)} | smallest cosine |",
        f"|---|{'---:|' * len(names)}---:|",
    ]
    for label in labels:
        cells, cosines = [], []
        for name in names:
            found = result["sets"][name].get(label)
            if found is None:
                cells.append("")
                continue
            plain = result["sets"][name][FLOAT32]
            hits = [sum(rank == 1 for rank in each["first_hits"]) for each in (found, plain)]
            change = "" if label == FLOAT32 else f" ({hits[0] - hits[1]:+d})"
            cells.append(f"{100 * found['recall']['1']:.1f}{change}")
            if found["cosine"]:
                cosines.append(found["cosine"]["smallest"])
        lines.append(f"| {label} | {' | '.join(cells)} | {f'{min(cosines):.6f}' if cosines else ''} |")
    how = result["provenance"]
    return "\n".join(
        [
            *lines,
            "",
            "- recall@1 in percent, and in brackets by how many queries it differs; "
            + ", ".join(f"{name}: {result['sets'][name][FLOAT32]['queries']} queries" for name in names),
            f"- {measured(how)}; processor with {' '.join(how['cpu'])}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
