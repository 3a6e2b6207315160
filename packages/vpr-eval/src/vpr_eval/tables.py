"""Tables of results as Markdown and CSV, safe to open whatever the names in them are."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

__all__ = ["csv_table", "markdown_table"]

# The last four are full-width forms, which some spreadsheets take as the same.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_MARKUP = str.maketrans(
    {"\\": "\\\\", "|": "\\|", "<": "&lt;", ">": "&gt;", "&": "&amp;", "`": "\\`", "*": "\\*", "_": "\\_", "[": "\\["}
)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table; columns whose cells are all numbers are set right.

    Text is escaped: neither a pipe, a line break nor markup in a name changes the table. Give numbers as numbers, or as
    text already formatted.

    Example:
        >>> print(markdown_table(["method", "recall@1"], [["NetVLAD", 67.6]]), end="")
        | method | recall@1 |
        |---|--:|
        | NetVLAD | 67.6 |
    """
    _check_width(header, rows)
    right = [bool(rows) and all(_is_number(row[column]) for row in rows) for column in range(len(header))]
    lines = [
        "| " + " | ".join(map(_markdown_cell, header)) + " |",
        "|" + "|".join("--:" if numeric else "---" for numeric in right) + "|",
        *("| " + " | ".join(map(_markdown_cell, row)) + " |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def csv_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a CSV table (RFC 4180, so lines end in ``\\r\\n``).

    Text that a spreadsheet would run as a formula (it starts with ``= + - @``, also after white space) gets an
    apostrophe in front, as does text that starts with a tab or a line break; numbers stay numbers; None is empty.
    """
    _check_width(header, rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_csv_cell(cell) for cell in header])
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


def _check_width(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise ValueError(f"rows: row {number} has {len(row)} cells, the header has {len(header)}")


def _is_number(cell: object) -> bool:
    if isinstance(cell, bool):
        return False
    if isinstance(cell, (int, float)):
        return True
    try:
        float(str(cell).split(" ", 1)[0].rstrip("%"))
    except ValueError:
        return False
    return True


def _markdown_cell(cell: object) -> str:
    if isinstance(cell, float) and not isinstance(cell, bool):
        return f"{cell:.6g}"
    return " ".join(str("" if cell is None else cell).split()).translate(_MARKUP)


def _csv_cell(cell: object) -> object:
    if cell is None:
        return ""
    if isinstance(cell, (int, float)):
        return cell if math.isfinite(cell) else str(cell)
    text = str(cell)
    risky = text.startswith(("\t", "\r", "\n")) or text.lstrip().startswith(_FORMULA)
    return f"'{text}" if risky else text
