"""Pinhole camera above a flat ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpr_data.city.draws import F32, F64

__all__ = ["Camera"]


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera.

    World: x east, y north, z up, metres. ``heading`` is clockwise from north, ``pitch`` upwards, ``roll`` clockwise as
    the camera sees it, all in degrees. The principal point is the image centre and a pixel's centre is at +0.5.

    Attributes:
        position: ``(x, y, z)`` in metres.
        height: rows of the image.
        width: columns of the image.
        focal: focal length in pixels.
    """

    position: tuple[float, float, float]
    heading: float
    pitch: float
    roll: float
    height: int
    width: int
    focal: float

    def axes(self) -> F64:
        """Rows: unit vectors right, down and forward in world coordinates, ``(3, 3)``."""
        heading, pitch, roll = np.radians([self.heading, self.pitch, self.roll])
        forward = np.array([np.sin(heading) * np.cos(pitch), np.cos(heading) * np.cos(pitch), np.sin(pitch)])
        level = np.array([np.cos(heading), -np.sin(heading), 0.0])
        up = np.cross(level, forward)
        right = np.cos(roll) * level - np.sin(roll) * up
        down = -np.cos(roll) * up - np.sin(roll) * level
        return np.stack([right, down, forward])

    def rays(self) -> F32:
        """World directions of all pixels, ``(H * W, 3)``, scaled so that their forward component is 1 (depth)."""
        right, down, forward = self.axes()
        x = (np.arange(self.width) + 0.5 - self.width / 2) / self.focal
        y = (np.arange(self.height) + 0.5 - self.height / 2) / self.focal
        rays = forward + y[:, None, None] * down + x[None, :, None] * right
        flat: F32 = rays.reshape(-1, 3).astype(np.float32)
        return flat

    def project(self, points: F64) -> F64:
        """Columns, rows and depths ``(N, 3)`` of world points ``(N, 3)``; a positive depth is before the camera."""
        seen = (points - np.asarray(self.position)) @ self.axes().T
        with np.errstate(divide="ignore", invalid="ignore"):
            column = self.focal * seen[:, 0] / seen[:, 2] + self.width / 2
            row = self.focal * seen[:, 1] / seen[:, 2] + self.height / 2
        return np.stack([column, row, seen[:, 2]], axis=1)
