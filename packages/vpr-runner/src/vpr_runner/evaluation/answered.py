"""The answers of a network on a split, as a run file wants them: views of queries, scales, whitening, index, order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vpr_core import UsageError
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.execution import Execution, executing
from vpr_runner.encoding.source import ImageSource, JoinedImages
from vpr_runner.evaluation.memo import Memo
from vpr_runner.evaluation.milliseconds import milliseconds
from vpr_runner.evaluation.retrieval import Answers, answer
from vpr_runner.evaluation.views import Views, ViewSource
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.exported import ExportedNetwork
from vpr_runner.network.multi_scale import MultiScale
from vpr_runner.network.storage import fingerprint
from vpr_runner.reranking.asking import Reordering

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry, RunConfig
    from vpr_core.config.sections import ComputeConfig, EvalConfig, ImageConfig
    from vpr_core.types import PlaceSplit
    from vpr_eval import Whitening
    from vpr_runner.network.retriever import Retriever

__all__ = ["Answered", "answered"]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a network answered, and what is to be said of how.

    Attributes:
        answers: rankings of the queries.
        model: fingerprint of the network.
        execution: what computed its descriptors; None: torch.
        milliseconds: by stage an image; empty unless asked for.
    """

    answers: Answers
    model: str
    execution: Execution | None
    milliseconds: Mapping[str, float]


def answered(
    retriever: Retriever,
    split: PlaceSplit,
    config: RunConfig,
    *,
    registry: Registry,
    whitening: Whitening | None = None,
    memo: Memo | None = None,
    data: str | None = None,
    timed: bool = False,
    progress: bool = True,
) -> Answered:
    """Return the ranking of each query, nothing counted.

    Args:
        retriever: the network; it goes to the device of ``compute``.
        split: database, queries, protocol.
        config: ``eval``, ``index``, ``sequence``, ``rerank``, ``image``, ``compute``, and the blocks of the network; as
            many answers as its largest recall.
        registry: where index and re-ranker come from.
        whitening: applied to the network's descriptors.
        memo: descriptors that other answers of the same network and split left.
        data: fingerprint of the data set, for the memo.
        timed: measure milliseconds an image too.
        progress: show a bar.

    Raises:
        UsageError: no image of one side can be read, or the run's views of an image have no size.
    """
    compute, architecture = Compute.of(config.compute, config.image), Architecture.of(config)
    retriever = retriever.to(compute.device)
    _check_task(split, config.sequence)
    views = _views(config.eval, config.image)
    source = ViewSource(split, views) if views else ImageSource(JoinedImages(split.queries, split.database))
    model = fingerprint(retriever, architecture)
    reordering = None
    if config.rerank is not None:
        reordering = Reordering(
            config.rerank,
            registry,
            queries=split.queries,
            database=split.database,
            retriever=retriever,
            model=model,
            compute=compute,
        )
    with executing(retriever, architecture, registry, compute=config.compute, images=split.database) as execution:
        answers = answer(
            MultiScale.of(
                retriever,
                scales=config.eval.scales,
                multiple=_multiple(retriever, architecture, registry),
                interpolation=config.image.interpolation,
            ),
            split,
            source,
            config.index,
            registry,
            depth=max(config.eval.recall_at),
            compute=compute,
            whitening=whitening,
            views=views,
            sequence=config.sequence,
            memo=memo,
            key=f"{model} {data} {split.name} {_looked(config.eval, config.image, config.compute)}",
            reordering=reordering,
            shown=progress,
        )
        taken = milliseconds(retriever, split.database, compute) if timed else {}
    return Answered(answers=answers, model=model, execution=execution, milliseconds=taken)


def _check_task(split: PlaceSplit, sequence: ComponentConfig | None) -> None:
    """Refuse a matcher that takes other images than the task of the benchmark gives."""
    task, length = getattr(split, "task", None), getattr(split, "length", None)
    if task is None or sequence is None:  # single images take fewer
        return
    if sequence.type != "msls" or (getattr(sequence, "task", None), getattr(sequence, "length", None)) != (
        task,
        length,
    ):
        raise UsageError(
            f"sequence: the data set asks {task} with {length} images, which is sequence: {{type: msls, task: {task}, "
            f"length: {length}}}, or null for single images; got {sequence.model_dump(mode='json')}"
        )


def _looked(settings: EvalConfig, image: ImageConfig, compute: ComputeConfig) -> str:
    """Return what descriptors depend on beside the network and the images, for a memo."""
    looked = settings.model_dump_json(include={"test_method", "scales"})
    return f"{image.model_dump_json()} {looked} {compute.model_dump_json(include={'precision', 'runtime'})}"


def _views(settings: EvalConfig, image: ImageConfig) -> Views | None:
    """What becomes of queries; None: what becomes of the database."""
    method, size = settings.test_method, image.size
    if method is None:
        return None
    if size is None:
        raise UsageError(f"eval.test_method: {method} cuts queries by image.size; give it")
    return Views(
        method=method, size=(size[0], size[1]), multiple=image.multiple, majority_weight=settings.majority_weight
    )


def _multiple(retriever: Retriever, architecture: Architecture, registry: Registry) -> int:
    """What the sides of a scaled image are rounded to."""
    multiple = architecture.image.multiple
    if isinstance(retriever, ExportedNetwork):
        return math.lcm(multiple, retriever.inputs.multiple_of)
    needs = registry.image_needs(architecture.backbone)
    return math.lcm(multiple, needs.multiple if needs is not None else 1)
