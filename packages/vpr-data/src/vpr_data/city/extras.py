"""Photographs beside those of a city's splits, in its folder: rendered only when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vpr_data.city.companions import companions_of
from vpr_data.city.drives import drives_of
from vpr_data.city.layout import Photo
from vpr_data.city.sealed_files import SealedFiles
from vpr_data.city.sizes import CitySize
from vpr_data.city.store import render_photos

__all__ = ["COMPANIONS", "DRIVES", "Extra"]


@dataclass(frozen=True, kw_only=True)
class Extra:
    """One kind of them.

    Attributes:
        kind: what its table, manifest and seal are called.
        photos_of: seed and size of the city to its photographs.
    """

    kind: str
    photos_of: Callable[[int, CitySize], tuple[Photo, ...]]

    @property
    def table(self) -> str:
        """Name of its table."""
        return f"{self.kind}.csv"

    def ensure(
        self, folder: Path, *, size: CitySize, seed: int, workers: int | None, progress: bool
    ) -> dict[str, object]:
        """Render what is missing of it in the ``folder`` of the city; return its manifest."""
        files = SealedFiles(
            folder=folder,
            kind=self.kind,
            table=self.table,
            manifest=f"{self.kind}.json",
            seal=f"{self.kind}.seal.json",
        )
        manifest = files.opened()
        if manifest is None:
            photos = self.photos_of(seed, size)
            render_photos(folder, photos, size=size, seed=seed, workers=workers, progress=progress)
            manifest = files.sealed(photos)
        return manifest


COMPANIONS = Extra(kind="companions", photos_of=companions_of)
DRIVES = Extra(kind="drives", photos_of=drives_of)
