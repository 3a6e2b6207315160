"""The ground: carriageways with lane marks and crossings, kerbs, pavements, parks, rain and snow."""

from __future__ import annotations

import numpy as np

from vpr_data.city.brush import paint, rgb
from vpr_data.city.draws import F32, F64, Bool, noise, unit_hash
from vpr_data.city.plan import Roads
from vpr_data.city.visits import Visit

__all__ = ["inside_quads", "near_roads", "shade_ground"]


def near_roads(roads: Roads, centre: tuple[float, float], reach: float) -> list[int]:
    """Roads with a part within ``reach`` of a point."""
    spot = np.asarray(centre)
    along = roads.end - roads.start
    length = np.linalg.norm(along, axis=1)
    share = np.clip(((spot - roads.start) * along).sum(axis=1) / length**2, 0, 1)
    distance = np.linalg.norm(roads.start + share[:, None] * along - spot, axis=1)
    return [int(i) for i in np.flatnonzero(distance < reach)]


def inside_quads(x: F32, y: F32, quads: F64) -> Bool:
    """Which points lie in any of the counter-clockwise convex quads ``(P, 4, 2)``."""
    inside = np.zeros(len(x), dtype=np.bool_)
    for quad in quads:
        within = np.ones(len(x), dtype=np.bool_)
        for a, b in zip(quad, np.roll(quad, -1, axis=0), strict=True):
            within &= (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) >= 0
        inside |= within
    return inside


def shade_ground(x: F32, y: F32, size: F32, roads: Roads, near: list[int], parks: F64, visit: Visit) -> tuple[F32, F32]:
    """Albedo ``(3, n)`` and mirrored share ``(n,)`` of ground points, given the roads around."""
    count = len(x)
    best = np.full(count, np.inf, dtype=np.float32)  # signed distance to the nearest carriageway's edge
    inside = np.zeros(count, dtype=np.int8)
    marks = np.zeros(count, dtype=np.float32)
    slabs = np.zeros(count, dtype=np.float32)
    cobbled = np.zeros(count, dtype=np.bool_)
    for i in near:
        start, end = roads.start[i], roads.end[i]
        length = np.float32(np.linalg.norm(end - start))
        ux, uy = ((end - start) / length).astype(np.float32)
        x0, y0 = start.astype(np.float32)
        along, lateral = (x - x0) * ux + (y - y0) * uy, (x - x0) * uy - (y - y0) * ux
        half = np.float32(roads.half[i])
        edge = np.maximum(np.abs(lateral) - half, np.abs(along - length / 2) - (length / 2 + np.float32(1.5)))
        beside = np.flatnonzero((edge < best) & (edge < 8))
        slabs[beside] = np.floor(along[beside] / np.float32(1.2)) * 31 + np.floor(lateral[beside] / np.float32(0.8))
        np.minimum(best, edge, out=best)
        within = np.flatnonzero(edge < 0)
        inside[within] += 1
        if roads.kind[i] == 0:
            cobbled[within] = True
            continue
        margins = (float(roads.margin[i, 0]), float(roads.margin[i, 1]))
        marks[within] = np.maximum(
            marks[within], _marks(along[within], lateral[within], float(length), half, margins, wide=roads.kind[i] == 2)
        )
    fine = np.clip(np.float32(1.5) - size * 3, 0, 1)
    grain = np.float32(0.05) * (noise(x + 500, y + 500, 5.0) + noise(x + 500, y + 500, 30.0) * fine)
    road = best < 0
    level = np.where(road, np.float32(0.30), np.float32(0.50)) * (1 + grain)
    setts = np.flatnonzero(road & cobbled)
    stones = unit_hash(np.floor(x[setts] * 4), np.floor(y[setts] * 4), 21) - np.float32(0.5)
    level[setts] = np.float32(0.36) + np.float32(0.12) * stones * fine[setts]
    paved = np.flatnonzero(~road)
    level[paved] += np.float32(0.07) * (unit_hash(slabs[paved], 22) - np.float32(0.5)) * fine[paved]
    level[(best >= 0) & (best < 0.22)] = 0.62  # the kerb
    level[road & (np.abs(noise(x + 900, y + 900, 1.3)) < 0.05)] *= 0.8  # cracks
    albedo = level * rgb((1.0, 0.985, 0.96))
    where = np.flatnonzero((marks > 0) & (inside == 1))
    strength = marks[where] * np.clip(np.float32(0.8) + np.float32(0.2) * noise(x[where], y[where], 4.0), 0, 1)
    albedo[:, where] += (np.float32(0.85) - albedo.take(where, axis=1)) * strength
    if len(parks):
        where = np.flatnonzero(inside_quads(x, y, parks))
        albedo[:, where] = _lawn(x[where], y[where], visit)
    if visit.autumn > 0:
        litter = unit_hash(np.floor(x / np.float32(0.18)), np.floor(y / np.float32(0.18)), 23) < 0.06 * visit.autumn
        paint(albedo, litter & ~road & (fine > 0.3), rgb((0.50, 0.30, 0.08)))
    mirror = np.zeros(count, dtype=np.float32)
    if visit.wet > 0:
        albedo *= np.float32(1 - 0.42 * visit.wet)
        pools = np.clip(np.float32(0.5) + np.float32(0.6) * noise(x + 700, y + 200, 1.2), 0.1, 1.0)
        mirror = np.float32(visit.wet) * np.where(road, np.float32(0.55), np.float32(0.35)) * pools
    if visit.snow > 0:
        slush = np.float32(0.55) + np.float32(0.25) * np.clip(noise(x + 400, y, 1.0), -1, 1)
        cover = np.float32(visit.snow) * np.where(road, slush, np.float32(0.92))
        albedo += (rgb((0.90, 0.92, 0.95)) - albedo) * cover
    return albedo, mirror


def _marks(
    along: F32, lateral: F32, length: float, half: np.float32, margins: tuple[float, float], *, wide: bool
) -> F32:
    """Strength of the white paint on a carriageway: dashes, double lines, parking bays, zebra crossings."""
    off = np.abs(lateral)
    first, last = margins[0], length - margins[1]
    dash = (off < 0.09) & (along % 6 < 3)
    if wide:
        dash |= (np.abs(off - half * np.float32(0.48)) < 0.08) & (along % 8 < 3)
        dash |= (off < 0.20) & (off > 0.07)
    dash |= (np.abs(off - (half - np.float32(2.1))) < 0.06) & (along % 3 < 2)
    dash &= (along > first + 6) & (along < last - 6)
    zebra = ((along > first + 1.2) & (along < first + 4.2)) | ((along < last - 1.2) & (along > last - 4.2))
    zebra &= (lateral + 40) % np.float32(1.1) < 0.55
    return np.where(zebra, np.float32(0.85), np.where(dash, np.float32(0.8), 0))


def _lawn(x: F32, y: F32, visit: Visit) -> F32:
    summer, autumn = rgb((0.25, 0.36, 0.13)), rgb((0.34, 0.28, 0.10))
    grass = summer + (autumn - summer) * np.float32(0.4 * visit.autumn)
    blades = 1 + np.float32(0.18) * noise(x + 300, y, 9.0) + np.float32(0.10) * noise(x, y + 300, 2.0)
    colour = grass * blades
    paint(colour, np.abs(noise(x + 100, y + 100, 0.35)) < 0.12, rgb((0.58, 0.52, 0.42)))
    return colour
