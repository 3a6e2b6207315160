"""From the answers of a map to `Located`: the map's own scale, floor and calibration are found once."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError
from vpr_runner.extraction.manifest import ChunkRecord
from vpr_runner.files.documents import parsed
from vpr_runner.locate.calibration import CALIBRATION_FILE, Calibration
from vpr_runner.locate.estimate import position
from vpr_runner.locate.located import Answer, Located

if TYPE_CHECKING:
    from vpr_runner.maps.opened import Map
    from vpr_runner.maps.places import Places

__all__ = ["ANSWERS", "SCALE", "Guess", "read_calibration", "rows_digest", "rows_of", "spacing"]

ANSWERS = 10
"""Answers that an estimate is made of."""
SCALE, REACH = 0.1, 2.0
"""Scale and reach (in ways from an image to the next) of an estimate in a map that is not calibrated: an answer at
distance 0.61 counts a third of one at 0.60, and one that stands alone little against several of one place."""
SAMPLED = 128
log = logging.getLogger(__name__)


class Guess:
    """Makes one position of answers.

    Args:
        places: of the map.
        calibration: of the map, or None.
    """

    def __init__(self, places: Places, *, calibration: Calibration | None = None) -> None:
        self._places, self.calibration = places, calibration
        self.floor = spacing(places) / 2
        """Metres that no radius goes below: half the usual way from an image to the next place."""

    @classmethod
    def of(cls, opened: Map) -> Guess:
        """Return that of an opened map, with the calibration in it."""
        return cls(opened.places, calibration=read_calibration(opened))

    def __call__(
        self, rows: npt.NDArray[np.int64], distances: npt.NDArray[np.floating], *, count: int | None = None
    ) -> Located:
        """Return where a photo was taken whose nearest images are ``rows (K,)`` of the map; -1 is none.

        ``count`` answers are listed at most; the estimate is made of the first `ANSWERS`.
        """
        there = rows >= 0
        rows, distances = rows[there], distances[there].astype(np.float64)
        places, first = self._places, float(distances[0]) if len(rows) else None
        answers = tuple(
            Answer(rank=rank, distance=float(d), image=places.names[row], place=places.described(row))
            for rank, (row, d) in enumerate(zip(rows[:count].tolist(), distances[:count], strict=True), 1)
        )
        known = places.located[rows[:ANSWERS]] if len(rows) else np.zeros(0, dtype=bool)
        xy, learnt = places.xy, self.calibration
        believed = None if learnt is None or first is None else learnt.believes(first)
        if xy is None or not known.any():
            return Located(answers=answers, distance=first, believed=believed)
        near = rows[:ANSWERS][known]
        scale, reach = SCALE, 2 * self.floor * REACH or np.inf
        if learnt is not None:
            scale, reach = learnt.scale, np.inf if learnt.reach is None else learnt.reach
        here, spread = position(xy[near], distances[:ANSWERS][known], scale=scale, reach=reach)
        radius = max(self.floor, spread) * (1.0 if learnt is None else learnt.stretch)
        return Located(
            answers=answers, position=_described(places, near, here), radius_m=radius, distance=first, believed=believed
        )


def read_calibration(opened: Map) -> Calibration | None:
    """Return the calibration in a map; None: there is none, or it belongs to other rows.

    Raises:
        UsageError: it is damaged.
    """
    if opened.seal is None or CALIBRATION_FILE not in opened.seal.files:
        return None
    try:
        found = Calibration.from_json(parsed(opened.seal.read(CALIBRATION_FILE)))
    except ValueError as error:
        raise UsageError(
            f"{opened.folder / CALIBRATION_FILE}: {error}; run `vpr calibrate {opened.folder}` again"
        ) from error
    if found.rows != rows_digest(opened):
        log.warning("the calibration of %s is of other images; run `vpr calibrate` again", opened.folder)
        return None
    return found


def rows_of(index: npt.NDArray[np.int64], kept: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return rows of the map for numbers among its readable images; -1, of an approximate index, stays."""
    return np.where(index >= 0, kept[np.maximum(index, 0)], -1)


def rows_digest(opened: Map) -> str:
    """Return a digest of the descriptors and positions of a map."""
    whole = hashlib.sha256(opened.descriptors.fingerprint.encode())
    for number, _ in enumerate(opened.descriptors.blocks()):
        record = ChunkRecord.read(opened.folder, number)
        whole.update(("" if record is None else record.sha256).encode())
    whole.update(opened.places.to_csv().encode())
    return whole.hexdigest()


def spacing(places: Places) -> float:
    """Return the usual distance from an image to the next place, in metres; 0 where there are no two places.

    The median over `SAMPLED` images, evenly drawn, of the distance to the nearest image that lies elsewhere.
    """
    xy = places.xy
    if xy is None:
        return 0.0
    xy = xy[np.isfinite(xy).all(axis=1)]
    order = np.argsort(xy[:, 0], kind="stable")
    place = np.empty(len(xy), dtype=np.int64)
    place[order] = np.arange(len(xy))
    sampled = np.unique(np.linspace(0, len(xy) - 1, min(len(xy), SAMPLED)).astype(np.int64)) if len(xy) else ()
    xy = xy[order]
    found = [away for row in sampled if (away := _to_next(xy, int(place[row]))) is not None]
    return float(np.median(found)) if found else 0.0


def _to_next(xy: npt.NDArray[np.float64], place: int) -> float | None:
    """Return the distance from one of some points, sorted by x, to the nearest that lies elsewhere, if there is one.

    Some neighbours in x bound it, and only what lies within that bound in x can be nearer: of a million images few do.
    """
    here, reach = xy[place], 64
    while True:
        first, last = max(0, place - reach), place + reach + 1
        away = np.hypot(*(xy[first:last] - here).T)
        if (away > 0).any():
            break
        if first == 0 and last >= len(xy):
            return None
        reach *= 8
    nearest = away[away > 0].min()
    first = np.searchsorted(xy[:, 0], here[0] - nearest)
    last = np.searchsorted(xy[:, 0], here[0] + nearest, side="right")
    away = np.hypot(*(xy[first:last] - here).T)
    return float(min(nearest, away[away > 0].min(initial=np.inf)))


def _described(places: Places, near: npt.NDArray[np.int64], here: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return a point of the metric frame as plain numbers, in degrees too where the frame is tied to the earth."""
    said: dict[str, float] = {}
    if places.frame is not None:
        lat, lon = places.frame.to_degrees(here[None])[0].tolist()
        if places.degrees is not None and places.xy is not None:
            # Where the estimate is an image of the map, its own degrees come back to the last digit.
            same = near[(places.xy[near] == here).all(axis=1)]
            if len(same):
                lat, lon = places.degrees[int(same[0])].tolist()
        said |= {"lat": lat, "lon": lon}
    return {**said, "x": float(here[0]), "y": float(here[1])}
