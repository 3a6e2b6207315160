"""The hooks: one per kind of component. A plug-in implements those it has something for.

Each hook takes nothing and returns (or, better, *yields*) specs. It is called once, when the registry is made. It must
be cheap: no torch import, no file access. An exception in it costs that plug-in only, and is reported by name.

The hooks have a version, `HOOK_API`, and within it a minor one, `HOOK_API_MINOR`, which rises when there is something
new: with 1.1 came the last four kinds, and what a component may do, with 1.2 models by name. Within one version nothing
a plug-in was written against goes away: a hook may gain an argument (pluggy passes an implementation only those it
names), a spec class may gain a field with a default, a protocol may gain an optional method found by ``isinstance``
(`vpr_core.types.SupportsFeatureInit`). What is to go is first marked with ``warn_on_impl``, which warns the author, and
goes with the next version; `OLDEST_HOOK_API` is the oldest still understood. A plug-in may say what it was written for
with a module constant, ``VPR_HOOK_API = 1`` or ``VPR_HOOK_API = "1.1"``; one that needs a newer core is then refused
with that reason instead of failing somewhere inside.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from vpr_core.components import (
        BackboneSpec,
        DatasetSpec,
        EngineSpec,
        IndexSpec,
        LoggerSpec,
        LossSpec,
        MinerSpec,
        PoolingSpec,
        RerankerSpec,
        RuntimeSpec,
        SequenceSpec,
    )
    from vpr_core.models import ModelSpec

__all__ = ["HOOK_API", "HOOK_API_MINOR", "HOOK_OF_KIND", "MODELS_HOOK", "OLDEST_HOOK_API", "hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("vpr")
hookimpl = pluggy.HookimplMarker("vpr")
"""Decorator for a plug-in's functions: ``from vpr_core import hookimpl``."""

HOOK_API = 1
HOOK_API_MINOR = 2
OLDEST_HOOK_API = 1

HOOK_OF_KIND = {
    "backbone": "vpr_backbones",
    "pooling": "vpr_poolings",
    "loss": "vpr_losses",
    "miner": "vpr_miners",
    "dataset": "vpr_datasets",
    "index": "vpr_indexes",
    "engine": "vpr_engines",
    "sequence": "vpr_sequences",
    "reranker": "vpr_rerankers",
    "runtime": "vpr_runtimes",
    "logger": "vpr_loggers",
}
MODELS_HOOK = "vpr_models"


@hookspec
def vpr_backbones() -> Iterable[BackboneSpec[Any]]:  # type: ignore[empty-body]
    """Yield backbones: networks that turn images into feature maps."""


@hookspec
def vpr_poolings() -> Iterable[PoolingSpec[Any]]:  # type: ignore[empty-body]
    """Yield pooling layers: feature map to unit descriptor."""


@hookspec
def vpr_losses() -> Iterable[LossSpec[Any]]:  # type: ignore[empty-body]
    """Yield losses, over tuples or over place labels."""


@hookspec
def vpr_miners() -> Iterable[MinerSpec[Any]]:  # type: ignore[empty-body]
    """Yield miners: which positives and negatives a query is trained with."""


@hookspec
def vpr_datasets() -> Iterable[DatasetSpec[Any]]:  # type: ignore[empty-body]
    """Yield data sets: databases, queries and their ground truth."""


@hookspec
def vpr_indexes() -> Iterable[IndexSpec[Any]]:  # type: ignore[empty-body]
    """Yield nearest-neighbour indexes."""


@hookspec
def vpr_engines() -> Iterable[EngineSpec[Any]]:  # type: ignore[empty-body]
    """Yield engines: where the chunks of an extraction are computed."""


@hookspec
def vpr_sequences() -> Iterable[SequenceSpec[Any]]:  # type: ignore[empty-body]
    """Yield sequence matchers: places found by several images in a row. Since 1.1."""


@hookspec
def vpr_rerankers() -> Iterable[RerankerSpec[Any]]:  # type: ignore[empty-body]
    """Yield re-rankers: the first answers of a search in a better order. Since 1.1."""


@hookspec
def vpr_runtimes() -> Iterable[RuntimeSpec[Any]]:  # type: ignore[empty-body]
    """Yield runtimes: what executes a network. Since 1.1."""


@hookspec
def vpr_loggers() -> Iterable[LoggerSpec[Any]]:  # type: ignore[empty-body]
    """Yield loggers: where the records of a training go. Since 1.1."""


@hookspec
def vpr_models() -> Iterable[ModelSpec]:  # type: ignore[empty-body]
    """Yield networks by name: blocks of a run file of which a command takes the name instead. Since 1.2."""
