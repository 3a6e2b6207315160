"""Renders a share of a city: ``python -m vpr_data.city.worker`` with a JSON order on standard input.

A worker is a fresh interpreter, not a fork and not ``multiprocessing``: a fork after OpenMP hangs, and spawn runs the
caller's script again when that has no ``if __name__ == "__main__"``. It prints one line for every finished image.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from vpr_data.city.files import write_atomic
from vpr_data.city.numbering import photo_at
from vpr_data.city.photographs import photograph
from vpr_data.city.sizes import CitySize

__all__ = ["render_missing"]


def render_missing(folder: Path, seed: int, size: CitySize, indices: Iterable[int]) -> Iterator[int]:
    """Render the photographs of ``indices`` that are not yet in ``folder``; yield each index when its file is there."""
    for index in indices:
        path = folder / photo_at(seed, size, index).name
        if not path.is_file():  # another process may have been faster
            write_atomic(path, photograph(seed, size, index))
        yield index


def _main() -> None:
    order = json.load(sys.stdin)
    size = CitySize.from_json(order["size"])
    for index in render_missing(Path(order["folder"]), order["seed"], size, order["indices"]):
        sys.stdout.write(f"{index}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
