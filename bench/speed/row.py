"""One line of the speed table, and one of the growth table."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.speed.measure import Comparison

__all__ = ["Growth", "Row", "exponent"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured: ours, the reference formulation, their ratio over the rounds, and the limit.

    Seconds are medians; ``ratio`` is reference / ours (larger is better for us) with its lowest and highest round.

    Attributes:
        what: the work and its inputs.
        reference: the formulation that ours is compared with.
        limit: name of work that nobody can avoid (bare matrix products, the bare backbone), and its ``limit_seconds``.
        count, unit: how many images, tuples or queries that is, for a rate.
        skipped: why the row could not be measured here; the numbers are then 0.
        seconds: every recorded round of every contestant.
    """

    what: str
    reference: str = ""
    ours_seconds: float = 0.0
    reference_seconds: float = 0.0
    ratio: float = 0.0
    ratio_low: float = 0.0
    ratio_high: float = 0.0
    limit: str = ""
    limit_seconds: float | None = None
    ours_bytes: int | None = None
    reference_bytes: int | None = None
    count: int | None = None
    unit: str = ""
    target: str = ""
    note: str = ""
    skipped: str = ""
    warmup: int = 0
    repeats: int = 0
    seconds: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @classmethod
    def from_comparison(
        cls,
        what: str,
        comparison: Comparison,
        *,
        reference: str,
        memory: Mapping[str, int] | None = None,
        limit: str = "",
        count: int | None = None,
        unit: str = "",
        target: str = "",
        note: str = "",
    ) -> Row:
        """Read contestants ``ours``, ``reference`` and, when it took part, ``limit`` (named by the argument)."""
        memory = memory or {}
        ratio, low, high = comparison.ratio(reference, "ours")
        fastest = comparison.timings.get("limit")
        return cls(
            what=what,
            reference=reference,
            ours_seconds=comparison.timings["ours"].median,
            reference_seconds=comparison.timings[reference].median,
            ratio=ratio,
            ratio_low=low,
            ratio_high=high,
            limit=limit if fastest else "",
            limit_seconds=fastest.median if fastest else None,
            ours_bytes=memory.get("ours"),
            reference_bytes=memory.get(reference),
            count=count,
            unit=unit,
            target=target,
            note=note,
            warmup=comparison.warmup,
            repeats=comparison.repeats,
            seconds={name: timing.seconds for name, timing in comparison.timings.items()},
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"kind": "row", **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Growth:
    """How a step's time and memory grow with the number of images: ``time ~ images ** exponent``.

    Attributes:
        step: encode, mine, search ...
        inputs: what else there was.
        images: sizes, rising.
        seconds, bytes: of each size; memory above what was held before, without pages of mapped files.
        expected: the exponent of time that the method implies.
        note: what bounds or explains it.
    """

    step: str
    inputs: str
    images: Sequence[int]
    seconds: Sequence[float]
    bytes: Sequence[int]
    expected: float = 1.0
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON, with the fitted exponents; less than a MiB of memory counts as one."""
        exponents = {
            "time_exponent": exponent(self.images, self.seconds),
            "memory_exponent": exponent(self.images, [max(size, 2**20) for size in self.bytes]),
        }
        return {"kind": "growth", **asdict(self), **exponents}


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Return the slope of the least-squares line through ``(log size, log value)``."""
    x = [math.log(size) for size in sizes]
    y = [math.log(max(value, 1e-9)) for value in values]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - mean_x) ** 2 for a in x)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread
