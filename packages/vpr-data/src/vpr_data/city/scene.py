"""A district made ready for rendering: its plan, and a height map for cast shadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vpr_data.city.draws import F32
from vpr_data.city.plan import District
from vpr_data.city.visits import Visit, light_of

__all__ = ["HeightMap", "Scene", "make_scene"]


@dataclass(frozen=True, kw_only=True)
class HeightMap:
    """Heights ``(rows, columns)`` of what stands on the ground, one cell a square metre; ``origin`` is cell (0, 0)."""

    origin: tuple[float, float]
    cells: F32

    def at(self, x: F32, y: F32) -> F32:
        """Heights at points; zero outside."""
        j = np.clip((x - np.float32(self.origin[0])).astype(np.int32), 0, self.cells.shape[1] - 1)
        i = np.clip((y - np.float32(self.origin[1])).astype(np.int32), 0, self.cells.shape[0] - 1)
        return self.cells[i, j]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What the renderer reads of one district."""

    district: District
    heights: HeightMap
    salt: int
    area: int

    def sunlit(self, x: F32, y: F32, z: F32, visit: Visit) -> F32:
        """1 where the sun reaches a point, 0 in the shadow of a building: a march through the height map."""
        sun = light_of(visit)
        level = float(np.hypot(sun[0], sun[1]))
        climb = np.float32(sun[2] / level)
        ux, uy = np.float32(sun[0] / level), np.float32(sun[1] / level)
        lit = np.ones(len(x), dtype=np.bool_)
        for step in (1.2, 2.5, 4, 6, 8.5, 11.5, 15, 19, 24, 30, 38, 48):
            reach = np.float32(step)
            lit &= self.heights.at(x + ux * reach, y + uy * reach) < z + climb * reach
        return lit.astype(np.float32)


def make_scene(district: District, *, salt: int, area: int) -> Scene:
    """Rasterise the footprints of a district."""
    quads = district.footprints
    low = np.floor(quads.min(axis=(0, 1))) - 2
    high = np.ceil(quads.max(axis=(0, 1))) + 2
    columns, rows = (int(v) for v in high - low)
    canvas = Image.new("F", (columns, rows), 0.0)
    draw = ImageDraw.Draw(canvas)
    for k in np.argsort(district.heights, kind="stable"):
        draw.polygon([(float(p[0] - low[0]), float(p[1] - low[1])) for p in quads[k]], fill=float(district.heights[k]))
    cells = np.asarray(canvas, dtype=np.float32).copy()
    cells[0] = cells[-1] = 0
    cells[:, 0] = cells[:, -1] = 0
    return Scene(
        district=district,
        heights=HeightMap(origin=(float(low[0]), float(low[1])), cells=cells),
        salt=salt,
        area=area,
    )
