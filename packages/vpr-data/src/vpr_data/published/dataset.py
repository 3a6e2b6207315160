"""A data set published as dbStruct .mat files and folders of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vpr_data.images.image_set import ImageSet
from vpr_data.places.fingerprint import fingerprint_of
from vpr_data.places.splits import EvaluationProtocol, PlaceSplit, TrainingRadii
from vpr_data.published.dbstruct import DbStruct, read_dbstruct

__all__ = ["PublishedDataset", "Recipe"]

TWINS = {".jpg": ".png", ".png": ".jpg"}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one data set is published.

    Attributes:
        name: as in protocols.
        files: split to the name of its .mat file.
        database_folders: folders below the root that may hold the database, most usual first; ``.`` is the root.
        query_folders: likewise for queries.
        group: consecutive database images of one panorama, of which a ranking keeps the first.
        times: images have time stamps; positives and answers must bear another one than the query.
        periods: names of query subsets that take turns, by the query's position.
        image_note: how published numbers treat image size.
        ask: whom to ask for the images.
    """

    name: str
    files: Mapping[str, str]
    database_folders: Sequence[str]
    query_folders: Sequence[str]
    group: int | None = None
    times: bool = False
    periods: tuple[str, ...] = ()
    image_note: str = "native size"
    ask: str = ""


class PublishedDataset:
    """Pittsburgh or Tokyo as NetVLAD's authors distribute them; splits are read when asked for.

    Answers are right within 25 m, potential positives lie within 10 m and beyond 1 m, negatives beyond 25 m
    (Arandjelovic et al. 2016, arXiv:1511.07247, and its code).

    Args:
        recipe: which set.
        root: folder of the images.
        metadata: folder of the .mat files; None: ``root``, its folder ``datasets``, or the one beside it.

    Raises:
        FileNotFoundError: none of the .mat files is there; says where they were looked for and how to get them.
    """

    def __init__(self, recipe: Recipe, *, root: Path | str, metadata: Path | str | None = None) -> None:
        self.recipe = recipe
        self.name = recipe.name
        self.root = Path(root)
        self._searched = (
            [self.root, self.root / "datasets", self.root.parent / "datasets"] if metadata is None else [Path(metadata)]
        )
        self._files = {split: found for split, file in recipe.files.items() if (found := self._find(file)) is not None}
        self._read: dict[str, PlaceSplit] = {}
        if not self._files:
            raise FileNotFoundError(self._not_found(*recipe.files.values()))

    @property
    def split_names(self) -> tuple[str, ...]:
        """Splits whose .mat file is there."""
        return tuple(self._files)

    def split(self, name: str) -> PlaceSplit:
        """Return a split.

        Raises:
            ValueError: the set has no such split, or its .mat file is damaged.
            FileNotFoundError: the .mat file of this split is missing.
        """
        if name not in self.recipe.files:
            raise ValueError(
                f"name must be one of {', '.join(self.recipe.files)}, the splits of {self.name}, got {name!r}"
            )
        if name not in self._files:
            raise FileNotFoundError(self._not_found(self.recipe.files[name]))
        if name not in self._read:
            self._read[name] = self._split(name, read_dbstruct(self._files[name]))
        return self._read[name]

    def fingerprint(self) -> str:
        """Return a hash of names, positions, rules and file sizes."""
        return fingerprint_of(self.split(name) for name in self.split_names)

    def _find(self, file: str) -> Path | None:
        return next((folder / file for folder in self._searched if (folder / file).is_file()), None)

    def _not_found(self, *files: str) -> str:
        where = ", ".join(str(folder) for folder in self._searched)
        return (
            f"{self.name}: {' or '.join(files)} is in none of {where}; the .mat files are public, "
            f"'vpr data fetch {self.name}' says how to get them; then give their folder as 'metadata'"
        )

    def _split(self, name: str, struct: DbStruct) -> PlaceSplit:
        recipe = self.recipe
        if recipe.times and (struct.database_time is None or struct.query_time is None):
            raise ValueError(f"{self._files[name]}: has no dbTimeStamp and qTimeStamp, which {self.name} needs")
        queries = range(len(struct.query_names))
        return PlaceSplit(
            name=name,
            database=self._images(recipe.database_folders, struct, queries=False),
            queries=self._images(recipe.query_folders, struct, queries=True),
            protocol=EvaluationProtocol(
                name=self.name if len(recipe.files) == 1 else f"{self.name}-{name}",
                radius=struct.radius,
                group=recipe.group,
                ignore_same_time=recipe.times,
                image_note=recipe.image_note,
            ),
            training=TrainingRadii(
                positive=struct.training_radius, beyond=1.0, negative=struct.radius, different_time=recipe.times
            ),
            subsets={
                period: np.array(queries[turn :: len(recipe.periods)], dtype=np.int64)
                for turn, period in enumerate(recipe.periods)
            },
        )

    def _images(self, folders: Sequence[str], struct: DbStruct, *, queries: bool) -> ImageSet:
        root, names = _locate(self.root, folders, struct.query_names if queries else struct.database_names)
        return ImageSet(
            root=root,
            names=names,
            xy=struct.query_xy if queries else struct.database_xy,
            time=struct.query_time if queries else struct.database_time,
        )


def _locate(root: Path, folders: Sequence[str], names: Sequence[str]) -> tuple[Path, Sequence[str]]:
    """Return the folder that holds the images and their names there: Tokyo's .mat says .jpg, the files are .png."""
    for folder in folders:
        for swap in (False, True):
            there = [_twin(name) if swap else name for name in names[:1]]
            if there and (root / folder / there[0]).is_file():
                return root / folder, [_twin(name) for name in names] if swap else names
    existing = next((root / folder for folder in folders if (root / folder).is_dir()), root / folders[0])
    return existing, names


def _twin(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem + TWINS.get((dot + suffix).lower(), dot + suffix)
