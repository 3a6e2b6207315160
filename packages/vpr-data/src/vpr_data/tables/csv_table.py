"""Tables as spreadsheets and exiftool export them: any separator, byte order mark or UTF-16, headers known by name."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from vpr_data.tables.angles import coordinate_columns
from vpr_data.tables.image_table import ImageTable, checked, meanings

__all__ = ["read_csv", "read_list"]

MAX_FIELD = 100_000
SEPARATORS = "\t;,"
SAYS_SEPARATOR = re.compile(r'"?sep=(.)"?\s*')
"""What Excel writes and reads as a first line."""


def read_csv(path: Path, *, columns: Mapping[str, str] | None = None) -> ImageTable:
    """Read a table with a header line, separated by commas, semicolons or tabs, in UTF-8 or UTF-16.

    The separator is the one that Excel's line ``sep=;`` names, else the one that cuts all lines into as many cells.
    Positions are understood as they are written (`vpr_data.tables.angles`): with a decimal comma, in degrees, minutes
    and seconds, both in one cell. Headers of ``exiftool -csv`` are known.

    Args:
        path: the file.
        columns: meaning to header where the header is not one of `COLUMNS`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not text, no header, a row of another length, a name given twice; names file and line.
    """
    text = _text(path)
    first, _, rest = text.partition("\n")
    said = SAYS_SEPARATOR.fullmatch(first.strip())
    if said is not None:
        text = rest
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=said[1] if said else _separator(text), strict=True)
    skipped = 1 if said is not None else 0
    try:
        header = next(reader, [])
        if not any(cell.strip() for cell in header):
            raise ValueError(f"{path}: is empty; the first line must name the columns, such as 'name,x,y'")
        repeated = sorted({cell for cell in header if header.count(cell) > 1})
        if repeated:
            raise ValueError(f"{path}: two columns are named {repeated[0]!r}; rename one")
        found = meanings(header, columns or {}, path)
        where = {meaning: header.index(name) for meaning, name in found.items()}
        texts: dict[str, list[str]] = {meaning: [] for meaning in where}
        lines: list[int] = []
        for cells in _rows(reader):
            if len(cells) != len(header):
                raise ValueError(
                    f"{path}: line {reader.line_num + skipped} has {len(cells)} cells, the header has {len(header)}; "
                    "quote cells that contain the separator"
                )
            for meaning, column in where.items():
                texts[meaning].append(cells[column].strip())
            lines.append(reader.line_num + skipped)
    except csv.Error as error:
        raise ValueError(f"{path}: line {reader.line_num + skipped}: {error}; is it a CSV file?") from error
    table = checked(ImageTable(source=path, columns=texts, lines=lines))
    return coordinate_columns(table, headers=found, given=columns or {})


def read_list(path: Path) -> ImageTable:
    """Read a text file with one image name a line; blank lines and lines that begin with # are passed over."""
    kept = [(number, line.strip()) for number, line in enumerate(_text(path).splitlines(), start=1)]
    kept = [(number, line) for number, line in kept if line and not line.startswith("#")]
    names = [line for _, line in kept]
    return checked(ImageTable(source=path, columns={"name": names}, lines=[number for number, _ in kept]))


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is not UTF-8 text ({error}); save it as UTF-8") from error


def _separator(text: str) -> str:
    """Return what cuts the first lines into equally many cells, most of them; else what the header has most of."""
    first = text.split("\n", 1)[0]
    best, most = max(SEPARATORS, key=first.count), 1
    for separator in SEPARATORS:
        lines = csv.reader(io.StringIO(text[:50_000], newline=""), delimiter=separator)
        try:
            lengths = [len(cells) for _, cells in zip(range(50), lines, strict=False) if any(map(str.strip, cells))]
        except csv.Error:
            continue
        if len(text) > 50_000:
            lengths = lengths[:-1]  # the last line may be cut
        if len(set(lengths)) == 1 and lengths[0] > most:
            best, most = separator, lengths[0]
    return best


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    for cells in reader:
        if any(len(cell) > MAX_FIELD for cell in cells):
            raise csv.Error(f"a cell has more than {MAX_FIELD} characters")
        if any(cell.strip() for cell in cells):
            yield cells
