"""The sequence tasks of Mapillary Street-Level Sequences: which frames are one query, and which sequence is right.

Restated from the benchmark's own loader (github.com/mapillary/mapillary_sls, commit b6c4e43): a sequence is ``length``
rows of a city's table, one after the other, of one sequence key, their frame numbers counting up by one. It counts
where its middle frame is of the subtask and no panorama; the others may be either. A sequence of the database is right
where any of its frames lies within the radius of any frame of the query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vpr_data.images.image_set import ImageSet
from vpr_data.places.rows import Rows
from vpr_data.places.splits import EvaluationProtocol, TrainingRadii
from vpr_data.published.cities import CitiesSplit
from vpr_data.published.msls_splits import NOWHERE, SUFFIXES, MslsOptions, Task, images_of
from vpr_data.published.msls_tables import CitySide, read_side

__all__ = ["SequenceSplit", "split_of_sequences", "windows"]

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class SequenceSplit(CitiesSplit):
    """Frames, in the order of their drives, and the sequences that they make up.

    A ranking is of frames. One frame stands for each sequence, where `vpr_sequences.SequenceTask` answers with it: the
    last one, as nothing later than the query may be used; for ``im2seq`` the middle one of the database's. Frames that
    stand for none are no answers, and as queries are asked for nothing.

    Attributes:
        task: which sides are sequences.
        length: frames of a sequence.
        asked: ``(S, length or 1)`` positions among the queries.
        known: likewise among the database.
    """

    task: Task
    length: int
    asked: Int64Array
    known: Int64Array

    def __post_init__(self) -> None:
        super().__post_init__()
        for role, images, rows in (("queries", self.queries, self.asked), ("database", self.database, self.known)):
            if len(rows) and rows.max() >= len(images):
                raise ValueError(f"{role}: sequences need all {int(rows.max()) + 1} frames, got {len(images)}")

    def sequence_names(self, role: Literal["queries", "database"]) -> Mapping[int, str]:
        """Return each sequence of a side by the frame that stands for it: its keys, joined by commas."""
        images, rows = (self.queries, self.asked) if role == "queries" else (self.database, self.known)
        keys = [PurePosixPath(name).stem for name in images.names]
        return {
            int(frame): ",".join(keys[row] for row in frames)
            for frame, frames in zip(self._stands(role), rows, strict=True)
        }

    def positives(self) -> Rows:
        """Return for each frame that stands for a query those that stand for right sequences; no others have any."""
        from scipy.sparse import csr_array

        near = self.within(self.protocol.radius)
        ones = np.ones(len(near.values), dtype=np.int64)
        frames = csr_array((ones, near.values, near.offsets), shape=(len(self.queries), len(self.database)))
        asked, known = _members(self.asked, len(self.queries)), _members(self.known, len(self.database))
        row, column = (asked @ frames @ known.T).nonzero()
        stands = self._stands("queries"), self._stands("database")
        return Rows.from_pairs(stands[0][row], stands[1][column], len(self.queries))

    def ignored(self, answers: Int64Array) -> BoolArray:
        """Return which answers are taken out: those of other cities, and frames that stand for no sequence."""
        stands = np.zeros(len(self.database), dtype=bool)
        stands[self._stands("database")] = True
        return super().ignored(answers) | (~stands[answers] & (answers >= 0))

    def identity(self) -> bytes:
        """Return what else tells this split from another."""
        return f"{self.task} {self.length}".encode() + self.asked.tobytes() + self.known.tobytes()

    def _stands(self, role: Literal["queries", "database"]) -> Int64Array:
        if role == "queries":
            return self.asked[:, -1]
        return self.known[:, self.known.shape[1] // 2 if self.task == "im2seq" else -1]


def windows(table: CitySide, counted: BoolArray, length: int) -> Int64Array:
    """Return ``(S, length)`` rows of a table: its sequences, in order, whose middle row is ``counted``."""
    half, rows = length // 2, len(table.keys)
    if rows < length:
        return np.zeros((0, length), dtype=np.int64)
    breaks = (np.diff(table.sequence) != 0) | (np.diff(table.frame) != 1)
    run = np.concatenate([[0], np.cumsum(breaks)])
    middle = np.arange(half, rows - half, dtype=np.int64)
    middle = middle[(run[middle - half] == run[middle + half]) & counted[middle]]
    rows_of: Int64Array = middle[:, None] + np.arange(-half, half + 1)
    return rows_of


def split_of_sequences(
    split: str, folders: Mapping[str, Path], options: MslsOptions, *, root: Path, label: str
) -> SequenceSplit:
    """Return the split of some cities; see `vpr_data.published.msls_splits.split_of_cities`.

    Raises:
        FileNotFoundError: a city or a table is missing.
        ValueError: tables do not fit, or no sequence has a right answer.
    """
    missing = [str(folder) for folder in folders.values() if not folder.is_dir()]
    if missing:
        raise FileNotFoundError(f"{', '.join(missing)}: there is no such folder; name the cities that are, with cities")
    secret, task = split == "test", options.task
    lengths = {
        "query": options.length if task[:3] == "seq" else 1,
        "database": options.length if task[-3:] == "seq" else 1,
    }
    parts: dict[str, list[tuple[str, CitySide, Int64Array]]] = {"query": [], "database": []}
    found: dict[str, list[Int64Array]] = {"query": [], "database": []}
    for folder in folders.values():
        for side, length in lengths.items():
            table = read_side(folder / side, subtask=options.subtask, secret=secret)
            rows = windows(table, table.chosen & ~table.pano, length)
            used = np.unique(rows)
            before = sum(len(frames) for _, _, frames in parts[side])
            found[side].append(before + np.searchsorted(used, rows))
            parts[side].append((f"{folder.relative_to(root).as_posix()}/{side}/images", table, used))
    asked, known = (np.concatenate(found[side]).astype(np.int64) for side in ("query", "database"))
    name = f"msls-{split}{SUFFIXES[options.protocol]}{'' if options.subtask == 'all' else f'-{options.subtask}'}{label}"
    made = SequenceSplit(
        name=split,
        database=_frames(root, parts["database"], nowhere=0.0 if secret else None),
        queries=_frames(root, parts["query"], nowhere=NOWHERE / 2 if secret else None),
        protocol=EvaluationProtocol(
            name=f"{name}-{task}{options.length}",
            radius=0.0 if secret else 25.0,
            unit="list" if secret else "m",
            queries_without_positives="exclude",
        ),
        training=TrainingRadii(),
        per_city=options.protocol == "city",
        secret=secret,
        task=task,
        length=options.length,
        asked=asked,
        known=known,
        notes=(
            f"{task}: {len(asked):,} queries against {len(known):,} of the database, each of its images counted above",
            *(("what is right is known to the benchmark's server alone",) if secret else ()),
        ),
    )
    if not secret and len(asked) and not made.positives().lengths.any():
        raise ValueError(f"{name}: no query has a sequence within 25 m; are the tables of one release?")
    return made


def _frames(root: Path, parts: list[tuple[str, CitySide, Int64Array]], *, nowhere: float | None) -> ImageSet:
    return images_of(root, parts, nowhere=nowhere, drives=_runs)


def _runs(table: CitySide, rows: Int64Array) -> Int64Array:
    """Number the drives of rows in the order of the table: a row that is not the next one begins another."""
    if len(rows) == 0:
        return np.zeros(0, dtype=np.int64)
    breaks = (np.diff(rows) != 1) | (np.diff(table.sequence[rows]) != 0) | (np.diff(table.frame[rows]) != 1)
    return np.concatenate([[0], np.cumsum(breaks)]).astype(np.int64)


def _members(sequences: Int64Array, frames: int) -> Any:
    """Return a sparse ``(S, frames)``: 1 where a frame belongs to a sequence."""
    from scipy.sparse import csr_array

    count, length = sequences.shape
    offsets = np.arange(count + 1) * length
    return csr_array((np.ones(count * length, dtype=np.int64), sequences.ravel(), offsets), shape=(count, frames))
