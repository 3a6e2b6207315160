"""Parked cars: two closed boxes each, so that they stand right in perspective and hide what is behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpr_data.city.brush import gather, paint, rgb
from vpr_data.city.draws import F32, I64, Bool, unit_hash
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
_MODELS = (
    (4.2, 1.75, 0.88, 1.05, 2.3, 1.55, 1.45),
    (4.4, 1.78, 0.90, 1.15, 3.1, 1.60, 1.50),
    (5.2, 2.00, 1.10, 0.95, 4.2, 1.95, 2.25),
)


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """Walls of boxes ``start -> end (S, 2)`` with tops ``(S,)``; ``part`` 0 body, 1 cabin; ``face`` 0 nose .. 3; ``paint (3, S)``."""

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
    start: list[F32] = []
    end: list[F32] = []
    rows: list[tuple[float, float, int, int]] = []
    colours: list[F32] = []
    for i in range(len(roads)):
        a, b = roads.start[i], roads.end[i]
        length = float(np.linalg.norm(b - a))
        along = (b - a) / length
        across = np.array([along[1], -along[0]])
        first, last = float(roads.margin[i, 0]) + 7.0, length - float(roads.margin[i, 1]) - 7.0
        slots = np.arange(max(int((last - first) / 5.9), 0))
        for side in (-1, 1):
            if roads.kind[i] == 0 and side == 1:
                continue
            draw = unit_hash(salt, visit.time, i, side + 1, slots, 101)
            for slot in np.flatnonzero(draw < 0.5 * min(visit.people, 1.1)):
                chance = unit_hash(salt, visit.time, i, side + 1, int(slot), np.arange(102, 107))
                model = _MODELS[int(np.searchsorted((0.5, 0.85, 1.0), chance[0], side="right").clip(0, 2))]
                size, width, belt, cabin, cabin_size, cabin_width, top = model
                centre = a + along * (first + 5.9 * slot + 2.9 + 0.5 * (chance[1] - 0.5))
                centre = centre + across * side * (roads.half[i] - width / 2 - 0.15 - 0.15 * chance[2])
                facing = along * (side if chance[3] < 0.9 else -side)
                colour = _PAINTS[int(chance[4] * len(_PAINTS))]
                for part, (back, box, wide, height) in enumerate(
                    ((0.0, size, width, belt), (size - cabin - cabin_size, cabin_size, cabin_width, top))
                ):
                    left = np.array([-facing[1], facing[0]]) * wide / 2
                    rear = centre + facing * (back - size / 2)
                    nose = rear + facing * box
                    ring = [nose - left, nose + left, rear + left, rear - left]
                    for face in range(4):
                        start.append(ring[face].astype(np.float32))
                        end.append(ring[(face + 1) % 4].astype(np.float32))
                        rows.append((height, belt, part, face))
                        colours.append(colour)
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return Boxes(
        start=np.array(start, dtype=np.float32).reshape(-1, 2),
        end=np.array(end, dtype=np.float32).reshape(-1, 2),
        top=table[:, 0].astype(np.float32),
        belt=table[:, 1].astype(np.float32),
        part=table[:, 2].astype(np.int64),
        face=table[:, 3].astype(np.int64),
        paint=np.array(colours, dtype=np.float32).reshape(-1, 3).T.copy(),
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
