"""The sequence tasks of Mapillary Street-Level Sequences: an image or a sequence on either side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from vpr_sequences.distances import block_rows
from vpr_sequences.matcher import Matcher
from vpr_sequences.windows import unit_rows, window_means

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_sequences.drives import Drives
    from vpr_sequences.matcher import Known

    Float32Array = npt.NDArray[np.float32]
    Float64Array = npt.NDArray[np.float64]

__all__ = ["Fusion", "SequenceTask", "Task"]

Task = Literal["im2seq", "seq2im", "seq2seq"]
Fusion = Literal["closest", "mean"]


class SequenceTask(Matcher):
    """Image to sequence, sequence to image, sequence to sequence.

    Warburg, Hauberg, Lopez-Antequera, Gargallo, Kuang, Civera: Mapillary Street-Level Sequences, CVPR 2020, whose
    sequences have an odd number of images and lie where their middle one does. A sequence of queries ends at the query,
    as nothing later may be used. For ``im2seq`` a sequence of the database stands around each of its images; for
    ``seq2seq`` it ends there as well, so that an answer lies where the last query does. Ends of drives cut off.

    With ``Q_t`` the query's images and ``W_j`` those of database image ``j`` (one image where the task says ``im``)
    the cost is

    - ``closest``: ``min |q - d|`` over ``q`` in ``Q_t``, ``d`` in ``W_j``: the two most similar images of the two,
    - ``mean``: the distance of the two means, scaled to length 1.

    Args:
        task: which sides are sequences.
        length: images of a sequence, odd.
        fusion: how the distance of sequences is made of those of images.

    Raises:
        ValueError: a parameter is out of range.
    """

    def __init__(self, *, task: Task = "seq2seq", length: int = 5, fusion: Fusion = "mean") -> None:
        if task not in get_args(Task):
            raise ValueError(f"task must be one of {', '.join(get_args(Task))}, got {task!r}")
        if length < 1 or length % 2 == 0:
            raise ValueError(f"length must be odd, so that a sequence has a middle image, got {length}")
        if fusion not in get_args(Fusion):
            raise ValueError(f"fusion must be one of {', '.join(get_args(Fusion))}, got {fusion!r}")
        self.fusion = fusion
        self.asked = length if task in ("seq2im", "seq2seq") else 1
        self.before = {"im2seq": length // 2, "seq2im": 0, "seq2seq": length - 1}[task]
        self.after = length // 2 if task == "im2seq" else 0

    def _prepared(self, database: Float32Array, drives: Drives) -> npt.NDArray[np.floating]:
        if self.fusion == "closest":
            return database
        rows = database.astype(np.float64)
        means = [window_means(rows[drive], before=self.before, after=self.after) for drive in drives.each()]
        return unit_rows(np.concatenate(means))

    def _costs(self, queries: Float32Array, known: Known) -> Iterator[Float64Array]:
        rows, step = queries.astype(np.float64), block_rows(len(known.rows))
        if self.fusion == "mean":
            rows = unit_rows(window_means(rows, before=self.asked - 1, after=0))
            for start in range(0, len(rows), step):
                yield np.sqrt(known.distances(rows[start : start + step]))
            return
        before: Float64Array = np.zeros((0, len(known.rows)))
        for start in range(0, len(rows), step):
            block = self._nearest_of_sequence(known.distances(rows[start : start + step]), known.drives)
            single = np.concatenate([before, block])
            least = single.copy()
            for a in range(1, min(self.asked, len(single))):
                np.minimum(least[a:], single[:-a], out=least[a:])
            yield np.sqrt(least[len(before) :])
            before = single[max(0, len(single) - self.asked + 1) :]

    def _nearest_of_sequence(self, squared: Float64Array, drives: Drives) -> Float64Array:
        """Return for each image of the database the least of ``squared (b, N)`` in its sequence."""
        here, least = np.arange(len(drives)), squared.copy()
        for step in (*range(-self.before, 0), *range(1, self.after + 1)):
            there = np.clip(here + step, drives.first, drives.last)
            np.minimum(least, squared[:, there], out=least)
        return least
