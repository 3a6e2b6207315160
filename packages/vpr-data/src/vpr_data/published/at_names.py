"""Sets in the layout of gmberton/VPR-datasets-downloader: positions in file names, folders for database and queries.

``@easting@northing@zone@letter@lat@lon@pano@tile@heading@pitch@roll@height@time@note@.jpg`` below
``images/{train,val,test}/{database,queries}``. Several folders of queries over one database are one split: its database
is encoded once, and each query set is a subset with a protocol of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from vpr_data.images.image_set import ImageSet
from vpr_data.places.splits import EvaluationProtocol, PlaceSplit, TrainingRadii
from vpr_data.published.entry import Published
from vpr_data.published.on_disk import SetOnDisk
from vpr_data.tables.image_table import ImageTable
from vpr_data.tables.listing import list_images, name_columns
from vpr_data.tables.positions import Located, locate

__all__ = ["QuerySetsSplit", "nowhere", "one_test", "split_folder", "split_of_names"]

KEPT = ("name", "x", "y", "zone", "lat", "lon")
"""Time stamps in names are of many forms, and no protocol here asks for them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class QuerySetsSplit(PlaceSplit):
    """One database with several sets of queries; ``set_name`` is what their protocols begin with."""

    set_name: str = ""

    def subset(self, name: str) -> PlaceSplit:
        """Return the split with one query set, under the protocol that it has alone."""
        alone = super().subset(name)
        return replace(alone, protocol=replace(self.protocol, name=f"{self.set_name}-{name}"))


def split_folder(root: Path, split: str, *, database: str = "database") -> Path | None:
    """Return the folder of a split: ``images/test``, ``test``, for ``test`` the root itself; None if none is there."""
    usual = [root / "images" / split, root / split, *([root] if split == "test" else [])]
    return next((folder for folder in usual if (folder / database).is_dir()), None)


def one_test(entry: Published, root: Path) -> SetOnDisk:
    """Return a set that has a test split and one set of queries.

    Raises:
        FileNotFoundError: its folders are not there.
    """
    folder = split_folder(root, "test")
    if folder is None:
        raise nowhere(entry.name, root, "database")
    make = partial(
        split_of_names,
        split="test",
        set_name=entry.name,
        root=root,
        database=folder / "database",
        queries={"": folder / "queries"},
    )
    return SetOnDisk(name=entry.name, root=root, make={"test": make}, counts=entry.counts)


def nowhere(name: str, root: Path, database: str) -> FileNotFoundError:
    """Return what to raise when no split of a set is there."""
    return FileNotFoundError(
        f"root {root}: there is neither a folder images/test/{database} nor test/{database}; 'vpr data fetch {name}' "
        "shows the tree"
    )


def split_of_names(
    *,
    split: str,
    set_name: str,
    root: Path,
    database: Path,
    queries: Mapping[str, Path],
    radius: float = 25.0,
    group: int | None = None,
    image_note: str = "native size",
) -> PlaceSplit:
    """Return a split of images whose names bear their positions: right within ``radius`` metres.

    Args:
        split: its name.
        set_name: what the protocol's name begins with.
        root: folder that names are relative to.
        database: folder.
        queries: label to folder; a label '' stands for the only one.
        radius: metres.
        group: database images of one panorama, see `vpr_data.EvaluationProtocol`.
        image_note: how published numbers treat image size.

    Raises:
        FileNotFoundError: a folder is missing or empty.
        ValueError: a name bears no position; names it.
    """
    listed = [list_images(folder, root=root) for folder in queries.values()]
    names = [name for table in listed for name in table.columns["name"]]
    asked = ImageTable(source=next(iter(queries.values())), columns={"name": names})
    tables = [_placed(table) for table in (list_images(database, root=root), asked)]
    found = locate(tables)
    labels = [label for label in queries if label]
    ends = np.cumsum([0, *map(len, listed)])
    return QuerySetsSplit(
        name=split,
        database=_images(root, tables[0], found[0]),
        queries=_images(root, tables[1], found[1]),
        protocol=EvaluationProtocol(
            name=set_name + ("-" + "+".join(labels) if labels else ""),
            radius=radius,
            group=group,
            image_note=image_note,
        ),
        training=TrainingRadii(),
        subsets=_subsets(labels, ends.tolist()),
        notes=tuple(dict.fromkeys(found[0].notes)),
        set_name=set_name,
    )


def _subsets(labels: Sequence[str], ends: Sequence[int]) -> dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    if len(labels) < 2:
        return {}
    return {
        label: np.arange(start, end, dtype=np.int64)
        for label, start, end in zip(labels, ends[:-1], ends[1:], strict=True)
    }


def _placed(table: ImageTable) -> ImageTable:
    columns = {**table.columns, **name_columns(table, unit="m")}
    return table.having({meaning: texts for meaning, texts in columns.items() if meaning in KEPT})


def _images(root: Path, table: ImageTable, located: Located) -> ImageSet:
    positions = located.positions
    return ImageSet(
        root=root,
        names=table.columns["name"],
        xy=positions.xy,
        points=positions.points,
        degrees=positions.degrees,
        frame=positions.frame,
    )
