"""What was guessed before anything was measured, beside what was measured: the issue's table, and our own guesses."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.choices.verdict import Summary

__all__ = ["GUESSES", "issue_table", "missed"]

GUESSES = Path(__file__).with_name("guesses.json")
_NETVLAD, _GEM = "NetVLAD", "GeM"
T, C = "tower_walks", "corridor"
_ROUNDED = 0.05
"""The issue gives one decimal."""

Rows = Sequence[dict[str, Any]]


def of(rows: Rows, axis: str, choice: str, side: str, at: str, head: str = _NETVLAD) -> list[dict[str, Any]]:
    """Return the rows of a choice with ResNet-18, the network of the issue's table."""
    wanted = {"axis": axis, "choice": choice, "side": side, "set": at, "head": head, "network": "ResNet-18"}
    return [row for row in rows if all(row[field] == value for field, value in wanted.items())]


def agrees(found: list[dict[str, Any]], once: float) -> bool | None:
    """Whether what was measured once lies within the interval here; None: not measured here."""
    if not found:
        return None
    _, low, high = found[0]["difference@1"]
    return bool(low - _ROUNDED <= once <= high + _ROUNDED)


def judged(verdicts: Sequence[bool | None], names: Sequence[str]) -> str:
    """``confirmed``, ``corrected``, or which of both for what."""
    if all(each is None for each in verdicts):
        return "open"
    words = {True: "confirmed", False: "corrected", None: "open"}
    if len(set(verdicts)) == 1:
        return words[verdicts[0]]
    return ", ".join(f"{name} {words[each]}" for name, each in zip(names, verdicts, strict=True))


def ranges(values: Sequence[float], count: int) -> tuple[float, float]:
    """The smallest and the largest range that any ``count`` of the values have."""
    spans = [max(chosen) - min(chosen) for chosen in itertools.combinations(values, count)]
    return min(spans), max(spans)


def points(found: list[dict[str, Any]]) -> str:
    """A difference with its interval."""
    if not found:
        return "not measured"
    value, low, high = found[0]["difference@1"]
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def issue_table(rows: Rows) -> list[tuple[str, str, str, str, str]]:
    """Return the issue's table row by row: choice, its guess, what its script measured, what is measured here, so what.

    A difference is confirmed where the interval here holds it, a range of five seeds where some five of the seeds here
    have one as large and some as small, a cosine where it agrees in two digits.
    """
    mirrored = [of(rows, "queries", "mirrored", "queries", at) for at in (T, C)]
    jpeg = [of(rows, "queries", "JPEG quality 10", "queries", at) for at in (T, C)]
    half = of(rows, "queries", "half resolution", "queries", T)
    whitened = [of(rows, "whitening", "own database, to 128", "both", T, head) for head in (_NETVLAD, _GEM)]
    seeds = [row["recall@1"] for row in of(rows, "starts", "another seed", "both", T)]
    luck = f"{max(seeds) - min(seeds):.1f} over {len(seeds)} seeds" if seeds else "not measured"
    five = f"{max(seeds[:5]) - min(seeds[:5]):.1f} over the first five, " if seeds else ""
    spans = ranges(seeds, 5) if len(seeds) >= 5 else None
    signs = [of(rows, "storage", name, "both", T) for name in ("signs as they are", "signs about the mean")]
    flat = of(rows, "storage", "signs as they are", "both", T, _GEM)
    right = f"GeM as it is: {flat[0]['recall@1']:.1f} right" if flat else "GeM not measured"
    rough = [of(rows, "decoding", "torchvision, no antialias", "both", T, head) for head in (_NETVLAD, _GEM)]
    cosine = ", ".join(
        f"{head} {each[0]['cosine'][0]:.3f}" for head, each in zip((_NETVLAD, _GEM), rough, strict=True) if each
    )
    by_sign = [agrees(signs[0], 0.9), agrees(signs[1], 3.6), flat[0]["recall@1"] < 1 if flat else None]
    return [
        (
            "queries mirrored",
            "T -20",
            "T +3.6, C -38",
            f"T {points(mirrored[0])}, C {points(mirrored[1])}",
            judged([agrees(mirrored[0], 3.6), agrees(mirrored[1], -38)], "TC"),
        ),
        (
            "queries at JPEG quality 10",
            "T and C -9",
            "T -0.9, C -20.7",
            f"T {points(jpeg[0])}, C {points(jpeg[1])}",
            judged([agrees(jpeg[0], -0.9), agrees(jpeg[1], -20.7)], "TC"),
        ),
        ("queries at half resolution", "T -12", "T 0.0", f"T {points(half)}", judged([agrees(half, 0.0)], "T")),
        (
            "PCA whitening to 128 learnt on the database",
            "T: NetVLAD +2, GeM +4",
            "-5.5, 0.0",
            f"NetVLAD {points(whitened[0])}, GeM {points(whitened[1])}",
            judged([agrees(whitened[0], -5.5), agrees(whitened[1], 0.0)], (_NETVLAD, _GEM)),
        ),
        (
            "five k-means seeds: range of recall@1",
            "T 4.5",
            "6.4",
            f"{five}{luck}",
            judged([None if spans is None else spans[0] - _ROUNDED <= 6.4 <= spans[1] + _ROUNDED], "T"),
        ),
        (
            "one bit a dimension (sign)",
            "T: NetVLAD about the same",
            "+0.9; less the mean +3.6; GeM as it is 0.0 right",
            f"NetVLAD {points(signs[0])}; less the mean {points(signs[1])}; {right}",
            judged(by_sign, ("NetVLAD", "less the mean", "GeM")),
        ),
        (
            "resizing without antialiasing: cosine",
            "0.88",
            "0.94",
            f"T: {cosine or 'not measured'}",
            judged([abs(rough[0][0]["cosine"][0] - 0.94) < 0.005 if rough[0] else None], "T"),
        ),
    ]


def missed(found: Sequence[Summary]) -> list[tuple[Summary, float]]:
    """Return every guess that has a measurement, with the guess, the largest miss first."""
    guesses = json.loads(GUESSES.read_text(encoding="utf-8"))["guesses"]
    by_name = {(each.axis, each.choice, each.side): each for each in found}
    pairs = [
        (by_name[axis, choice, side], value) for axis, choice, side, value in guesses if (axis, choice, side) in by_name
    ]
    return sorted(pairs, key=lambda pair: -abs(pair[0].mean - pair[1]))
