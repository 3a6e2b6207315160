"""Results for a paper and for a spreadsheet: LaTeX tables, and every number as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from vpr_runner.bench.table import best_recalls, caption, groups, made_with, recalls_of
from vpr_runner.files.provenance import measured
from vpr_runner.files.spreadsheet import as_text
from vpr_runner.files.terminal import visible

__all__ = ["COLUMNS", "csv_table", "escaped", "latex_tables"]

Row = dict[str, Any]
COLUMNS = (
    *("suite", "setting", "test", "protocol", "queries", "database", "method", "stage", "seeds", "dim"),
    *("descriptor_bytes", "n", "recall", "std", "low", "high", "backbone_ms", "pooling_ms", "network_ms"),
    *("train_seconds", *(f"full_precision{end}" for end in ("", "_std", "_low", "_high"))),
    *("rerank_ms", "rerank_bytes"),
)
"""Of the CSV. ``recall``, its standard deviation over seeds ``std`` and the bounds ``low``, ``high`` of its 95 %
interval over queries are shares, 0..1; so is ``full_precision``, recall at 100 % precision. ``network_ms`` is of a
network that a runtime executes, which is measured as a whole; ``rerank_ms`` is a query's, local features left out,
which take ``rerank_bytes`` an image. An empty cell is unknown, or was not asked for."""
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    **{mark: f"{{{mark}}}" for mark in "<>\"|-'`,!?"},  # ligatures, and marks of T1-less fonts
    "±": r"$\pm$",
    "\u00d7": r"$\times$",
    "\u00b7": r"$\cdot$",
    "\u2026": r"\dots{}",
}


def latex_tables(results: Sequence[dict[str, Any]]) -> str:
    """Return a table for each setting and test of each result, ready for ``\\input``; it needs the package booktabs.

    A recall in percent, with its standard deviation where there are several seeds and its 95 % interval over queries
    below; the best of each stage is bold.
    """
    parts = ["% \\usepackage{booktabs}"]
    for result in results:
        parts += [f"% {visible(' '.join(measured(one).split()))}" for one in made_with(result)]
        parts += [_table(result, members) for members in groups(result["rows"]).values()]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    r"""Return text that LaTeX prints as it stands.

    >>> escaped("K_1 = 50 %, {a} & \\b")
    'K\\_1 = 50 \\%{,} \\{a\\} \\& \\textbackslash{}b'
    """
    return "".join(_LATEX.get(mark, mark) for mark in visible(" ".join(text.split())))


def _table(result: dict[str, Any], rows: Sequence[Row]) -> str:
    found = recalls_of(rows)
    best = best_recalls(rows)
    several = len({row["stage"] for row in rows}) > 1
    heads = ["Method", *(["Stage"] if several else []), "Dim.", *(f"R@{at}" for at in found)]
    lines = [
        r"\begin{table}[t]",
        r"\centering",
        f"\\caption{{{escaped(result['suite']['title'])}. {escaped(caption(rows))}; brackets: 95\\,\\% intervals.}}",
        f"\\begin{{tabular}}{{{'l' * (1 + several)}{'r' * (1 + len(found))}}}",
        r"\toprule",
        _line(heads),
    ]
    stage = None
    for row in rows:
        if row["stage"] != stage:
            lines.append(r"\midrule")
            stage = row["stage"]
        head = [
            escaped(row["method"]),
            *([escaped(row["stage"])] if several else []),
            f"{row['dim']:,}".replace(",", r"\,"),
        ]
        lines.append(_line([*head, *(_recall(row, at, best) for at in found)]))
        blank = [""] * len(head)
        lines.append(_line([*blank, *(_interval(row, at) for at in found)]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"])


def _recall(row: Row, at: str, best: dict[tuple[str, str], float]) -> str:
    recall = row["recall"].get(at)
    if recall is None:
        return "--"
    text = f"{100 * recall['mean']:.1f}"
    if recall["mean"] == best[row["stage"], at]:
        text = f"\\textbf{{{text}}}"
    return text if recall["std"] is None else f"{text} $\\pm$ {100 * recall['std']:.1f}"


def _interval(row: Row, at: str) -> str:
    recall = row["recall"].get(at)
    if recall is None:
        return ""
    return f"{{\\scriptsize [{100 * recall['low']:.1f}, {100 * recall['high']:.1f}]}}"


def _line(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _decided(row: Row) -> dict[str, float | None]:
    """Recall at 100 % precision; nothing where the suite did not ask for it."""
    found = row.get("full_precision")
    if found is None:
        return {}
    return {
        "full_precision": found["mean"],
        **{f"full_precision_{name}": found[name] for name in ("std", "low", "high")},
    }


def _reordered(row: Row) -> dict[str, float | None]:
    """What re-ranking cost; nothing where there was none."""
    found = row.get("reordered")
    return {} if found is None else {"rerank_ms": found["milliseconds"], "rerank_bytes": found["bytes_an_image"]}


def csv_table(results: Sequence[dict[str, Any]]) -> str:
    """Return every row and N of the results as CSV, with `COLUMNS` as its head; nothing is rounded."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for result in results:
        for row in result["rows"]:
            for at, recall in row["recall"].items():
                writer.writerow(
                    {
                        "suite": as_text(result["suite"]["name"]),
                        **{name: as_text(row[name]) for name in ("setting", "test", "protocol", "method", "stage")},
                        **{name: row[name] for name in ("queries", "database", "dim", "descriptor_bytes")},
                        "seeds": " ".join(map(str, row["seeds"])),
                        "n": at,
                        "recall": recall["mean"],
                        **{name: recall[name] for name in ("std", "low", "high")},
                        **{f"{part}_ms": row["milliseconds"].get(part) for part in ("backbone", "pooling", "network")},
                        "train_seconds": row["train_seconds"],
                        **_decided(row),
                        **_reordered(row),
                    }
                )
    return stream.getvalue()
