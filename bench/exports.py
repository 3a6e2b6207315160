"""``python -m bench.exports RUN``: a trained run as ONNX in float32, float16 and int8, and the recall of each file.

Written by ``vpr export`` itself, with the run's own images to compare and to calibrate on, and evaluated on the run's
own split; ``--into docs/how-to/deployment.md`` writes the table from the result file.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vpr_eval import paired_test
from vpr_runner.bench.readme import between_markers, rewrite
from vpr_runner.cli import main as vpr
from vpr_runner.cli.model import open_model
from vpr_runner.data import split_of
from vpr_runner.evaluation.evaluate import evaluate
from vpr_runner.exporting.onnx_file import described
from vpr_runner.exporting.stored import exported_network
from vpr_runner.files.atomic import write_json
from vpr_runner.files.provenance import measured, provenance

__all__ = ["main"]

TAG = "exports"
NETWORK, PRECISIONS = "the network in torch", ("float32", "float16", "int8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Export, evaluate, write."""
    parser = argparse.ArgumentParser(prog="nox -s speed -- exports", description=__doc__)
    parser.add_argument("run", type=Path, nargs="?", help="folder of `vpr train`")
    parser.add_argument("--output", type=Path, default=Path("bench/results/exports.json"), help="result file")
    parser.add_argument("--into", type=Path, help="rewrite the table of this document from --output; measure nothing")
    options = parser.parse_args(arguments)
    if options.into is not None:
        committed = json.loads(options.output.read_text(encoding="utf-8"))
        rewrite(options.into, lambda text: between_markers(text, tag=TAG, table=lambda _: table(committed)))
        return 0
    if options.run is None:
        parser.error("RUN: name the folder of a trained run")
    retriever, config, registry = open_model(
        options.run,
        plugins=None,
        settings=["compute.compile=false", "compute.device=cpu"],
        quiet=True,
        builds={"dataset"},
    )
    config = config.model_copy(update={"eval": config.eval.model_copy(update={"recall_at": (1, 5, 10)})})
    split = split_of(config.dataset, registry, name=config.eval.split)
    report = evaluate(retriever, split, config, registry=registry, progress=False)
    files = {NETWORK: {**_recall(report), "bytes": None, "parity": None}}
    with tempfile.TemporaryDirectory(prefix="vpr-exports-") as folder:
        for precision in PRECISIONS:
            file = Path(folder) / f"{precision}.onnx"
            code = vpr(["export", str(options.run), "--onnx", str(file), "--precision", precision, "--quiet"])
            if code:
                return code
            network, own = exported_network(file, registry)
            parts = {name: getattr(config, name) for name in ("eval", "index", "image", "compute", "seed")}
            found = evaluate(network, split, own.model_copy(update=parts), registry=registry, progress=False)
            files[precision] = {**_recall(found), "bytes": file.stat().st_size, "parity": dict(described(file).parity)}
            print(precision, files[precision]["recall"], flush=True)
    sections = {
        name: getattr(config, name).model_dump(mode="json") for name in ("dataset", "backbone", "pooling", "train")
    }
    sections["backbone"].pop("weights", None)  # a path
    result = {**provenance(), "protocol": report.protocol, "run": sections, "files": files}
    write_json(options.output, result)
    print(table(result))
    return 0


def _recall(report: Any) -> dict[str, Any]:
    return {
        "recall": {str(at): value for at, value in report.recall.items()},
        "database": report.database,
        "first_hits": np.asarray(report.first_hits[report.evaluated]).tolist(),
    }


def table(result: dict[str, Any]) -> str:
    """Return size, closeness and recall of each file, with the paired test of recall@1 against the network."""
    files, plain = result["files"], np.array(result["files"][NETWORK]["first_hits"]) == 1
    lines = [
        "| file | MB | smallest cosine | recall@1 | recall@5 | recall@10 | recall@1 against the network |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for name, found in files.items():
        recalls = " | ".join(f"{100 * found['recall'][at]:.1f}" for at in ("1", "5", "10"))
        size, cosine, said = "", "", ""
        if found["bytes"] is not None:
            size, cosine = f"{found['bytes'] / 1e6:.2f}", f"{found['parity']['smallest_cosine']:.6f}"
            test = paired_test(np.array(found["first_hits"]) == 1, plain)
            said = (
                f"{100 * test.difference:+.1f} [{100 * test.low:+.1f}, {100 * test.high:+.1f}], p = {test.p_value:.3f}"
            )
        lines.append(f"| {name} | {size} | {cosine} | {recalls} | {said} |")
    return "\n".join(
        [
            *lines,
            "",
            f"- {result['protocol']}: {len(plain)} queries, {files[NETWORK]['database']} database images",
            f"- {measured(result)}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
