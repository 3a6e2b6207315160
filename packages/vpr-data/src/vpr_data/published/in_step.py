"""Sets of two traverses or of pairs: which answers are right follows from the places in two lists of names.

The lists are those that were published with the set (``SPED_dbImages.npy`` of the GSV-Cities family), or two folders of
numbered files (VPR-Bench). Truth that lies beside them is compared with the rule: it belongs to that very set.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from vpr_data.images.formats import SUFFIXES
from vpr_data.images.image_set import ImageSet
from vpr_data.places.splits import EvaluationProtocol, PlaceSplit, TrainingRadii
from vpr_data.tables.frame_numbers import frame_numbers
from vpr_data.truth.lists import read_names, read_rows

__all__ = ["check_truth", "in_step", "listed_names", "numbered_names", "of_bench"]

TRUTH = "ground_truth_new.npy"
"""Name of the truth of every set in VPR-Bench."""


def in_step(
    *,
    name: str,
    root: Path,
    database: Sequence[str],
    queries: Sequence[str],
    unit: Literal["frame", "place"],
    tolerance: int = 0,
    every: int = 1,
    frames: tuple[Sequence[int], Sequence[int]] | None = None,
) -> PlaceSplit:
    """Return a split whose query ``i`` is right with database images ``every * i - tolerance`` to ``+ tolerance``.

    Args:
        name: what the protocol's name is.
        root: folder that names are relative to.
        database: names, in the order of the truth.
        queries: likewise.
        unit: ``frame``, or ``place`` for pairs (tolerance 0).
        tolerance: frames, inclusive.
        every: database images from one query to the next.
        frames: numbers of the frames, where they are not places in the lists.
    """
    places = (range(len(database)), [every * number for number in range(len(queries))]) if frames is None else frames
    labelled = unit == "place"
    sides = [
        ImageSet(
            root=root,
            names=names,
            xy=np.stack([np.array(numbers, dtype=np.float64), np.zeros(len(names))], axis=1),
            place=np.array(numbers, dtype=np.int64) if labelled else None,
            drive=None if labelled else np.zeros(len(names), dtype=np.int64),
        )
        for names, numbers in zip((database, queries), places, strict=True)
    ]
    return PlaceSplit(
        name="test",
        database=sides[0],
        queries=sides[1],
        protocol=EvaluationProtocol(name=name, radius=float(tolerance), unit=unit),
        training=TrainingRadii(positive=tolerance, negative=2 * tolerance),
    )


def numbered_names(folder: Path, *, root: Path, gaps: bool = False) -> list[str]:
    """Return the images of a folder by the numbers in their names: 2 before 10.

    Args:
        folder: that holds them.
        root: that names are relative to.
        gaps: numbers may be missing; else a file that is not there would shift all that follow by one.

    Raises:
        FileNotFoundError: there is no such folder, or no image in it.
        ValueError: a name has no number, two have the same, or one is missing.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder; 'vpr data fetch NAME' shows the tree of each set")
    names = sorted(
        path.relative_to(root).as_posix()
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
    )
    if not names:
        raise FileNotFoundError(f"{folder}: holds no image")
    numbers = _numbers(names, folder)
    order = sorted(range(len(names)), key=lambda row: numbers[row])
    for before, after in pairwise(order):
        if numbers[before] == numbers[after]:
            raise ValueError(f"{folder}: {names[before]} and {names[after]} have the same number; keep one of the two")
        if not gaps and numbers[after] != numbers[before] + 1:
            raise ValueError(
                f"{folder}: number {numbers[before] + 1} is missing behind {names[before]}; answers are right by the "
                "place in this order, so that all that follow would be wrong: unpack the archive again"
            )
    return [names[row] for row in order]


def listed_names(path: Path, *, root: Path) -> list[str]:
    """Return the names in a published list, which must be in the order of the frames.

    Raises:
        ValueError: the list was sorted as text, or belongs to another set.
    """
    names = read_names(path, root=root)
    numbers = _numbers(names, path)
    for row, (before, after) in enumerate(pairwise(numbers)):
        if after <= before:
            raise ValueError(
                f"{path}: entry {row + 1} ({names[row + 1]}) comes behind {names[row]}; places in the truth count in "
                "the order of the frames, and this list was made or sorted again: take the one published with the truth"
            )
    return names


def of_bench(
    root: Path, *, lists: str | None, folders: tuple[str, str] = ("ref", "query")
) -> tuple[list[str], list[str], Path | None]:
    """Return database names, query names and truth, from published lists or from two folders.

    Args:
        root: folder of the set.
        lists: what ``_dbImages.npy``, ``_qImages.npy`` and ``_gt.npy`` begin with; None: there are none.
        folders: of database and queries.

    Raises:
        FileNotFoundError: neither is there.
        ValueError: see `numbered_names` and `listed_names`.
    """
    if lists is not None and (root / f"{lists}_dbImages.npy").is_file():
        names = [listed_names(root / f"{lists}_{side}Images.npy", root=root) for side in ("db", "q")]
        truth = root / f"{lists}_gt.npy"
    else:
        names = [numbered_names(root / folder, root=root) for folder in folders]
        truth = root / TRUTH
    return names[0], names[1], truth if truth.is_file() else None


def check_truth(split: PlaceSplit, truth: Path | None, *, hint: str) -> PlaceSplit:
    """Return the split, if a published truth says the same as its rule.

    Raises:
        ValueError: it is damaged, holds anything but lists, or is of another variant; names the first query.
    """
    if truth is None:
        return split
    rows = read_rows(truth, queries=split.queries.names, database=split.database.names)
    for query, (said, rule) in enumerate(zip(rows, split.positives(), strict=True)):
        if not np.array_equal(said, rule):
            raise ValueError(
                f"{truth}: query {query} is right with {said[:6].tolist()}, under {split.protocol} it is "
                f"{rule[:6].tolist()}; {hint}"
            )
    return split


def _numbers(names: Sequence[str], source: Path) -> list[int]:
    texts = frame_numbers(names, lambda row: f"{names[row]!r} ({source})")
    if not all(texts):
        raise ValueError(f"{source}: {names[texts.index('')]!r} has no number, so nobody can say which frame it is")
    return [int(text) for text in texts]
