"""GSV-Cities: street-view images by place, taken years apart, for training by place labels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from vpr_metric_learning.gsv_table import SOURCE, read_city
from vpr_metric_learning.labelled_places import LabelledSplit, Photos, earth_centred, plane

if TYPE_CHECKING:
    from vpr_core.types import Dataset, PlaceSplit

__all__ = ["GSVCities"]

EVALUATED = ("val", "test")


class GSVCities:
    """The split ``train``: every image of every place with ``min_images`` or more.

    The first image of a place, by name, is a query, the others are the database; both together are what a loss on place
    labels draws its batches from. A place's label is unique over all cities.

    Args:
        root: folder with ``Dataframes`` and ``Images``.
        cities: which; None: every table in ``Dataframes``.
        min_images: images a place must have, at least 2.
        batches: ``city``: the places of a training batch are of one city, as the authors draw them; ``all``: of any.
        evaluate_on: a data set whose splits ``val`` and ``test`` this one passes on: GSV-Cities has none.

    Tables are read when ``train`` is first asked for; that the files of every city are there is checked at once.

    Raises:
        FileNotFoundError: a table or folder is missing; says where to get it.
        ValueError: a city is named twice, or ``evaluate_on`` has neither split.

    Source: Ali-bey, Chaib-draa, Giguere, GSV-Cities: Toward appropriate supervised visual place recognition,
    Neurocomputing 2022, arXiv 2210.10239.
    """

    def __init__(
        self,
        *,
        root: Path,
        cities: Sequence[str] | None = None,
        min_images: int = 4,
        batches: Literal["city", "all"] = "city",
        evaluate_on: Dataset | None = None,
    ) -> None:
        if min_images < 2:
            raise ValueError(f"min_images must be at least 2, a place's query and its answer, got {min_images}")
        self.root, self._min_images, self._by_city = Path(root), min_images, batches == "city"
        installed = self._all_cities()
        self.cities = installed if cities is None else tuple(cities)
        self._check_cities(installed)
        self._other = evaluate_on
        passed_on = () if evaluate_on is None else tuple(n for n in EVALUATED if n in evaluate_on.split_names)
        if evaluate_on is not None and not passed_on:
            raise ValueError(
                f"evaluate_on must have a split named {' or '.join(EVALUATED)}, it has "
                f"{', '.join(evaluate_on.split_names)}"
            )
        self.split_names: tuple[str, ...] = ("train", *passed_on)

    def split(self, name: str) -> PlaceSplit:
        """Return ``train``, or a split of ``evaluate_on``.

        Raises:
            FileNotFoundError: an image of a table is missing.
            ValueError: there is no such split, a table is wrong, or no place has enough images.
        """
        if name == "train":
            return self._train
        if self._other is not None and name in self.split_names:
            return self._other.split(name)
        raise ValueError(
            f"name must be one of {', '.join(self.split_names)}, got {name!r}; val and test come from evaluate_on"
        )

    def fingerprint(self) -> str:
        """Return SHA-256 over names, sizes, positions, times and labels, and the other data set's."""
        digest = hashlib.sha256()
        for images in (self._train.queries, self._train.database):
            for name in images.names:
                size = os.stat(images.root / name).st_size  # noqa: PTH116  half a million times
                digest.update(f"{name}\0{size}\n".encode())
            for array in (images.points, images.time, images.place):
                digest.update(array.tobytes())
        if self._other is not None:
            digest.update(self._other.fingerprint().encode())
        return digest.hexdigest()

    def _all_cities(self) -> tuple[str, ...]:
        folder = self.root / "Dataframes"
        names = sorted(path.stem for path in folder.glob("*.csv")) if folder.is_dir() else []
        if not names:
            raise FileNotFoundError(
                f"root {self.root}: no tables in {folder}; download GSV-Cities from {SOURCE} and unpack it there, so "
                "that root holds Dataframes and Images"
            )
        return tuple(names)

    def _check_cities(self, installed: Sequence[str]) -> None:
        for number, city in enumerate(self.cities):
            if city in self.cities[:number]:
                raise ValueError(f"cities names {city!r} twice; name each once")
            if city not in installed:
                raise FileNotFoundError(
                    f"cities: no table {self.root / 'Dataframes' / city}.csv; there is {', '.join(installed)}"
                )
            if not (self.root / "Images" / city).is_dir():
                raise FileNotFoundError(
                    f"root {self.root}: no folder {self.root / 'Images' / city}; download GSV-Cities from {SOURCE} and "
                    "unpack it there, or leave the city out with cities"
                )

    @cached_property
    def _train(self) -> LabelledSplit:
        names: list[str] = []
        xy, points, time, place, region = [], [], [], [], []
        places = 0
        for number, city in enumerate(self.cities):
            table = self.root / "Dataframes" / f"{city}.csv"
            photos = read_city(table, self.root / "Images" / city, min_images=self._min_images)
            if not photos:
                continue
            names += [f"Images/{city}/{photo.name}" for photo in photos]
            centred = earth_centred(np.array([p.lat for p in photos]), np.array([p.lon for p in photos]))
            points.append(centred)
            xy.append(plane(centred))
            time.append(np.array([photo.time for photo in photos], dtype=np.int64))
            _, label = np.unique([photo.place for photo in photos], return_inverse=True)
            place.append(label.astype(np.int64) + places)
            places += int(label.max()) + 1
            region.append(np.full(len(photos), number, dtype=np.int64))
        if not names:
            raise ValueError(
                f"min_images is {self._min_images}: no place of {', '.join(self.cities)} has so many; lower it, or "
                "take more cities"
            )
        photos_of_all = Photos(
            root=self.root,
            names=tuple(names),
            xy=np.concatenate(xy),
            points=np.concatenate(points),
            time=np.concatenate(time),
            place=np.concatenate(place),
            region=np.concatenate(region) if self._by_city else None,
        )
        return LabelledSplit.divided(photos_of_all, name="train", dataset="gsv_cities")
