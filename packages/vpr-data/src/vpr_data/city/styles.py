"""The style library: a dozen kinds of building that repeat across the whole city, so that places alias."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpr_data.city.draws import F32, I64, U32, keyed_rng

__all__ = ["ARCADE", "DOOR", "GARAGE", "SHOP", "STYLES", "Buildings", "Style", "draw_buildings"]

Colour = tuple[float, float, float]

BRICK, PLASTER, STONE, GLASS, PANEL, BOARDS = range(6)
DOOR, SHOP, GARAGE, ARCADE = range(4)
FLAT, MANSARD, GABLE, STEPPED = range(4)

_BRICKS: tuple[Colour, ...] = (
    (0.50, 0.20, 0.13),
    (0.36, 0.16, 0.14),
    (0.62, 0.36, 0.22),
    (0.64, 0.54, 0.36),
    (0.40, 0.33, 0.30),
)
_PLASTERS: tuple[Colour, ...] = (
    (0.86, 0.74, 0.46),
    (0.86, 0.85, 0.80),
    (0.78, 0.52, 0.34),
    (0.58, 0.70, 0.56),
    (0.82, 0.54, 0.50),
    (0.50, 0.62, 0.76),
    (0.62, 0.26, 0.22),
    (0.70, 0.66, 0.58),
)
_STONES: tuple[Colour, ...] = ((0.66, 0.62, 0.54), (0.58, 0.56, 0.52), (0.72, 0.66, 0.54))
_CONCRETES: tuple[Colour, ...] = ((0.60, 0.60, 0.58), (0.50, 0.51, 0.52), (0.66, 0.63, 0.58))
_TRIMS: tuple[Colour, ...] = ((0.86, 0.84, 0.78), (0.70, 0.66, 0.58), (0.40, 0.36, 0.33))
_ACCENTS: tuple[Colour, ...] = (
    (0.12, 0.25, 0.16),
    (0.40, 0.10, 0.10),
    (0.12, 0.18, 0.36),
    (0.30, 0.20, 0.12),
    (0.15, 0.15, 0.16),
    (0.30, 0.42, 0.50),
)
_ROOFS: tuple[Colour, ...] = ((0.24, 0.25, 0.28), (0.42, 0.22, 0.16), (0.33, 0.28, 0.24))


@dataclass(frozen=True, kw_only=True)
class Style:
    """Ranges from which a building of this style is drawn; lengths in metres."""

    texture: int
    walls: tuple[Colour, ...]
    trims: tuple[Colour, ...] = _TRIMS
    floors: tuple[int, int] = (3, 5)
    floor_height: tuple[float, float] = (2.9, 3.4)
    bay: tuple[float, float] = (2.2, 3.2)
    window: tuple[float, float] = (1.1, 1.7)
    sill: float = 0.8
    arch: float = 0.0
    surround: float = 0.5
    shutters: float = 0.0
    balcony: float = 0.1
    cornice: float = 0.4
    course: float = 0.4
    quoins: float = 0.0
    panes: tuple[int, ...] = (0, 1, 2)
    ground: tuple[float, float, float, float] = (0.45, 0.40, 0.10, 0.05)
    roof: tuple[float, float, float, float] = (0.6, 0.4, 0.0, 0.0)
    weight: float = 1.0


STYLES: tuple[Style, ...] = (
    Style(texture=BRICK, walls=_BRICKS, surround=0.8, roof=(0.5, 0.2, 0.3, 0.0), weight=2.0),
    Style(
        texture=BRICK, walls=_BRICKS, floors=(2, 3), bay=(2.4, 2.9), ground=(0.9, 0.05, 0.05, 0), roof=(0, 0.2, 0.8, 0)
    ),
    Style(texture=BRICK, walls=_BRICKS, arch=1.0, floors=(3, 4), window=(1.2, 2.0), roof=(0.3, 0, 0.2, 0.5)),
    Style(texture=PLASTER, walls=_PLASTERS, shutters=0.8, floors=(2, 4), surround=0.3, roof=(0.2, 0.4, 0.4, 0)),
    Style(texture=PLASTER, walls=_PLASTERS, balcony=0.7, window=(1.2, 2.1), sill=0.4, floors=(4, 6), weight=1.5),
    Style(texture=PLASTER, walls=_PLASTERS, quoins=0.9, cornice=0.7, course=0.9, floors=(3, 5), weight=1.5),
    Style(
        texture=STONE,
        walls=_STONES,
        quoins=0.5,
        cornice=0.9,
        course=1.0,
        arch=0.6,
        floor_height=(3.4, 4.0),
        window=(1.3, 2.2),
        ground=(0.3, 0.35, 0.0, 0.35),
        roof=(0.4, 0.6, 0, 0),
    ),
    Style(texture=STONE, walls=_STONES, floors=(4, 6), surround=0.9, balcony=0.4, roof=(0.2, 0.8, 0, 0)),
    Style(
        texture=GLASS,
        walls=((0.25, 0.32, 0.38), (0.30, 0.34, 0.34), (0.36, 0.30, 0.26)),
        floors=(5, 9),
        bay=(1.5, 1.9),
        window=(9.0, 9.0),
        sill=0.0,
        cornice=0.2,
        course=0.0,
        surround=0.0,
        ground=(0.2, 0.6, 0.0, 0.2),
        roof=(1, 0, 0, 0),
        weight=0.6,
    ),
    Style(
        texture=PANEL,
        walls=_CONCRETES,
        floors=(4, 8),
        bay=(3.0, 3.8),
        window=(2.0, 1.5),
        balcony=0.5,
        cornice=0.15,
        surround=0.1,
        panes=(2, 3),
        ground=(0.4, 0.4, 0.2, 0),
        roof=(1, 0, 0, 0),
    ),
    Style(
        texture=PANEL,
        walls=_CONCRETES,
        floors=(3, 6),
        bay=(3.2, 4.0),
        window=(9.0, 1.5),
        sill=0.9,
        cornice=0.2,
        surround=0.0,
        panes=(2,),
        roof=(1, 0, 0, 0),
        weight=0.8,
    ),
    Style(
        texture=BOARDS,
        walls=_PLASTERS,
        floors=(2, 2),
        bay=(2.3, 2.8),
        surround=0.9,
        shutters=0.4,
        ground=(0.9, 0.05, 0.05, 0),
        roof=(0, 0, 1, 0),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Buildings:
    """Arrays with one entry a building, ``(B,)``; lengths in metres; colours in 0..1, ``(3, B)``."""

    seed: U32
    style: I64
    texture: I64
    wall: F32
    trim: F32
    accent: F32
    roof_colour: F32
    roof: I64
    eave: F32
    roof_height: F32
    ground_height: F32
    floor_height: F32
    bay: F32
    window_width: F32
    window_height: F32
    sill: F32
    arch: F32
    surround: F32
    shutters: F32
    balcony: F32
    cornice: F32
    course: F32
    quoins: F32
    panes: I64
    ground: I64

    def __len__(self) -> int:
        return len(self.seed)


def draw_buildings(kinds: I64, seeds: U32, *, salt: int) -> Buildings:
    """Draw one building for each style index of ``kinds`` (B,); equal seeds give equal buildings (terraces)."""
    rows = [_draw(STYLES[int(kind)], keyed_rng(salt, int(seed), 5)) for kind, seed in zip(kinds, seeds, strict=True)]

    def real(key: str) -> F32:
        return np.array([row[key] for row in rows], dtype=np.float32)

    def colours(key: str) -> F32:
        return np.ascontiguousarray(real(key).reshape(-1, 3).T)

    def whole(key: str) -> I64:
        return np.array([row[key] for row in rows], dtype=np.int64)

    return Buildings(
        seed=seeds.astype(np.uint32),
        style=kinds.astype(np.int64),
        texture=whole("texture"),
        wall=colours("wall"),
        trim=colours("trim"),
        accent=colours("accent"),
        roof_colour=colours("roof_colour"),
        roof=whole("roof"),
        eave=real("eave"),
        roof_height=real("roof_height"),
        ground_height=real("ground_height"),
        floor_height=real("floor_height"),
        bay=real("bay"),
        window_width=real("window_width"),
        window_height=real("window_height"),
        sill=real("sill"),
        arch=real("arch"),
        surround=real("surround"),
        shutters=real("shutters"),
        balcony=real("balcony"),
        cornice=real("cornice"),
        course=real("course"),
        quoins=real("quoins"),
        panes=whole("panes"),
        ground=whole("ground"),
    )


def _draw(style: Style, rng: np.random.Generator) -> dict[str, object]:
    ground = int(rng.choice(4, p=np.asarray(style.ground) / sum(style.ground)))
    roof = int(rng.choice(4, p=np.asarray(style.roof) / sum(style.roof)))
    floor_height = rng.uniform(*style.floor_height)
    ground_height = floor_height + (rng.uniform(0.4, 0.9) if ground in (SHOP, ARCADE) else 0.2)
    floors = int(rng.integers(style.floors[0], style.floors[1] + 1))
    cornice = style.cornice * rng.uniform(0.7, 1.3)

    def colour(palette: tuple[Colour, ...], spread: float) -> list[float]:
        base = np.asarray(palette[int(rng.integers(len(palette)))])
        return list(np.clip(base * rng.normal(1.0, spread) + rng.normal(0.0, spread / 3, 3), 0.03, 0.95))

    return {
        "texture": style.texture,
        "wall": colour(style.walls, 0.06),
        "trim": colour(style.trims, 0.05),
        "accent": colour(_ACCENTS, 0.05),
        "roof_colour": colour(_ROOFS, 0.06),
        "roof": roof,
        "eave": ground_height + floors * floor_height + cornice,
        "roof_height": (0.0, 2.6, 4.0, 3.0)[roof] * rng.uniform(0.8, 1.3),
        "ground_height": ground_height,
        "floor_height": floor_height,
        "bay": rng.uniform(*style.bay),
        "window_width": style.window[0] * rng.uniform(0.85, 1.1),
        "window_height": style.window[1] * rng.uniform(0.85, 1.05),
        "sill": style.sill,
        "arch": float(rng.random() < style.arch),
        "surround": float(rng.random() < style.surround),
        "shutters": float(rng.random() < style.shutters),
        "balcony": float(rng.random() < style.balcony),
        "cornice": cornice,
        "course": float(rng.random() < style.course),
        "quoins": float(rng.random() < style.quoins),
        "panes": int(style.panes[int(rng.integers(len(style.panes)))]),
        "ground": ground,
    }
