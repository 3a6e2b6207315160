"""Where and when a camera says that it took a photo: GPS and times in EXIF, positions in XMP."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vpr_data.images.decode import is_pipe
from vpr_data.images.formats import open_image
from vpr_data.images.read_ahead import ReadAhead
from vpr_data.tables.image_table import ImageTable
from vpr_data.tables.times import camera_time

__all__ = ["PhotoFacts", "exif_columns", "facts_of", "photo_facts"]

GPS, EXIF = 0x8825, 0x8769
DATE, TAKEN, OFFSET = 0x0132, 0x9003, 0x9011
XMP_SPACE = "{http://ns.adobe.com/exif/1.0/}"
MAX_XMP = 4_000_000
"""Bytes of XMP that are parsed."""
XMP_DEGREES = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?\s*([NSEW])")
WORDS = {"NORTH": "N", "SOUTH": "S", "EAST": "E", "WEST": "W"}
NOTHING = "no GPS position in EXIF or XMP"


@dataclass(frozen=True, kw_only=True)
class PhotoFacts:
    """What a photo says of itself.

    Attributes:
        latitude: degrees, or None.
        longitude: likewise; both or none are there.
        time: ISO 8601, '' where the photo does not say or its clock was never set.
        without: why there is no position, '' where there is one.
    """

    latitude: float | None = None
    longitude: float | None = None
    time: str = ""
    without: str = ""


class _NoPositionError(ValueError):
    """A position that is written, but not one that can be used."""


def photo_facts(path: Path) -> PhotoFacts:
    """Read where and when a photo was taken; whatever is wrong with it is a reason, never an exception."""
    try:
        if is_pipe(path):
            return PhotoFacts(without="is a pipe")
        with path.open("rb") as file:
            image = open_image(file)
            exif = image.getexif()
            gps: dict[int, Any] = exif.get_ifd(GPS)
            more: dict[int, Any] = exif.get_ifd(EXIF)
            xmp = image.info.get("xmp")
            taken = str(more.get(TAKEN) or exif.get(DATE) or "")
    except Exception:  # noqa: BLE001  Pillow's parsers raise almost anything; the caller lists the image
        return PhotoFacts(without="cannot be read")
    time = camera_time(taken, offset=str(more.get(OFFSET, "")), gps=_gps_time(gps))
    try:
        found = _from_exif(gps) or _from_xmp(xmp)
    except _NoPositionError as error:
        return PhotoFacts(time=time, without=str(error))
    if found is None:
        return PhotoFacts(time=time, without=NOTHING)
    return PhotoFacts(latitude=found[0], longitude=found[1], time=time)


def exif_columns(table: ImageTable, *, root: Path, workers: int = 4, missing: str = "error") -> dict[str, list[str]]:
    """Read latitude, longitude and, where all have it, the time of recording of a table's images.

    Args:
        table: names the images.
        root: folder that the names are relative to.
        workers: threads.
        missing: ``error``, or ``blank``: an image without a position has empty cells, the reason in a column
            ``without``, and there is a column ``time`` if any image has one.

    Raises:
        ValueError: images have no position; names them. With ``blank``: no image has one.
    """
    names = table.columns["name"]
    found = facts_of(table, root=root, workers=workers)
    without = [name for name, facts in zip(names, found, strict=True) if facts.without]
    if without and (missing == "error" or len(without) == len(names)):
        shown = ", ".join(without[:5]) + (", ..." if len(without) > 5 else "")
        why = next(facts.without for facts in found if facts.without)
        raise ValueError(
            f"{len(without)} of {len(names)} images in {table.source} have no GPS position in EXIF: {shown} (the "
            "first: "
            f"{why}); give a table with positions, names of the form '@easting@northing@...', or leave these images out"
        )
    columns = {
        "lat": ["" if facts.latitude is None else repr(facts.latitude) for facts in found],
        "lon": ["" if facts.longitude is None else repr(facts.longitude) for facts in found],
    }
    times = [_exif_form(facts.time) for facts in found]
    if all(times) or (missing == "blank" and any(times)):
        columns["time"] = times
    if missing == "blank":
        columns["without"] = [facts.without for facts in found]
    return columns


def facts_of(table: ImageTable, *, root: Path, workers: int = 4) -> list[PhotoFacts]:
    """Read what every image of a table says of itself, in threads."""
    names = table.columns["name"]
    return list(ReadAhead(_FactsOf(root, names), count=len(names), workers=workers, depth=64))


class _FactsOf:
    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self._root, self._names = root, names

    def __call__(self, row: int) -> PhotoFacts:
        return photo_facts(self._root / self._names[row])


def _exif_form(time: str) -> str:
    """Return a time without a zone as EXIF writes it, which says that nobody knows its zone."""
    return time if len(time) > 19 else time.replace("-", ":").replace("T", " ")


def _from_exif(gps: Mapping[int, Any]) -> tuple[float, float] | None:
    if 2 not in gps or 4 not in gps:
        return None
    return _checked(_angle(gps[2], gps.get(1), "NS", "latitude"), _angle(gps[4], gps.get(3), "EW", "longitude"))


def _angle(parts: Any, reference: Any, letters: str, what: str) -> float:
    """Return signed degrees of one to three numbers and the hemisphere that they lie in."""
    try:
        numbers = [float(part) for part in (parts if isinstance(parts, Sequence) else [parts])]
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise _NoPositionError(f"{what} in EXIF is no number") from error
    if not 1 <= len(numbers) <= 3 or not all(map(math.isfinite, numbers)):
        raise _NoPositionError(f"{what} in EXIF is no number")
    value = math.fsum(abs(number) / scale for number, scale in zip(numbers, (1, 60, 3600), strict=False))
    negative = any(number < 0 for number in numbers)
    letter = hemisphere(reference)
    if letter is None and negative:
        return -value  # signed degrees say on their own where they lie
    if letter not in tuple(letters):
        raise _NoPositionError(
            f"{what} in EXIF lacks its hemisphere ({letters[0]} or {letters[1]}, it says {reference!r}): nobody knows "
            "on which "
            "side it lies"
        )
    if negative and letter == letters[0]:
        raise _NoPositionError(f"{what} in EXIF is negative and says {letter}, which contradict each other")
    return -value if letter == letters[1] else value


def hemisphere(reference: Any) -> str | None:
    """Return N, S, E or W of a reference as makers write it: text, bytes, a number, a word; None: none of these."""
    if isinstance(reference, (tuple, list)) and reference and all(isinstance(part, int) for part in reference):
        reference = bytes(part & 0xFF for part in reference)
    if isinstance(reference, bool) or reference is None:
        return None
    if isinstance(reference, int):
        reference = chr(reference) if 0 < reference < 128 else ""
    text = reference.decode("latin-1") if isinstance(reference, bytes) else str(reference)
    text = text.strip("\0 \t.").upper()
    text = WORDS.get(text, text)
    return text if text in ("N", "S", "E", "W") else None


def _checked(latitude: float, longitude: float) -> tuple[float, float]:
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise _NoPositionError(f"its position {latitude:g}, {longitude:g} is none on earth")
    return latitude, longitude


def _gps_time(gps: Mapping[int, Any]) -> datetime | None:
    """Return the receiver's UTC: GPSDateStamp and GPSTimeStamp."""
    try:
        year, month, day = (int(part) for part in re.split(r"[:\-/]", str(gps[29]).strip("\0 ")))
        hours, minutes, seconds = (float(part) for part in gps[7])
        return datetime(year, month, day, tzinfo=UTC) + timedelta(hours=hours, minutes=minutes, seconds=round(seconds))
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None


def _from_xmp(xmp: Any) -> tuple[float, float] | None:
    """Return the position of an XMP packet (exif:GPSLatitude "33,51.4S"), as attribute or element."""
    if not isinstance(xmp, (bytes, str)) or len(xmp) > MAX_XMP or "GPSLatitude" not in str(xmp):
        return None
    from defusedxml import ElementTree

    try:
        root = ElementTree.fromstring(
            xmp.strip(b"\0 \n") if isinstance(xmp, bytes) else xmp.strip("\0 \n"), forbid_dtd=True
        )
    except Exception:  # noqa: BLE001  damaged, or with entities, which are not expanded
        return None
    texts = {}
    for element in root.iter():
        for key, value in (*element.attrib.items(), (element.tag, element.text or "")):
            if key in (f"{XMP_SPACE}GPSLatitude", f"{XMP_SPACE}GPSLongitude") and value.strip():
                texts[key.removeprefix(XMP_SPACE)] = value.strip()
    found = [XMP_DEGREES.fullmatch(texts.get(key, "").upper()) for key in ("GPSLatitude", "GPSLongitude")]
    if found[0] is None or found[1] is None or found[0][4] in "EW" or found[1][4] in "NS":
        return None
    latitude, longitude = (
        (float(m[1]) + float(m[2]) / 60 + float(m[3] or 0) / 3600) * (-1 if m[4] in "SW" else 1) for m in found if m
    )
    return _checked(latitude, longitude)
