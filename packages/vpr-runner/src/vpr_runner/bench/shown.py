"""A result that a notebook shows as its tables."""

from __future__ import annotations

from typing import Any

from vpr_runner.bench.table import best_recalls, caption, cells_of, columns, groups, recalls_of, remarks
from vpr_runner.files.html_table import html_table

__all__ = ["BenchResult"]


class BenchResult(dict[str, Any]):
    """What `vpr bench` found, as its result file holds it.

    Example:
        ``load_result(Path("bench/results/city.json"))`` as the last line of a cell shows the table.
    """

    def _repr_html_(self) -> str:
        """What a notebook shows: a table for each setting and test, then the paired tests and the provenance."""
        tables = list(groups(self["rows"]).values())
        shown = [
            _table(members, title=self["suite"]["title"], notes=remarks(self) if members is tables[-1] else ())
            for members in tables
        ]
        return "\n".join(shown)


def _table(rows: list[dict[str, Any]], *, title: str, notes: tuple[str, ...] | list[str]) -> str:
    recalls, best = recalls_of(rows), best_recalls(rows)
    bold = [
        (line, 3 + offset)
        for line, row in enumerate(rows)
        for offset, at in enumerate(recalls)
        if at in row["recall"] and row["recall"][at]["mean"] == best[row["stage"], at]
    ]
    cells = [cells_of(row, rows) for row in rows]
    return html_table(columns(rows), cells, caption=f"{title}. {caption(rows)}", notes=notes, bold=bold)
