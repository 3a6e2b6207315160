"""What was measured, as Markdown and as a figure; and what ten and a hundred times as many would take."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vpr_runner.bench.figure import COLOURS, MARKERS
from vpr_runner.bench.readme import between_markers
from vpr_runner.files.atomic import write_bytes
from vpr_runner.files.provenance import measured

__all__ = ["draw", "paper", "quoted", "table"]

_HEAD = (
    ("index", "---"),
    ("recall@1 of places", "---:"),
    ("less than exact", "---:"),
    ("of the 10 nearest", "---:"),
    ("bytes an image", "---:"),
    ("ms a query (10 % .. 90 %)", "---:"),
    ("CPU ms", "---:"),
    ("rows from the disk", "---:"),
    ("memory", "---:"),
    ("opening", "---:"),
    ("build", "---:"),
)


def table(result: dict[str, Any]) -> str:
    """Return a result as Markdown."""
    lines = [
        f"*{result['count']:,} descriptors of {result['dim']:,} numbers, {result['queries']:,} queries*",
        "",
        f"| {' | '.join(name for name, _ in _HEAD)} |",
        f"|{'|'.join(rule for _, rule in _HEAD)}|",
        *(_line(row) for row in result["rows"]),
        "",
        *(f"- {note}" for note in result["notes"]),
        f"- {measured(result['provenance'])}",
    ]
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    low, high = row["ms_a_query_range"]
    recall = row["recall_at_1_of_places"]
    exact = row.get("exact_recall_at_1_of_places")
    cells = [
        row["name"],
        f"{100 * recall:.1f}",
        "-" if exact is None else f"{100 * (exact - recall):.1f}",
        f"{100 * row['of_ten_nearest']:.1f}",
        f"{row['bytes_an_image']:,.0f}",
        f"{row['ms_a_query']:.2f} ({low:.2f} .. {high:.2f})",
        "-" if row.get("cpu_ms_a_query") is None else f"{row['cpu_ms_a_query']:.2f}",
        "-" if row.get("ms_from_disk") is None else f"{row['ms_from_disk']:.0f} ms",
        "-" if row.get("memory_bytes") is None else f"{row['memory_bytes'] / 2**20:,.0f} MiB",
        _opening(row),
        f"{row['build_cpu_seconds']:,.0f} s CPU" if "build_cpu_seconds" in row else f"{row['build_seconds']:,.0f} s",
    ]
    return f"| {' | '.join(cells)} |"


def _opening(row: dict[str, Any]) -> str:
    if row.get("opening_seconds") is None:
        return "-"
    return f"{row['opening_seconds'] + row['first_query_seconds']:.2f} s"


def paper(results: Sequence[dict[str, Any]], *, count: int = 10**8) -> str:
    """Return what ``count`` images would take: bytes and the processor's time grow by what those between two measured
    sizes of one dimension did, image by image, which holds for what compares or reads every code."""
    lines = [
        "| index | measured at | a million more: CPU ms, s to build | rows on disk | index | memory | CPU ms | build |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for dim in sorted({result["dim"] for result in results}):
        sized = sorted((result for result in results if result["dim"] == dim), key=lambda result: result["count"])
        if len(sized) < 2:
            continue
        small, large = sized[-2], sized[-1]
        before = {row["name"]: row for row in small["rows"] if "cpu_ms_a_query" in row}
        for row in large["rows"]:
            if row["name"] in before and "cpu_ms_a_query" in row:
                lines.append(_grown(before[row["name"]], row, small["count"], large["count"], dim, count))
    return "\n".join(lines) if len(lines) > 2 else "*No index has been measured at two sizes of one dimension here.*"


def _grown(before: dict[str, Any], row: dict[str, Any], small: int, large: int, dim: int, count: int) -> str:
    def grown(name: str) -> tuple[float, float]:
        """What a million more take, and what ``count`` take."""
        each = (row[name] - before[name]) / (large - small)
        return 10**6 * each, row[name] + (count - large) * each

    more, milliseconds = grown("cpu_ms_a_query")
    building, seconds = grown("build_cpu_seconds")
    _, memory = grown("memory_bytes")
    cells = [
        row["name"],
        f"{small:,} and {large:,} x {dim:,}",
        f"{more:,.1f}, {building:,.0f}",
        f"{2 * dim * count / 1e9:,.0f} GB",
        f"{row['bytes_an_image'] * count / 1e9:,.0f} GB",
        f"{memory / 1e9:,.0f} GB",
        f"{milliseconds:,.0f}",
        f"{seconds / 3600:,.1f} h",
    ]
    return f"| {' | '.join(cells)} |"


def _read(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("scale-*.json"))]


def quoted(document: str, results: Path) -> str:
    """Return ``document`` with its tables of scale made anew: ``<!-- scale:COUNTxDIM -->``, ``<!-- scale-paper -->``.

    Raises:
        FileNotFoundError: a marker names a result that is not there.
    """

    def measured_table(tag: str) -> str:
        return table(json.loads((results / f"{tag.replace(':', '-')}.json").read_text(encoding="utf-8")))

    document = between_markers(document, tag="scale:[0-9]+x[0-9]+", table=measured_table)
    return between_markers(document, tag="scale-paper", table=lambda _: paper(_read(results)))


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
