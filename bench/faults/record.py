"""What was done to a command and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vpr_runner.bench.readme import between_markers, rewrite
from vpr_runner.files.provenance import measured

__all__ = ["Fault", "markdown", "quoted", "summary", "update_document"]


@dataclass(kw_only=True)
class Fault:
    """One injected fault.

    Attributes:
        command: the one that was disturbed.
        kind: what was done, as the table calls it.
        where: the moment or the file: enough to do it again.
        lost: why the promise was broken; empty when it was kept.
    """

    command: str
    kind: str
    where: str
    lost: str = ""


def summary(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    """Count faults by command and kind: injected, survived, lost."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for fault in faults:
        first = {"command": fault.command, "kind": fault.kind, "injected": 0, "survived": 0, "lost": 0, "broken": []}
        row = rows.setdefault((fault.command, fault.kind), first)
        row["injected"] += 1
        row["lost" if fault.lost else "survived"] += 1
        if fault.lost:
            row["broken"].append(asdict(fault))
    return list(rows.values())


def markdown(result: dict[str, Any]) -> str:
    """Return the table of a result file, with what it rests on."""
    rows = result["rows"]
    total = {name: sum(row[name] for row in rows) for name in ("injected", "survived", "lost")}
    lines = ["| command | fault | injected | survived | lost |", "|---|---|---:|---:|---:|"]
    lines += [
        f"| `vpr {row['command']}` | {row['kind']} | {row['injected']} | {row['survived']} | {row['lost']} |"
        for row in rows
    ]
    lines.append(f"| **all** | | **{total['injected']}** | **{total['survived']}** | **{total['lost']}** |")
    lines += ["", f"{result['minutes']} minutes, seed {result['seed']}, {measured(result)}. Made by `nox -s faults`."]
    return "\n".join(lines)


def quoted(document: str, result: dict[str, Any]) -> str:
    """Return ``document`` with the table between its markers made anew."""
    return between_markers(document, tag="faults", table=lambda _: markdown(result))


def update_document(path: Path, result: dict[str, Any]) -> None:
    """Write the table of ``path`` anew."""
    rewrite(path, lambda document: quoted(document, result))
