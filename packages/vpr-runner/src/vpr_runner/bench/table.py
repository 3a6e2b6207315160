"""The result as a table: for the terminal, and as Markdown for a README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vpr_runner.files.markdown import cell as escaped
from vpr_runner.files.provenance import measured

__all__ = [
    "best_recalls",
    "caption",
    "cells_of",
    "columns",
    "groups",
    "made_with",
    "markdown",
    "recalls_of",
    "remarks",
    "text",
]

RECALLS = ("1", "5", "10")


def columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the headings; a recall that no row has, as its suite looked at fewer answers, has none."""
    decided, reordered = (any(key in row for row in rows) for key in ("full_precision", "reordered"))
    return [
        "method",
        "stage",
        "dim",
        *(f"recall@{at}" for at in recalls_of(rows)),
        "95 % of recall@1",
        *(("recall at 100 % precision", "95 % of it") if decided else ()),
        "ms/image",
        "+ pooling",
        "bytes",
        *(("re-ranking, ms/query", "+ bytes") if reordered else ()),
        "training",
    ]


def recalls_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the N of 1, 5, 10 at which there is a recall in any of the rows."""
    return [at for at in RECALLS if any(at in row["recall"] for row in rows)]


def cells_of(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the cells of one of ``rows``, as `columns` names them."""
    interval, decided = row["recall"]["1"], row.get("full_precision")
    decision = [_mean_and_spread(decided), _bounds(decided)] if decided else ["-", "-"]
    return [
        row["method"],
        row["stage"],
        f"{row['dim']}",
        *(_mean_and_spread(row["recall"][at]) if at in row["recall"] else "" for at in recalls_of(rows)),
        _bounds(interval),
        *(decision if any("full_precision" in other for other in rows) else ()),
        _milliseconds(row, "network", "backbone"),
        _milliseconds(row, "pooling"),
        _grouped(row["descriptor_bytes"]),
        *(_reordered(row) if any("reordered" in other for other in rows) else ()),
        _duration(row["train_seconds"]),
    ]


def _reordered(row: dict[str, Any]) -> list[str]:
    """What re-ranking took beside the search, and the bytes of local features beside a descriptor's."""
    found = row.get("reordered")
    if found is None:
        return ["-", "-"]
    size = found["bytes_an_image"]
    return [f"{found['milliseconds']:.1f}", "-" if size is None else _grouped(round(size))]


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _mean_and_spread(recall: dict[str, Any]) -> str:
    mean = f"{100 * recall['mean']:.1f}"
    return mean if recall["std"] is None else f"{mean} ± {100 * recall['std']:.1f}"


def _bounds(recall: dict[str, Any]) -> str:
    return f"{100 * recall['low']:.1f} .. {100 * recall['high']:.1f}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def _milliseconds(row: dict[str, Any], *parts: str) -> str:
    """The first part that was measured; a network that a runtime executes is measured as a whole."""
    found = next((row["milliseconds"][part] for part in parts if part in row["milliseconds"]), None)
    return "-" if found is None else f"{found:.2f}"


def groups(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the rows by (setting, test): each is a table of its own."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["setting"], row["test"]), []).append(row)
    return found


def caption(rows: Sequence[dict[str, Any]]) -> str:
    """Return what every number of a table rests on: setting, protocol, sizes, seeds."""
    first = rows[0]
    label = ": ".join(part for part in (first["setting"], first["test"]) if part)
    seeds = len(first["seeds"])
    return (
        f"{label + '; ' if label else ''}{first['protocol']}; {first['queries']} queries, {first['database']} database "
        f"images; {seeds} seed{'s' if seeds != 1 else ''}{', mean ± standard deviation' if seeds > 1 else ''}"
    )


def text(result: dict[str, Any]) -> str:
    """Return the result as plain text, aligned."""
    parts = [result["suite"]["title"]]
    for members in groups(result["rows"]).values():
        table = [columns(members), *(cells_of(row, members) for row in members)]
        widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
        lines = ["  ".join(_aligned(line, widths)).rstrip() for line in table]
        parts.append("\n".join([caption(members), lines[0], "-" * len(lines[0]), *lines[1:]]))
    parts.append("\n".join(remarks(result)))
    return "\n\n".join(part for part in parts if part)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        f"{cell:<{width}}" if column < 2 else f"{cell:>{width}}"
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]


def markdown(result: dict[str, Any]) -> str:
    """Return the result as Markdown; the best recall of each stage is bold."""
    parts = []
    for members in groups(result["rows"]).values():
        recalls, best = recalls_of(members), best_recalls(members)
        lines = [
            f"*{escaped(caption(members))}*",
            "",
            _line(columns(members)),
            _line(["---"] * 2 + ["---:"] * (len(columns(members)) - 2)),
        ]
        for row in members:
            cells = cells_of(row, members)
            for offset, at in enumerate(recalls):
                if at in row["recall"] and row["recall"][at]["mean"] == best[row["stage"], at]:
                    cells[3 + offset] = f"**{cells[3 + offset]}**"
            lines.append(_line([escaped(cell) for cell in cells]))
        parts.append("\n".join(lines))
    parts.append("\n".join(f"- {escaped(remark)}" for remark in remarks(result)))
    return "\n\n".join(part for part in parts if part)


def best_recalls(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """Return the highest mean recall of each stage and N, as ``(stage, N): recall``."""
    found: dict[tuple[str, str], float] = {}
    for row in rows:
        for at, recall in row["recall"].items():
            key = row["stage"], at
            found[key] = max(found.get(key, 0.0), recall["mean"])
    return found


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def remarks(result: dict[str, Any]) -> list[str]:
    """Return the paired tests and the provenance, a line each."""
    lines = []
    for item in result["comparisons"]:
        where = ", ".join(part for part in (item["setting"], item["test"], item["stage"]) if part)
        lines.append(f"{item['baseline']} against {item['method']} ({where}): {_said(item)}")
    for item in result.get("gains", []):
        where = ", ".join(part for part in (item["setting"], item["test"]) if part)
        lines.append(f"{item['method']}, trained against untrained{f' ({where})' if where else ''}: {_said(item)}")
    spread = f"spread over seeds {result['seeds']}, intervals over queries"
    made = made_with(result)
    lines += [measured(one) for one in made[:-1]]
    lines.append(f"{measured(made[-1])}; {spread}")
    return lines


def made_with(result: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return what made the cells of a result: one entry, or several where they differ."""
    found: Sequence[Mapping[str, Any]] = result.get("provenance", [result])
    return found


def _said(item: dict[str, Any]) -> str:
    gain = f"recall@{item['at']} {100 * item['difference']:+.1f}"
    return f"{gain} [{100 * item['low']:+.1f}, {100 * item['high']:+.1f}], p {_p(item['p_value'])}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
