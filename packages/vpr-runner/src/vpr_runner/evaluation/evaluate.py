"""Evaluation: recall@N of a network on a split, under the split's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError
from vpr_eval import Neighbours, RecallResult, Whitening, recall_at
from vpr_runner.encoding.execution import described
from vpr_runner.evaluation.answered import answered
from vpr_runner.evaluation.interval import Interval
from vpr_runner.evaluation.memo import Memo
from vpr_runner.evaluation.reordered import Reordered
from vpr_runner.evaluation.report import Report, SubsetRecall
from vpr_runner.evaluation.retrieval import Answers, check_answerable
from vpr_runner.files.provenance import provenance
from vpr_runner.network.origin import weights_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpr_core import Registry, RunConfig
    from vpr_core.config.sections import EvalConfig
    from vpr_core.types import ImageSet, PlaceSplit
    from vpr_runner.network.retriever import Retriever

__all__ = ["Report", "evaluate", "score_predictions"]


def evaluate(
    retriever: Retriever,
    split: PlaceSplit,
    config: RunConfig,
    *,
    registry: Registry,
    whitening: Whitening | None = None,
    data: str | None = None,
    timed: bool = False,
    memo: Memo | None = None,
    progress: bool = True,
) -> Report:
    """Return recall@N of ``retriever`` on ``split``.

    Unreadable images, where ``compute.on_bad_image`` allows them, never change the denominator: a query that cannot be
    read has failed, a database image that cannot be read cannot be found. Both are listed in the report.

    Args:
        retriever: the network.
        split: database, queries, protocol.
        config: ``eval``, ``index``, ``sequence``, ``rerank``, ``image`` and ``compute`` are used.
        registry: where index, sequence matcher and re-ranker come from.
        whitening: applied to the network's descriptors.
        data: fingerprint of the data set, for the report.
        timed: measure milliseconds an image too, which takes longer than a small evaluation.
        memo: descriptors that other evaluations of the same network and split left.
        progress: show a bar.

    Raises:
        UsageError: a set is empty, or no query has a positive.
    """
    check_answerable(split, split.positives())
    cuts = config.eval.recall_at
    found = answered(
        retriever,
        split,
        config,
        registry=registry,
        whitening=whitening,
        memo=memo,
        data=data,
        timed=timed,
        progress=progress,
    )
    answers = found.answers
    interval = Interval(samples=config.eval.bootstrap, seed=config.seed)
    counted = _counted(split, answers.index, cuts, interval)
    return Report(
        **{**counted, "protocol": f"{counted['protocol']}{config.eval.suffix}"},
        answers=Neighbours(answers.distance, answers.index),
        reordered=_reordered(split, answers, cuts, seed=config.seed),
        dim=answers.dim,
        milliseconds=dict(found.milliseconds),
        images_per_second=answers.encoded.images_per_second,
        unreadable_database=_named(split.database, answers.unreadable_database),
        unreadable_queries=_named(split.queries, answers.unreadable_queries),
        provenance={
            "model": found.model,
            "data": data,
            "seed": config.seed,
            "index": config.index.model_dump(mode="json"),
            **({} if config.rerank is None else {"rerank": config.rerank.model_dump(mode="json")}),
            **({"sequence": config.sequence.model_dump(mode="json")} if config.sequence is not None else {}),
            "image_size": config.image.size,
            "image_longest": None,
            **{f"image_{name}": value for name, value in config.image.in_force().items() if name != "size"},
            **({"test_method": config.eval.test_method} if config.eval.test_method else {}),
            **({"scales": list(config.eval.scales)} if config.eval.scales != (1.0,) else {}),
            "precision": config.compute.precision if found.execution is None else found.execution.precision,
            **described(found.execution),
            **weights_of(retriever.backbone),
            **provenance(),
        },
    )


def score_predictions(
    split: PlaceSplit, found: Neighbours, settings: EvalConfig, *, seed: int, source: str, data: str | None = None
) -> Report:
    """Return recall@N of anybody's answers on ``split``, under its protocol, with intervals.

    Args:
        split: database, queries, protocol.
        found: ``(Q, k)`` database positions, best first, -1 where there is none. They are counted as they stand: what a
            protocol takes out of a ranking, its tool has taken out.
        settings: ``recall_at`` and ``bootstrap``.
        seed: of the bootstrap.
        source: where the answers came from, for the report.
        data: fingerprint of the data set.

    Raises:
        UsageError: a set is empty, no query has a positive, or lists are too short for the recalls that are asked for.
    """
    check_answerable(split, split.positives())
    depth = int((found.index >= 0).sum(axis=1).max(initial=0))
    cuts = [cut for cut in settings.recall_at if cut <= depth]
    if not cuts:
        raise UsageError(
            f"{source}: lists of at most {depth} answers; eval.recall_at asks for "
            f"{', '.join(map(str, settings.recall_at))}"
        )
    return Report(
        **_counted(split, found.index, cuts, Interval(samples=settings.bootstrap, seed=seed)),
        answers=found,
        dim=0,
        milliseconds={},
        images_per_second=0.0,
        unreadable_database={},
        unreadable_queries={},
        provenance={"model": None, "predictions": source, "data": data, "seed": seed, **provenance()},
    )


def _counted(
    split: PlaceSplit, index: npt.NDArray[np.int64], cuts: Sequence[int], interval: Interval
) -> dict[str, Any]:
    """What is counted of a ranking: the part of a `Report` that knows no network."""
    positives = split.positives()
    rule, result = _rule(split), _count(split, index, cuts)
    subsets = {
        name: _subset(index[where], [positives[int(row)] for row in where], cuts, rule, interval)
        for name, where in getattr(split, "subsets", {}).items()
        if len(where) and any(len(positives[int(row)]) for row in where)
    }
    return {
        "protocol": str(split.protocol),
        "split": split.name,
        "whole": _summary(result, interval),
        "subsets": subsets,
        "database": len(split.database),
        "first_hits": result.first_hit,
        "evaluated": result.evaluated,
    }


def _reordered(split: PlaceSplit, answers: Answers, cuts: Sequence[int], *, seed: int) -> Reordered | None:
    """Recall before and after re-ranking, on the same queries."""
    if answers.before is None or answers.reranked is None:
        return None
    before, after = (_count(split, index, cuts) for index in (answers.before, answers.index))
    return Reordered.of(before, after, answers.reranked, seed=seed)


def _count(split: PlaceSplit, index: npt.NDArray[np.int64], cuts: Sequence[int]) -> RecallResult:
    return recall_at(index, split.positives(), at=cuts, without_positives=_rule(split))


def _rule(split: PlaceSplit) -> Literal["count", "exclude"]:
    rule: Literal["count", "exclude"] = getattr(split.protocol, "queries_without_positives", "count")
    return rule


def _subset(
    index: npt.NDArray[np.int64],
    positives: list[Any],
    cuts: Sequence[int],
    rule: Literal["count", "exclude"],
    interval: Interval,
) -> SubsetRecall:
    return _summary(recall_at(index, positives, at=cuts, without_positives=rule), interval)


def _summary(result: RecallResult, interval: Interval) -> SubsetRecall:
    found = {cut: interval.of(result.hits(cut).astype(np.float64)) for cut in result.recall}
    intervals = {cut: interval for cut, interval in found.items() if interval is not None}
    return SubsetRecall(
        recall=dict(result.recall),
        intervals=intervals,
        queries=len(result.first_hit),
        counted=result.counted,
        without_positives=result.without_positives,
    )


def _named(images: ImageSet, reasons: dict[int, str]) -> dict[str, str]:
    return {images.names[position]: reason for position, reason in sorted(reasons.items())}
