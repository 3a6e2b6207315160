"""The city as a data set."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vpr_data.city import extras
from vpr_data.city.sizes import SPLITS, CitySize, size_named
from vpr_data.city.store import ensure_city

if TYPE_CHECKING:
    from vpr_data.images.image_set import ImageSet
    from vpr_data.places.splits import PlaceSplit

__all__ = ["CityDataset"]

DRIVES = "drives"


class CityDataset:
    """A seeded street-level city, rendered on first use and cached on disk.

    Database images come from two visits, queries from six others, so that a true match was always taken in another
    year. Several images of one panorama share its position and face different ways: a database image within the radius
    may show nothing of the query (the weak supervision of Arandjelovic et al. 2016, arXiv:1511.07247).

    Args:
        size: ``small`` (214 images), ``bench`` (2,840), ``large`` (16,700), or a ``CitySize``.
        root: cache folder; default ``$VPR_CACHE``, else the user's cache folder.
        seed: another seed is another city.
        same_visit: the training database also holds, for each training query, an image of the query's own visit, place
            and direction (480 more for ``bench``). Only then do time stamps decide anything: without them the nearest
            positive shows the same cars in the same light. Validation and test stay as they are.
        drives: there is also the split ``drives``: two drives along one route through the test district, looking ahead.
            The database is the first, on a summer morning, which comes back to where it began; the queries are the
            second, on a rainy November day, faster, with a detour where the first has never been (254 images more for
            ``small``, 516 for ``bench``).
        workers: rendering processes; default one a core.
        progress: show a progress bar while rendering.
    """

    def __init__(
        self,
        *,
        size: str | CitySize = "bench",
        root: Path | str | None = None,
        seed: int = 0,
        same_visit: bool = False,
        drives: bool = False,
        workers: int | None = None,
        progress: bool = True,
    ) -> None:
        self.size = size_named(size)
        self.seed = seed
        self.folder, self._manifest = ensure_city(
            size=self.size, seed=seed, root=root, workers=workers, progress=progress
        )
        self._rows = _rows(self.folder / "images.csv")
        self._companions: dict[str, object] | None = None
        if same_visit:
            self._companions = extras.COMPANIONS.ensure(
                self.folder, size=self.size, seed=seed, workers=workers, progress=progress
            )
            self._rows += _rows(self.folder / extras.COMPANIONS.table)
        self._drives: dict[str, object] | None = None
        if drives:
            self._drives = extras.DRIVES.ensure(
                self.folder, size=self.size, seed=seed, workers=workers, progress=progress
            )

    @property
    def split_names(self) -> tuple[str, ...]:
        """``train``, ``val``, ``test``, and ``drives`` where they are asked for."""
        return SPLITS if self._drives is None else (*SPLITS, DRIVES)

    def fingerprint(self) -> str:
        """Hash of every image as rendered, of every position, and of the sizes that the files have now."""
        from vpr_data.places.fingerprint import fingerprint_of

        text = f"city {self._manifest['images_sha256']} {fingerprint_of(map(self.split, SPLITS))}"
        if self._companions is not None:
            text += f" companions {self._companions['images_sha256']}"
        if self._drives is not None:
            text += f" drives {self._drives['images_sha256']} {self._drives['table_sha256']}"
        return hashlib.sha256(text.encode()).hexdigest()

    def split(self, name: str) -> PlaceSplit:
        """The split ``train``, ``val`` or ``test``, whose areas do not touch on the ground, or ``drives``."""
        from vpr_data.places.splits import (  # not needed by rendering processes
            EvaluationProtocol,
            PlaceSplit,
            TrainingRadii,
        )

        if name == DRIVES and self._drives is None:
            raise ValueError("name: the split 'drives' is rendered only when it is asked for: drives=True")
        if name not in self.split_names:
            raise ValueError(f"name must be one of {', '.join(self.split_names)}, got {name!r}")
        if name == DRIVES:
            return PlaceSplit(
                name=name,
                database=self._drive("database"),
                queries=self._drive("queries"),
                # Images of the detour have no right answer: they cannot be found, but they can be taken for a place.
                protocol=EvaluationProtocol(
                    name="city-drives", radius=25.0, unit="m", queries_without_positives="exclude"
                ),
            )
        return PlaceSplit(
            name=name,
            database=self._images(name, "database"),
            queries=self._images(name, "queries"),
            protocol=EvaluationProtocol(name="city", radius=25.0, unit="m"),
            training=TrainingRadii(positive=10.0, negative=25.0, different_time=True),
        )

    def _images(self, split: str, role: str) -> ImageSet:
        from vpr_data.images.image_set import ImageSet

        rows = [row for row in self._rows if row["split"] == split and row["role"] == role]
        return ImageSet(
            root=self.folder,
            names=[row["name"] for row in rows],
            xy=np.array([[float(row["x"]), float(row["y"])] for row in rows], dtype=np.float64),
            time=np.array([int(row["time"]) for row in rows], dtype=np.int64),
            place=np.array([int(row["place"]) for row in rows], dtype=np.int64),
        )

    def _drive(self, role: str) -> ImageSet:
        from vpr_data.images.image_set import ImageSet

        rows = [row for row in _rows(self.folder / extras.DRIVES.table) if row["role"] == role]
        return ImageSet(
            root=self.folder,
            names=[row["name"] for row in rows],
            xy=np.array([[float(row["x"]), float(row["y"])] for row in rows], dtype=np.float64),
            drive=np.array([int(row["place"]) for row in rows], dtype=np.int64),
        )


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
