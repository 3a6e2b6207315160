"""What a data set holds, beside its published counts, and what of it is missing: before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vpr_data.places.checks import extent_of, position_warnings
from vpr_data.places.splits import PlaceSplit, Splits
from vpr_data.published.catalogue import PUBLISHED, Counts
from vpr_data.published.retrieval import RetrievalSet

__all__ = ["RetrievalSummary", "SplitSummary", "describe", "missing_files"]


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """One split in numbers.

    Attributes:
        split: its name.
        protocol: what counts as right, in one word.
        database: number of database images.
        queries: number of queries.
        without_positives: queries that no database image answers.
        untrainable: queries without a potential positive under the radii of training.
        median_positives: right answers of a query.
        extent: metres (frames) from one end of the split to the other, along the longer side.
        warnings: what looks wrong, with numbers.
    """

    split: str
    protocol: str
    database: int
    queries: int
    without_positives: int
    untrainable: int
    median_positives: float
    extent: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RetrievalSummary:
    """A retrieval benchmark in numbers: images, queries, and mean numbers of good, ok and junk images a query."""

    name: str
    images: int
    queries: int
    good: float
    ok: float
    junk: float
    warnings: tuple[str, ...]


def describe(dataset: Splits | RetrievalSet, *, name: str | None = None) -> list[SplitSummary | RetrievalSummary]:
    """Count everything that can be counted without opening an image.

    Args:
        dataset: any data set, or a retrieval benchmark.
        name: its name in `vpr_data.PUBLISHED`, whose numbers it must then show.
    """
    counts = PUBLISHED[name].counts if name in PUBLISHED else {}
    if isinstance(dataset, RetrievalSet):
        return [_retrieval(dataset, counts.get("test"))]
    return [_split(dataset.split(split), counts.get(split)) for split in dataset.split_names]


def missing_files(dataset: Splits | RetrievalSet, *, splits: tuple[str, ...] | None = None) -> list[Path]:
    """Return the image files that are not there, each once, in the order of the set; ``splits`` limits the search."""
    return [path for path in _paths(dataset, splits) if not path.is_file()]


def _paths(dataset: Splits | RetrievalSet, splits: tuple[str, ...] | None) -> Iterator[Path]:
    if isinstance(dataset, RetrievalSet):
        yield from (dataset.path(position) for position in range(len(dataset)))
        return
    seen: set[tuple[Path, str]] = set()
    for name in dataset.split_names if splits is None else splits:
        split = dataset.split(name)
        for images in (split.database, split.queries):
            for image in images.names:
                if (images.root, image) not in seen:
                    seen.add((images.root, image))
                    yield images.root / image


def _split(split: PlaceSplit, counts: Counts | None) -> SplitSummary:
    positives = split.positives().lengths
    training = split.training
    potential = split.within(training.positive, beyond=training.beyond, different_time=training.different_time)
    extent = extent_of(split)
    without = int((positives == 0).sum())
    warnings = [*_count_warnings(counts, len(split.database), len(split.queries))]
    warnings += position_warnings(split)
    return SplitSummary(
        split=split.name,
        protocol=split.protocol.label,
        database=len(split.database),
        queries=len(split.queries),
        without_positives=without,
        untrainable=int((potential.lengths == 0).sum()),
        median_positives=float(np.median(positives)) if len(positives) else 0.0,
        extent=extent,
        warnings=tuple(warnings),
    )


def _retrieval(images: RetrievalSet, counts: Counts | None) -> RetrievalSummary:
    def mean(rows: Any) -> float:
        return float(rows.lengths.mean()) if len(rows) else 0.0

    return RetrievalSummary(
        name=images.name,
        images=len(images),
        queries=len(images.queries),
        good=mean(images.good),
        ok=mean(images.ok),
        junk=mean(images.junk),
        warnings=tuple(_count_warnings(counts, len(images), len(images.queries))),
    )


def _count_warnings(counts: Counts | None, database: int, queries: int) -> Iterator[str]:
    if counts is None:
        return
    doubt = "" if counts.sure else " (as remembered; no official file was at hand to count)"
    for what, published, found in (("images", counts.database, database), ("queries", counts.queries, queries)):
        if published != found:
            yield f"{found:,} {what}, {published:,} are published{doubt}"
