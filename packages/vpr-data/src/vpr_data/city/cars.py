"""Parked cars: two closed boxes each, so that they stand right in perspective and hide what is behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpr_data.city.brush import gather, paint, rgb
from vpr_data.city.draws import F32, F64, I64, Bool, unit_hash
from vpr_data.city.plan import Roads
from vpr_data.city.visits import Visit

__all__ = ["Boxes", "park_cars", "shade_boxes"]

_PAINTS = np.array(
    [
        (0.78, 0.78, 0.78),
        (0.52, 0.53, 0.55),
        (0.10, 0.10, 0.11),
        (0.24, 0.25, 0.27),
        (0.90, 0.90, 0.88),
        (0.48, 0.07, 0.07),
        (0.10, 0.18, 0.40),
        (0.12, 0.28, 0.20),
        (0.70, 0.50, 0.12),
    ],
    dtype=np.float32,
)

# length, width and height of the body; then start, length, width and top of the cabin
_MODELS = np.array(
    (
        (4.2, 1.75, 0.88, 1.05, 2.3, 1.55, 1.45),
        (4.4, 1.78, 0.90, 1.15, 3.1, 1.60, 1.50),
        (5.2, 2.00, 1.10, 0.95, 4.2, 1.95, 2.25),
    )
)
_SLOT = 5.9


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """Walls of boxes, ``(S,)`` each.

    Attributes:
        start: one end of the wall, ``(S, 2)``; ``end`` is the other, the outside is on the right.
        top: height of the box; ``belt`` is the height of the car's body.
        part: 0 body, 1 cabin.
        face: 0 nose, 1 left, 2 rear, 3 right.
        paint: colour of the car, ``(3, S)``.
    """

    start: F32
    end: F32
    top: F32
    belt: F32
    part: I64
    face: I64
    paint: F32

    def __len__(self) -> int:
        return len(self.top)


def park_cars(roads: Roads, visit: Visit, *, salt: int) -> Boxes:
    """The cars that stand along the roads in one visit."""
    along = roads.end - roads.start
    length = np.linalg.norm(along, axis=1)
    along = along / length[:, None]
    slots = np.maximum((length - roads.margin.sum(axis=1) - 14.0) / _SLOT, 0).astype(np.int64)
    road = np.repeat(np.arange(len(roads)), 2 * slots)
    number = np.concatenate([np.arange(2 * count) for count in slots])
    side, slot = number % 2, number // 2
    chance = [unit_hash(salt, visit.time, road, side, slot, 101 + k) for k in range(6)]
    parked = (chance[5] < 0.42 * min(visit.people, 1.1)) & ((roads.kind[road] > 0) | (side == 0))
    road, slot, sign = road[parked], slot[parked], 2.0 * side[parked] - 1
    chance = [part[parked] for part in chance]

    model = _MODELS[np.searchsorted((0.55, 0.92), chance[0], side="right")]
    size, width, belt, cabin, cabin_size, cabin_width, top = model.T
    forth = along[road]
    across = np.stack([forth[:, 1], -forth[:, 0]], axis=1) * sign[:, None]
    place = roads.margin[road, 0] + 7.0 + _SLOT * slot + 2.9 + 0.5 * (chance[1] - 0.5)
    centre = roads.start[road] + forth * place[:, None]
    centre = centre + across * (roads.half[road] - width / 2 - 0.15 - 0.15 * chance[2])[:, None]
    facing = forth * (sign * np.where(chance[3] < 0.9, 1, -1))[:, None]
    left = np.stack([-facing[:, 1], facing[:, 0]], axis=1) / 2

    def box(back: F64, box_size: F64, wide: F64) -> tuple[F64, F64]:
        rear = centre + facing * (back - size / 2)[:, None]
        nose, half = rear + facing * box_size[:, None], left * wide[:, None]
        ring = np.stack([nose - half, nose + half, rear + half, rear - half], axis=1)
        return ring, np.roll(ring, -1, axis=1)

    body = box(np.zeros_like(size), size, width)
    roof = box(size - cabin - cabin_size, cabin_size, cabin_width)
    cars = len(size)
    return Boxes(
        start=np.concatenate([body[0], roof[0]]).reshape(-1, 2).astype(np.float32),
        end=np.concatenate([body[1], roof[1]]).reshape(-1, 2).astype(np.float32),
        top=np.repeat(np.concatenate([belt, top]), 4).astype(np.float32),
        belt=np.repeat(np.concatenate([belt, belt]), 4).astype(np.float32),
        part=np.repeat([0, 1], 4 * cars),
        face=np.tile(np.arange(4), 2 * cars),
        paint=np.ascontiguousarray(
            np.repeat(np.tile(_PAINTS[(chance[4] * len(_PAINTS)).astype(int)], (2, 1)), 4, axis=0).T
        ),
    )


def shade_boxes(boxes: Boxes, wall: I64, u: F32, z: F32, flat: Bool, visit: Visit) -> tuple[F32, F32]:
    """Albedo ``(3, n)`` and mirrored share of points on cars; ``flat`` marks bonnets and roofs."""
    albedo = gather(boxes.paint, wall)
    part, face, top = boxes.part[wall], boxes.face[wall], boxes.top[wall]
    length = np.hypot(*(boxes.end[wall] - boxes.start[wall]).T)
    mirror = np.full(len(u), 0.10, dtype=np.float32)
    edge, middle = np.minimum(u, length - u), np.abs(u - length / 2)
    side = (face % 2 == 1) & ~flat
    pane = (part == 1) & ~flat & (z > boxes.belt[wall] + 0.05) & (z < top - 0.10)
    pane &= ~(side & ((middle < 0.06) | (edge < 0.14))) & (edge > 0.08)
    paint(albedo, pane, rgb((0.05, 0.06, 0.07)))
    mirror[pane] = 0.45
    body = (part == 0) & ~flat
    wheel = np.hypot(edge - np.float32(0.85), z - np.float32(0.32))
    paint(albedo, body & side & (middle < 0.02), albedo * np.float32(0.6))
    paint(albedo, body & ((z < 0.24) | (side & (wheel < 0.40))), rgb(0.04))
    paint(albedo, body & side & (wheel < 0.19), rgb(0.55))
    ends, nose = body & ~side, face == 0
    lamp = ends & (z > 0.55) & (z < 0.75) & (edge < 0.38) & (edge > 0.06)
    paint(albedo, lamp & nose, rgb((0.85, 0.85, 0.80)))
    paint(albedo, lamp & ~nose, rgb((0.60, 0.05, 0.04)))
    paint(albedo, ends & (z > 0.38) & (z < 0.5) & (middle < 0.28), rgb((0.85, 0.82, 0.7)))
    paint(albedo, ends & nose & (z > 0.55) & (z < 0.72) & (middle < 0.4), rgb(0.08))
    if visit.snow > 0:
        paint(albedo, flat, rgb(0.92), 0.8 * visit.snow)
    return albedo, mirror
