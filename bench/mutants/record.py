"""What became of the changes: a table, and the survivors by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vpr_runner.bench.readme import between_markers, rewrite
from vpr_runner.files.provenance import measured
from vpr_runner.files.terminal import visible

__all__ = ["markdown", "quoted", "summary", "update_document"]


def summary(outcomes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Count by room: tried, noticed (by a failing test, or by one that did not end), lived."""
    rows: dict[str, dict[str, Any]] = {}
    for outcome in outcomes:
        row = rows.setdefault(outcome["room"], {"room": outcome["room"], "tried": 0, "noticed": 0, "lived": 0})
        row["tried"] += 1
        row["lived" if outcome["outcome"] == "lived" else "noticed"] += 1
    return list(rows.values())


def markdown(result: dict[str, Any]) -> str:
    """Return the table of a result file, the survivors, and what it rests on."""
    rows = summary(result["outcomes"])
    total = {name: sum(row[name] for row in rows) for name in ("tried", "noticed", "lived")}
    lines = ["| room | changes tried | noticed | lived |", "|---|---:|---:|---:|"]
    lines += [f"| {row['room']} | {row['tried']} | {row['noticed']} | {row['lived']} |" for row in rows]
    lines += [f"| **all** | **{total['tried']}** | **{total['noticed']}** | **{total['lived']}** |", ""]
    for one in result["outcomes"]:
        if one["outcome"] == "lived":
            lines.append(
                f"- lived: `{one['file'].rpartition('/src/')[2]}`, line {one['line']}: "
                f"`{visible(one['before'].strip())}` became `{visible(one['after'].strip())}`"
            )
    known = [one for one in result["outcomes"] if one["listed"]]
    lived = sum(one["outcome"] == "lived" for one in known)
    said = (
        f"Of the {len(known)} changes that once lived, {lived} live. The others are drawn at random: "
        f"{result['sample']} a room, seed {result['seed']}. {result['minutes']} minutes, {measured(result)}. Made by "
        "`nox -s mutants`."
    )
    lines += ["", said]
    return "\n".join(lines)


def quoted(document: str, result: dict[str, Any]) -> str:
    """Return ``document`` with the table between its markers made anew."""
    return between_markers(document, tag="mutants", table=lambda _: markdown(result))


def update_document(path: Path, result: dict[str, Any]) -> None:
    """Write the table of ``path`` anew."""
    rewrite(path, lambda document: quoted(document, result))
