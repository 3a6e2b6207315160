"""What is measured after each epoch: recall on some queries of the validation split."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vpr_eval import recall_at
from vpr_runner.distributed import Ranks
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.source import JoinedImages, Source
from vpr_runner.evaluation.retrieval import answer, check_answerable
from vpr_runner.evaluation.some_queries import SomeQueries
from vpr_runner.keys import sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpr_core import ComponentConfig, Registry
    from vpr_core.config.sections import TrainConfig
    from vpr_core.types import Dataset
    from vpr_runner.network.retriever import Retriever
    from vpr_runner.training.prefix import FrozenCaches

__all__ = ["Measured", "Validation", "score"]

DEPTH = 10
"""Ranks that break ties are looked at this far at least."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A validation result.

    Attributes:
        recall: recall@N for each N.
        queries: how many were counted.
        score: what epochs are compared by, the greater the better (see `score`).
    """

    recall: dict[int, float]
    queries: int
    score: list[float]


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Queries, drawn once by the run's seed, of the split ``val``.

    Attributes:
        split: those queries with their database.
        source: their images.
        index: what the database is searched with.
        registry: where that comes from.
        select: the recall that epochs are compared by, such as ``recall@5``.
        cuts: the recalls that are told.
    """

    split: Any
    source: Source
    index: ComponentConfig
    registry: Registry
    select: str
    cuts: Sequence[int]

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        retriever: Retriever,
        settings: TrainConfig,
        *,
        index: ComponentConfig,
        registry: Registry,
        cuts: Sequence[int],
        seed: int,
        rooms: FrozenCaches,
    ) -> Validation | None:
        """Prepare the validation split of ``dataset``; None, with a warning, when it has none."""
        if "val" not in dataset.split_names:
            log.warning("the data set has no split 'val': nothing tells which epoch is best, so the last one is kept")
            return None
        whole = dataset.split("val")
        chosen = sample(len(whole.queries), settings.val_queries, seed, "validation queries")
        split = SomeQueries(whole, chosen)
        check_answerable(split, split.positives())
        images = JoinedImages(split.queries, split.database)
        return cls(
            split=split,
            source=rooms.source(retriever, images),
            index=index,
            registry=registry,
            select=settings.select,
            cuts=cuts,
        )

    def measure(self, retriever: Retriever, *, compute: Compute, ranks: Ranks, shown: bool = False) -> Measured:
        """Return the recall of the network as it stands."""
        selected = int(self.select.partition("@")[2])
        cuts = sorted({*range(1, DEPTH + 1), *range(1, selected + 1), *self.cuts})
        answers = answer(
            retriever,
            self.split,
            self.source,
            self.index,
            self.registry,
            depth=cuts[-1],
            compute=compute,
            ranks=ranks,
            shown=shown,
        )
        result = recall_at(
            answers.index,
            self.split.positives(),
            at=cuts,
            without_positives=getattr(self.split.protocol, "queries_without_positives", "count"),
        )
        return Measured(
            recall={cut: result.recall[cut] for cut in sorted({1, selected, *self.cuts})},
            queries=result.counted,
            score=score(result.recall, selected),
        )


def score(recall: dict[int, float], selected: int) -> list[float]:
    """Return what epochs are compared by: the selected recall, ties by smaller N downwards, then by larger N upwards.

    The authors' rule for recall@5: ties by @4, @3, @2, @1, then @10 and beyond.
    """
    below = sorted((cut for cut in recall if cut < selected), reverse=True)
    above = sorted(cut for cut in recall if cut > selected)
    return [recall[cut] for cut in (selected, *below, *above)]
