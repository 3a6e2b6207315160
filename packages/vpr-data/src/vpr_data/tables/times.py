"""Times as cameras, tables and receivers write them, understood or called unknown."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

__all__ = ["camera_time", "seconds_of", "utc_seconds"]

CAMERA = re.compile(
    r"(\d{4})[:\-/](\d\d)[:\-/](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:[.,]\d*)?\s*(Z|[+-]\d\d:?\d\d)?[\s:\0]*"
)
"""``2026:07:14 20:19:45``, with blanks and colons where a maker pads the field, and a zone where one writes it."""
ZONE = re.compile(r"\s*([+-])(\d\d):?(\d\d)\s*")
QUARTER = 900


def camera_time(text: str, *, offset: str = "", gps: datetime | None = None) -> str:
    """Return when a photo was taken as ISO 8601, or '' where its clock was never set or says nothing.

    A camera writes local time. Its zone is the one in ``text``, else ``offset`` (OffsetTimeOriginal), else the quarter
    of an hour that lies between it and the receiver's UTC (``gps``); else none is written. Without a local time it is
    ``gps``.

    >>> camera_time("2026:07:14 20:19:45   :  ", offset="+02:00")
    '2026-07-14T20:19:45+02:00'
    >>> camera_time("0000:00:00 00:00:00")
    ''
    """
    found = CAMERA.fullmatch(text.strip("\0 "))
    try:
        year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6]) if found else (0,) * 6
        local = datetime(year, month, day, hour, minute, min(second, 59))
    except ValueError:  # 0000:00:00, or a month 13
        return "" if gps is None else gps.isoformat()
    zone = _zone(found[7] if found and found[7] else offset)
    if zone is None and gps is not None:
        ahead = round((local - gps.astimezone(UTC).replace(tzinfo=None)).total_seconds() / QUARTER) * QUARTER
        zone = timezone(timedelta(seconds=ahead)) if abs(ahead) <= 14 * 3600 else None
    return local.replace(tzinfo=zone).isoformat()


def _zone(text: str) -> timezone | None:
    if text.strip() == "Z":
        return UTC
    found = ZONE.fullmatch(text.strip("\0"))
    if found is None:
        return None
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-ahead if found[1] == "-" else ahead) if ahead <= timedelta(hours=14) else None


def seconds_of(text: str) -> int:
    """Return seconds since 1970 of ISO 8601 or EXIF's form; without a zone it is UTC.

    Raises:
        ValueError: it is neither.
    """
    return round(utc_seconds(text))


def utc_seconds(text: str) -> float:
    """The same with fractions."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.fromisoformat(camera_time(text))
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except OverflowError as error:
        raise ValueError(str(error)) from error
