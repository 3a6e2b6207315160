"""What a map was made of: the data set of `vpr extract --split`, noted on this machine and never in the map.

A map is carried away and may come from anybody, so nothing that it says of folders is read. The note lies in the cache
folder (``VPR_CACHE``) under a digest of the map's images and positions: who made a map here need not say twice of
what.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_data.city.store import cache_root
from vpr_runner.files import atomic
from vpr_runner.files.documents import parsed
from vpr_runner.maps.layout import PLACES_FILE

if TYPE_CHECKING:
    from vpr_core import ComponentConfig

__all__ = ["note_source", "noted_source"]


def note_source(folder: Path, dataset: ComponentConfig) -> None:
    """Note that the map in ``folder`` was just made of a split of ``dataset``."""
    try:
        atomic.write_json(_file(folder), dataset.model_dump(mode="json"))
    except OSError:  # a cache that cannot be written: the data set must be named again
        return


def noted_source(folder: Path) -> dict[str, Any] | None:
    """Return the block ``dataset`` that a map was made of on this machine, or None."""
    try:
        found = parsed(_file(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("type"), str) else None


def _file(folder: Path) -> Path:
    whole = hashlib.sha256((folder / "manifest.json").read_bytes())
    whole.update((folder / PLACES_FILE).read_bytes())
    return cache_root() / "maps" / f"{whole.hexdigest()}.json"
