"""What looks wrong with the positions and names of a split, told before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vpr_data.images.image_set import ImageSet
from vpr_data.places.splits import PlaceSplit

__all__ = ["extent_of", "position_warnings"]

WIDE = 500_000.0
"""Metres: a set wider than this was probably taken in several places, or a position is wrong."""


def extent_of(split: PlaceSplit) -> float:
    """Return metres (frames) from one end of the split to the other, along the longer side."""
    everywhere = np.concatenate([split.database.metric_points, split.queries.metric_points])
    return float(np.ptp(everywhere, axis=0).max()) if len(everywhere) else 0.0


def position_warnings(split: PlaceSplit) -> list[str]:
    """Say what looks wrong with positions and names of a split: in a moment, without opening an image."""
    warnings = list(split.notes)
    if split.protocol.unit == "m":
        warnings += _geography_warnings(split, extent_of(split))
    shared = _shared(split.database, split.queries)
    if shared and not split.protocol.ignore_same_image:
        warnings.append(f"{shared} queries are in the database too, and will find themselves")
    return warnings


def _geography_warnings(split: PlaceSplit, extent: float) -> Iterator[str]:
    if extent > WIDE:
        yield (
            f"positions spread over {extent / 1000:,.0f} km; look for rows with latitude and longitude swapped, or UTM "
            "coordinates of several zones without a column 'zone'"
        )
    xy = np.concatenate([split.database.xy, split.queries.xy])
    degrees = len(xy) > 1 and split.database.points is None and bool((np.abs(xy) <= (180, 90)).all())
    if degrees and extent < 1 and bool((xy != np.round(xy)).any()):
        yield "all positions lie within a metre and look like degrees; give them as columns 'lat' and 'lon'"


def _shared(database: ImageSet, queries: ImageSet) -> int:
    return len(set(database.names) & set(queries.names)) if database.root == queries.root else 0
