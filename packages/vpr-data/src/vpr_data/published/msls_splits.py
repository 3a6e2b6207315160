"""Splits of Mapillary Street-Level Sequences from the tables of their cities, by the rules of its benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from vpr_data.images.image_set import ImageSet
from vpr_data.places.splits import EvaluationProtocol, TrainingRadii
from vpr_data.published.cities import APART, CitiesSplit
from vpr_data.published.msls_tables import CitySide, read_side

__all__ = ["MslsOptions", "Protocol", "Subtask", "Task", "images_of", "split_of_cities"]

Protocol = Literal["city", "joined", "merged"]
Subtask = Literal["all", "s2w", "w2s", "o2n", "n2o", "d2n", "n2d"]
Task = Literal["im2im", "im2seq", "seq2im", "seq2seq"]
Int64Array = npt.NDArray[np.int64]
NOWHERE = 10_000.0
SUFFIXES = {"city": "", "joined": "-joined", "merged": "-merged"}


@dataclass(frozen=True, kw_only=True)
class MslsOptions:
    """What of the set is asked for: see `vpr_data.published.msls.msls`."""

    protocol: Protocol = "city"
    subtask: Subtask = "all"
    sequences: bool = False
    task: Task = "im2im"
    length: int = 3

    def __post_init__(self) -> None:
        if self.length < 3 or self.length % 2 == 0:
            raise ValueError(
                f"length: a sequence has a middle frame and is longer than it: 3, 5, ..., got {self.length}"
            )
        if self.task != "im2im" and (self.sequences or self.protocol == "merged"):
            raise ValueError(
                f"task: {self.task} has its own frames, of the benchmark; leave out sequences, and protocol: merged"
            )


def split_of_cities(
    split: str, folders: Mapping[str, Path], options: MslsOptions, *, root: Path, label: str
) -> CitiesSplit:
    """Return the split of some cities.

    Evaluation takes the rows of the subtask that are no panoramas, and counts the queries that have an image within
    25 m; training takes every row that is no panorama.

    Args:
        split: ``train``, ``val`` or ``test``.
        folders: city to folder.
        options: of the set.
        root: that names are relative to.
        label: of the cities, in the protocol's name.

    Raises:
        FileNotFoundError: a city or a table is missing.
        ValueError: tables do not fit, or no query has a right answer.
    """
    missing = [str(folder) for folder in folders.values() if not folder.is_dir()]
    if missing:
        raise FileNotFoundError(
            f"{', '.join(missing)}: there is no such folder; {split} is {', '.join(folders)} together, and some of "
            "them are another protocol: fetch it, or name those that are there with cities"
        )
    secret = split == "test"
    whole = options.protocol == "merged" or options.sequences or split == "train"
    sides: dict[str, list[tuple[str, CitySide, Int64Array]]] = {"database": [], "query": []}
    for folder in folders.values():
        for side, parts in sides.items():
            table = read_side(folder / side, subtask=options.subtask, secret=secret)
            rows = np.flatnonzero(~table.pano & (table.chosen | whole))
            if options.sequences:
                rows = rows[np.lexsort((table.frame[rows], table.sequence[rows]))]
            parts.append((f"{folder.relative_to(root).as_posix()}/{side}/images", table, rows))
    subtask = "" if options.subtask == "all" else f"-{options.subtask}"
    name = f"msls-{split}{SUFFIXES[options.protocol]}{subtask}{label}"
    found = CitiesSplit(
        name=split,
        database=images_of(root, sides["database"], nowhere=0.0 if secret else None),
        queries=images_of(root, sides["query"], nowhere=NOWHERE / 2 if secret else None),
        protocol=EvaluationProtocol(
            name=name + ("-sequences" if options.sequences else ""),
            radius=0.0 if secret else 25.0,
            unit="list" if secret else "m",
        ),
        training=TrainingRadii(),
        per_city=options.protocol == "city",
        secret=secret,
        notes=("what is right is known to the benchmark's server alone",) if secret else (),
    )
    if secret or split == "train":
        return found
    return _with_sequences(found, sides["query"]) if options.sequences else _answerable(found)


def _answerable(split: CitiesSplit) -> CitiesSplit:
    """The benchmark counts the queries that have an answer; it does not ask the others."""
    lengths = split.positives().lengths
    rows = np.flatnonzero(lengths > 0)
    if len(rows) == 0:
        raise ValueError(f"{split.protocol}: no query has a database image within 25 m; are the tables of one release?")
    without = len(lengths) - len(rows)
    note = f"{without} of {len(lengths)} queries have no database image within 25 m, and are not asked"
    unasked = tuple(split.queries.names[row] for row in np.flatnonzero(lengths == 0).tolist())
    return replace(split, queries=split.queries.select(rows), notes=(note,) if without else (), unasked=unasked)


def _with_sequences(split: CitiesSplit, parts: list[tuple[str, CitySide, Int64Array]]) -> CitiesSplit:
    """Every frame is there, in order; the benchmark's queries are those of the subtask that have an answer."""
    chosen = np.concatenate([table.chosen[rows] for _, table, rows in parts])
    counted = np.flatnonzero(chosen & (split.positives().lengths > 0))
    return replace(split, subsets={"counted": counted.astype(np.int64)})


def images_of(
    root: Path,
    parts: list[tuple[str, CitySide, Int64Array]],
    *,
    nowhere: float | None,
    drives: Callable[[CitySide, Int64Array], Int64Array] | None = None,
) -> ImageSet:
    """Join the cities.

    Args:
        root: that names are relative to.
        parts: folder of the images, table and rows of each city.
        nowhere: positions are secret, and what stands for them begins there, `NOWHERE` apart; None: they are not.
        drives: numbers the drives of the rows of one city; None: by sequence and frame.
    """
    names, xy, points, degrees, driven = [], [], [], [], []
    before = 0
    for number, (folder, table, rows) in enumerate(parts):
        names += [f"{folder}/{table.keys[row]}.jpg" for row in rows]
        placed = table.xy[rows]
        if nowhere is not None:
            placed = np.column_stack(
                [nowhere + NOWHERE * np.arange(len(names) - len(rows), len(names)), np.zeros(len(rows))]
            )
        xy.append(placed)
        points.append(np.column_stack([placed, np.full(len(rows), number * APART)]))
        degrees.append(None if table.degrees is None else table.degrees[rows])
        driven.append(before + (drives or _drives)(table, rows))
        before = int(driven[-1].max(initial=before - 1)) + 1
    known = [part for part in degrees if part is not None]
    return ImageSet(
        root=root,
        names=names,
        xy=np.concatenate(xy),
        points=np.concatenate(points),
        degrees=np.concatenate(known) if len(known) == len(degrees) else None,
        drive=np.concatenate(driven),
    )


def _drives(table: CitySide, rows: Int64Array) -> Int64Array:
    """Number the drives of rows in their order: another sequence, or a frame that is missing, begins another."""
    if len(rows) == 0:
        return np.zeros(0, dtype=np.int64)
    order = np.lexsort((table.frame[rows], table.sequence[rows]))
    sequence, frame = table.sequence[rows][order], table.frame[rows][order]
    begins = np.concatenate([[False], (np.diff(sequence) != 0) | (np.diff(frame) != 1)])
    numbers = np.empty(len(rows), dtype=np.int64)
    numbers[order] = np.cumsum(begins)
    return numbers
