"""All photographs of a city under one number: those of the splits, the companions, the drives."""

from __future__ import annotations

from vpr_data.city.companions import companions_of
from vpr_data.city.drives import drives_of
from vpr_data.city.layout import Photo, lay_out
from vpr_data.city.sizes import CitySize

__all__ = ["photo_at"]


def photo_at(seed: int, size: CitySize, index: int) -> Photo:
    """Return the photograph of an index."""
    for photos in (lay_out(seed, size), companions_of(seed, size)):
        if index < len(photos):
            return photos[index]
        index -= len(photos)
    return drives_of(seed, size)[index]
