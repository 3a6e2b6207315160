"""The answers of a network on a split, as a run file wants them: views of queries, scales, whitening, index, order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vpr_core import UsageError
from vpr_runner.encoding.source import ImageSource, JoinedImages
from vpr_runner.evaluation.memo import Memo
from vpr_runner.evaluation.retrieval import Answers, answer
from vpr_runner.evaluation.views import Views, ViewSource
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.exported import ExportedNetwork
from vpr_runner.network.multi_scale import MultiScale
from vpr_runner.network.storage import fingerprint
from vpr_runner.reranking.asking import Reordering

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_core.types import PlaceSplit
    from vpr_eval import Whitening
    from vpr_runner.encoding.compute import Compute
    from vpr_runner.network.retriever import Retriever

__all__ = ["answered"]


def answered(
    retriever: Retriever,
    split: PlaceSplit,
    config: RunConfig,
    *,
    registry: Registry,
    compute: Compute,
    whitening: Whitening | None = None,
    memo: Memo | None = None,
    data: str | None = None,
    progress: bool = True,
) -> Answers:
    """Return the ranking of each query, nothing counted.

    Args:
        retriever: the network, where ``compute`` wants it.
        split: database, queries, protocol.
        config: ``eval``, ``index``, ``sequence``, ``rerank``, ``image``, ``backbone``; as many answers as its largest
            recall.
        registry: where index and re-ranker come from.
        compute: how it is encoded.
        whitening: applied to the network's descriptors.
        memo: descriptors that other answers of the same network and split left.
        data: fingerprint of the data set, for the memo.
        progress: show a bar.

    Raises:
        UsageError: no image of one side can be read, or the run's views of an image have no size.
    """
    views = _views(config)
    source = ViewSource(split, views) if views else ImageSource(JoinedImages(split.queries, split.database))
    return answer(
        MultiScale.of(
            retriever,
            scales=config.eval.scales,
            multiple=_multiple(retriever, config, registry),
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
        key=_key(retriever, split, config, data) if memo is not None else "",
        reordering=_reordering(retriever, split, config, registry=registry, compute=compute),
        shown=progress,
    )


def _key(retriever: Retriever, split: PlaceSplit, config: RunConfig, data: str | None) -> str:
    """Return what descriptors of a split depend on, for a memo."""
    looked = config.eval.model_dump_json(include={"test_method", "scales"})
    image, executed = config.image.model_dump_json(), config.compute.model_dump_json(include={"precision", "runtime"})
    return f"{fingerprint(retriever, Architecture.of(config))} {data} {split.name} {image} {looked} {executed}"


def _reordering(
    retriever: Retriever, split: PlaceSplit, config: RunConfig, *, registry: Registry, compute: Compute
) -> Reordering | None:
    if config.rerank is None:
        return None
    return Reordering(
        config.rerank,
        registry,
        queries=split.queries,
        database=split.database,
        retriever=retriever,
        model=fingerprint(retriever, Architecture.of(config)),
        compute=compute,
    )


def _views(config: RunConfig) -> Views | None:
    """What becomes of queries; None: what becomes of the database."""
    method, size = config.eval.test_method, config.image.size
    if method is None:
        return None
    if size is None:
        raise UsageError(f"eval.test_method: {method} cuts queries by image.size; give it")
    weight = config.eval.majority_weight
    return Views(method=method, size=(size[0], size[1]), multiple=config.image.multiple, majority_weight=weight)


def _multiple(retriever: Retriever, config: RunConfig, registry: Registry) -> int:
    """What the sides of a scaled image are rounded to."""
    if isinstance(retriever, ExportedNetwork):
        return math.lcm(config.image.multiple, retriever.inputs.multiple_of)
    needs = registry.image_needs(config.backbone)
    return math.lcm(config.image.multiple, needs.multiple if needs is not None else 1)
