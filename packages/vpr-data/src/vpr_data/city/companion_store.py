"""Companions on disk, in the folder of their city: rendered only when they are asked for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from vpr_data.city.companions import companions_of
from vpr_data.city.files import write_atomic
from vpr_data.city.photographs import VERSION
from vpr_data.city.sizes import CitySize
from vpr_data.city.store import render_photos, table_of

__all__ = ["TABLE", "ensure_companions"]

TABLE, MANIFEST = "companions.csv", "companions.json"


def ensure_companions(
    folder: Path, *, size: CitySize, seed: int, workers: int | None, progress: bool
) -> dict[str, object]:
    """Render what is missing of the companions of the city in ``folder``; return their manifest."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        manifest = None
    if isinstance(manifest, dict) and manifest.get("version") == VERSION:
        return manifest
    photos = companions_of(seed, size)
    render_photos(folder, photos, size=size, seed=seed, workers=workers, progress=progress)
    digest = hashlib.sha256()
    for photo in photos:
        digest.update((folder / photo.name).read_bytes())
    write_atomic(folder / TABLE, table_of(photos))
    manifest = {
        "version": VERSION,
        "images": len(photos),
        "images_sha256": digest.hexdigest(),
        "table_sha256": hashlib.sha256(table_of(photos)).hexdigest(),
    }
    write_atomic(folder / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())
    return manifest
