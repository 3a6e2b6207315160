"""Ground floors: doors, house windows, shop fronts with signs and awnings, garages, arcades."""

from __future__ import annotations

import numpy as np

from vpr_data.city.brush import gather, paint, rgb
from vpr_data.city.draws import F32, I64, U32, Bool, noise, unit_hash
from vpr_data.city.dress import Dress
from vpr_data.city.plan import FRONT
from vpr_data.city.styles import ARCADE, DOOR, GARAGE, SHOP, Buildings

__all__ = ["shade_ground_floor"]

_SIGNS = np.array(
    [
        (0.70, 0.08, 0.08),
        (0.06, 0.22, 0.50),
        (0.05, 0.36, 0.16),
        (0.85, 0.62, 0.05),
        (0.08, 0.08, 0.09),
        (0.85, 0.85, 0.82),
        (0.42, 0.10, 0.36),
        (0.90, 0.38, 0.06),
        (0.10, 0.45, 0.48),
        (0.36, 0.22, 0.12),
    ],
    dtype=np.float32,
).T.copy()

_WARM = rgb((1.0, 0.85, 0.6))


def shade_ground_floor(
    z: F32,
    u: F32,
    kind: I64,
    building: I64,
    span: F32,
    buildings: Buildings,
    dress: Dress,
    bay: F32,
    column: F32,
    lean: F32,
    detail: F32,
    albedo: F32,
    glow: F32,
    mirror: F32,
) -> None:
    """Paint the points below the first floor, in place; arguments as in ``shade_facade``."""
    low = np.flatnonzero((z < buildings.ground_height[building]) & (kind == FRONT))
    if not len(low):
        return
    base = albedo.take(low, axis=1)
    light, shine = np.zeros_like(base), np.zeros(len(low), dtype=np.float32)
    paint(base, z[low] < 0.45, base * np.float32(0.72))  # a plinth under everything
    use = buildings.ground[building[low]]
    for ground, shade in ((DOOR, _house), (GARAGE, _garage), (ARCADE, _arcade)):
        at = np.flatnonzero(use == ground)
        if len(at):
            spot = low[at]
            part, part_light, part_shine = base.take(at, axis=1), light.take(at, axis=1), shine[at]
            shade(
                z[spot], building[spot], bay[spot], column[spot], lean[spot], detail[spot], span[spot], buildings,
                dress, part, part_light, part_shine,
            )  # fmt: skip
            base[:, at], light[:, at], shine[at] = part, part_light, part_shine
    at = np.flatnonzero(use == SHOP)
    if len(at):
        spot = low[at]
        part, part_light, part_shine = base.take(at, axis=1), light.take(at, axis=1), shine[at]
        _shop(z[spot], u[spot], building[spot], span[spot], buildings, dress, part, part_light, part_shine)
        base[:, at], light[:, at], shine[at] = part, part_light, part_shine
    albedo[:, low], glow[:, low], mirror[low] = base, light, shine


def _house(
    z: F32, b: I64, bay: F32, column: F32, lean: F32, detail: F32, span: F32, buildings: Buildings, dress: Dress,
    base: F32, light: F32, shine: F32,
) -> None:  # fmt: skip
    """A door in one bay, windows in the others."""
    trim, ground = gather(buildings.trim, b), buildings.ground_height[b]
    bays = np.maximum(np.rint(span / bay), 1)
    door = column == np.floor(unit_hash(buildings.seed, 91)[b] * bays)
    leaf = door & (lean < 0.6) & (z < 2.2) & (z > 0.12)
    fan = door & (lean < 0.6) & (z > 2.3) & (z < 2.6)
    paint(base, door & (lean < 0.85) & (z < 2.75), trim)
    panels = (np.abs(lean - 0.3) < 0.18) & (np.abs(z % 1.0 - 0.55) < 0.3)
    paint(base, leaf, gather(buildings.accent, b) * (1 - np.float32(0.25) * detail * panels))
    paint(base, door & (lean < 1.0) & (z < 0.3) & ~leaf, rgb(0.5))
    half = np.minimum(buildings.window_width[b] / 2, bay / 2 - np.float32(0.1))
    top = np.minimum(np.float32(2.6), ground - np.float32(0.4))
    pane = ~door & (lean < half) & (z > 1.0) & (z < top)
    paint(base, ~door & (lean < half + np.float32(0.18)) & (z > 0.85) & (z < top + np.float32(0.2)), trim)
    paint(base, pane | fan, rgb(0.06))
    lit = unit_hash(buildings.seed, dress.visit.time, 93)[b] < 0.5 * dress.visit.lamps
    paint(light, (pane | fan) & lit, rgb((0.60, 0.47, 0.27)))
    shine[pane | fan] = 0.35


def _garage(
    z: F32, b: I64, bay: F32, column: F32, lean: F32, detail: F32, span: F32, buildings: Buildings, dress: Dress,
    base: F32, light: F32, shine: F32,
) -> None:  # fmt: skip
    slat = 1 - np.float32(0.2) * detail * (np.floor(z / np.float32(0.3)) % 2)
    gate = (lean < bay / 2 - np.float32(0.2)) & (z < 2.4) & (column % 2 == 0)
    paint(base, gate, (gather(buildings.accent, b) * np.float32(0.5) + np.float32(0.25)) * slat)


def _arcade(
    z: F32, b: I64, bay: F32, column: F32, lean: F32, detail: F32, span: F32, buildings: Buildings, dress: Dress,
    base: F32, light: F32, shine: F32,
) -> None:  # fmt: skip
    radius = bay / 2 - np.float32(0.35)
    spring = z - (buildings.ground_height[b] - np.float32(0.5) - radius)
    hollow = (lean < radius) & ((spring < 0) | (lean * lean + spring * spring < radius * radius))
    paint(base, hollow, np.float32(0.06) + np.float32(0.1) * (z < 1.2) * gather(buildings.trim, b))
    paint(light, hollow, _WARM * np.float32(0.25 * dress.visit.lamps))


def _shop(
    z: F32, u: F32, b: I64, span: F32, buildings: Buildings, dress: Dress, base: F32, light: F32, shine: F32
) -> None:
    """Shop windows with goods, a door, a sign with made-up letters, sometimes an awning; a wide house has two shops."""
    lamps = dress.visit.lamps
    wide = span > 14
    unit = np.where(wide, np.floor(u / (span / 2)), 0)
    width = np.where(wide, span / 2, span)
    u = np.where(wide, u - unit * width, u)
    name = unit_hash(buildings.seed[b], dress.shop[b], unit, 92)
    colour = gather(_SIGNS, (name * 997 % _SIGNS.shape[1]).astype(np.int64))
    head = buildings.ground_height[b] - np.float32(0.95)
    front = (u > 0.35) & (u < width - np.float32(0.35))
    paint(base, z < head, colour * np.float32(0.55) + np.float32(0.05))
    pane = np.float32(1.3) + np.float32(1.2) * ((name * 31) % 1)
    glass = front & (z > 0.55) & (z < head - np.float32(0.15)) & (u % pane > 0.10)
    door = front & (z < head - np.float32(0.2)) & (z < 2.15)
    door &= np.abs(u - width * (np.float32(0.2) + np.float32(0.6) * ((name * 17) % 1))) < 0.55
    goods = _goods(u, z, name)
    paint(base, glass, goods)
    paint(base, door, rgb(0.07))
    sign = (z > head) & (z < head + np.float32(0.75)) & (u > 0.2) & (u < width - np.float32(0.2))
    letters = sign & _letters(u, z - head - np.float32(0.12), width, name)
    paint(base, sign, colour)
    paint(base, letters & (colour.mean(axis=0) > 0.45), rgb(0.08))
    paint(base, letters & (colour.mean(axis=0) <= 0.45), rgb(0.92))
    awning = front & ((name * 43) % 1 < 0.4) & (z > head - np.float32(0.75)) & (z < head - np.float32(0.02))
    stripe = (np.floor(u / np.float32(0.45)) % 2 == 0) & ((name * 57) % 1 < 0.6)
    paint(base, awning, colour)
    paint(base, awning & stripe, rgb(0.88))
    glass &= ~awning & ~door
    if lamps > 0:
        light += np.where(glass, np.float32(1.1 * lamps), 0) * (goods * np.float32(0.8) + np.float32(0.25)) * _WARM
        light += np.where(sign, np.float32(0.25 * lamps), 0) * base
    shine[glass] = 0.30


def _goods(u: F32, z: F32, name: F32) -> F32:
    """What stands in a shop window: rows of coloured things before a dark room."""
    tall = np.float32(0.35) + np.float32(0.5) * ((name * 83) % 1)
    wide = np.float32(0.25) + np.float32(0.6) * ((name * 101) % 1)
    key = np.floor(name * 65521)
    shelf, item = np.floor(z / tall), np.floor(u / wide)
    hue, bright = unit_hash(key, shelf, item, 96), unit_hash(key, shelf, item, 97)
    there = (bright > 0.35) & ((z / tall) % 1 < 0.25 + 0.7 * hue) & ((u / wide) % 1 < 0.85)
    phase = (hue * np.float32(0.35) + (name * 37) % 1) * np.float32(2 * np.pi)
    tint = np.stack([np.cos(phase + np.float32(k * 2.1)) for k in range(3)]) * np.float32(0.14) + np.float32(0.22)
    room = rgb((0.08, 0.075, 0.07)) * (np.float32(0.7) + np.float32(0.2) * noise(u, z, 12.0))
    return np.where(there, tint * (np.float32(0.6) + bright), room)


def _letters(u: F32, v: F32, width: F32, name: F32) -> Bool:
    """Block letters of a made-up alphabet, centred on the sign."""
    count = np.floor(3 + (name * 71) % 1 * 6)
    size = np.minimum(np.float32(0.5), (width - 1) / count)
    x = (u - width / 2) / size + count / 2
    letter = np.floor(x)
    column, row = np.floor((x - letter) * 4), np.floor(v * 10)
    inked: U32 = (np.floor(name * 65521)).astype(np.uint32)
    ink = unit_hash(inked, letter, column, row, 95) < 0.62
    return ink & (column < 3) & (letter >= 0) & (letter < count) & (row >= 0) & (row < 5)
