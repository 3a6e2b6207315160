"""Tables of images: what a CSV, a GeoJSON file or a list of names says, column by column, before it is understood."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

__all__ = ["COLUMNS", "ImageTable", "read_csv", "read_list"]

COLUMNS: dict[str, tuple[str, ...]] = {
    "name": ("name", "image", "image_path", "image_file", "image_name", "path", "file", "filename", "file_name", "key"),
    "x": ("x", "easting", "east", "utm_east", "utm_easting", "utm_x", "x_m", "east_m"),
    "y": ("y", "northing", "north", "utm_north", "utm_northing", "utm_y", "y_m", "north_m"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "long", "longitude"),
    "zone": ("zone", "utm_zone"),
    "frame": ("frame", "frame_id", "frame_number", "frame_index"),
    "time": ("time", "timestamp", "time_stamp", "date", "datetime", "captured_at"),
    "place": ("place", "place_id", "label"),
    "split": ("split", "partition"),
    "role": ("role", "type"),
}
"""Column names understood without being told, by meaning; upper and lower case alike."""

MAX_FIELD = 100_000


@dataclass(frozen=True, kw_only=True)
class ImageTable:
    """Rows of text.

    Attributes:
        source: file or folder that they come from.
        columns: meaning (a key of `COLUMNS`) to one text a row; ``name`` is always there. ``without`` may say why a row
            has no position.
        lines: line, or other number, of each row in ``source``.
        counted: what ``lines`` counts.
        notes: what should be said of the source, such as files that were passed over.
    """

    source: Path
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int] = field(default=())
    counted: str = "line"
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.columns["name"])

    def where(self, row: int) -> str:
        """Say where a row is, for a message."""
        name = self.columns["name"][row]
        return f"{name!r} ({self.source}, {self.counted} {self.lines[row]})" if len(self.lines) else repr(name)

    def take(self, rows: Sequence[int]) -> ImageTable:
        """Return some of the rows."""
        columns = {meaning: [texts[row] for row in rows] for meaning, texts in self.columns.items()}
        return replace(self, columns=columns, lines=[self.lines[row] for row in rows] if len(self.lines) else ())

    def having(self, columns: Mapping[str, Sequence[str]]) -> ImageTable:
        """Return the same rows with other columns."""
        return replace(self, columns=columns)


def meanings(header: Sequence[str], given: Mapping[str, str], source: Path) -> dict[str, str]:
    """Return meaning to header, from what the caller gave and else from `COLUMNS`.

    Raises:
        ValueError: a given meaning is unknown, a given header is not in the table, or two headers mean the same.
    """
    unknown = sorted(set(given) - set(COLUMNS))
    if unknown:
        raise ValueError(f"columns has no key {unknown[0]!r}; keys are {', '.join(COLUMNS)}")
    found: dict[str, str] = {}
    for meaning, names in COLUMNS.items():
        if meaning in given:
            if given[meaning] not in header:
                raise ValueError(
                    f"{source}: no column {given[meaning]!r} (columns.{meaning}); the table has {', '.join(header)}"
                )
            found[meaning] = given[meaning]
            continue
        matches = [name for name in header if name.strip().lower() in names]
        if len(matches) > 1:
            raise ValueError(
                f"{source}: columns {' and '.join(map(repr, matches))} could both be {meaning}; say which with "
                f"columns: {{{meaning}: {matches[0]}}}"
            )
        if matches:
            found[meaning] = matches[0]
    if "name" not in found:
        raise ValueError(
            f"{source}: no column holds image names; name one {', '.join(COLUMNS['name'][:6])}, or say which with "
            f"columns: {{name: ...}}; the table has {', '.join(header)}"
        )
    return found


def read_csv(path: Path, *, columns: Mapping[str, str] | None = None) -> ImageTable:
    """Read a table with a header line, separated by commas, semicolons or tabs, in UTF-8.

    Args:
        path: the file.
        columns: meaning to header where the header is not one of `COLUMNS`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not UTF-8, no header, a row of another length, a name given twice; names file and line.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            first = file.readline()
            file.seek(0)
            separator = max(",;\t", key=first.count)
            reader = csv.reader(file, delimiter=separator, strict=True)
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
                        f"{path}: line {reader.line_num} has {len(cells)} cells, the header has {len(header)}; "
                        "quote cells that contain the separator"
                    )
                for meaning, column in where.items():
                    texts[meaning].append(cells[column].strip())
                lines.append(reader.line_num)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: is not UTF-8 text ({error}); save it as UTF-8") from error
        except csv.Error as error:
            raise ValueError(f"{path}: line {reader.line_num}: {error}; is it a CSV file?") from error
    return checked(ImageTable(source=path, columns=texts, lines=lines))


def read_list(path: Path) -> ImageTable:
    """Read a text file with one image name a line; blank lines and lines that begin with # are passed over."""
    try:
        content = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is not UTF-8 text ({error}); save it as UTF-8") from error
    kept = [(number, line.strip()) for number, line in enumerate(content, start=1)]
    kept = [(number, line) for number, line in kept if line and not line.startswith("#")]
    names = [line for _, line in kept]
    return checked(ImageTable(source=path, columns={"name": names}, lines=[number for number, _ in kept]))


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    for cells in reader:
        if any(len(cell) > MAX_FIELD for cell in cells):
            raise csv.Error(f"a cell has more than {MAX_FIELD} characters")
        if any(cell.strip() for cell in cells):
            yield cells


def checked(table: ImageTable) -> ImageTable:
    """Refuse empty and repeated names; a name may begin with ./ and use backslashes."""
    names = [name.replace("\\", "/").removeprefix("./") for name in table.columns["name"]]
    table = table.having({**table.columns, "name": names})
    seen: dict[str, int] = {}
    for row, name in enumerate(names):
        if not name:
            raise ValueError(f"{table.source}: {table.counted} {table.lines[row]} has no image name")
        if name in seen:
            raise ValueError(
                f"{table.source}: {table.counted} {table.lines[row]} repeats {name!r} of {table.counted} "
                f"{table.lines[seen[name]]}; list each image once"
            )
        seen[name] = row
    return table
