"""What was guessed before anything was measured, beside what was measured: the issue's table, and our own guesses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.choices.verdict import Summary

__all__ = ["GUESSES", "issue_table", "missed"]

GUESSES = Path(__file__).with_name("guesses.json")
_NETVLAD, _GEM = "NetVLAD", "GeM"
T, C = "tower_walks", "corridor"

Rows = Sequence[dict[str, Any]]


def of(rows: Rows, axis: str, choice: str, side: str, at: str, head: str = _NETVLAD) -> list[dict[str, Any]]:
    """Return the rows of a choice with ResNet-18, the network of the issue's table."""
    wanted = {"axis": axis, "choice": choice, "side": side, "set": at, "head": head, "network": "ResNet-18"}
    return [row for row in rows if all(row[field] == value for field, value in wanted.items())]


def points(found: list[dict[str, Any]]) -> str:
    """A difference with its interval."""
    if not found:
        return "not measured"
    value, low, high = found[0]["difference@1"]
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def issue_table(rows: Rows) -> list[tuple[str, str, str, str]]:
    """Return the issue's table row by row: choice, its guess, what its script measured, and what is measured here."""
    mirrored = [points(of(rows, "queries", "mirrored", "queries", at)) for at in (T, C)]
    jpeg = [points(of(rows, "queries", "JPEG quality 10", "queries", at)) for at in (T, C)]
    half = points(of(rows, "queries", "half resolution", "queries", T))
    whitened = [points(of(rows, "whitening", "own database, to 128", "both", T, head)) for head in (_NETVLAD, _GEM)]
    seeds = [row["recall@1"] for row in of(rows, "starts", "another seed", "both", T)]
    luck = f"{max(seeds) - min(seeds):.1f} over {len(seeds)} seeds" if seeds else "not measured"
    five = f"{max(seeds[:5]) - min(seeds[:5]):.1f} over the first five, " if seeds else ""
    signs = [points(of(rows, "storage", name, "both", T)) for name in ("signs as they are", "signs about the mean")]
    flat = of(rows, "storage", "signs as they are", "both", T, _GEM)
    right = f"GeM as it is: {flat[0]['recall@1']:.1f} right" if flat else "GeM not measured"
    rough = [of(rows, "decoding", "torchvision, no antialias", "both", T, head) for head in (_NETVLAD, _GEM)]
    cosine = ", ".join(
        f"{head} {each[0]['cosine'][0]:.3f}" for head, each in zip((_NETVLAD, _GEM), rough, strict=True) if each
    )
    return [
        ("queries mirrored", "T -20", "T +3.6, C -38", f"T {mirrored[0]}, C {mirrored[1]}"),
        ("queries at JPEG quality 10", "T and C -9", "T -0.9, C -20.7", f"T {jpeg[0]}, C {jpeg[1]}"),
        ("queries at half resolution", "T -12", "T 0.0", f"T {half}"),
        (
            "PCA whitening to 128 learnt on the database",
            "T: NetVLAD +2, GeM +4",
            "-5.5, 0.0",
            f"NetVLAD {whitened[0]}, GeM {whitened[1]}",
        ),
        ("five k-means seeds: range of recall@1", "T 4.5", "6.4", f"{five}{luck}"),
        (
            "one bit a dimension (sign)",
            "T: NetVLAD about the same",
            "+0.9; less the mean +3.6; GeM as it is 0.0 right",
            f"NetVLAD {signs[0]}; less the mean {signs[1]}; {right}",
        ),
        ("resizing without antialiasing: cosine", "0.88", "0.94", f"T: {cosine or 'not measured'}"),
    ]


def missed(found: Sequence[Summary]) -> list[tuple[Summary, float]]:
    """Return every guess that has a measurement, with the guess, the largest miss first."""
    guesses = json.loads(GUESSES.read_text(encoding="utf-8"))["guesses"]
    by_name = {(each.axis, each.choice, each.side): each for each in found}
    pairs = [
        (by_name[axis, choice, side], value) for axis, choice, side, value in guesses if (axis, choice, side) in by_name
    ]
    return sorted(pairs, key=lambda pair: -abs(pair[0].mean - pair[1]))
