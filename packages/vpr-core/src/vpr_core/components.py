"""What a plug-in yields: one frozen spec per component, one spec class per kind.

A spec is data: a name, the pydantic model of its parameters and a function that builds it. torch is imported inside
``build``, never by the module that yields the spec, so that ``vpr plugins`` and ``vpr validate`` answer at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from vpr_core.engines import Engine
    from vpr_core.types import (
        Backbone,
        Dataset,
        FeatureSpec,
        Index,
        Miner,
        PlaceLoss,
        Pooling,
        TupleLoss,
    )

__all__ = [
    "KINDS",
    "BackboneSpec",
    "ComponentConfig",
    "ComponentSpec",
    "DatasetSpec",
    "EngineSpec",
    "IndexSpec",
    "LossSpec",
    "MinerSpec",
    "PoolingSpec",
]


class ComponentConfig(BaseModel):
    """Base of every component's parameters; a subclass adds ``type: Literal["<name>"] = "<name>"``.

    Unknown fields, NaN and infinity are refused; instances are immutable. Give each field bounds and a description:
    they are the component's help, its JSON schema and its validation.
    """

    # A validator is made when one is needed; `vpr_core.plain` says which are made at once for safety.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True, defer_build=True)

    type: str


C = TypeVar("C", bound=ComponentConfig)


@dataclass(frozen=True, kw_only=True)
class ComponentSpec(Generic[C]):
    """What every kind shares.

    Attributes:
        name: what a run file writes after ``type:``; ``[a-z][a-z0-9_]{0,63}``.
        config: the model of its parameters; its ``type`` literal equals ``name``.
        summary: one line for ``vpr plugins``.
        paper: author, title, year and arXiv number or DOI; empty when there is none.
    """

    kind: ClassVar[str]
    name: str
    config: type[C]
    summary: str
    paper: str = ""


@dataclass(frozen=True, kw_only=True)
class BackboneSpec(ComponentSpec[C]):
    """``build(config) -> Backbone``."""

    kind: ClassVar[str] = "backbone"
    build: Callable[[C], Backbone]


@dataclass(frozen=True, kw_only=True)
class PoolingSpec(ComponentSpec[C]):
    """``build(config, features) -> Pooling``."""

    kind: ClassVar[str] = "pooling"
    build: Callable[[C, FeatureSpec], Pooling]


@dataclass(frozen=True, kw_only=True)
class LossSpec(ComponentSpec[C]):
    """``build(config) -> TupleLoss | PlaceLoss``; ``supervision`` says which of the two."""

    kind: ClassVar[str] = "loss"
    build: Callable[[C], TupleLoss | PlaceLoss]
    supervision: Literal["tuples", "places"] = "tuples"


@dataclass(frozen=True, kw_only=True)
class MinerSpec(ComponentSpec[C]):
    """``build(config) -> Miner``."""

    kind: ClassVar[str] = "miner"
    build: Callable[[C], Miner]


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(ComponentSpec[C]):
    """``build(config) -> Dataset``."""

    kind: ClassVar[str] = "dataset"
    build: Callable[[C], Dataset]


@dataclass(frozen=True, kw_only=True)
class IndexSpec(ComponentSpec[C]):
    """``build(config, dim) -> Index``, empty."""

    kind: ClassVar[str] = "index"
    build: Callable[[C, int], Index]


@dataclass(frozen=True, kw_only=True)
class EngineSpec(ComponentSpec[C]):
    """``build(config) -> Engine``; building connects to nothing and starts nothing."""

    kind: ClassVar[str] = "engine"
    build: Callable[[C], Engine]


KINDS: dict[str, type[ComponentSpec[Any]]] = {
    spec.kind: spec for spec in (BackboneSpec, PoolingSpec, LossSpec, MinerSpec, DatasetSpec, IndexSpec, EngineSpec)
}
"""Spec class of each kind, in the order in which a run uses them."""
