"""What one visit finds in a district: repainted walls, shops that changed hands, scaffolding, parked cars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpr_data.city.cars import Boxes, park_cars
from vpr_data.city.draws import F32, Bool, unit_hash
from vpr_data.city.plan import District
from vpr_data.city.props import Props, place_props
from vpr_data.city.styles import BOARDS, PLASTER
from vpr_data.city.visits import Visit

__all__ = ["Dress", "dress_district"]

_FIRST_YEAR = 2010
_REPAINTED, _SOLD, _CLAD = 0.02, 0.04, 0.03
"""Chance a building and year of new paint and of a new shop; chance a building and visit of scaffolding."""


@dataclass(frozen=True, kw_only=True)
class Dress:
    """State of a district's buildings in one visit, one entry a building.

    Attributes:
        wall: colour ``(3, B)``.
        shop: number of the shop in each ground floor; a new one has another name, colour and awning.
        clad: behind scaffolding.
        boxes: parked cars of the whole district.
        props: trees, lamps and passers-by of the whole district.
    """

    visit: Visit
    wall: F32
    shop: F32
    clad: Bool
    boxes: Boxes
    props: Props


def dress_district(district: District, visit: Visit, *, salt: int) -> Dress:
    """Changes accumulate over the years, so that a later visit keeps the earlier ones' changes."""
    buildings = district.buildings
    number = np.arange(len(buildings))
    wall, shop = buildings.wall.copy(), np.zeros(len(buildings), dtype=np.float32)
    paintable = (buildings.texture == PLASTER) | (buildings.texture == BOARDS)
    for year in range(_FIRST_YEAR + 1, visit.year + 1):
        hit = (unit_hash(number, year, salt, 51) < _REPAINTED) & paintable
        fresh = np.stack([unit_hash(number, year, salt, 52 + c) for c in range(3)]) * 0.25 + 0.55
        wall = np.where(hit, fresh, wall).astype(np.float32)
        shop += unit_hash(number, year, salt, 81) < _SOLD
    return Dress(
        visit=visit,
        wall=wall,
        shop=shop,
        clad=unit_hash(number, visit.time, salt, 71) < _CLAD,
        boxes=park_cars(district.roads, visit, salt=salt),
        props=place_props(district, visit, salt=salt),
    )
