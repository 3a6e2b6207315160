"""The plan of one district: an irregular, bent grid of streets and the walls of its blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpr_data.city.draws import F32, F64, I64, keyed_rng
from vpr_data.city.styles import STYLES, Buildings, draw_buildings

__all__ = ["District", "Roads", "Walls", "plan_district"]

FRONT, SIDE, BACK = range(3)

_WIDTHS = ((2.6, 2.0), (4.0, 2.8), (6.5, 4.0))
"""Half carriageway and pavement of a lane, a street and an avenue."""


@dataclass(frozen=True, kw_only=True)
class Roads:
    """Straight pieces of street between two crossings: ``start`` and ``end`` ``(R, 2)``, the rest ``(R,)``.

    Attributes:
        half: half width of the carriageway.
        pavement: width of each pavement, so that facades stand ``half + pavement`` from the axis.
        kind: 0 lane, 1 street, 2 avenue.
        margin: ``(R, 2)`` half width of the crossing street at either end.
        walked: photographs are taken here.
    """

    start: F64
    end: F64
    half: F64
    pavement: F64
    kind: I64
    margin: F64
    walked: I64

    def __len__(self) -> int:
        return len(self.half)


@dataclass(frozen=True, kw_only=True)
class Walls:
    """Vertical rectangles: ``start`` and ``end`` ``(S, 2)``, seen from the right of ``start -> end``.

    Attributes:
        building: index into the district's buildings.
        kind: 0 front, 1 side, 2 back.
        offset: position along the building's facade at ``start``.
        span: length of the building's whole facade.
    """

    start: F32
    end: F32
    building: I64
    kind: I64
    offset: F32
    span: F32

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True, kw_only=True)
class District:
    """One area of the city in local metres; ``parks`` are quads ``(P, 4, 2)``."""

    roads: Roads
    walls: Walls
    buildings: Buildings
    parks: F64
    footprints: F64
    heights: F64


def plan_district(seed: int, area: int, *, street_length: float) -> District:
    """Plan a district with at least ``street_length`` metres of walked streets."""
    rng = keyed_rng(seed, area, 1)
    cells = 4
    while True:
        nodes, line_kind = _grid(keyed_rng(seed, area, 2, cells), cells)
        roads = _roads(nodes, line_kind, cells)
        length = np.linalg.norm(roads.end - roads.start, axis=1)
        if (length * roads.walked).sum() >= street_length:
            break
        cells += 1
    lots = _Lots()
    parks: list[F64] = []
    for i in range(cells):
        for j in range(cells):
            corners = np.stack([nodes[i, j], nodes[i + 1, j], nodes[i + 1, j + 1], nodes[i, j + 1]])
            insets = [_reach(line_kind[1, j]), _reach(line_kind[0, i + 1]), _reach(line_kind[1, j + 1])]
            quad = _inset(corners, np.array([*insets, _reach(line_kind[0, i])]))
            inner = 0 < i < cells - 1 and 0 < j < cells - 1
            if inner and rng.random() < 0.12:
                parks.append(quad)
            else:
                _fill_block(quad, rng, lots)
    _close_ends(nodes, cells, rng, lots)
    kinds, seeds = np.array(lots.style, dtype=np.int64), np.array(lots.seed, dtype=np.uint32)
    buildings = draw_buildings(kinds, seeds, salt=seed)
    walls = Walls(
        start=np.array(lots.start, dtype=np.float32),
        end=np.array(lots.end, dtype=np.float32),
        building=np.array(lots.building, dtype=np.int64),
        kind=np.array(lots.kind, dtype=np.int64),
        offset=np.array(lots.offset, dtype=np.float32),
        span=np.array(lots.span, dtype=np.float32),
    )
    return District(
        roads=roads,
        walls=walls,
        buildings=buildings,
        parks=np.array(parks, dtype=np.float64).reshape(-1, 4, 2),
        footprints=np.array(lots.footprint, dtype=np.float64).reshape(-1, 4, 2),
        heights=buildings.eave[np.array(lots.footprint_building, dtype=np.int64)].astype(np.float64),
    )


def _grid(rng: np.random.Generator, cells: int) -> tuple[F64, I64]:
    """Crossings ``(cells + 1, cells + 1, 2)`` and the kind of each line of the grid ``(2, cells + 1)``."""
    steps = rng.uniform(48.0, 98.0, (2, cells))
    lines = np.concatenate([np.zeros((2, 1)), np.cumsum(steps, axis=1)], axis=1)
    x, y = np.meshgrid(lines[0], lines[1], indexing="ij")
    phase = rng.uniform(0, 2 * np.pi, 4)
    bent_x = x + 13 * np.sin(y / 55 + phase[0]) + 7 * np.sin((x + y) / 37 + phase[1])
    bent_y = y + 13 * np.sin(x / 60 + phase[2]) + 7 * np.sin((x - y) / 41 + phase[3])
    nodes = np.stack([bent_x, bent_y], axis=2) + rng.normal(0, 2.0, (cells + 1, cells + 1, 2))
    nodes -= nodes.mean(axis=(0, 1))
    turn = rng.uniform(0, np.pi / 2)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    kind = rng.choice(3, size=(2, cells + 1), p=[0.3, 0.5, 0.2]).astype(np.int64)
    return nodes @ spin.T, kind


def _reach(kind: int) -> float:
    return sum(_WIDTHS[int(kind)])


def _roads(nodes: F64, line_kind: I64, cells: int) -> Roads:
    rows: list[tuple[F64, F64, int, int, int, int]] = []
    for line in range(cells + 1):
        for step in range(cells):
            walked = int(0 < line < cells and 0 < step < cells - 1)
            ends = (int(line_kind[1, step]), int(line_kind[1, step + 1]))
            rows.append((nodes[line, step], nodes[line, step + 1], int(line_kind[0, line]), *ends, walked))
            ends = (int(line_kind[0, step]), int(line_kind[0, step + 1]))
            rows.append((nodes[step, line], nodes[step + 1, line], int(line_kind[1, line]), *ends, walked))
    kind = np.array([row[2] for row in rows], dtype=np.int64)
    widths = np.array(_WIDTHS)
    return Roads(
        start=np.stack([row[0] for row in rows]),
        end=np.stack([row[1] for row in rows]),
        half=widths[kind, 0],
        pavement=widths[kind, 1],
        kind=kind,
        margin=widths[np.array([[row[3], row[4]] for row in rows]), 0],
        walked=np.array([row[5] for row in rows], dtype=np.int64),
    )


def _inset(corners: F64, depth: F64) -> F64:
    """Move edge ``i`` (corner ``i`` to ``i + 1``) of a counter-clockwise quad inwards by ``depth[i]``."""
    along = np.roll(corners, -1, axis=0) - corners
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    inwards = np.stack([-along[:, 1], along[:, 0]], axis=1)
    level = np.einsum("ij,ij->i", inwards, corners) + depth
    out = np.empty_like(corners)
    for i in range(4):
        out[i] = np.linalg.solve(np.stack([inwards[i - 1], inwards[i]]), np.array([level[i - 1], level[i]]))
    return out


class _Lots:
    """Walls and buildings while a plan is being filled."""

    def __init__(self) -> None:
        self.style: list[int] = []
        self.seed: list[int] = []
        self.start: list[F64] = []
        self.end: list[F64] = []
        self.building: list[int] = []
        self.kind: list[int] = []
        self.offset: list[float] = []
        self.span: list[float] = []
        self.footprint: list[F64] = []
        self.footprint_building: list[int] = []

    def new_building(self, style: int, seed: int) -> int:
        self.style.append(style)
        self.seed.append(seed)
        return len(self.style) - 1

    def wall(self, start: F64, end: F64, building: int, kind: int) -> None:
        length = float(np.linalg.norm(end - start))
        self.start.append(start)
        self.end.append(end)
        self.building.append(building)
        self.kind.append(kind)
        self.offset.append(0.0)
        self.span.append(length)

    def house(self, start: F64, end: F64, inwards: F64, depth: float, building: int, sides: tuple[bool, bool]) -> None:
        """Front from ``start`` to ``end`` (seen from its right), back wall, and the sides asked for."""
        back_start, back_end = start + inwards * depth, end + inwards * depth
        self.wall(start, end, building, FRONT)
        self.wall(back_end, back_start, building, BACK)
        if sides[0]:
            self.wall(back_start, start, building, SIDE)
        if sides[1]:
            self.wall(end, back_end, building, SIDE)
        self.footprint.append(np.stack([start, end, back_end, back_start]))
        self.footprint_building.append(building)


def _fill_block(quad: F64, rng: np.random.Generator, lots: _Lots) -> None:
    """Line the four edges of a block with houses; a corner house turns its corner as one building."""
    style_weight = np.array([style.weight for style in STYLES])
    chance = style_weight / style_weight.sum()
    home = rng.choice(len(STYLES), size=2, p=chance)

    def draw() -> int:
        style = int(home[int(rng.integers(2))]) if rng.random() < 0.4 else int(rng.choice(len(STYLES), p=chance))
        return lots.new_building(style, int(rng.integers(2**31)))

    corner = [draw() for _ in range(4)]
    for edge in range(4):
        start, end = quad[edge], quad[(edge + 1) % 4]
        length = float(np.linalg.norm(end - start))
        along = (end - start) / length
        inwards = np.array([-along[1], along[0]])
        terrace = int(rng.integers(2**31)) if rng.random() < 0.18 else None
        cuts = _cuts(rng, length, narrow=terrace is not None)
        row_style = int(rng.choice(len(STYLES), p=chance))
        for k in range(len(cuts) - 1):
            first, last = k == 0, k == len(cuts) - 2
            if not (first or last) and rng.random() < 0.05:
                continue  # a gap: an alley or a yard
            if first:
                building = corner[edge]
            elif last:
                building = corner[(edge + 1) % 4]
            elif terrace is not None:
                building = lots.new_building(row_style, terrace)
            else:
                building = draw()
            depth = min(11.0, 0.3 * length)
            lots.house(
                start + along * cuts[k], start + along * cuts[k + 1], inwards, depth, building, (not first, not last)
            )


def _cuts(rng: np.random.Generator, length: float, *, narrow: bool) -> list[float]:
    count = max(2, round(length / (rng.uniform(6.5, 8.5) if narrow else rng.uniform(10.0, 16.0))))
    parts = np.ones(count) if narrow else rng.uniform(0.6, 1.4, count)
    return [0.0, *(np.cumsum(parts / parts.sum()) * length)]


def _close_ends(nodes: F64, cells: int, rng: np.random.Generator, lots: _Lots) -> None:
    """A long building across every street that leaves the district, so that no view ends in the void."""
    middle = nodes.mean(axis=(0, 1))
    for line in range(1, cells):
        for end in (nodes[line, 0], nodes[line, cells], nodes[0, line], nodes[cells, line]):
            outwards = (end - middle) / np.linalg.norm(end - middle)
            across = np.array([-outwards[1], outwards[0]])
            building = lots.new_building(int(rng.integers(len(STYLES))), int(rng.integers(2**31)))
            lots.house(end - across * 22, end + across * 22, outwards, 12.0, building, (False, False))
