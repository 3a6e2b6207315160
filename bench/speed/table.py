"""The result as Markdown, and quoted in a document between its markers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vpr_runner.bench.readme import between_markers, rewrite
from vpr_runner.files.provenance import measured

__all__ = ["markdown", "quoted", "update_document"]


def markdown(result: dict[str, Any]) -> str:
    """Return the tables of a result file, and what every number rests on."""
    lines = [
        "| what | ours | reference | ratio (range) | peak memory, ours / reference | our share of the limit | target |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    measured = [row for row in result["rows"] if row["kind"] == "row" and not row["skipped"]]
    lines += [_line(row) for row in measured]
    growths = [row for row in result["rows"] if row["kind"] == "growth"]
    if growths:
        lines += ["", "| growth of | images | seconds | peak memory | time ~ images^ | memory ~ images^ | expected |"]
        lines += ["|---|---|---|---|---:|---:|---:|", *(_growth_line(row) for row in growths)]
    notes = [f"- {row['what']}: {row['note']}" for row in measured if row["note"]]
    notes += [f"- growth of {row['step']} ({row['inputs']}): {row['note']}" for row in growths if row["note"]]
    notes += [f"- not measured: {row['what']} ({row['skipped']})" for row in result["rows"] if row.get("skipped")]
    return "\n".join([*lines, "", *dict.fromkeys(notes), f"- {_provenance(result)}"])


def _line(row: dict[str, Any]) -> str:
    limit = ""
    if row["limit_seconds"]:
        limit = f"{100 * row['limit_seconds'] / row['ours_seconds']:.0f} % of {row['limit']}"
        limit += f" ({_time(row['limit_seconds'])})"
    memory = "" if row["ours_bytes"] is None else f"{_memory(row['ours_bytes'])} / {_memory(row['reference_bytes'])}"
    ratio = f"**{_number(row['ratio'])}x** ({_number(row['ratio_low'])}-{_number(row['ratio_high'])})"
    ours = _time(row["ours_seconds"])
    if row["count"]:
        ours += f", {_number(row['count'] / row['ours_seconds'])} {row['unit']}/s"
    reference = f"{row['reference']}: {_time(row['reference_seconds'])}"
    return f"| {row['what']} | {ours} | {reference} | {ratio} | {memory} | {limit} | {row['target']} |"


def _growth_line(row: dict[str, Any]) -> str:
    cells = [
        f"{row['step']} ({row['inputs']})",
        ", ".join(f"{images:,}" for images in row["images"]),
        ", ".join(_time(seconds) for seconds in row["seconds"]),
        ", ".join(_memory(size) for size in row["bytes"]),
        f"{row['time_exponent']:.2f}",
        f"{row['memory_exponent']:.2f}",
        f"{row['expected']:g}",
    ]
    return f"| {' | '.join(cells)} |"


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{_number(seconds)} s"


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _memory(size: int | None) -> str:
    return "-" if size is None else f"{size / 2**20:.0f} MiB"


def _provenance(result: dict[str, Any]) -> str:
    repeats = sorted({row["repeats"] for row in result["rows"] if row["kind"] == "row" and row["repeats"]})
    span = f"{repeats[0]} to {repeats[-1]}" if repeats else "no"
    quick = " QUICK: tiny inputs, the numbers mean nothing." if result["quick"] else ""
    return (
        f"medians of {span} rounds in which the contestants take turns, range in brackets; rounds and warm-up of each "
        f"row are in the JSON; {measured(result['provenance'])}. Made by `nox -s speed`.{quick}"
    )


def quoted(document: str, results: Path) -> str:
    """Return ``document`` with what stands between ``<!-- speed:HOST -->`` and ``<!-- /speed:HOST -->`` made anew.

    ``HOST`` names the file ``speed-HOST.json`` in ``results``.

    Raises:
        FileNotFoundError: a marker names a result that is not there.
    """

    def table(tag: str) -> str:
        file = results / f"{tag.replace(':', '-')}.json"
        return markdown(json.loads(file.read_text(encoding="utf-8")))

    return between_markers(document, tag="speed:[a-z0-9][a-z0-9-]*", table=table)


def update_document(path: Path, results: Path) -> None:
    """Write the tables of ``path`` anew."""
    rewrite(path, lambda document: quoted(document, results))
