"""Coordinates as people and programs write them in cells: decimal commas, degrees minutes seconds, two in one cell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from vpr_data.tables.image_table import ImageTable
from vpr_data.tables.times import camera_time

__all__ = ["angle", "coordinate_columns", "decimal_points", "pair"]

NUMBER = r"\d+(?:[.,]\d+)?"
ANGLE = re.compile(
    rf"(?P<before>[NSEW])?\s*(?P<sign>[+\-\u2212])?\s*(?P<d>{NUMBER})\s*(?P<unit>°|º|deg(?:rees?)?|d|:)?"
    rf"(?:\s*(?P<m>{NUMBER})\s*(?:'|\u2032|\u2019|min|m|:)?)?(?:\s*(?P<s>{NUMBER})\s*(?:''|\"|\u2033|\u201d|sec|s)?)?"
    r"\s*(?P<after>N|S|E|W|NORTH|SOUTH|EAST|WEST)?",
    re.IGNORECASE,
)
POINT = re.compile(r"(?:SRID=4326;\s*)?POINT\s*\(\s*(\S+)\s+(\S+)\s*\)", re.IGNORECASE)
DECIMAL_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+")
THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
UNKNOWN = ("", "-", "n/a", "nan", "null", "none")
"""What exports write where there is nothing, in lower case."""


def angle(text: str, letters: str) -> float | None:
    """Return signed degrees of ``33 deg 51' 24.00" S``, ``S33°51.4'``, ``-33.8567``; None: it is none of these.

    Args:
        text: one cell.
        letters: ``NS`` or ``EW``: which coordinate it is.

    Raises:
        ValueError: degrees and minutes without sign or hemisphere: nobody knows on which side they lie; or a letter of
            the other coordinate.
    """
    text = text.strip()
    try:
        return float(text)
    except ValueError:
        found = ANGLE.fullmatch(text)
    if found is None:
        return None
    letter = (found["before"] or found["after"] or " ")[0].upper()
    degrees, minutes, seconds = (float((found[part] or "0").replace(",", ".")) for part in ("d", "m", "s"))
    if minutes >= 60 or seconds > 60 or (found["before"] and found["after"]):
        return None
    if letter != " " and letter not in letters:
        raise ValueError(f"says {letter}, where {letters[0]} or {letters[1]} belongs")
    if letter == " " and not found["sign"] and (found["unit"] or found["m"]):
        raise ValueError(f"lacks its hemisphere ({letters[0]} or {letters[1]})")
    value = degrees + minutes / 60 + seconds / 3600
    return -value if (found["sign"] or "") in ("-", "\u2212") or letter == letters[1] else value


def pair(text: str, *, longitude_first: bool = False) -> tuple[float, float] | None:
    """Return latitude and longitude of one cell: ``48.2, 16.37``, ``48,2; 16,37``, ``POINT(16.37 48.2)``; else None.

    Letters decide which is which; without them latitude goes first, unless told otherwise.

    Raises:
        ValueError: as for `angle`.
    """
    point = POINT.fullmatch(text.strip())
    if point is not None:
        return pair(f"{point[2]} {point[1]}")
    text = text.strip("()[] ")
    for separator in (";", "/", "|", ", ", " ", ","):
        parts = [part.strip() for part in text.split(separator)]
        if len(parts) != 2 or not all(parts):
            continue
        swapped = longitude_first or (set(parts[0].upper()) & set("EW") and not set(parts[1].upper()) & set("EW"))
        north, east = parts[::-1] if swapped else parts
        values = [angle(decimal_points([part])[0], letters) for part, letters in ((north, "NS"), (east, "EW"))]
        if values[0] is not None and values[1] is not None:
            return values[0], values[1]
    return None


def decimal_points(texts: Sequence[str]) -> list[str]:
    """Return numbers of one column with decimal points, where they were written with decimal commas.

    Raises:
        ValueError: every number with a comma has three digits behind it and at most three before: they may be
        thousands.
    """
    commas = [text for text in texts if "," in text]
    if not commas:
        return list(texts)
    if all(THOUSANDS.fullmatch(text) for text in commas):
        if any(text.count(",") > 1 or "." in text for text in commas):
            return [text.replace(",", "") if "," in text else text for text in texts]
        if len(commas) > 1:
            raise ValueError(f"{commas[0]!r} may be a decimal comma or thousands; write decimal points")
    if all(DECIMAL_COMMA.fullmatch(text) for text in commas) and not any(
        "." in text and "," not in text for text in texts
    ):
        return [text.replace(".", "").replace(",", ".") if "," in text else text for text in texts]
    return list(texts)


def coordinate_columns(table: ImageTable, *, headers: Mapping[str, str], given: Mapping[str, str]) -> ImageTable:
    """Return the table with ``x, y`` and ``lat, lon`` as plain numbers, and without the columns that they came from.

    Args:
        table: as it was read.
        headers: meaning to header.
        given: meanings that the user named; a column of pairs that nobody named counts only if its first cell is one.

    Raises:
        ValueError: a cell makes no sense; names the row.
    """
    columns = dict(table.columns)
    columns = {
        meaning: ["" if text.lower() in UNKNOWN[:2] else text for text in texts]
        if meaning in ("x", "y", "lat", "lon", "latlon", "time", "offset", "lat_ref", "lon_ref")
        else texts
        for meaning, texts in columns.items()
    }
    pairs = columns.pop("latlon", None)
    if pairs is not None and not ({"lat", "lon"} <= set(columns) or {"x", "y"} <= set(columns)):
        columns.update(_pairs(table, pairs, headers["latlon"], told="latlon" in given))
    references = {"lat": columns.pop("lat_ref", None), "lon": columns.pop("lon_ref", None)}
    offsets = columns.pop("offset", None)
    for meaning in ("x", "y", "lat", "lon"):
        if meaning in columns:
            columns[meaning] = _numbers(table, meaning, columns[meaning], references.get(meaning))
    if "time" in columns and headers["time"].lower().rpartition(":")[2] in (
        "datetimeoriginal",
        "createdate",
        "gpsdatetime",
    ):
        # As a camera wrote them: of a clock that was never set there is none.
        zones = offsets or [""] * len(table)
        columns["time"] = [camera_time(text, offset=zone) for text, zone in zip(columns["time"], zones, strict=True)]
    return table.having(columns)


def _pairs(table: ImageTable, texts: Sequence[str], header: str, *, told: bool) -> dict[str, list[str]]:
    first = next((text for text in texts if text), "")
    longitude_first = header.strip().lower().startswith(("lon", "lng"))
    try:
        sensible = pair(first, longitude_first=longitude_first) is not None
    except ValueError:
        sensible = True
    if not told and not sensible:
        return {}
    latitude, longitude = [], []
    for row, text in enumerate(texts):
        try:
            found = pair(text, longitude_first=longitude_first) if text else None
        except ValueError as error:
            raise ValueError(f"{header} of {table.where(row)} is {text!r}, which {error}") from error
        if text and found is None:
            raise ValueError(f"{header} of {table.where(row)} is {text!r}; write '48.2, 16.37' (latitude, longitude)")
        latitude.append("" if found is None else repr(found[0]))
        longitude.append("" if found is None else repr(found[1]))
    return {"lat": latitude, "lon": longitude}


def _numbers(table: ImageTable, meaning: str, texts: Sequence[str], references: Sequence[str] | None) -> list[str]:
    try:
        texts = decimal_points(texts) if meaning in ("x", "y") else _without_commas(texts)
    except ValueError as error:
        raise ValueError(f"{table.source}: column {meaning}: {error}") from error
    if meaning in ("x", "y"):
        return list(texts)
    letters = "NS" if meaning == "lat" else "EW"
    out = []
    for row, text in enumerate(texts):
        reference = references[row][:1].upper() if references is not None else ""
        try:
            # The letter of a column of its own belongs to a number that has neither sign nor letter.
            bare = not text.lstrip().startswith(("-", "+")) and not text.rstrip()[-1:].isalpha()
            value = angle(text + (f" {reference}" if reference and bare else ""), letters) if text else None
        except ValueError as error:
            raise ValueError(f"{meaning} of {table.where(row)} is {text!r}, which {error}") from error
        as_it_stands = value is None or (_is_number(text) and value == float(text))
        out.append(text if as_it_stands else repr(value))
    return out


def _without_commas(texts: Sequence[str]) -> list[str]:
    """Degrees have no thousands, so a comma is a decimal one."""
    return [re.sub(r"^([+-]?\d{1,3}),(\d+)$", r"\1.\2", text) for text in texts]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
