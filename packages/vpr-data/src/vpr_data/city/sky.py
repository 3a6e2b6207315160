"""The sky and what stands before it far away."""

from __future__ import annotations

import numpy as np

from vpr_data.city.brush import rgb
from vpr_data.city.draws import F32, noise
from vpr_data.city.visits import Visit, light_of

__all__ = ["shade_sky"]


def shade_sky(rays: F32, visit: Visit, *, skyline: int) -> F32:
    """Light ``(3, n)`` from the directions ``rays (3, n)``; ``skyline`` keys the far ridge of a district."""
    x, y, z = rays / np.sqrt(np.einsum("in,in->n", rays, rays))
    horizon, zenith = rgb(visit.horizon), rgb(visit.zenith)
    blend = np.clip(np.clip(z, 0, 1) * np.float32(1.7), 0, 1) ** np.float32(0.6)
    colour = horizon + (zenith - horizon) * blend
    scale = 30 / np.maximum(z + np.float32(0.12), np.float32(0.06))
    cx, cy = x * scale + 500, y * scale + 500
    drift = visit.time % 1009
    cover = noise(cx, cy, 1.3, drift) * np.float32(0.7) + noise(cx, cy, 4.0, drift + 3) * np.float32(0.3)
    amount = np.clip((cover + np.float32(visit.clouds * 2.2 - 1.4)) * np.float32(1.3), 0, 1) * np.float32(0.85)
    bright = horizon * np.float32(0.5) + np.float32(0.5) * np.minimum(1, rgb(visit.skylight) * np.float32(1.5))
    shade = 1 - np.float32(0.10) * np.clip(noise(cx + 40, cy, 2.0, drift), -1, 2)
    colour += (bright * shade - colour) * amount
    strength = min(max(visit.sunlight), 1.0)
    if strength > 0.2:
        sun = light_of(visit)
        near = np.clip(x * sun[0] + y * sun[1] + z * sun[2], 0, 1)
        halo = np.float32(0.35) * near ** np.float32(12) + np.float32(0.8) * near ** np.float32(300)
        colour += rgb(visit.sunlight) * np.float32(strength) * halo
    far = np.flatnonzero(z < 0.12)
    azimuth = np.arctan2(x[far], y[far])
    ridge = np.float32(0.035) + np.float32(0.02) * noise((azimuth + 4) * 40, np.full_like(azimuth, skyline % 97))
    behind = far[z[far] < ridge]
    colour[:, behind] = horizon * np.float32(0.75) + rgb(visit.skylight) * np.float32(0.10)
    sky: F32 = colour
    return sky
