"""Tables of images: what a CSV, a GeoJSON file or a list of names says, column by column, before it is understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

__all__ = ["COLUMNS", "ImageTable", "checked", "meanings"]

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
    "drive": ("drive", "drive_id"),
    "split": ("split", "partition"),
    "role": ("role", "type"),
    "latlon": ("latlon", "latlng", "lat_lon", "lat,lon", "lat, lon", "latitude,longitude", "latitude, longitude"),
}
"""Column names understood without being told, by meaning; upper and lower case alike. ``latlon``: both in one cell."""

EXIFTOOL: dict[str, tuple[str, ...]] = {
    "name": ("sourcefile",),
    "lat": ("gpslatitude",),
    "lon": ("gpslongitude",),
    "lat_ref": ("gpslatituderef",),
    "lon_ref": ("gpslongituderef",),
    "time": ("datetimeoriginal", "createdate", "gpsdatetime"),
    "offset": ("offsettimeoriginal", "offsettime"),
    "latlon": ("gpsposition", "gpscoordinates", "coordinates", "coords", "position", "location", "gps", "wkt"),
}
"""Headers of ``exiftool -csv`` (also with their group: ``EXIF:GPSLatitude``) and looser words, the best first, that
count where `COLUMNS` finds none."""


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
    for meaning, names in EXIFTOOL.items():
        # A composite of exiftool bears its sign; of the others the hemisphere may stand in a column of its own.
        ranked = sorted(
            (names.index(tag), not name.lower().startswith("composite:"), place, name)
            for place, name in enumerate(header)
            if (tag := name.strip().lower().rpartition(":")[2]) in names
        )
        if meaning not in found and ranked:
            found[meaning] = ranked[0][3]
    if "name" not in found:
        raise ValueError(
            f"{source}: no column holds image names; name one {', '.join(COLUMNS['name'][:6])}, or say which with "
            f"columns: {{name: ...}}; the table has {', '.join(header)}"
        )
    return found


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
