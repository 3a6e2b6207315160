"""Pairs by where cameras stood and looked: ground truth, and matching without descriptors.

Read are COLMAP's ``images.txt`` (two lines an image, rotation and translation from world to camera; the camera stands
at ``-R^T t``) and TUM trajectories (``time tx ty tz qx qy qz qw``, camera to world: the camera stands at ``t``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError
from vpr_runner.pairs.choose import ImagePairs

__all__ = ["Poses", "pairs_by_pose", "read_poses"]

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Poses:
    """Cameras in space.

    Attributes:
        names: ``N`` images (COLMAP) or time stamps as written (TUM).
        centres: float64 ``(N, 3)``, where they stood.
        views: float64 ``(N, 3)``, unit vectors, where they looked: the camera's third axis.
    """

    names: tuple[str, ...]
    centres: Float64Array
    views: Float64Array


def read_poses(file: Path) -> Poses:
    """Read COLMAP's ``images.txt`` or a TUM trajectory, whichever it is.

    Raises:
        UsageError: it is neither; names the line.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--from-poses: {file} cannot be read ({error})") from error
    first = next((line.split() for line in lines if line.strip() and not line.startswith("#")), [])
    if len(first) == 8:
        return _read(file, [(n, line.split()) for n, line in enumerate(lines, 1) if _says(line)], _of_tum)
    if len(first) >= 10:
        # A comment is no line; an image without points has an empty second line, so empty lines count.
        kept = [(n, line.split(maxsplit=9)) for n, line in enumerate(lines, 1) if not line.startswith("#")]
        return _read(file, [item for item in kept[::2] if item[1]], _of_colmap)
    raise UsageError(
        f"--from-poses: {file} is neither COLMAP's images.txt (id qw qx qy qz tx ty tz camera name, and a line of "
        "points) nor a TUM trajectory (time tx ty tz qx qy qz qw)"
    )


def pairs_by_pose(poses: Poses, *, matched: int, radius: float, angle: float) -> ImagePairs:
    """Return the pairs of cameras that stood within ``radius`` and looked within ``angle`` degrees of one another.

    Each image is given at most ``matched`` partners, nearest first, equal distances by order; each unordered pair once.
    Two cameras that stand close and look the same way see the same; no frustum is cut, so no depth need be known.
    """
    found: list[tuple[int, int, float]] = []
    seen: set[tuple[int, int]] = set()
    least = np.cos(np.radians(angle))
    for row, centre in enumerate(poses.centres):
        distance = np.linalg.norm(poses.centres - centre, axis=1)
        fits = (distance <= radius) & (poses.views @ poses.views[row] >= least - 1e-12)
        fits[row] = False
        candidates = np.flatnonzero(fits)
        order = candidates[np.lexsort((candidates, distance[candidates]))][:matched]
        for other in order.tolist():
            pair = (min(row, other), max(row, other))
            if pair not in seen:
                seen.add(pair)
                found.append((row, other, -float(distance[other])))
    return ImagePairs(
        first=tuple(poses.names[left] for left, _, _ in found),
        second=tuple(poses.names[right] for _, right, _ in found),
        score=np.array([score for _, _, score in found], dtype=np.float32),
    )


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _read(file: Path, rows: list[tuple[int, list[str]]], read: object) -> Poses:
    names, centres, views = [], [], []
    for number, words in rows:
        try:
            name, centre, view = read(words)  # type: ignore[operator]
        except (ValueError, IndexError) as error:
            raise UsageError(f"--from-poses: {file}, line {number}: {error}") from error
        names.append(name)
        centres.append(centre)
        views.append(view)
    if len(set(names)) != len(names):
        raise UsageError(f"--from-poses: {file} names an image twice")
    return Poses(names=tuple(names), centres=np.array(centres).reshape(-1, 3), views=np.array(views).reshape(-1, 3))


def _of_colmap(words: list[str]) -> tuple[str, Float64Array, Float64Array]:
    if len(words) < 10:
        raise ValueError("expected id qw qx qy qz tx ty tz camera name")
    rotation, translation = _rotation(words[1:5]), np.array([float(word) for word in words[5:8]])
    return words[9].strip(), -rotation.T @ translation, rotation[2]


def _of_tum(words: list[str]) -> tuple[str, Float64Array, Float64Array]:
    if len(words) != 8:
        raise ValueError("expected time tx ty tz qx qy qz qw")
    float(words[0])
    x, y, z, w = words[4:8]
    return words[0], np.array([float(word) for word in words[1:4]]), _rotation([w, x, y, z])[:, 2]


def _rotation(quaternion: list[str]) -> Float64Array:
    """Return the matrix of a quaternion w, x, y, z of any length but 0."""
    w, x, y, z = (float(word) for word in quaternion)
    length = w * w + x * x + y * y + z * z
    if not 0 < length < np.inf:
        raise ValueError(f"quaternion {' '.join(quaternion)} is no rotation")
    s = 2 / length
    return np.array(
        [
            [1 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)],
            [s * (x * y + z * w), 1 - s * (x * x + z * z), s * (y * z - x * w)],
            [s * (x * z - y * w), s * (y * z + x * w), 1 - s * (x * x + y * y)],
        ]
    )
