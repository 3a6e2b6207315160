"""What looks wrong with the positions and names of a split, told before anything runs.

What cannot be true is refused where positions are read (`vpr_data.tables.positions`); what is improbable is said here,
in one list for every source of positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vpr_data.images.image_set import ImageSet
from vpr_data.places.splits import PlaceSplit

__all__ = ["extent_of", "place_warnings", "position_warnings"]

Float64Array = npt.NDArray[np.float64]

WIDE = 500_000.0
"""Metres: a set wider than this was probably taken in several places, or a position is wrong."""
SAMPLE = 500
"""Queries that are asked whether they have a right answer."""


def extent_of(split: PlaceSplit) -> float:
    """Return metres (frames) from one end of the split to the other, along the longer side."""
    return split.extent()


def position_warnings(split: PlaceSplit) -> list[str]:
    """Say what looks wrong with positions and names of a split: in a moment, without opening an image.

    Degrees in metres, a hemisphere or an order of coordinates that does not fit the rest, exactly 0, 0, one position
    for most images, rules by which every answer or none is right, queries in the database; and what was left out when
    the split was made (`PlaceSplit.notes`).
    """
    extent = extent_of(split)
    warnings = [*split.notes, *_answers(split, extent)]
    if split.protocol.unit == "m":
        warnings += _geography(_together(split, "degrees"), extent)
        warnings += _degrees_in_metres(split, extent)
    if split.protocol.unit not in ("place", "list"):
        what = "frame number" if split.protocol.unit == "frame" else "position"
        warnings += _identical(split.database, f"of the database have the very same {what}", few=3)
        if split.queries is not split.database:
            warnings += _identical(split.queries, f"of the queries have the very same {what}", few=3)
    shared = _shared(split.database, split.queries)
    if shared and not split.protocol.ignore_same_image:
        warnings.append(f"{shared} queries are in the database too, and will find themselves")
    return warnings


def place_warnings(images: ImageSet) -> list[str]:
    """The part of it that needs no split: what looks wrong with the positions of one set of images, as of a map."""
    known = images if images.located is None else images.select(np.flatnonzero(images.located))
    if len(known) == 0:
        return []
    extent = float(np.ptp(known.metric_points, axis=0).max())
    return [*_geography(known.degrees, extent), *_identical(known, "have the very same position", few=24)]


def _geography(degrees: Float64Array | None, extent: float) -> Iterator[str]:
    mirrored = None if degrees is None else _mirrored(degrees)
    if mirrored is not None:
        yield mirrored
    elif extent > WIDE:
        yield (
            f"positions spread over {extent / 1000:,.0f} km; look for rows with latitude and longitude swapped, or UTM "
            "coordinates of several zones without a column 'zone'"
        )
    nowhere = 0 if degrees is None else int((degrees == 0).all(axis=1).sum())
    if nowhere:
        yield f"{_images(nowhere)} at exactly 0, 0, in the Gulf of Guinea: a receiver without a fix writes that, too"


def _mirrored(degrees: Float64Array) -> str | None:
    """Say so if a few images lie where the mirror image of the others is, across the equator or Greenwich."""
    for column, what, letters in ((0, "equator", "N and S"), (1, "meridian of Greenwich", "E and W")):
        values = degrees[:, column]
        few = (values < 0) if (values < 0).sum() * 2 <= len(values) else (values > 0)
        others = values[~few]
        if not few.any() or not len(others):
            continue
        # Five degrees across is wider than any set that is not of the whole earth, and far from where signs meet.
        spread = np.ptp(np.abs(values))
        if spread < 5 and np.abs(values).min() > spread:
            return (
                f"{_images(int(few.sum()))} beyond the {what} from the other {len(others)}, at mirrored degrees; look "
                f"for hemispheres ({letters}, or signs) that are wrong"
            )
    return None


def _degrees_in_metres(split: PlaceSplit, extent: float) -> Iterator[str]:
    xy = np.concatenate([split.database.xy, split.queries.xy])
    if len(xy) < 2 or split.database.points is not None or not (xy != np.round(xy)).any():
        return
    if not ((np.abs(xy) <= (180, 90)).all() or (np.abs(xy) <= (90, 180)).all()):
        return
    if extent < 1:
        yield "all positions lie within a metre and look like degrees; give them as columns 'lat' and 'lon'"
    elif extent <= split.protocol.radius and np.abs(xy).min(axis=0).max() > extent:
        # Metres of a place begin somewhere near their origin; degrees lie far from theirs.
        low, high = xy.min(axis=0), xy.max(axis=0)
        yield (
            f"x and y lie between {low[0]:g}, {low[1]:g} and {high[0]:g}, {high[1]:g}: taken as metres, {extent:.1f} m "
            "from end to end, but they look like degrees; if they are, call the columns 'lat' and 'lon' (columns: "
            "{lat: ..., lon: ...})"
        )


def _identical(images: ImageSet, what: str, *, few: int) -> Iterator[str]:
    _, counts = np.unique(images.metric_points, axis=0, return_counts=True)
    most = int(counts.max(initial=0))
    # A panorama is cut into 12 or 24 images of one position.
    if most > max(24 if len(counts) > 1 else few, len(images) // 2):
        yield f"{most} of {len(images)} images {what}; is it a placeholder?"


def _answers(split: PlaceSplit, extent: float) -> Iterator[str]:
    radius, database = split.protocol.radius, len(split.database)
    if not len(split.queries) or getattr(split, "secret", False):
        return
    reach = {"place": "its place", "list": "its list"}.get(split.protocol.unit, f"{radius:g} {split.protocol.unit}")
    if extent <= 2 * radius:
        own = 1 if split.protocol.ignore_same_image else 0
        enough = database >= 3 and len(split.queries) >= 2  # of fewer it says nothing
        if enough and (split.positives().lengths >= database - own).all():
            yield (
                f"every answer is right: all {database} database images lie within {reach} of every query, so that "
                "any network reaches 100 %; look at the unit of the positions, and at the radius"
            )
            return
    # What is listed is looked up, not measured: that takes no time.
    some = split if len(split.queries) <= SAMPLE or split.identity() else _thinned(split)
    if not some.positives().lengths.any() and (some is split or not split.positives().lengths.any()):
        yield f"no query has a database image within {reach}; are both in the same coordinates?"


def _thinned(split: PlaceSplit) -> PlaceSplit:
    """Return the split with some of its queries, evenly spaced."""
    rows = np.unique(np.linspace(0, len(split.queries) - 1, SAMPLE).astype(np.int64))
    return replace(split, queries=split.queries.select(rows), subsets={})


def _together(split: PlaceSplit, field: str) -> Float64Array | None:
    arrays = [getattr(split.database, field), getattr(split.queries, field)]
    return None if any(array is None for array in arrays) else np.concatenate(arrays)


def _images(count: int) -> str:
    return "1 image is" if count == 1 else f"{count} images are"


def _shared(database: ImageSet, queries: ImageSet) -> int:
    return len(set(database.names) & set(queries.names)) if database.root == queries.root else 0
