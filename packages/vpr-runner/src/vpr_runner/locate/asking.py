"""Asking a map about photos whose place is known: its own images, each without itself, or others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError
from vpr_data import coordinates
from vpr_runner.locate.calibrate import Asked
from vpr_runner.locate.guess import ANSWERS, rows_of

if TYPE_CHECKING:
    from vpr_core.types import ImageSet
    from vpr_runner.maps.index import MapIndex
    from vpr_runner.maps.opened import Map

__all__ = ["ask_others", "leave_one_out", "truth_of"]


def leave_one_out(opened: Map, index: MapIndex, *, most: int) -> Asked:
    """Ask for images of the map itself, at most ``most``, evenly drawn; each is taken out of its own answers."""
    located = opened.places.located.copy()
    failed = set(opened.descriptors.failures)
    located &= np.array([name not in failed for name in opened.descriptors.names], dtype=bool)
    own = np.flatnonzero(located)
    if len(own) > most:
        own = own[np.linspace(0, len(own) - 1, most).astype(np.int64)]
    if not len(own):
        raise UsageError(f"{opened.folder}: no image has a position; there is nothing to calibrate by")
    queries = opened.descriptors[own].astype(np.float32)
    return _asked(opened, index, queries, truth=_metres(opened)[own], own=own)


def ask_others(opened: Map, index: MapIndex, queries: npt.NDArray[np.float32], truth: npt.NDArray[np.float64]) -> Asked:
    """Ask for other photos: descriptors ``(Q, D)`` and where they were taken ``(Q, 2)``, in the metres of the map."""
    return _asked(opened, index, queries, truth=truth, own=None)


def truth_of(images: ImageSet, opened: Map) -> npt.NDArray[np.float64]:
    """Return where images were taken ``(Q, 2)``, in the metres of a map; NaN where that is not known.

    Raises:
        UsageError: their positions and those of the map count from different places.
    """
    degrees, frame = coordinates(images), opened.places.frame
    if frame is not None and degrees is not None:
        return frame.to_metres(degrees)
    if frame is None and degrees is None:
        return np.asarray(images.xy, dtype=np.float64)
    which = "the photos" if degrees is None else "the map"
    raise UsageError(f"the metres of {which} count from nobody knows where; give both latitude and longitude")


def _metres(opened: Map) -> npt.NDArray[np.float64]:
    xy = opened.places.xy
    if xy is None:
        raise UsageError(f"{opened.folder}: no image has a position; there is nothing to calibrate by")
    return xy


def _asked(
    opened: Map,
    index: MapIndex,
    queries: npt.NDArray[np.float32],
    *,
    truth: npt.NDArray[np.float64],
    own: npt.NDArray[np.int64] | None,
) -> Asked:
    located = opened.places.located
    found, kept = index.nearest(queries, 3 * ANSWERS)  # some may have no position
    rows = np.full((len(queries), ANSWERS), -1, dtype=np.int64)
    distances = np.full((len(queries), ANSWERS), np.inf)
    for photo in range(len(queries)):
        near = rows_of(found.index[photo], kept)
        good = (near >= 0) & located[near] & (near != (-1 if own is None else own[photo]))
        few = near[good][:ANSWERS]
        rows[photo, : len(few)], distances[photo, : len(few)] = few, found.distance[photo][good][:ANSWERS]
    answered = (rows[:, 0] >= 0) & np.isfinite(truth).all(axis=1)
    return Asked(rows=rows[answered], distances=distances[answered], truth=truth[answered])
