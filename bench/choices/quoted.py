"""What messages and pages elsewhere in the repository quote of the results, so that a test can compare them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bench.choices.verdict import Summary, summaries

__all__ = ["quotations"]


def quotations(rows: Iterable[dict[str, Any]]) -> Mapping[str, list[str]]:
    """Return the sentences that each file must hold, made of the rows."""
    every = list(rows)
    by_name = {(each.axis, each.choice, each.side): each for each in summaries(every)}
    half = by_name["precision", "bfloat16", "queries"]
    rough = by_name["decoding", "torchvision, no antialias", "queries"]
    linear = by_name["decoding", "OpenCV, linear", "queries"]
    few = by_name["whitening", "own database, to all n - 1", "both"]
    binary = by_name["index", "binary, re-scored", "both"]
    gem = [row for row in every if row["choice"] == "signs as they are" and row["head"] == "GeM"]
    free = f"recall@1 {binary.mean:+.1f} points on average, {binary.worst['difference@1'][0]:+.1f} at worst"
    precision, int8 = (
        f"recall@1 {span(each)} for {name} queries on a float32 map, median cosine from {each.cosine[0]:.4f}"
        for name, each in (("bfloat16", half), ("int8", by_name["precision", "int8 by onnxruntime", "queries"]))
        if each.cosine is not None
    )
    resized = (
        f"recall@1 changed by {rough.worst['difference@1'][0]:+.1f} points at worst without antialiasing, by "
        f"{linear.worst['difference@1'][0]:+.1f} with OpenCV's linear"
    )
    whitened = f"recall@1 {span(few)} against no whitening"
    right, plain = [row["recall@1"] for row in gem], [row["plain@1"] for row in gem]
    signs = f"{min(right):.1f} to {max(right):.1f}, where float32 has {min(plain):.1f} to {max(plain):.1f}"
    return {
        "packages/vpr-runner/src/vpr_runner/maps/mixing.py": [precision, int8, resized, free],
        "packages/vpr-eval/src/vpr_eval/whitening.py": [whitened],
        "plugins/vpr-qdrant/src/vpr_qdrant/sample.py": [signs],
        "docs/where.md": [free],
    }


def span(each: Summary) -> str:
    """Lowest and highest change of recall@1."""
    return f"{each.worst['difference@1'][0]:+.1f} to {each.best['difference@1'][0]:+.1f} points"
