"""Procedural facades: wall texture, windows, doors, shops, balconies, cornices and roofs, for any set of wall points.

Everything is a function of the building and of metres along and above the ground, so that a facade looks the same from
every camera. Details fade out where one pixel covers more than they do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpr_data.city.brush import gather, paint, rgb
from vpr_data.city.draws import F32, I64, U32, Bool, noise, unit_hash
from vpr_data.city.dress import Dress
from vpr_data.city.plan import FRONT, SIDE
from vpr_data.city.shops import shade_ground_floor
from vpr_data.city.styles import BOARDS, BRICK, FLAT, GABLE, MANSARD, PANEL, STEPPED, STONE, Buildings
from vpr_data.city.visits import Visit

__all__ = ["Points", "Shaded", "roof_line", "shade_facade"]


@dataclass(frozen=True, kw_only=True)
class Points:
    """Wall points: metres ``u`` along and ``z`` above the pavement, one pixel's ``size`` in metres, all ``(n,)``."""

    building: I64
    kind: I64
    u: F32
    z: F32
    span: F32
    size: F32


@dataclass(frozen=True, kw_only=True)
class Shaded:
    """``albedo (3, n)``, light of its own ``glow (3, n)`` if any, and the share of mirrored sky ``mirror (n,)``."""

    albedo: F32
    glow: F32 | None
    mirror: F32


def roof_line(buildings: Buildings, building: I64, kind: I64, along: F32, span: F32) -> F32:
    """Height of the silhouette above the ground: eaves, mansards, gables, stepped gables and chimneys."""
    eave, rise, roof = buildings.eave[building], buildings.roof_height[building], buildings.roof[building]
    seed = buildings.seed[building]
    middle = 1 - np.abs(along / np.maximum(span, np.float32(0.1)) * 2 - 1)
    slope = np.where(_front_gable(seed, roof, kind), rise * middle, rise * np.float32(0.75))
    slope = np.where(roof == STEPPED, np.floor(middle * 4 + np.float32(0.999)) / 4 * rise, slope)
    line = np.where(roof == FLAT, 0, np.where(roof == MANSARD, rise, slope))
    spot = (0.15 + 0.7 * unit_hash(seed, 32)) * span
    chimney = (np.abs(along - spot) < 0.45) & (roof != FLAT) & (kind != SIDE)
    return (eave + np.where(chimney, np.maximum(line, rise * np.float32(0.75)) + 1.2, line)).astype(np.float32)


def _front_gable(seed: U32, roof: I64, kind: I64) -> Bool:
    gable: Bool = (roof == GABLE) & (kind == FRONT) & (unit_hash(seed, 31) < 0.45)
    return gable


def shade_facade(points: Points, buildings: Buildings, dress: Dress) -> Shaded:
    """Colours of wall points in one visit."""
    b, u, z, visit = points.building, points.u, points.z, dress.visit
    seed = buildings.seed[b]
    detail = np.clip(1.6 - points.size * 6, 0, 1).astype(np.float32)
    albedo = gather(dress.wall, b) * _texture(points, buildings, seed, detail)
    glow = np.zeros_like(albedo)
    mirror = np.zeros(len(u), dtype=np.float32)

    trim = gather(buildings.trim, b)
    accent = gather(buildings.accent, b)
    span = np.maximum(points.span, np.float32(0.5))
    bays = np.maximum(np.floor((span - np.float32(0.5)) / buildings.bay[b]), 1)
    bay = span / bays
    column = np.clip(np.floor(u / bay), 0, bays - 1)
    across = u - (column + np.float32(0.5)) * bay
    ground = buildings.ground_height[b]
    floor_height = buildings.floor_height[b]
    raised = z - ground
    floor = np.floor(raised / floor_height)
    up = raised - floor * floor_height
    top, cornice = buildings.eave[b], buildings.cornice[b]
    body = (raised >= 0) & (z < top - cornice)
    front = points.kind == FRONT
    # Sides and backs have few windows, many sides none.
    blank = ~front & (unit_hash(seed, column + 20 * points.kind, 41) < np.where(points.kind == SIDE, 0.75, 0.3))

    # String courses and quoins.
    edge = np.minimum(u, span - u)
    paint(albedo, body & front & (up < 0.18) & (buildings.course[b] > 0), trim)
    corner = np.where(np.floor(z / np.float32(0.45)) % 2 > 0, np.float32(0.75), np.float32(0.45))
    paint(albedo, body & front & (edge < corner) & (buildings.quoins[b] > 0), trim, 0.8)

    # Windows with arch, surround, sill and shutters.
    half_w = np.minimum(buildings.window_width[b] / 2, bay / 2 - np.float32(0.1))
    sill = buildings.sill[b]
    win_h = np.minimum(buildings.window_height[b], floor_height - sill - np.float32(0.25))
    rise, lean = up - sill, np.abs(across)
    spring = rise - (win_h - half_w)
    round_top = (buildings.arch[b] > 0) & (spring > 0) & (lean * lean + spring * spring > half_w * half_w)
    cell = body & ~blank
    window = cell & (lean < half_w) & (rise > 0) & (rise < win_h) & ~round_top
    frame = cell & (lean < half_w + np.float32(0.22)) & (rise > -0.18) & (rise < win_h + np.float32(0.25))
    paint(albedo, frame & (buildings.surround[b] > 0), trim)
    paint(
        albedo, cell & front & (rise > -0.16) & (rise < 0) & (lean < half_w + np.float32(0.15)), trim * np.float32(0.9)
    )
    shutter = cell & (lean > half_w) & (lean < half_w + np.float32(0.55)) & (rise > 0) & (rise < win_h)
    slats = 1 - np.float32(0.35) * detail * (np.floor(z / np.float32(0.12)) % 2)
    paint(albedo, shutter & (buildings.shutters[b] > 0), accent * slats)
    where = np.flatnonzero(window)
    if len(where):
        house = b[where]
        shade, light, shine = _window(
            across[where],
            rise[where],
            half_w[where],
            win_h[where],
            unit_hash(seed[where], column[where], floor[where], 42),
            buildings.panes[house],
            visit,
        )
        painted = np.where(unit_hash(buildings.seed, 43) < 0.6, buildings.trim, buildings.accent)
        albedo[:, where] = np.where(shine < 0, gather(painted, house), shade)
        glow[:, where] = light
        mirror[where] = np.maximum(shine, 0)

    # Balconies on some columns: a slab with railings before the lower part of the window.
    porch = cell & front & (lean < half_w + np.float32(0.6)) & (up < 1.0) & (buildings.balcony[b] > 0)
    porch &= (column.astype(np.int64) + (seed % 2).astype(np.int64)) % 2 == 0
    bars = porch & (up > 0.16) & ((np.floor(u / np.float32(0.14)) % 2 == 0) | (up > 0.9))
    paint(albedo, bars, accent * np.float32(0.7), 0.85)
    mirror[bars] = 0
    paint(albedo, porch & (up <= 0.16), trim * np.float32(0.75))

    crown = (z >= top - cornice) & (z < top) & front
    dentil = 1 - np.float32(0.3) * detail * (np.floor(u / np.float32(0.3)) % 2) * (z < top - cornice * np.float32(0.4))
    paint(albedo, crown, trim * dentil)
    _roof(points, buildings, seed, column, across, albedo, mirror, visit)
    shade_ground_floor(
        points.z, u, points.kind, b, span, buildings, dress, bay, column, lean, detail, albedo, glow, mirror
    )
    _hoarding(points, seed, dress, top, albedo, mirror)
    return Shaded(albedo=albedo, glow=glow, mirror=mirror)


def _texture(points: Points, buildings: Buildings, seed: U32, detail: F32) -> F32:
    u, z, kind = points.u, points.z, buildings.texture[points.building]
    shift = (seed % np.uint32(251)).astype(np.int32)
    tone = 1 + np.float32(0.05) * (noise(u, z, 6.0, shift) + noise(u, z, 1.5, shift + 9))
    streaks = noise(u, z * np.float32(0.15), 4.0, shift + 5)
    tone -= np.float32(0.10) * np.clip(streaks - np.float32(0.5), 0, 2)
    tone *= np.float32(0.92) + np.float32(0.08) * np.clip(z / 3, 0, 1)

    def courses(length: float, height: float, spread: float, joint: float, mask: Bool) -> None:
        where = np.flatnonzero(mask)
        if not len(where):
            return
        near = detail[where]
        up, across = z[where] / np.float32(height), u[where] / np.float32(length)
        row = np.floor(up)
        across = across + np.float32(0.5) * (row % 2)
        stone = np.floor(across)
        lines = (up - row < joint) | (across - stone < joint * height / length)
        tone[where] *= 1 + near * np.float32(spread) * (unit_hash(row, stone, seed[where], 61) - np.float32(0.5))
        tone[where] *= 1 - np.float32(0.22) * near * lines

    courses(0.30, 0.12, 0.35, 0.18, (kind == BRICK) & (detail > 0))
    courses(0.95, 0.48, 0.24, 0.08, (kind == STONE) & (detail > 0))
    courses(3.0, 1.5, 0.08, 0.04, (kind == PANEL) & (detail > 0))
    courses(60.0, 0.22, 0.06, 0.20, (kind == BOARDS) & (detail > 0))
    clipped: F32 = np.clip(tone, 0.4, 1.4)
    return clipped


def _window(
    across: F32, rise: F32, half_w: F32, win_h: F32, chance: F32, panes: I64, visit: Visit
) -> tuple[F32, F32, F32]:
    """Albedo, glow and mirrored share of window points; bars and frames are marked by a negative share."""
    t, lean = rise / win_h, np.abs(across)
    edge = np.minimum(half_w - lean, np.minimum(rise, win_h - rise))
    bars = edge < 0.07
    bars |= (panes == 1) & ((lean < 0.05) | (np.abs(t - 0.62) < 0.035))
    bars |= (panes == 2) & (lean < 0.05)
    bars |= (panes == 3) & (np.abs(t - 0.5) < 0.04)
    bars |= (half_w > 1.3) & (np.abs(across % np.float32(1.1) - np.float32(0.55)) < 0.04)
    curtain = ((chance * 7) % 1 < 0.45) & (t > (chance * 13) % 1 * np.float32(0.8))
    level = np.where(curtain, np.float32(0.35) + np.float32(0.25) * ((chance * 29) % 1), (1 + t) * np.float32(0.05))
    albedo = level * np.where(curtain, rgb((1.0, 1.0, 0.93)), rgb((1.0, 1.0, 1.15)))
    lit = ((chance * 3 + np.float32(visit.time * 0.137 % 1)) % 1) < 0.45 * visit.lamps
    glow = np.where(lit, np.float32(0.55) + np.float32(0.35) * t, 0) * rgb((1.0, 0.78, 0.45))
    mirror = np.where(curtain, np.float32(0.22), np.float32(0.45)) * (1 + t) / 2
    return albedo, glow, np.where(bars, np.float32(-1), np.where(lit, np.float32(0.1), mirror))


def _roof(
    points: Points, buildings: Buildings, seed: U32, column: F32, across: F32, albedo: F32, mirror: F32, visit: Visit
) -> None:
    height = points.z - buildings.eave[points.building]
    where = np.flatnonzero(height > 0)
    if not len(where):
        return
    b, above, kind, seed = points.building[where], height[where], points.kind[where], seed[where]
    roof, lean = buildings.roof[b], np.abs(across[where])
    near = np.clip(np.float32(1.5) - points.size[where] * 4, 0, 1)
    rows = 1 - np.float32(0.18) * (np.floor(above / np.float32(0.35)) % 2) * near
    colour = gather(buildings.roof_colour, b) * rows
    colour += (rgb((0.9, 0.92, 0.95)) - colour) * np.float32(0.85 * visit.snow)
    chimney = (above > np.maximum(buildings.roof_height[b] * np.float32(0.75), 0.1) + 0.05) & (roof != STEPPED)
    gable_wall = (roof == STEPPED) | _front_gable(seed, roof, kind)
    paint(colour, gable_wall & ~chimney, albedo.take(where, axis=1))
    paint(colour, chimney & ~gable_wall, rgb((0.36, 0.22, 0.17)))
    dormer = (roof == MANSARD) & (column[where] % 2 == seed % 2) & (kind == FRONT)
    dormer &= (lean < 0.75) & (above > 0.3) & (above < 2.0)
    pane = dormer & (lean < 0.5) & (above > 0.5) & (above < 1.7)
    paint(colour, dormer, gather(buildings.trim, b))
    paint(colour, pane, rgb((0.07, 0.08, 0.10)))
    albedo[:, where] = colour
    mirror[where] = np.where(pane, np.float32(0.4), 0)


def _hoarding(points: Points, seed: U32, dress: Dress, top: F32, albedo: F32, mirror: F32) -> None:
    """Scaffolding with sheets before a few facades in each visit."""
    where = np.flatnonzero(dress.clad[points.building] & (points.z < top) & (points.kind == FRONT))
    if not len(where):
        return
    u, z, seed = points.u[where], points.z[where], seed[where]
    sheet = np.where(unit_hash(seed, dress.visit.time, 72) < 0.5, np.float32(0.75), np.float32(0.35))
    colour = rgb((1.0, 1.0, 0.95)) * (sheet * (1 + np.float32(0.08) * noise(u, z, 3.0)))
    paint(colour, (u % 2.2 < 0.12) | (z % 2.0 < 0.14), rgb((0.35, 0.33, 0.30)))
    blue = unit_hash(seed, 73) < 0.5
    paint(colour, (z < 2.2) & blue, rgb((0.16, 0.30, 0.48)))
    paint(colour, (z < 2.2) & ~blue, rgb((0.55, 0.42, 0.25)))
    albedo[:, where] = colour
    mirror[where] = 0
