"""The load test's result as a table, and quoted in a document between its markers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vpr_runner.bench.readme import between_markers, rewrite
from vpr_runner.files.provenance import measured

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["markdown", "quoted", "update_document"]


def markdown(result: dict[str, Any]) -> str:
    """Return the table of a result file, what memory did, and what the numbers rest on."""
    lines = ["| network | photos sent at once | requests/s | p50 | p99 | failures |", "|---|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {run['network']} | {run['visitors']} | {run['requests_per_second']:.3g} | {run['p50_ms']:,.0f} ms "
        f"| {run['p99_ms']:,.0f} ms | {run['failures']} |"
        for run in result["runs"]
    ]
    held = result["memory"]["held"]
    first, last = held[0], held[-1]
    largest = max(row["mebibytes"] for row in held)
    memory = (
        f"Memory ({result['memory']['network']}): {first['mebibytes']:,.0f} MiB at the start, "
        f"{last['mebibytes']:,.0f} MiB after {last['requests']:,} requests, {largest:,.0f} MiB at most. "
        f"A map of {result['map']['images']:,} images; photo: {result['photo']}."
    )
    how = result["provenance"]
    note = f" Beside it: {how['note']}." if how["note"] else ""
    return "\n".join(
        [*lines, "", f"{memory} {measured(how)[0].upper()}{measured(how)[1:]}.{note} Made by `nox -s load`."]
    )


def quoted(document: str, result: dict[str, Any]) -> str:
    """Return ``document`` with the table between its markers made anew."""
    return between_markers(document, tag="load", table=lambda _: markdown(result))


def update_document(path: Path, result: dict[str, Any]) -> None:
    """Write the table of ``path`` anew."""
    rewrite(path, lambda document: quoted(document, result))
