"""2.5-D ray casting: a fan of azimuths against vertical walls, then exact planes for every pixel.

Every surface but the ground stands upright, so what a pixel sees along its azimuth is the first wall whose top rises
above the pixel's slope. The fan keeps, for each azimuth, the nearest walls in order with the running maximum of the
slopes of their tops; a pixel counts the slopes below its own to find its wall, then meets that wall's plane exactly, so
that the fan's step never shows inside a wall.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vpr_data.city.draws import F32, I64

__all__ = ["Hits", "cast"]


@dataclass(frozen=True, kw_only=True)
class Hits:
    """What each ray meets: ``wall`` ``(P,)`` (-1: none), ``depth`` ``(P,)`` (infinite: none), ``along`` metres."""

    wall: I64
    depth: F32
    along: F32


def cast(
    start: F32,
    end: F32,
    top: Callable[[I64, F32], F32],
    *,
    origin: tuple[float, float, float],
    heading: float,
    rays: F32,
    steps: int,
    reach: float,
    layers: int = 10,
    lids: bool = False,
) -> Hits:
    """Meet ``rays (P, 3)`` with walls ``start -> end (S, 2)``, seen from their right, as high as ``top(wall, along)``.

    ``rays`` have forward component 1, so that the returned ``depth`` is the depth along the optical axis. ``steps`` is
    the number of azimuths of the fan, ``reach`` the farthest distance, ``layers`` how many walls a fan azimuth keeps.
    With ``lids`` the walls turned away from the camera count too: they carry the tops of closed boxes.
    """
    turn = np.radians(heading)
    sin, cos = np.float32(np.sin(turn)), np.float32(np.cos(turn))
    x, y, rise = (np.ascontiguousarray(rays[:, k]) for k in range(3))
    forward, right = x * sin + y * cos, x * cos - y * sin
    azimuth = np.arctan2(right, forward)
    low, high = float(azimuth.min()), float(azimuth.max())
    fan = np.linspace(low, high, steps) + turn
    count = len(rays)
    hits = Hits(
        wall=np.full(count, -1, dtype=np.int64),
        depth=np.full(count, np.inf, dtype=np.float32),
        along=np.zeros(count, dtype=np.float32),
    )
    centre = np.array(origin[:2], dtype=np.float32)
    near = _in_view(start - centre, end - centre, (low + high) / 2 + turn, (high - low) / 2, reach)
    if not len(near):
        return hits
    px, py = np.ascontiguousarray((start[near] - centre).T)
    ex, ey = np.ascontiguousarray((end[near] - start[near]).T)
    length = np.hypot(ex, ey)
    dx, dy = np.sin(fan).astype(np.float32)[:, None], np.cos(fan).astype(np.float32)[:, None]
    turned = dx * ey - dy * ex
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (px * ey - py * ex) / turned
        part = (px * dy - py * dx) / turned
        met = (distance > 0.05) & (distance < reach) & (part >= 0) & (part <= 1)
        met &= (turned != 0) if lids else (turned < 0)
        distance = np.where(met, distance, np.float32(np.inf))
        keep = min(layers, distance.shape[1])
        order = np.argpartition(distance, keep - 1, axis=1)[:, :keep]
        row = np.arange(steps)[:, None]
        order = np.take_along_axis(order, np.argsort(distance[row, order], axis=1, kind="stable"), axis=1)
        distance = distance[row, order]
        part = np.nan_to_num(np.clip(part[row, order], 0, 1)) * length[order]
        slope = (top(near[order], part) - np.float32(origin[2])) / distance
    slope = np.where(np.isfinite(distance), slope, np.float32(-np.inf))
    slope = np.maximum.accumulate(slope, axis=1)

    level = np.hypot(right, forward)
    pixel_slope = rise / level
    column = np.rint((azimuth - low) * np.float32((steps - 1) / max(high - low, 1e-9))).astype(np.int64)
    where = np.flatnonzero(pixel_slope <= slope[:, -1].take(column))
    column, wanted = column[where], pixel_slope[where]
    layer = np.zeros(len(where), dtype=np.int64)
    for k in range(keep - 1):
        layer += np.ascontiguousarray(slope[:, k]).take(column) < wanted
    cell = column * keep + layer
    wall = order.take(cell)
    px, py, ex, ey, x, y = px.take(wall), py.take(wall), ex.take(wall), ey.take(wall), x[where], y[where]
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = x * ey - y * ex
        depth = (px * ey - py * ex) / cross
        share = (px * y - py * x) / cross
    good = np.isfinite(depth) & (depth > 0)
    hits.wall[where] = near.take(wall)
    hits.depth[where] = np.where(good, depth, distance.take(cell) / level[where])
    hits.along[where] = np.clip(np.where(good, share, np.float32(0.5)), 0, 1) * length.take(wall)
    return hits


def _in_view(p: F32, q: F32, centre: float, half: float, reach: float) -> I64:
    """Walls with a part within ``reach`` and inside the wedge ``centre +- half`` (kept generously)."""
    middle = (p + q) / 2
    radius = np.hypot(*(q - p).T) / 2
    distance = np.hypot(*middle.T)
    close = distance - radius < reach
    axis = np.array([np.sin(centre), np.cos(centre)], dtype=np.float32)
    if half < np.pi / 2 - 0.05:
        edge = np.pi / 2 - half
        left = np.array([np.sin(centre + edge), np.cos(centre + edge)], dtype=np.float32)
        right = np.array([np.sin(centre - edge), np.cos(centre - edge)], dtype=np.float32)
        close &= (middle @ left > -radius - 0.5) & (middle @ right > -radius - 0.5) & (middle @ axis > -radius)
    return np.flatnonzero(close)
