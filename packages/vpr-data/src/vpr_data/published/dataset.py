"""A data set published as dbStruct .mat files and folders of images, or as VPR-datasets-downloader lays it out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_data.images.image_set import ImageSet
from vpr_data.places.fingerprint import fingerprint_of
from vpr_data.places.splits import EvaluationProtocol, PlaceSplit, TrainingRadii
from vpr_data.published.at_names import split_folder, split_of_names
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

    Where no .mat file is, ``images/test/database/@easting@northing@...@.jpg`` and its siblings are read, as
    VPR-datasets-downloader writes them. There Tokyo's panoramas are not grouped: its protocol is ``tokyo247@25m``, and
    its recalls are not those of the papers' ``tokyo247@25m-nms12``.

    Answers are right within 25 m, potential positives lie within 10 m and beyond 1 m, negatives beyond 25 m
    (Arandjelovic et al. 2016, arXiv:1511.07247, and its code).

    Args:
        recipe: which set.
        root: folder of the images.
        metadata: folder of the .mat files; None: ``root``, its folder ``datasets``, or the one beside it.

    Raises:
        FileNotFoundError: none of the .mat files is there, nor a folder ``database``; says where they were looked for
            and how to get them.
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
        self._formatted: dict[str, Path] = {}
        if not self._files and metadata is None and not recipe.times:
            folders = {split: split_folder(self.root, split) for split in recipe.files}
            self._formatted = {split: folder for split, folder in folders.items() if folder is not None}
        if not self._files and not self._formatted:
            raise FileNotFoundError(self._not_found(*recipe.files.values()))

    @property
    def split_names(self) -> tuple[str, ...]:
        """Splits whose .mat file, or folder, is there."""
        return tuple(self._files) or tuple(self._formatted)

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
        if name not in self._files and name not in self._formatted:
            raise FileNotFoundError(self._not_found(self.recipe.files[name]))
        if name not in self._read and name in self._formatted:
            self._read[name] = self._of_names(name, self._formatted[name])
        elif name not in self._read:
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
                name=self._protocol_name(name),
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

    def _of_names(self, name: str, folder: Path) -> PlaceSplit:
        split = split_of_names(
            split=name,
            set_name=self._protocol_name(name),
            root=self.root,
            database=folder / "database",
            queries={"": folder / "queries"},
            image_note=self.recipe.image_note,
        )
        training = TrainingRadii(positive=10.0, beyond=1.0, negative=25.0)
        subsets = _periods(split.queries.names, self.recipe.periods) if self.recipe.periods else {}
        return replace(split, training=training, subsets=subsets)

    def _protocol_name(self, split: str) -> str:
        return self.name if len(self.recipe.files) == 1 else f"{self.name}-{split}"

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


PANO = 7
"""Field of a name between ``@``: the panorama, which in Tokyo 24/7 is the query's own file, ``00685.jpg``."""


def _periods(names: Sequence[str], periods: Sequence[str]) -> dict[str, npt.NDArray[np.int64]]:
    """Return queries by the period that their numbers say, counted from 1: day, sunset, night, day ..."""
    cells = [name.rpartition("/")[2].split("@") for name in names]
    numbers = [re.fullmatch(r"(\d+)(\.\w+)?", row[PANO]) if len(row) > PANO else None for row in cells]
    if not all(numbers):
        return {}
    turn = np.array([(int(number[1]) - 1) % len(periods) for number in numbers if number], dtype=np.int64)
    return {period: np.flatnonzero(turn == place) for place, period in enumerate(periods)}


def _twin(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem + TWINS.get((dot + suffix).lower(), dot + suffix)
