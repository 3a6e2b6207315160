"""What a data set holds, beside its published counts, and what of it is missing: before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vpr_data.places.checks import extent_of, position_warnings
from vpr_data.places.splits import PlaceSplit, Splits
from vpr_data.published.catalogue import PUBLISHED
from vpr_data.published.entry import Counts
from vpr_data.published.retrieval import RetrievalSet

__all__ = ["RetrievalSummary", "SplitSummary", "describe", "missing_files", "shortfalls"]


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """One split in numbers.

    Attributes:
        split: its name.
        protocol: what counts as right, in one word.
        database: number of database images.
        queries: number of queries.
        published_database: number that is published of this protocol, None: none is known.
        published_queries: likewise.
        query_sets: queries of each named query set.
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
    published_database: int | None = None
    published_queries: int | None = None
    query_sets: Mapping[str, int] = field(default_factory=dict)


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


def describe(
    dataset: Splits | RetrievalSet, *, name: str | None = None, counts: Mapping[str, Counts] | None = None
) -> list[SplitSummary | RetrievalSummary]:
    """Count everything that can be counted without opening an image.

    Args:
        dataset: any data set, or a retrieval benchmark.
        name: its name in `vpr_data.PUBLISHED`, whose numbers it must then show.
        counts: other numbers that it must show, by split.
    """
    known = _published(dataset, name) if counts is None else counts
    if isinstance(dataset, RetrievalSet):
        return [_retrieval(dataset, known.get("test"))]
    return [_split(dataset.split(split), known.get(split)) for split in dataset.split_names]


def missing_files(dataset: Splits | RetrievalSet, *, splits: tuple[str, ...] | None = None) -> list[Path]:
    """Return what is not there, each once: parts of the published tree, then image files in the order of the set.

    ``splits`` limits the search, to image files of these splits.
    """
    absent = list(getattr(dataset, "absent", ())) if splits is None else []
    return absent + [path for path in _paths(dataset, splits) if not path.is_file()]


def shortfalls(
    dataset: Splits | RetrievalSet, *, name: str | None = None, splits: tuple[str, ...] | None = None
) -> list[str]:
    """Say of each split how many images it lacks to the published numbers: files that no list names cannot be listed.

    Numbers that only memory vouches for call nothing missing.

    ``name`` is that of the set in `vpr_data.PUBLISHED`, ``splits`` limits the search.
    """
    known = _published(dataset, name)
    found: dict[str, tuple[int, int]] = {}
    if isinstance(dataset, RetrievalSet):
        found["test"] = (len(dataset), len(dataset.queries))
    else:
        for split in (dataset.split(split) for split in splits or dataset.split_names):
            found[split.name] = (len(split.database), len(split.queries))
    said = []
    for split_name, (database, queries) in found.items():
        wanted = known.get(split_name)
        if wanted is None or not wanted.sure:
            continue
        for what, there, published in (("images", database, wanted.database), ("queries", queries, wanted.queries)):
            if there < published:
                said.append(f"{split_name}: {there:,} {what}, {published:,} are published")
    return said


def _published(dataset: Splits | RetrievalSet, name: str | None) -> Mapping[str, Counts]:
    own: Mapping[str, Counts] | None = getattr(dataset, "published_counts", None)
    if own is not None:
        return own
    return PUBLISHED[name].counts if name in PUBLISHED else {}


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
    warnings += _set_warnings(counts, split)
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
        published_database=None if counts is None else counts.database,
        published_queries=None if counts is None else counts.queries,
        query_sets={label: len(rows) for label, rows in split.subsets.items()},
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
    for what, published, found in (("images", counts.database, database), ("queries", counts.queries, queries)):
        if published != found:
            yield f"{found:,} {what}, {published:,} are published{_doubt(counts)}"


def _set_warnings(counts: Counts | None, split: PlaceSplit) -> Iterator[str]:
    """The same of named query sets."""
    for label, published in ({} if counts is None else counts.subsets).items():
        found = len(split.subsets.get(label, ()))
        if counts is not None and found != published:
            yield f"{found:,} queries {label}, {published:,} are published{_doubt(counts)}"


def _doubt(counts: Counts) -> str:
    return "" if counts.sure else f" ({counts.source or 'as remembered'}; no official file was at hand to count)"
