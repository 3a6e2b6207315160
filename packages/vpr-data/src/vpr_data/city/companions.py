"""Companions: for each training query one more database image, taken in the query's own visit."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from vpr_data.city.camera import Camera
from vpr_data.city.draws import keyed_rng
from vpr_data.city.layout import Photo, lay_out
from vpr_data.city.sizes import SPLITS, CitySize

__all__ = ["companions_of"]

_KEY = 8
_SHIFT = 1.5
_TURN = 6.0


@lru_cache(maxsize=8)
def companions_of(seed: int, size: CitySize) -> tuple[Photo, ...]:
    """Photographs numbered on behind those of `lay_out`, which they leave as they are.

    The camera stands up to ``_SHIFT`` metres along and across from the query's and looks up to ``_TURN`` degrees aside:
    what a second photograph of the same drive shows, with the same light, the same weather and the same parked cars.
    """
    photos = lay_out(seed, size)
    train = SPLITS.index("train")
    found = []
    for number, query in enumerate(photo for photo in photos if photo.query and photo.area == train):
        rng = keyed_rng(seed, train, _KEY, number)
        shift = rng.uniform(-_SHIFT, _SHIFT, 2)
        east, north, up = query.camera.position
        moved = {
            "position": (east + float(shift[0]), north + float(shift[1]), up),
            "heading": float((query.camera.heading + rng.uniform(-_TURN, _TURN)) % 360),
            "pitch": query.camera.pitch + float(rng.normal(0.0, 0.5)),
        }
        error = np.clip(rng.normal(0, 0.7, 2), -1.5, 1.5)
        stated = np.round(np.array(query.xy) + shift + error, 2)
        found.append(
            Photo(
                index=len(photos) + number,
                name=f"train/companions/{number:04d}_{query.time}.jpg",
                area=train,
                query=False,
                xy=(float(stated[0]), float(stated[1])),
                camera=Camera(**{**vars(query.camera), **moved}),
                visit=query.visit,
                time=query.time,
                station=query.station,
                place=query.place,
            )
        )
    return tuple(found)
