"""The ten nearest of each query by exact search, part by part of the rows, so that a stop loses one part."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.speed.scale.contestants import TOP
from vpr_eval import search_exact
from vpr_runner.files.atomic import atomic_file

if TYPE_CHECKING:
    from bench.speed.scale.places import Places

__all__ = ["find_truth"]

_CHUNKS = 8


def find_truth(places: Places, *, until: float) -> bool:
    """Write ``truth.npy`` ``(Q, 10)``; return False when the clock (`time.monotonic`) says ``until`` before."""
    final = places.folder / "truth.npy"
    if final.is_file():
        return True
    asked, parts = places.asked(), []
    for number in range(0, len(places.chunks), _CHUNKS):
        part = places.folder / f"truth-{number:06d}.npz"
        parts.append(part)
        if part.is_file():
            continue
        if time.monotonic() > until:
            return False
        blocks = [places.chunk(chunk) for chunk in places.chunks[number : number + _CHUNKS]]
        found = search_exact(asked, blocks, TOP)
        with atomic_file(part) as file:
            np.savez(file, distance=found.distance, index=found.index + places.first_row(number))
    loaded = [np.load(part) for part in parts]
    distance, index = (np.concatenate([one[name] for one in loaded], axis=1) for name in ("distance", "index"))
    order = np.lexsort((index, distance), axis=1)[:, :TOP]
    _save(final, np.take_along_axis(index, order, axis=1))
    return True


def _save(path: Path, array: np.ndarray) -> None:
    with atomic_file(path) as file:
        np.save(file, array, allow_pickle=False)
