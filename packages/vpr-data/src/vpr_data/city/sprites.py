"""Small pictures of what is not made of walls: trees in every season, street lamps, passers-by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from vpr_data.city.brush import rgb
from vpr_data.city.draws import F32, keyed_rng, noise

__all__ = ["PEOPLE", "TREES", "Sprite", "lamp_sprite", "person_sprite", "tree_sprite"]

TREES, PEOPLE = 5, 8
_SIDE = 64


@dataclass(frozen=True, kw_only=True)
class Sprite:
    """A picture that faces the camera: ``size`` is width and height in metres; ``levels`` halve from 64 pixels down.

    A level is ``(5, h, w)``: colour already weighted by cover, cover, and light of its own. Row 0 is the top.
    """

    size: tuple[float, float]
    levels: tuple[F32, ...]


def _sprite(size: tuple[float, float], colour: F32, cover: F32, glow: F32 | None = None) -> Sprite:
    layers = np.concatenate([colour * cover, cover[None], (np.zeros_like(cover) if glow is None else glow)[None]])
    levels = [layers.astype(np.float32)]
    while levels[-1].shape[1] > 4:
        fine = levels[-1]
        half: F32 = (fine[:, ::2, ::2] + fine[:, 1::2, ::2] + fine[:, ::2, 1::2] + fine[:, 1::2, 1::2]) / np.float32(4)
        levels.append(half.astype(np.float32))
    return Sprite(size=size, levels=tuple(levels))


def _grid() -> tuple[F32, F32]:
    """Coordinates of a sprite's pixels: ``x`` in -1..1, ``y`` from 0 at the foot to 1."""
    centre = (np.arange(_SIDE, dtype=np.float32) + np.float32(0.5)) / _SIDE
    x, y = np.meshgrid(centre * 2 - 1, 1 - centre)
    return x.astype(np.float32), y.astype(np.float32)


@lru_cache(maxsize=128)
def tree_sprite(kind: int, leaves: float, autumn: float, snow: float) -> Sprite:
    """A tree of one of ``TREES`` shapes; ``leaves`` 0 is bare."""
    rng = keyed_rng(77, kind)
    x, y = _grid()
    height, width = float(rng.uniform(6.0, 9.5)), float(rng.uniform(4.0, 6.0))
    trunk = np.abs(x - 0.04 * np.sin(y * 7)) < 0.055 * (1.2 - y)
    trunk &= y < 0.62
    wood = rgb((0.25, 0.20, 0.16)) * (1 + 0.2 * noise(x * 40 + 90, y * 9 + 90, 3.0).ravel())
    colour, cover = wood.reshape(3, _SIDE, _SIDE).copy(), trunk.astype(np.float32)
    for _ in range(16):  # branches
        angle, root, reach = rng.uniform(-1.1, 1.1), rng.uniform(0.3, 0.6), rng.uniform(0.2, 0.5)
        t = np.clip(((x - 0.0) * np.sin(angle) + (y - root) * 2 * np.cos(angle)) / reach, 0, 1)
        off = np.hypot(x - t * reach * np.sin(angle), (y - root) * 2 - t * reach * np.cos(angle))
        cover = np.maximum(cover, (off < 0.035 * (1.2 - t)) * np.float32(0.85))
    crown = np.full_like(x, -1)
    for _ in range(9):
        cx, cy, radius = rng.uniform(-0.5, 0.5), rng.uniform(0.45, 0.8), rng.uniform(0.28, 0.48)
        crown = np.maximum(crown, 1 - ((x - cx) / radius) ** 2 - ((y - cy) * 2.2 / radius) ** 2)
    rough = noise(x * 20 + 300 + 40 * kind, y * 60 + 300, 2.0)
    twigs = (crown > 0.05) & (noise(x * 60 + 200, y * 60 + 40 * kind, 2.0) > 0.9)
    cover = np.maximum(cover, twigs * np.float32(0.6))
    if snow > 0:
        colour += (rgb(0.88)[:, :, None] - colour) * np.float32(0.5 * snow)
    if leaves > 0:
        leaf = (crown + 0.22 * rough > 0.15 + 0.3 * (1 - leaves)) & (rough > 2.4 * (0.5 - leaves) - 1.2)
        green = np.array([0.17, 0.30, 0.09]) * rng.uniform(0.8, 1.25) + rng.uniform(-0.02, 0.03, 3)
        gold = np.array([(0.55, 0.38, 0.08), (0.52, 0.22, 0.07), (0.45, 0.36, 0.12)][kind % 3])
        tint = rgb(tuple(green + (gold - green) * autumn))[:, :, None]
        lit = np.clip(0.75 + 0.5 * (y - 0.5) + 0.22 * rough, 0.3, 1.5)
        colour = np.where(leaf, tint * lit, colour)
        cover = np.where(leaf, np.float32(1), cover)
    return _sprite((width, height), colour, cover)


@lru_cache(maxsize=2)
def lamp_sprite(kind: int) -> Sprite:
    """A street lamp: an old one with a lantern, or a modern one with an arm."""
    x, y = _grid()
    if kind == 0:
        post = (np.abs(x) < 0.10 + 0.15 * (y < 0.12)) & (y < 0.80)
        head = (np.abs(x) < 0.55 - 1.2 * np.abs(y - 0.86)) & (y > 0.78) & (y < 0.95)
        size = (0.8, 4.2)
    else:
        post = (np.abs(x) < 0.035) & (y < 0.97)
        post |= (np.abs(y - 0.97) < 0.012) & (x > 0) & (x < 0.8)
        head = (np.abs(y - 0.955) < 0.016) & (x > 0.45) & (x < 0.9)
        size = (2.4, 7.0)
    colour = np.where(head, rgb((0.75, 0.74, 0.68))[:, :, None], rgb((0.12, 0.14, 0.14))[:, :, None])
    return _sprite(size, colour, (post | head).astype(np.float32), head * np.float32(1.6))


@lru_cache(maxsize=PEOPLE)
def person_sprite(kind: int) -> Sprite:
    """A passer-by in one of ``PEOPLE`` dresses."""
    rng = keyed_rng(78, kind)
    x, y = _grid()
    tones = rng.uniform(0.06, 0.6, (3, 3)).astype(np.float32)
    legs = (np.abs(np.abs(x) - 0.22 * (1 - y)) < 0.14) & (y < 0.48)
    coat = (np.abs(x) < 0.34 + 0.12 * (0.8 - y)) & (y >= 0.40) & (y < 0.82)
    head = np.hypot(x * 0.55, (y - 0.91) * 1.9) < 0.15
    bag = (np.abs(x - 0.52) < 0.16) & (np.abs(y - 0.42) < 0.08) & (kind % 3 == 0)
    colour = np.where(legs, tones[0][:, None, None] * np.float32(0.5), tones[1][:, None, None])
    colour = np.where(head, rgb((0.55, 0.40, 0.32))[:, :, None], colour)
    colour = np.where(bag, tones[2][:, None, None], colour)
    return _sprite((0.75, float(rng.uniform(1.6, 1.85))), colour, (legs | coat | head | bag).astype(np.float32))
