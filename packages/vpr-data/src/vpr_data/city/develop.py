"""From light to pixels: exposure, white balance, tone curve, vignette, softness and noise of the camera."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vpr_data.city.draws import F32, keyed_rng
from vpr_data.city.visits import Visit

__all__ = ["U8", "develop"]

U8 = npt.NDArray[np.uint8]

_BALANCED = 0.7
"""How far automatic white balance takes out the colour of the light."""


def develop(light: F32, visit: Visit, key: tuple[int, ...]) -> U8:
    """Turn light ``(3, H, W)`` into an RGB image ``(H, W, 3)``; ``key`` determines the camera's faults."""
    rng = keyed_rng(*key, 900)
    _, h, w = light.shape
    metered = float(np.median(light.mean(axis=0)))
    gain = (0.46 / max(metered, 0.08)) ** 0.75 * 2.0 ** rng.normal(0, 0.10)
    cast = np.asarray(visit.skylight) + 0.5 * np.asarray(visit.sunlight)
    warmth = visit.warmth * (1 + rng.normal(0, 0.012))
    balance = gain * (cast.mean() / cast) ** _BALANCED * np.array([warmth, 1.0, 1 / warmth])
    balance = balance.astype(np.float32)[:, None, None]
    y, x = np.arange(h, dtype=np.float32) - h / 2, np.arange(w, dtype=np.float32) - w / 2
    radius = (x**2 + y[:, None] ** 2) * np.float32(4 / (w * w + h * h))
    image = light * balance * (1 - np.float32(0.16) * radius)
    knee = np.float32(0.7)
    bright = knee + np.float32(0.3) * (1 - np.exp(-(np.maximum(image, knee) - knee) / np.float32(0.3)))
    image = np.where(image > knee, bright, np.maximum(image, 0)) ** np.float32(0.85)
    image = np.float32(0.5) + (image - np.float32(0.5)) * np.float32(visit.contrast)
    if rng.random() < 0.25:
        image = _soften(image, float(rng.uniform(0.15, 0.5)))
    image += rng.normal(0, 0.010 + 0.008 * visit.lamps, (h, w)).astype(np.float32)
    image += rng.normal(0, 0.006, (3, h, w)).astype(np.float32)
    return np.ascontiguousarray(np.clip(np.rint(image * 255), 0, 255).astype(np.uint8).transpose(1, 2, 0))


def _soften(image: F32, amount: float) -> F32:
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
    around = (padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]) / 4
    softened: F32 = image + ((around - image) * np.float32(amount)).astype(np.float32)
    return softened
