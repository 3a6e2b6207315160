"""The hooks: one per kind of component. A plug-in implements those it has something for.

Each hook takes nothing and returns (or, better, *yields*) specs. It is called once, when the registry is made. It must
be cheap: no torch import, no file access. An exception in it costs that plug-in only, and is reported by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from vpr_core.components import BackboneSpec, DatasetSpec, IndexSpec, LossSpec, MinerSpec, PoolingSpec

__all__ = ["HOOK_OF_KIND", "hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("vpr")
hookimpl = pluggy.HookimplMarker("vpr")
"""Decorator for a plug-in's functions: ``from vpr_core import hookimpl``."""

HOOK_OF_KIND = {
    "backbone": "vpr_backbones",
    "pooling": "vpr_poolings",
    "loss": "vpr_losses",
    "miner": "vpr_miners",
    "dataset": "vpr_datasets",
    "index": "vpr_indexes",
}


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
