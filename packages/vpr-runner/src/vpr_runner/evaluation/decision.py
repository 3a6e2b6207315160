"""Is the first answer to be believed? What a threshold on its distance can accept without an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_eval import precision_recall

__all__ = ["Decision"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Decision:
    """First answers of all queries, those without a right image among them: accepting one of these is an error, too.

    Attributes:
        distance: float64 ``(Q,)`` of first answers; infinity where there is none.
        right: bool ``(Q,)``.
        answerable: bool ``(Q,)``, queries that have a right image: the denominator of recall.
    """

    distance: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]
    answerable: npt.NDArray[np.bool_]

    def recall_at_full_precision(self) -> float:
        """Return the share of answerable queries that the loosest threshold accepts which accepts no wrong answer."""
        answered = np.isfinite(self.distance)
        if not answered.any() or not self.answerable.any():
            return 0.0
        found = precision_recall(-self.distance[answered], self.right[answered], total=int(self.answerable.sum()))
        return found.recall_at_full_precision

    def some(self, which: npt.NDArray[np.int64]) -> Decision:
        """Return some of the queries, one of them several times if it is named so."""
        return Decision(distance=self.distance[which], right=self.right[which], answerable=self.answerable[which])

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; a query without an answer has None."""
        return {
            "distance": [float(value) if np.isfinite(value) else None for value in self.distance],
            "right": self.right.astype(int).tolist(),
            "answerable": self.answerable.astype(int).tolist(),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Decision:
        """Read what `as_dict` returned."""
        distance = [np.inf if value is None else float(value) for value in content["distance"]]
        return cls(
            distance=np.array(distance, dtype=np.float64),
            right=np.array(content["right"], dtype=bool),
            answerable=np.array(content["answerable"], dtype=bool),
        )
