"""From an index to the bytes of an image file: a pure function of seed, size and index."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image

from vpr_data.city.dress import Dress, dress_district
from vpr_data.city.layout import area_of
from vpr_data.city.numbering import photo_at
from vpr_data.city.render import Shot, render
from vpr_data.city.scene import Scene, make_scene
from vpr_data.city.sizes import CitySize
from vpr_data.city.visits import visits_of

__all__ = ["VERSION", "photograph"]

VERSION = 4
"""Changes with anything that changes a pixel; part of the cache folder's name."""


@lru_cache(maxsize=4)
def _scene(seed: int, area: int, size: CitySize) -> Scene:
    return make_scene(area_of(seed, area, size), salt=seed, area=area)


@lru_cache(maxsize=32)
def _dress(seed: int, area: int, visit: int, size: CitySize) -> Dress:
    return dress_district(area_of(seed, area, size), visits_of(seed)[visit], salt=seed)


def photograph(seed: int, size: CitySize, index: int) -> bytes:
    """Render photograph ``index`` of a city and return it as a JPEG file."""
    photo = photo_at(seed, size, index)
    shot = Shot(
        camera=photo.camera,
        key=(seed, index),
        supersample=size.supersample,
    )
    scene, dress = _scene(seed, photo.area, size), _dress(seed, photo.area, photo.visit, size)
    pixels = render(scene, dress, shot)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=92, subsampling=0)
    return file.getvalue()
