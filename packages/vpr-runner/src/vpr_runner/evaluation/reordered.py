"""What re-ranking changed: recall before and after on the same queries, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vpr_eval import PairedTest, RecallResult, paired_test

if TYPE_CHECKING:
    from vpr_runner.reranking.reorder import Reranked

__all__ = ["Reordered"]


@dataclass(frozen=True, kw_only=True)
class Reordered:
    """Recall of a search against that of its answers reordered.

    Attributes:
        name: of the re-ranker.
        first: answers that it saw.
        before: N to recall@N of the search.
        tests: N to the paired test, re-ranked against not.
        milliseconds: a query, all of it.
        looking: of these, those that went into local features, made or read; None where it looks at descriptors.
        scored: candidates compared a query; None where it looks at descriptors.
        bytes_an_image: of local features; None likewise.
    """

    name: str
    first: int
    before: dict[int, float]
    tests: Mapping[int, PairedTest]
    milliseconds: float
    scored: float | None
    looking: float | None
    bytes_an_image: float | None

    @classmethod
    def of(
        cls,
        before: RecallResult,
        after: RecallResult,
        cost: Reranked,
        *,
        seed: int,
    ) -> Reordered:
        """Compare two counts of the same queries."""
        return cls(
            name=cost.name,
            first=cost.first,
            before=dict(before.recall),
            tests={n: paired_test(after.hits(n), before.hits(n), seed=seed) for n in after.recall},
            milliseconds=cost.milliseconds,
            scored=cost.scored,
            looking=cost.looking,
            bytes_an_image=cost.bytes_an_image,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "name": self.name,
            "first": self.first,
            "before": {str(n): value for n, value in self.before.items()},
            "difference": {
                str(n): {"mean": test.difference, "low": test.low, "high": test.high, "p_value": test.p_value}
                for n, test in self.tests.items()
            },
            **self.costs(),
        }

    def costs(self) -> dict[str, float | None]:
        """Return what it took, as plain JSON values."""
        return {
            "milliseconds": self.milliseconds,
            "looking": self.looking,
            "scored": self.scored,
            "bytes_an_image": self.bytes_an_image,
        }

    def __str__(self) -> str:
        lines = [f"re-ranked by {self.name}, the first {self.first} answers; without it:"]
        for n, test in self.tests.items():
            lines.append(
                f"  recall@{n:<4} {100 * self.before[n]:6.2f}  re-ranked {100 * test.difference:+6.2f}  "
                f"95 %: {100 * test.low:+6.1f} .. {100 * test.high:+6.1f}  p = {test.p_value:.3f}"
            )
        looked = "" if self.scored is None else f", {self.scored:.1f} candidates compared"
        looked += "" if self.looking is None else f", {self.looking:.1f} ms of it for local features"
        kept = "" if self.bytes_an_image is None else f"; local features of {self.bytes_an_image:,.0f} bytes an image"
        lines.append(f"  {self.milliseconds:.1f} ms a query{looked}{kept}")
        return "\n".join(lines)
