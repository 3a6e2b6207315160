"""A split whose right answers are listed, and not measured by distance."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from vpr_data.places.rows import Rows
from vpr_data.places.splits import PlaceSplit

__all__ = ["ListedSplit"]

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ListedSplit(PlaceSplit):
    """A `vpr_data.PlaceSplit` with lists for ground truth.

    Attributes:
        right: for each query the database positions that are right.
        unsure: for each query those that are neither right nor wrong, and are taken out of its ranking: the third state
            of soft ground truth. What is right cannot be unsure.
    """

    right: Rows = field(default_factory=lambda: Rows.from_rows([]))
    unsure: Rows | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, rows in (("right", self.right), ("unsure", self.unsure)):
            if rows is not None and len(rows) != len(self.queries):
                raise ValueError(f"{name} has {len(rows)} rows for {len(self.queries)} queries")
        if self.unsure is not None:
            both = np.intersect1d(self._pairs(self.right), self._pairs(self.unsure))
            if len(both):
                query, answer = divmod(int(both[0]), max(1, len(self.database)))
                raise ValueError(
                    f"{self.database.names[answer]} is listed as right for {self.queries.names[query]}, and as neither "
                    "right nor wrong"
                )

    def identity(self) -> bytes:
        """Return the lists as bytes."""
        parts = [self.right] if self.unsure is None else [self.right, self.unsure]
        return b"".join(array.tobytes() for rows in parts for array in (rows.offsets, rows.values))

    def positives(self) -> Rows:
        """Return the listed right answers of each query."""
        return self.right

    def within(self, radius: float, *, beyond: float | None = None, different_time: bool = False) -> Rows:
        """Return the listed right answers, whatever the radius: no distance is known."""
        return self.right

    def never_negative(self, radius: float | None = None) -> Rows:
        """Return what is right or unsure."""
        return self.right if self.unsure is None else self.right.union(self.unsure)

    def ignored(self, answers: Int64Array) -> npt.NDArray[np.bool_]:
        """Return which of ``answers (Q, k)`` are neither right nor wrong, and what else the protocol takes out."""
        mask = super().ignored(answers)
        if self.unsure is not None:
            number = np.arange(len(answers), dtype=np.int64)[:, None] * max(1, len(self.database)) + answers
            mask |= np.isin(number, self._pairs(self.unsure)) & (answers >= 0)
        return mask

    def subset(self, name: str) -> PlaceSplit:
        """Return the split with the queries of one named subset."""
        if name not in self.subsets:
            return super().subset(name)  # says so
        chosen = self.subsets[name]
        protocol = replace(self.protocol, name=f"{self.protocol.name}-{name}")
        return replace(
            self,
            queries=self.queries.select(chosen),
            protocol=protocol,
            subsets={},
            right=Rows.from_rows([self.right[int(row)] for row in chosen]),
            unsure=None if self.unsure is None else Rows.from_rows([self.unsure[int(row)] for row in chosen]),
        )

    def _pairs(self, rows: Rows) -> Int64Array:
        """One number for each pair of query and answer."""
        return rows.row_of_value * max(1, len(self.database)) + rows.values
