"""The two drives on disk, in the folder of their city: rendered only when they are asked for."""

from __future__ import annotations

from pathlib import Path

from vpr_data.city.drives import drives_of
from vpr_data.city.sealed_files import SealedFiles
from vpr_data.city.sizes import CitySize
from vpr_data.city.store import render_photos

__all__ = ["DRIVES_TABLE", "ensure_drives"]

DRIVES_TABLE, MANIFEST, SEAL = "drives.csv", "drives.json", "drives.seal.json"


def ensure_drives(folder: Path, *, size: CitySize, seed: int, workers: int | None, progress: bool) -> dict[str, object]:
    """Render what is missing of the drives through the city in ``folder``; return their manifest."""
    files = SealedFiles(folder=folder, kind="drives", table=DRIVES_TABLE, manifest=MANIFEST, seal=SEAL)
    manifest = files.opened()
    if manifest is None:
        photos = drives_of(seed, size)
        render_photos(folder, photos, size=size, seed=seed, workers=workers, progress=progress)
        manifest = files.sealed(photos)
    return manifest
