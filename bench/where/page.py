"""The table of docs/where.md, and what is said of it: both from the result files, so that they cannot drift apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vpr_runner.bench.readme import between_markers, rewrite
from vpr_runner.files.provenance import measured

__all__ = ["block", "read_results", "write_block"]

TAG = "where"
FILES = ("where-city.json", "where-campus_gps.json")
HEADS = (
    "photos",
    "network",
    "learnt on",
    "estimate: median, within 5, 25, 100 m",
    "first answer: the same",
    "difference of medians (95 %)",
    "of shares within 25 m (95 %)",
    "refused",
    "believed, right",
)
Found = Sequence[dict[str, Any]]


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Return the results that are there."""
    files = [folder / name for name in FILES]
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.is_file()]
    if not found:
        raise SystemExit(f"{folder}: no where-*.json there; run nox -s bench -- --where first")
    return found


def write_block(page: Path, results: Path) -> bool:
    """Write what stands between the page's markers anew, and return whether that changed it."""
    text = block(read_results(results))
    return rewrite(page, lambda document: between_markers(document, tag=TAG, table=lambda _: text))


def block(results: Found) -> str:
    """Return the table and its sentences as Markdown."""
    rows = [row for result in results for row in result["rows"]]
    lines = [
        f"| {' | '.join(HEADS)} |",
        f"| {' | '.join(['---'] * 3 + ['---:'] * (len(HEADS) - 3))} |",
        *(_line(row) for row in rows),
        "",
        _verdict(rows),
        "",
        *(f"- {measured(result['provenance'])}" for result in results),
    ]
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    found = row["evaluation"]
    medians, shares = found["median_error"], found["share_within"]
    cells = [row["photos"], row["network"], row["learnt_on"]]
    for who in ("estimate", "first_answer"):
        within = ", ".join(f"{100 * shares[cut][who]:.1f} %" for cut in ("5", "25", "100"))
        cells.append(f"{medians[who]:.1f} m, {within}")
    cells.append(_difference(found["difference_of_medians"], unit="m"))
    cells.append(_difference(found["difference_within"], unit="%", times=100))
    believed = found["believed"]
    told = f"{believed['photos']}, {believed['first_right']}" if believed["photos"] else "0"
    cells += [f"{100 * found['refused']:.0f} %", told]
    return f"| {' | '.join(cells)} |"


def _difference(found: dict[str, Any], *, unit: str, times: float = 1) -> str:
    value, (low, high) = times * found["value"], (times * bound for bound in found["interval"])
    return f"{value:+.1f} {unit} ({low:+.1f} .. {high:+.1f})"


def _verdict(rows: Found) -> str:
    """Say in how many rows the estimate is better or worse than the position of the first answer, beyond chance."""
    medians = [row["evaluation"]["difference_of_medians"]["interval"] for row in rows]
    better = sum(high < 0 for _, high in medians)
    worse = sum(low > 0 for low, _ in medians)
    said = ["**The estimate does not beat the first answer beyond chance.**"] if better == 0 else []
    said.append(
        "In median error the estimate is better than the position of the first answer, beyond chance (95 % interval "
        f"below zero), in {better} of {len(rows)} rows, and worse in {worse}."
    )
    shares = [row["evaluation"]["difference_within"]["interval"] for row in rows]
    gained, lost = sum(low > 0 for low, _ in shares), sum(high < 0 for _, high in shares)
    said.append(f"Of shares within 25 m: better in {gained}, worse in {lost}.")
    silent = sum(row["evaluation"]["believed"]["photos"] == 0 for row in rows)
    if silent:
        said.append(
            f"Nothing is believed in {silent} of {len(rows)}: no distance lets through 20 photos of which 99 % are "
            "right."
        )
    return " ".join(said)
