"""A training's records as a CSV table: the logger ``csv``."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vpr_runner.files.atomic import write_text

__all__ = ["CsvLog"]

KEY = "key"


class CsvLog:
    """One row a record, one column a name; nested values are ``recall.5``.

    A name that was not there before adds a column, for which the whole table is written once more. A table left by an
    earlier start is cut to the records that count.

    Args:
        path: the table; made, or gone on with.
        after: key of the last record that counts.

    Raises:
        ValueError: there is a file which is no such table.
    """

    def __init__(self, path: Path, *, after: int) -> None:
        self._path = path
        self._columns: list[str] = [KEY]
        self._rows: list[dict[str, str]] = []
        if path.exists() and after >= 0:
            self._columns, self._rows = _read(path)
            self._rows = [row for row in self._rows if int(row[KEY]) <= after]
        self._write()

    def log(self, key: int, record: Mapping[str, Any]) -> None:
        """Add a row."""
        row = {KEY: str(key), **{name: text for name, text in _flat(record) if name != KEY}}
        new = [name for name in row if name not in self._columns]
        self._rows.append(row)
        if new:
            self._columns += new
            self._write()
            return
        with self._path.open("a", encoding="utf-8", newline="") as file:
            file.write(_lines(self._columns, [row]))
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Nothing is outstanding: every row is written when it comes."""

    def _write(self) -> None:
        write_text(
            self._path, _lines(self._columns, [dict(zip(self._columns, self._columns, strict=True)), *self._rows])
        )


def _lines(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writerows(rows)
    return text.getvalue()


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and rows of a table; the last line may have been cut off by a kill."""
    advice = "it is no table of this logger; move it away, or name another file"
    try:
        lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: {advice} ({error})") from error
    columns = lines[0] if lines else [KEY]
    if columns[0] != KEY or len(set(columns)) != len(columns):
        raise ValueError(f"{path}: {advice} (its first column is not {KEY!r}, or a column is there twice)")
    whole = [line for line in lines[1:] if len(line) == len(columns) and line[0].isdecimal()]
    if len(whole) < len(lines) - 2:  # only the last may be cut
        raise ValueError(f"{path}: {advice} (a row has other columns than the first line)")
    return columns, [{name: text for name, text in zip(columns, line, strict=True) if text} for line in whole]


def _flat(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return json.dumps(value)
    return str(value)
