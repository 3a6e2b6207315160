"""Trees, lamps and passers-by: where they stand, and how they are laid over a picture with a depth test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vpr_data.city.brush import rgb
from vpr_data.city.camera import Camera
from vpr_data.city.draws import F32, F64, I64, unit_hash
from vpr_data.city.plan import District, Roads
from vpr_data.city.sprites import PEOPLE, TREES, Sprite, lamp_sprite, person_sprite, tree_sprite
from vpr_data.city.visits import Visit

__all__ = ["Props", "draw_props", "place_props", "plant_trees"]

_TREE, _LAMP, _PERSON = range(3)
_REACH = 90.0
_MOST = 40


@dataclass(frozen=True, kw_only=True)
class Props:
    """Things that face the camera: foot ``xy (N, 2)``, ``kind (N,)``, ``variant (N,)`` and ``scale (N,)``."""

    xy: F64
    kind: I64
    variant: I64
    scale: F64

    def sprite(self, index: int, visit: Visit) -> Sprite:
        """The picture of one of them in a visit."""
        variant = int(self.variant[index])
        if self.kind[index] == _TREE:
            return tree_sprite(variant, visit.leaves, visit.autumn, visit.snow)
        return lamp_sprite(variant) if self.kind[index] == _LAMP else person_sprite(variant)


def _along(roads: Roads, spacing: float, keep_off: float) -> tuple[I64, I64, I64, F64]:
    """Road, side (0 or 1), number and metres along of spots every ``spacing`` metres on both sides of all roads."""
    length = np.linalg.norm(roads.end - roads.start, axis=1)
    count = np.maximum((length - roads.margin.sum(axis=1) - 2 * keep_off) / spacing, 0).astype(np.int64)
    road = np.repeat(np.arange(len(roads)), 2 * count)
    number = np.concatenate([np.arange(2 * n) for n in count])
    side, step = number % 2, number // 2
    return road, side, step, roads.margin[road, 0] + keep_off + (step + 0.5) * spacing


def _beside(roads: Roads, road: I64, side: I64, along: F64, off: F64) -> F64:
    """Points ``off`` metres from the axis of their road."""
    forth = roads.end - roads.start
    forth = (forth / np.linalg.norm(forth, axis=1, keepdims=True))[road]
    across = np.stack([forth[:, 1], -forth[:, 0]], axis=1) * (2.0 * side - 1)[:, None]
    return np.asarray(roads.start[road] + forth * along[:, None] + across * off[:, None])


def plant_trees(district: District, *, salt: int) -> tuple[F64, I64, F64]:
    """Feet, shapes and scales of the trees of a district: rows along some streets, and loose in the parks."""
    roads = district.roads
    road, side, step, along = _along(roads, 9.0, 5.0)
    row = (unit_hash(road, salt, 121) < np.array([0.0, 0.35, 0.65])[roads.kind[road]]) & (
        unit_hash(road, side, step, salt, 122) < 0.8
    )
    road, side, step, along = road[row], side[row], step[row], along[row]
    xy = _beside(roads, road, side, along, roads.half[road] + 0.75)
    variant = (unit_hash(road, salt, 123) * TREES).astype(np.int64)
    scale = 0.75 + 0.4 * unit_hash(road, side, step, salt, 124).astype(np.float64)
    spots, shapes, sizes = [xy], [variant], [scale]
    for number, quad in enumerate(district.parks):
        area = np.linalg.norm(quad[1] - quad[0]) * np.linalg.norm(quad[3] - quad[0])
        index = np.arange(int(area / 90))
        s, t = (0.04 + 0.92 * unit_hash(index, number, salt, 125 + k).astype(np.float64) for k in range(2))
        edge = quad[0] + (quad[1] - quad[0]) * s[:, None]
        far = quad[3] + (quad[2] - quad[3]) * s[:, None]
        spots.append(edge + (far - edge) * t[:, None])
        shapes.append((unit_hash(index, number, salt, 127) * TREES).astype(np.int64))
        sizes.append(0.8 + 0.6 * unit_hash(index, number, salt, 128).astype(np.float64))
    return np.concatenate(spots), np.concatenate(shapes), np.concatenate(sizes)


def place_props(district: District, visit: Visit, *, salt: int) -> Props:
    """Everything that faces the camera in one visit; trees and lamps stay, passers-by do not."""
    roads = district.roads
    trees, shapes, sizes = plant_trees(district, salt=salt)
    road, side, step, along = _along(roads, 22.0, 3.0)
    lit = (step + side) % 2 == 0
    road, side, along = road[lit], side[lit], along[lit]
    lamps = _beside(roads, road, side, along + 3.5, roads.half[road] + 0.45)
    lamp_kind = (unit_hash(road, salt, 131) < 0.6).astype(np.int64)
    road, side, step, along = _along(roads, 4.0, 0.0)
    out = unit_hash(road, side, step, salt, visit.time, 132) < 0.09 * visit.people
    road, side, step, along = road[out], side[out], step[out], along[out]
    place, who = (unit_hash(road, side, step, salt, visit.time, 133 + k).astype(np.float64) for k in range(2))
    people = _beside(roads, road, side, along, roads.half[road] + 0.4 + place * (roads.pavement[road] - 0.8))
    counts = (len(trees), len(lamps), len(people))
    return Props(
        xy=np.concatenate([trees, lamps, people]),
        kind=np.repeat([_TREE, _LAMP, _PERSON], counts),
        variant=np.concatenate([shapes, lamp_kind, (who * PEOPLE).astype(np.int64)]),
        scale=np.concatenate([sizes, np.ones(counts[1] + counts[2])]),
    )


def draw_props(
    props: Props, visit: Visit, camera: Camera, image: F32, depth: F32, *, lit: Callable[[F32, F32, F32], F32]
) -> None:
    """Lay the props over ``image (3, H, W)`` where nothing in ``depth (H, W)`` stands before them, in place.

    ``lit(x, y, z)`` says where the sun reaches.
    """
    away = props.xy - np.asarray(camera.position[:2])
    turn = np.radians(camera.heading)
    ahead = away @ np.array([np.sin(turn), np.cos(turn)])
    aside = away @ np.array([np.cos(turn), -np.sin(turn)])
    near = np.flatnonzero(
        (ahead > 2.0) & (ahead < _REACH) & (np.abs(aside) < ahead * camera.width / camera.focal / 1.6 + 4)
    )
    near = near[np.argsort(ahead[near], kind="stable")][:_MOST][::-1]
    if not len(near):
        return
    sprites = [props.sprite(int(index), visit) for index in near]
    widths, heights = (props.scale[near] * np.array([sprite.size[k] for sprite in sprites]) for k in range(2))
    feet = camera.project(np.column_stack([props.xy[near], np.zeros(len(near))]))
    tips = camera.project(np.column_stack([props.xy[near], heights]))
    x, y = (props.xy[near, k].astype(np.float32) for k in range(2))
    sunny = lit(x, y, np.full(len(near), 3.0, dtype=np.float32)) if max(visit.sunlight) > 0.2 else np.zeros(len(near))
    horizon = rgb(visit.horizon)[:, :, None]
    for k, sprite in enumerate(sprites):
        foot, tip, width = feet[k], tips[k], float(widths[k])
        if min(foot[2], tip[2]) < 1.0 or foot[1] - tip[1] < 4:
            continue
        half = width * camera.focal / foot[2] / 2
        top, bottom = max(int(np.floor(tip[1])), 0), min(int(np.ceil(foot[1])), camera.height)
        left = max(int(np.floor(min(foot[0], tip[0]) - half)), 0)
        right = min(int(np.ceil(max(foot[0], tip[0]) + half)), camera.width)
        if top >= bottom or left >= right:
            continue
        v = ((np.arange(top, bottom, dtype=np.float32) + np.float32(0.5)) - tip[1]) / max(foot[1] - tip[1], 1e-3)
        middle = tip[0] + v * (foot[0] - tip[0])
        u = (np.arange(left, right, dtype=np.float32) + np.float32(0.5) - middle[:, None]) / (2 * half) + 0.5
        pixels = max((foot[1] - tip[1]) / 64, half / 32)
        level = sprite.levels[int(np.clip(np.round(-np.log2(max(pixels, 1e-3))), 0, len(sprite.levels) - 1))]
        side = level.shape[1]
        row = np.clip((v * side).astype(np.int64), 0, side - 1)[:, None]
        column = np.clip((u * side).astype(np.int64), 0, side - 1)
        inside = (u >= 0) & (u < 1) & (v >= 0)[:, None] & (v < 1)[:, None]
        taken = level[:, row, column]
        window = depth[top:bottom, left:right]
        cover = taken[3] * (inside & (window > foot[2]))
        light = rgb(visit.skylight) + rgb(visit.sunlight) * np.float32(0.55 * sunny[k])
        colour = taken[:3] * light[:, :, None] + taken[4] * np.float32(visit.lamps) * rgb((1.0, 0.85, 0.6))[:, :, None]
        veil = np.float32(np.exp(-foot[2] / visit.sight))
        colour = colour * veil + horizon * (1 - veil) * taken[3]
        part = image[:, top:bottom, left:right]
        part *= 1 - cover
        part += colour * (cover > 0)
        window[cover > 0.5] = foot[2]
