"""Positions of photos by their times along a track."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vpr_data.tables.camera import facts_of
from vpr_data.tables.gpx import Track
from vpr_data.tables.image_table import ImageTable
from vpr_data.tables.times import utc_seconds

__all__ = ["GAP", "track_columns"]

GAP = 60.0
"""Seconds between two points of a track beyond which nobody knows where the photo in between was taken."""


def track_columns(
    table: ImageTable, *, root: Path, track: Track, offset: float = 0.0, gap: float = GAP
) -> dict[str, list[str]]:
    """Return columns ``lat, lon, time, without`` of images by the time that each was taken.

    Args:
        table: names the images; times are its column ``time`` (ISO 8601), else those of the cameras.
        root: folder that the names are relative to.
        track: where the receiver was when.
        offset: seconds to add to the photos' times: what their clock was behind. A camera that writes no zone is taken
            to show UTC; one on Central European Summer Time needs -7200.
        gap: longest time between two points of the track that is bridged, in seconds.

    Raises:
        ValueError: no photo falls into the track; says when both were, and which offset would fit.
    """
    times = table.columns.get("time") or [facts.time for facts in facts_of(table, root=root)]
    seconds = np.array([_seconds(text) for text in times]) + offset
    timed = np.isfinite(seconds)
    where = np.full((len(seconds), 2), np.nan)
    where[timed] = track.at(seconds[timed], gap=gap)
    known = np.isfinite(where).all(axis=1)
    if not known.any():
        raise ValueError(_nothing(table, times, seconds[timed], track, offset))
    return {
        "lat": [repr(float(value)) if found else "" for value, found in zip(where[:, 0], known, strict=True)],
        "lon": [repr(float(value)) if found else "" for value, found in zip(where[:, 1], known, strict=True)],
        "time": list(times),
        "without": [
            "" if found else "the track does not say where, at its time" if has else "it has no time"
            for found, has in zip(known, timed, strict=True)
        ],
    }


def _seconds(text: str) -> float:
    try:
        return utc_seconds(text) if text else np.nan
    except ValueError:
        return np.nan


def _nothing(table: ImageTable, times: Sequence[str], seconds: np.ndarray, track: Track, offset: float) -> str:
    if not len(seconds):
        return f"{track.source}: no image of {table.source} says when it was taken; positions by time need that"
    taken = sorted(text for text in times if text)
    shift = track.shift_of(seconds)
    advice = (
        f"; the clock seems to be on local time: gpx_offset {offset + shift:g} would fit"
        if shift is not None
        else "; is it the right track? gpx_offset corrects the camera's clock, in seconds"
    )
    return (
        f"{track.source}: no image was taken along this track, which runs from {track.span()}; images were taken from "
        f"{taken[0]} to {taken[-1]}{advice}"
    )
