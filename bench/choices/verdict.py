"""From rows to what is said of a choice: safe, costs so much, breaks, and where it is worst."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

__all__ = ["BREAKS", "SAFE", "Summary", "summaries", "summarise"]

SAFE, BREAKS = 1.0, 10.0
"""Points of recall@1, mean over networks, sets and layers: who loses less is safe, who loses more breaks."""

Verdict = Literal["safe", "costs", "breaks"]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A choice on one side over all networks, sets and layers that it was measured below.

    Attributes:
        axis, choice, side: which.
        mean: of the difference of recall@1, points.
        best, worst: rows of the largest and the smallest difference.
        by: mean difference of each layer, and of each set.
        significant: rows whose whole interval lies below 0.
        rows: how many there are.
        cosine: lowest and highest median; None where there is none.
        bytes: of a descriptor, lowest and highest.
        size: bytes over plain bytes, lowest and highest.
        ms: milliseconds, lowest and highest; None where they were not measured.
        time: milliseconds over those of the plain choice, median.
    """

    axis: str
    choice: str
    side: str
    mean: float
    best: dict[str, Any]
    worst: dict[str, Any]
    by: dict[str, float]
    significant: int
    rows: int
    cosine: tuple[float, float] | None
    bytes: tuple[float, float]
    size: tuple[float, float]
    ms: tuple[float, float] | None
    time: float | None

    @property
    def verdict(self) -> Verdict:
        """``breaks``: loses 10 points or more in the mean. ``safe``: less than 1, and no row beyond its interval."""
        if self.mean <= -BREAKS:
            return "breaks"
        return "safe" if self.mean > -SAFE and not self.significant else "costs"


def summarise(rows: Sequence[dict[str, Any]]) -> Summary:
    """Summarise the rows of one choice on one side.

    Rows that differ in the seed alone count as one, with the mean of their differences.
    """
    differences = np.array([row["difference@1"][0] for row in rows])
    places = [(row["network"], row["set"], row["head"]) for row in rows]
    weights = np.array([1 / places.count(place) for place in places])
    labels = [label for field in ("head", "set") for label in dict.fromkeys(row[field] for row in rows)]
    by = {
        label: float(np.average(differences[chosen], weights=weights[chosen]))
        for label in labels
        for chosen in [np.array([label in (row["head"], row["set"]) for row in rows])]
    }
    medians = [row["cosine"][0] for row in rows if row["cosine"] is not None]
    sizes = [row["bytes"] / row["plain_bytes"] for row in rows]
    # Pooling of a few images takes so little that on a machine with other work its ratio says nothing.
    clocked = [row for row in rows if row.get("plain_ms") and row.get("of") != "pooling"]
    times = [row["ms"] / row["plain_ms"] for row in clocked]
    return Summary(
        axis=rows[0]["axis"],
        choice=rows[0]["choice"],
        side=rows[0]["side"],
        mean=float(np.average(differences, weights=weights)),
        best=rows[int(differences.argmax())],
        worst=rows[int(differences.argmin())],
        by=by,
        significant=sum(row["difference@1"][2] < 0 for row in rows),
        rows=len(rows),
        cosine=(min(medians), max(medians)) if medians else None,
        bytes=(min(row["bytes"] for row in rows), max(row["bytes"] for row in rows)),
        size=(min(sizes), max(sizes)),
        ms=(min(row["ms"] for row in clocked), max(row["ms"] for row in clocked)) if clocked else None,
        time=float(np.median(times)) if times else None,
    )


def summaries(rows: Iterable[dict[str, Any]]) -> list[Summary]:
    """Summarise every choice on every side, in the order of the rows."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["axis"], row["choice"], row["side"]), []).append(row)
    return [summarise(group) for group in groups.values()]
