"""A database, its queries and the rule that says which answers are right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from vpr_data.images.image_set import ImageSet
from vpr_data.places.neighbourhoods import within_radius
from vpr_data.places.rows import Rows

__all__ = ["EvaluationProtocol", "ImageSet", "PlaceSplit", "Splits", "TrainingRadii"]

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class EvaluationProtocol:
    """The rule behind a recall, printed beside every number: ``str(protocol)`` is ``tokyo247@25m-nms12``.

    Attributes:
        name: data set and split, such as ``pitts30k-test``.
        radius: a database image at most this far from the query is right.
        unit: of the radius: metres, frames, ``place`` (same label, radius 0), or ``list`` (right answers are listed,
            radius 0).
        group: number of consecutive database images of one panorama, of which a ranking keeps only the first (12 for
            Tokyo 24/7); None: every image counts for itself.
        ignore_same_time: database images with the query's time stamp are neither answers nor positives (TokyoTM).
        ignore_same_image: the query itself, where it is part of the database, is taken out of its ranking.
        queries_without_positives: ``count`` them as failed (the papers' rule) or ``exclude`` them.
        image_note: how published numbers treat image size.
    """

    name: str
    radius: float
    unit: Literal["m", "frame", "place", "list"] = "m"
    group: int | None = None
    ignore_same_time: bool = False
    ignore_same_image: bool = False
    queries_without_positives: Literal["count", "exclude"] = "count"
    image_note: str = "native size"

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name must not be empty; write data set and split, such as 'pitts30k-test'")
        if not (math.isfinite(self.radius) and self.radius >= 0):
            raise ValueError(f"radius must be finite and at least 0, got {self.radius}")
        if self.unit not in ("m", "frame", "place", "list"):
            raise ValueError(f"unit must be 'm', 'frame' or 'place', got {self.unit!r}; 'list' where it is said")
        if self.group is not None and self.group < 1:
            raise ValueError(f"group must be at least 1 or None, got {self.group}")
        if self.queries_without_positives not in ("count", "exclude"):
            raise ValueError(
                f"queries_without_positives must be 'count' or 'exclude', got {self.queries_without_positives!r}"
            )

    @property
    def label(self) -> str:
        """The protocol in one word: ``pitts30k-test@25m``, ``tokyo247@25m-nms12``, ``nordland@10frames``."""
        distance = {"m": f"{self.radius:g}m", "frame": f"{self.radius:g}frames"}.get(self.unit, self.unit)
        parts = [f"{self.name}@{distance}"]
        if self.group is not None:
            parts.append(f"nms{self.group}")
        if self.ignore_same_time:
            parts.append("othertime")
        if self.ignore_same_image:
            parts.append("notself")
        if self.queries_without_positives == "exclude":
            parts.append("answerable")
        return "-".join(parts)

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True, kw_only=True)
class TrainingRadii:
    """Who may be a potential positive and who never a negative, in the protocol's unit.

    The defaults are those of Arandjelovic et al. 2016 (arXiv:1511.07247) without the 1 m rule of the authors' code,
    which the Pittsburgh and Tokyo sets here set (``beyond=1``).

    Attributes:
        positive: potential positives lie at most this far away.
        beyond: and farther than this; None: no lower bound.
        negative: negatives lie farther than this.
        different_time: a potential positive has another time stamp than the query.
        negatives_exclude_same_place: an image with the query's ``place`` is never a negative, however far away.
    """

    positive: float = 10.0
    beyond: float | None = None
    negative: float = 25.0
    different_time: bool = False
    negatives_exclude_same_place: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.positive) and self.positive >= 0):
            raise ValueError(f"positive must be finite and at least 0, got {self.positive}")
        if self.beyond is not None and not 0 <= self.beyond < self.positive:
            raise ValueError(f"beyond must be at least 0 and less than positive ({self.positive:g}), got {self.beyond}")
        if not (math.isfinite(self.negative) and self.negative >= self.positive):
            raise ValueError(
                f"negative must be at least positive ({self.positive:g}), got {self.negative}; a nearer image could be "
                "positive and negative at once"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaceSplit:
    """A database, its queries and the ground truth between them.

    Attributes:
        name: ``train``, ``val``, ``test``.
        database: ``N`` images that may be answers.
        queries: ``Q`` images that are asked for.
        protocol: what counts as right.
        training: who may be a positive or a negative in training.
        subsets: named sets of query positions, such as ``day``, ``sunset``, ``night`` of Tokyo 24/7.
        notes: what was remarkable when it was made, such as images left out; said with every number, in no hash.
    """

    name: str
    database: ImageSet
    queries: ImageSet
    protocol: EvaluationProtocol
    training: TrainingRadii = field(default_factory=TrainingRadii)
    subsets: Mapping[str, Int64Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for role, images in (("database", self.database), ("queries", self.queries)):
            if images.located is not None:
                raise ValueError(
                    f"{role} has {int((~images.located).sum())} images without a position, of which nobody can say "
                    "what is right; leave them out (images.select)"
                )
        widths = {images.metric_points.shape[1] for images in (self.database, self.queries) if len(images)}
        if len(widths) > 1:
            raise ValueError(
                "database and queries must have coordinates of one kind: both metres or both earth-centred"
            )
        needs_time = self.protocol.ignore_same_time or self.training.different_time
        for role, images in (("database", self.database), ("queries", self.queries)):
            if needs_time and len(images) and images.time is None:
                raise ValueError(f"{role} has no time stamps, which split {self.name!r} needs for its time rule")
            if self.training.negatives_exclude_same_place and len(images) and images.place is None:
                raise ValueError(f"{role} has no place labels, which negatives_exclude_same_place needs")
        for label, positions in self.subsets.items():
            if len(positions) and (np.min(positions) < 0 or np.max(positions) >= len(self.queries)):
                raise ValueError(f"subsets[{label!r}] has positions outside 0..{len(self.queries) - 1}")

    def identity(self) -> bytes:
        """Return what else tells this split from another, beside images, rules and positions: nothing here."""
        return b""

    def extent(self) -> float:
        """Return metres (frames) from one end of the split to the other, along the longer side."""
        sides = [images.metric_points for images in (self.database, self.queries) if len(images)]
        return float(np.ptp(np.concatenate(sides), axis=0).max()) if sides else 0.0

    def positives(self) -> Rows:
        """Return for each query the sorted database positions that count as right under the protocol."""
        rows = self.within(self.protocol.radius, different_time=self.protocol.ignore_same_time)
        if not self.protocol.ignore_same_image:
            return rows
        query = rows.row_of_value
        keep = self._own()[query] != rows.values
        return Rows.from_pairs(query[keep], rows.values[keep], len(rows))

    def within(self, radius: float, *, beyond: float | None = None, different_time: bool = False) -> Rows:
        """Return for each query the sorted database positions with ``beyond < distance <= radius``.

        Args:
            radius: inclusive, in the protocol's unit.
            beyond: exclusive lower bound; None: none.
            different_time: leave out database images with the query's time stamp.

        Raises:
            ValueError: ``different_time`` without time stamps, or the bounds are wrong.
        """
        query_time, database_time = self.queries.time, self.database.time
        if different_time and (query_time is None or database_time is None):
            raise ValueError(
                f"different_time needs time stamps, which split {self.name!r} does not have for every image (a folder "
                "data "
                "set that says different_time itself leaves the others out)"
            )
        return within_radius(
            self.queries.metric_points,
            self.database.metric_points,
            radius,
            beyond=beyond,
            query_time=query_time if different_time else None,
            database_time=database_time if different_time else None,
        )

    def never_negative(self, radius: float | None = None) -> Rows:
        """Return for each query the sorted database positions that may not serve as negatives.

        Those within ``radius`` (None: the split's own) and, where the split says so, those that bear the query's place.
        """
        rows = self.within(self.training.negative if radius is None else radius)
        if not self.training.negatives_exclude_same_place or self.queries.place is None or self.database.place is None:
            return rows
        return rows.union(_same_label(self.queries.place, self.database.place))

    def groups(self) -> Int64Array:
        """Return ``(N,)``: the panorama of each database image, by the protocol's ``group``."""
        return np.arange(len(self.database), dtype=np.int64) // (self.protocol.group or 1)

    def ignored(self, answers: Int64Array) -> npt.NDArray[np.bool_]:
        """Return which of ``answers (Q, k)``, database positions, the protocol takes out of the rankings (-1: none)."""
        mask = np.zeros(answers.shape, dtype=bool)
        if self.protocol.ignore_same_time and self.database.time is not None and self.queries.time is not None:
            mask |= self.database.time[answers] == self.queries.time[:, None]
        if self.protocol.ignore_same_image:
            mask |= answers == self._own()[:, None]
        return mask & (answers >= 0)

    def subset(self, name: str) -> PlaceSplit:
        """Return the split with the queries of one named subset, and a protocol that bears its name."""
        if name not in self.subsets:
            have = ", ".join(self.subsets) or "none"
            raise ValueError(f"name must be a subset of split {self.name!r} ({have}), got {name!r}")
        protocol = replace(self.protocol, name=f"{self.protocol.name}-{name}")
        return replace(self, queries=self.queries.select(self.subsets[name]), protocol=protocol, subsets={})

    def _own(self) -> Int64Array:
        """Database position of each query itself, -1 where it is not in the database."""
        if self.database.root != self.queries.root:
            return np.full(len(self.queries), -1, dtype=np.int64)
        where = {name: position for position, name in enumerate(self.database.names)}
        return np.array([where.get(name, -1) for name in self.queries.names], dtype=np.int64)


def _same_label(queries: Int64Array, database: Int64Array) -> Rows:
    """Return for each query the database positions with an equal label."""
    order = np.argsort(database, kind="stable")
    ranked = database[order]
    first, last = np.searchsorted(ranked, queries, "left"), np.searchsorted(ranked, queries, "right")
    lengths = last - first
    row = np.repeat(np.arange(len(queries), dtype=np.int64), lengths)
    inside = np.arange(len(row), dtype=np.int64) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return Rows.from_pairs(row, order[np.repeat(first, lengths) + inside].astype(np.int64), len(queries))


class Splits(Protocol):
    """Any data set of this package: named splits, opened one by one."""

    @property
    def split_names(self) -> tuple[str, ...]:
        """Of the splits that can be opened."""

    def split(self, name: str) -> PlaceSplit:
        """Open the split ``name``."""
