"""What an evaluation found, with everything a reader needs to believe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_eval import Neighbours
from vpr_runner.evaluation.reordered import Reordered
from vpr_runner.files.html_table import html_table

__all__ = ["Report", "SubsetRecall", "recall_line"]


def recall_line(recall: Mapping[int, float] | Mapping[str, float]) -> str:
    """Return recalls in one line, in percent.

    Example:
        >>> recall_line({1: 0.625, 5: 1.0})
        'recall@1 62.5, @5 100.0'
    """
    return "recall" + ", ".join(f"@{n} {100 * value:.1f}" for n, value in recall.items())


@dataclass(frozen=True, kw_only=True)
class SubsetRecall:
    """recall@N of some queries.

    Attributes:
        recall: N to the share of counted queries, 0..1.
        intervals: N to the bounds of the 95 % bootstrap interval; empty when ``eval.bootstrap`` is 0.
        queries: how many there are.
        counted: how many are in the denominator.
        without_positives: how many have no right image in the database.
    """

    recall: dict[int, float]
    intervals: dict[int, tuple[float, float]]
    queries: int
    counted: int
    without_positives: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; N becomes text."""
        return {
            "recall": {str(n): value for n, value in self.recall.items()},
            "intervals": {str(n): list(bounds) for n, bounds in self.intervals.items()},
            "queries": self.queries,
            "counted": self.counted,
            "without_positives": self.without_positives,
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """recall@N of one network on one split.

    Attributes:
        protocol: what counts as right, in one word: ``tokyo247@25m-nms12``.
        split: name.
        whole: all queries; ``subsets`` named ones (day, sunset, night).
        database: number of images.
        first_hits: ``(Q,)`` rank from 1 of the first right image of each query, 0 where the ranking has none.
        evaluated: ``(Q,)`` bool, the queries in the denominator.
        dim: length of a descriptor, 0 for answers of another tool; ``descriptor_bytes`` as float32.
        milliseconds: per image, of ``backbone`` and ``pooling``, decoding left out; empty when not measured.
        images_per_second: of encoding, decoding included.
        unreadable_database, unreadable_queries: name to reason. The former cannot be found, the latter count as failed.
        reordered: what a re-ranker changed; None without one.
        answers: ``(Q, k)`` database positions and distances, best first; no part of `as_dict`.
        provenance: model fingerprint, data fingerprint, seed, index, versions, hardware, date.
    """

    protocol: str
    split: str
    whole: SubsetRecall
    subsets: dict[str, SubsetRecall] = field(default_factory=dict)
    database: int
    first_hits: npt.NDArray[np.int64]
    evaluated: npt.NDArray[np.bool_]
    dim: int
    milliseconds: dict[str, float]
    images_per_second: float
    unreadable_database: dict[str, str]
    unreadable_queries: dict[str, str]
    provenance: dict[str, Any]
    answers: Neighbours | None = None
    reordered: Reordered | None = None

    @property
    def recall(self) -> dict[int, float]:
        """recall@N over all queries."""
        return self.whole.recall

    @property
    def intervals(self) -> dict[int, tuple[float, float]]:
        """95 % intervals over all queries."""
        return self.whole.intervals

    @property
    def queries(self) -> int:
        """Number of queries."""
        return self.whole.queries

    @property
    def counted(self) -> int:
        """Number of queries in the denominator."""
        return self.whole.counted

    @property
    def without_positives(self) -> int:
        """Number of queries without a right image in the database."""
        return self.whole.without_positives

    @property
    def descriptor_bytes(self) -> int:
        """Bytes of one descriptor in float32."""
        return 4 * self.dim

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        parts = {"all": self.whole, **self.subsets}
        rows = [[label, str(part.counted), *(_shown(part, n) for n in self.recall)] for label, part in parts.items()]
        notes = []
        if self.without_positives:
            notes.append(f"{self.without_positives} queries have no right image in the database")
        for what, names in (("queries", self.unreadable_queries), ("database images", self.unreadable_database)):
            if names:
                name, reason = next(iter(names.items()))
                notes.append(f"{len(names)} {what} could not be read, for one {name}: {reason}")
        return html_table(
            ["queries", "counted", *(f"recall@{n}" for n in self.recall)],
            rows,
            caption=f"{self.protocol}, split {self.split}: {self.queries} queries, {self.database} database images, "
            f"{self.dim} dimensions",
            notes=notes,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "protocol": self.protocol,
            "split": self.split,
            **self.whole.as_dict(),
            "subsets": {name: subset.as_dict() for name, subset in self.subsets.items()},
            "database": self.database,
            "dim": self.dim,
            "descriptor_bytes": self.descriptor_bytes,
            "milliseconds": dict(self.milliseconds),
            "images_per_second": self.images_per_second,
            "unreadable_database": dict(self.unreadable_database),
            "unreadable_queries": dict(self.unreadable_queries),
            "first_hits": self.first_hits.tolist(),
            "evaluated": self.evaluated.tolist(),
            **({} if self.reordered is None else {"reordered": self.reordered.as_dict()}),
            "provenance": dict(self.provenance),
        }


def _shown(part: SubsetRecall, n: int) -> str:
    """A recall in percent, with its interval."""
    interval = part.intervals.get(n)
    reach = f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if interval else ""
    return f"{100 * part.recall[n]:.1f}{reach}"
