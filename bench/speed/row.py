"""One line of the speed table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.speed.measure import Comparison

__all__ = ["Row", "markdown"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured: ours, the reference formulation, their ratio over the rounds, and the limit.

    Seconds are medians; ``ratio`` is reference / ours (larger is better for us) with its lowest and highest round.
    ``limit_seconds`` is work that nobody can avoid (bare matrix products, the bare backbone).
    """

    what: str
    reference: str
    ours_seconds: float
    reference_seconds: float
    ratio: float
    ratio_low: float
    ratio_high: float
    limit_seconds: float | None = None
    ours_bytes: int | None = None
    reference_bytes: int | None = None
    target: str = ""
    note: str = ""

    @classmethod
    def from_comparison(
        cls,
        what: str,
        comparison: Comparison,
        *,
        reference: str,
        memory: Mapping[str, int] | None = None,
        target: str = "",
        note: str = "",
    ) -> Row:
        """Read contestants ``ours``, ``reference`` and, when it took part, ``limit``."""
        memory = memory or {}
        ratio, low, high = comparison.ratio(reference, "ours")
        limit = comparison.timings.get("limit")
        return cls(
            what=what,
            reference=reference,
            ours_seconds=comparison.timings["ours"].median,
            reference_seconds=comparison.timings[reference].median,
            ratio=ratio,
            ratio_low=low,
            ratio_high=high,
            limit_seconds=limit.median if limit else None,
            ours_bytes=memory.get("ours"),
            reference_bytes=memory.get(reference),
            target=target,
            note=note,
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _memory(size: int | None) -> str:
    return "" if size is None else f"{size / 2**20:.0f} MiB"


def markdown(rows: Sequence[Row]) -> str:
    """The table, one row a line."""
    head = "| what | ours | reference | ratio (range) | memory ours / reference | limit, our multiple of it | target |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    for row in rows:
        limit = f"{_time(row.limit_seconds)}, {row.ours_seconds / row.limit_seconds:.2f}x" if row.limit_seconds else ""
        memory = f"{_memory(row.ours_bytes)} / {_memory(row.reference_bytes)}" if row.ours_bytes is not None else ""
        lines.append(
            f"| {row.what} | {_time(row.ours_seconds)} | {row.reference}: {_time(row.reference_seconds)} | "
            f"**{row.ratio:.1f}x** ({row.ratio_low:.1f}-{row.ratio_high:.1f}) | {memory} | {limit} | {row.target} |"
        )
    return "\n".join(lines)
