"""What a run trains on: the usable queries of a split, who may be a positive and who never a negative."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from vpr_core import UsageError
from vpr_losses import MiningRequest, Ragged
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.source import ImageSource, JoinedImages
from vpr_runner.keys import permutation

if TYPE_CHECKING:
    from vpr_core.config.sections import TrainConfig
    from vpr_core.types import PlaceSplit

__all__ = ["TrainingSet", "readable"]

log = logging.getLogger(__name__)

POSITIVE, BEYOND, NEGATIVE = 10.0, None, 25.0
"""Radii in metres of a split that states none; NetVLAD's authors take positives within 10 m, negatives beyond 25 m."""


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """One split, prepared for mining.

    Attributes:
        split: where it comes from.
        usable: positions of the queries that have a potential positive and can be read.
        positives: for every query of the split, sorted database positions that may serve as positives.
        excluded: for every query, sorted database positions that may not serve as negatives.
        images: queries, then database: the numbering of `vpr_runner.training.batches.TupleBatch`.
    """

    split: PlaceSplit
    usable: npt.NDArray[np.int64]
    positives: Sequence[npt.NDArray[np.int64]]
    excluded: Sequence[npt.NDArray[np.int64]]
    images: JoinedImages

    @classmethod
    def prepare(cls, split: PlaceSplit, settings: TrainConfig, compute: Compute) -> TrainingSet:
        """Apply the run's radii (null: the split's own) to ``split``.

        Raises:
            UsageError: a set is empty, or no query has a potential positive.
        """
        for name, images in (("database", split.database), ("queries", split.queries)):
            if len(images) == 0:
                raise UsageError(f"dataset: the {name} of split {split.name!r} is empty; there is nothing to train on")
        joined = JoinedImages(split.queries, split.database)
        queries = len(split.queries)
        bad = joined_unreadable(joined, compute)
        bad_database = np.array(sorted(position - queries for position in bad if position >= queries), dtype=np.int64)
        within, beyond, negative, different_time = radii(split, settings)
        positives = [
            np.setdiff1d(row, bad_database, assume_unique=True)
            for row in split.within(within, beyond=beyond, different_time=different_time)
        ]
        near = _never_negative(split, negative)
        excluded = [
            np.union1d(np.union1d(a, b), bad_database).astype(np.int64) for a, b in zip(near, positives, strict=True)
        ]
        usable = np.array(
            [query for query, row in enumerate(positives) if len(row) and query not in bad], dtype=np.int64
        )
        if len(usable) == 0:
            raise UsageError(
                f"train.positives: none of the {queries} queries of split {split.name!r} has a database image within "
                f"{within:g} {'and beyond ' + format(beyond, 'g') + ' ' if beyond is not None else ''}of it"
                f"{' at another time' if different_time else ''}; widen train.positives or check the coordinates"
            )
        if len(usable) < queries:
            log.info(
                "%d of %d training queries have a potential positive; the others are left out", len(usable), queries
            )
        _refuse_without_negatives(split, usable, excluded, negative)
        return cls(split=split, usable=usable, positives=positives, excluded=excluded, images=joined)

    @property
    def queries(self) -> int:
        """Number of queries of the split: where database positions begin among the joined images."""
        return len(self.split.queries)

    def order(self, seed: int, epoch: int, *, most: int | None) -> npt.NDArray[np.int64]:
        """Return the queries of ``epoch`` in the order in which they are visited, a function of (seed, epoch)."""
        return self.usable[permutation(len(self.usable), seed, "query order", epoch)][:most]

    def request(self, queries: npt.NDArray[np.int64], *, seed: int, epoch: int, part: int) -> MiningRequest:
        """Return what a miner is asked for these queries."""
        return MiningRequest(
            queries=torch.from_numpy(queries),
            positives=Ragged.from_rows([self.positives[query] for query in queries]),
            excluded=Ragged.from_rows([self.excluded[query] for query in queries]),
            database_size=len(self.split.database),
            seed=seed,
            epoch=epoch,
            part=part,
        )


def _refuse_without_negatives(
    split: PlaceSplit, usable: npt.NDArray[np.int64], excluded: Sequence[npt.NDArray[np.int64]], radius: float
) -> None:
    """Training without negatives makes no step; that is known before it starts."""
    size = len(split.database)
    without = sum(len(excluded[int(query)]) >= size for query in usable)
    unit = getattr(split.protocol, "unit", "m")
    if without == len(usable):
        raise UsageError(
            f"train.negatives_beyond: no query of split {split.name!r} has a database image beyond {radius:g} {unit}, "
            "so there is nothing to tell a place from and nothing can be learnt; are positions in metres? Indoors, or "
            "for frames, set train.negatives_beyond (and train.positives.within) to a few metres or frames"
        )
    if without:
        log.warning(
            "%d of %d training queries have no database image beyond %g %s: nothing is learnt from them",
            without, len(usable), radius, unit,
        )  # fmt: skip


def _never_negative(split: Any, radius: float) -> Sequence[npt.NDArray[np.int64]]:
    """Return who is no negative: all within ``radius``, and whom else a split of ours may name."""
    rule = getattr(split, "never_negative", split.within)
    rows: Sequence[npt.NDArray[np.int64]] = rule(radius)
    return rows


def radii(split: Any, settings: TrainConfig) -> tuple[float, float | None, float, bool]:
    """Return ``(within, beyond, negatives beyond, different time)``: the run file's, else the split's, else ours."""
    own, asked = getattr(split, "training", None), settings.positives
    within = asked.within if asked.within is not None else float(getattr(own, "positive", POSITIVE))
    beyond = asked.beyond if asked.beyond is not None else getattr(own, "beyond", BEYOND)
    negative = settings.negatives_beyond
    negative = negative if negative is not None else float(getattr(own, "negative", NEGATIVE))
    different = asked.different_time
    different = different if different is not None else bool(getattr(own, "different_time", False))
    if negative < within:
        raise UsageError(
            f"train.negatives_beyond: {negative:g} is less than train.positives.within ({within:g}); a database image "
            "could be positive and negative at once"
        )
    return within, beyond, negative, different


def joined_unreadable(images: JoinedImages, compute: Compute) -> frozenset[int]:
    """Return the positions of images that cannot be read: looked for once, before training, if they may be skipped.

    Mining would otherwise meet them at a different moment in every process, and choose differently.
    """
    if compute.on_bad_image == "error":
        return frozenset()
    good = readable(images, compute)
    bad = frozenset(np.flatnonzero(~good).tolist())
    if bad:
        names = ", ".join(images.names[position] for position in sorted(bad)[:5])
        log.warning(
            "%d training images cannot be read and are left out: %s%s", len(bad), names, ", ..." * (len(bad) > 5)
        )
    return bad


def readable(images: JoinedImages, compute: Compute) -> npt.NDArray[np.bool_]:
    """Return which images can be decoded, by decoding each."""
    good = np.zeros(len(images), dtype=bool)
    for batch in ImageSource(images).batches(range(len(images)), compute):
        good[batch.rows] = True
    return good
