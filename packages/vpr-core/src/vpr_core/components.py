"""What a plug-in yields: one frozen spec per component, one spec class per kind.

A spec is data: a name, the pydantic model of its parameters and a function that builds it. torch is imported inside
``build``, never by the module that yields the spec, so that ``vpr plugins`` and ``vpr validate`` answer at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from vpr_core.image_needs import ImageNeeds

if TYPE_CHECKING:
    from torch import Tensor

    from vpr_core.engines import Engine
    from vpr_core.loggers import LoggedRun, TrainingLogger
    from vpr_core.matching import DescriptorReranker, LocalReranker, SequenceMatcher
    from vpr_core.runtimes import Runtime, RuntimeRequest
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
    "CAPABILITIES",
    "KINDS",
    "AdoptedPooling",
    "BackboneSpec",
    "Capability",
    "ComponentConfig",
    "ComponentSpec",
    "DatasetSpec",
    "EngineSpec",
    "IndexSpec",
    "LoggerSpec",
    "LossSpec",
    "MinerSpec",
    "PoolingSpec",
    "RerankerConfig",
    "RerankerSpec",
    "RuntimeSpec",
    "SequenceSpec",
]

Capability = Literal["runs_foreign_code", "reaches_network", "reads_environment", "starts_processes"]

CAPABILITIES: dict[Capability, str] = {
    "runs_foreign_code": "runs code that is no part of an installed distribution",
    "reaches_network": "reaches the network",
    "reads_environment": "reads environment variables",
    "starts_processes": "starts processes, or has a cluster do work",
}
"""What a component may do beyond computing, and how it is said: the fields of `ComponentSpec` of the same names."""


class ComponentConfig(BaseModel):
    """Base of every component's parameters; a subclass adds ``type: Literal["<name>"] = "<name>"``.

    Unknown fields, NaN and infinity are refused; instances are immutable. Give each field bounds and a description:
    they are the component's help, its JSON schema and its validation.
    """

    # A validator is made when one is needed; `vpr_core.plain` says which are made at once for safety.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True, defer_build=True)

    type: str


class RerankerConfig(ComponentConfig):
    """Base of every re-ranker's parameters."""

    first: int = Field(default=100, ge=1, le=100_000, description="Answers of the search that are reordered.")


C = TypeVar("C", bound=ComponentConfig)
R = TypeVar("R", bound=RerankerConfig)
RerankerNeeds = Literal["descriptors", "images", "maps"]
RuntimeNeeds = Literal["onnx", "network"]


@dataclass(frozen=True, kw_only=True)
class ComponentSpec(Generic[C]):
    """What every kind shares.

    Attributes:
        name: what a run file writes after ``type:``; ``[a-z][a-z0-9_]{0,63}``, perhaps behind a number (17places).
        config: the model of its parameters; its ``type`` literal equals ``name``.
        summary: one line for ``vpr plugins``.
        paper: author, title, year and arXiv number or DOI; empty when there is none.
        runs_foreign_code: building or using it may run code that no installed distribution brought: a cloned
            repository, a pickle, a script that its config names.
        reaches_network: it may send or fetch something.
        reads_environment: it may read variables of the user's environment that hold more than the toolkit's own
            settings (``VPR_CACHE`` does not count): tokens, or whatever its config names.
        starts_processes: it may run commands, or have a cluster do work; workers of its own, of the code that is
            installed here, do not count.
        capabilities: of one config, which of the four it needs; None: all that are declared. For a component of which
            most settings are harmless. It reads the config only, and says at most what the flags declare.
        remarks: of one config, what a user should know before it is used: whose weights it takes and their licence, a
            line each. `vpr validate` prints them. It imports no torch and asks no network.

    What comes with a stranger's file may only choose a component, with a config, that needs none of the four
    (`vpr_core.trust`).
    """

    kind: ClassVar[str]
    name: str
    config: type[C]
    summary: str
    paper: str = ""
    runs_foreign_code: bool = False
    reaches_network: bool = False
    reads_environment: bool = False
    starts_processes: bool = False
    capabilities: Callable[[C], Collection[Capability]] | None = None
    remarks: Callable[[C], Iterable[str]] | None = None

    @property
    def declared(self) -> frozenset[Capability]:
        """The capabilities whose flags are set."""
        return frozenset(name for name in CAPABILITIES if getattr(self, name))

    def needed(self, config: C | None = None) -> frozenset[Capability]:
        """What the component needs with ``config``; all that is declared when nothing more is known.

        A function of the plug-in that raises, or that names what was not declared, does not make a component purer.
        """
        if config is None or self.capabilities is None:
            return self.declared
        try:
            said = frozenset(self.capabilities(config))
        except Exception:  # noqa: BLE001  whatever it is, the flags hold
            return self.declared
        return said if said <= self.declared else self.declared | (said & set(CAPABILITIES))


@dataclass(frozen=True, kw_only=True)
class BackboneSpec(ComponentSpec[C]):
    """``build(config) -> Backbone``.

    Attributes:
        images: what the backbone that ``config`` describes asks of its images, or None; imports no torch.
    """

    kind: ClassVar[str] = "backbone"
    build: Callable[[C], Backbone]
    images: Callable[[C], ImageNeeds | None] | None = None


@dataclass(frozen=True, kw_only=True)
class AdoptedPooling:
    """Another project's trained pooling layer as one of ours.

    Attributes:
        parameters: of the layer's config, without ``type``.
        state: of the layer, for ``load_state_dict``.
        map_size: ``(h, w)`` of the only feature map that its weights belong to, or None.
    """

    parameters: Mapping[str, Any]
    state: Mapping[str, Tensor]
    map_size: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class PoolingSpec(ComponentSpec[C]):
    """``build(config, features) -> Pooling``.

    Attributes:
        adopt: of the tensors that another project saved for such a layer, by its names: what makes them this layer;
            None when they are of another. `vpr import` asks every layer in turn.
    """

    kind: ClassVar[str] = "pooling"
    build: Callable[[C, FeatureSpec], Pooling]
    adopt: Callable[[Mapping[str, Tensor]], AdoptedPooling | None] | None = None


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


@dataclass(frozen=True, kw_only=True)
class SequenceSpec(ComponentSpec[C]):
    """``build(config) -> SequenceMatcher``."""

    kind: ClassVar[str] = "sequence"
    build: Callable[[C], SequenceMatcher]


@dataclass(frozen=True, kw_only=True)
class RerankerSpec(ComponentSpec[R]):
    """``build(config) -> DescriptorReranker | LocalReranker``; ``needs`` says which, and what it looks at.

    Attributes:
        needs: ``descriptors`` (a `DescriptorReranker`), ``images`` or ``maps``, the backbone's feature maps (both a
            `LocalReranker`).
    """

    kind: ClassVar[str] = "reranker"
    build: Callable[[R], DescriptorReranker | LocalReranker]
    needs: RerankerNeeds


@dataclass(frozen=True, kw_only=True)
class RuntimeSpec(ComponentSpec[C]):
    """``build(config, request) -> Runtime``.

    Attributes:
        needs: what the request carries: ``onnx``, the exported network as a file, or ``network``, the torch module
            itself.
    """

    kind: ClassVar[str] = "runtime"
    build: Callable[[C, RuntimeRequest], Runtime]
    needs: RuntimeNeeds = "onnx"


@dataclass(frozen=True, kw_only=True)
class LoggerSpec(ComponentSpec[C]):
    """``build(config, run) -> TrainingLogger``, for one start of one training."""

    kind: ClassVar[str] = "logger"
    build: Callable[[C, LoggedRun], TrainingLogger]


KINDS: dict[str, type[ComponentSpec[Any]]] = {
    spec.kind: spec
    for spec in (
        BackboneSpec,
        PoolingSpec,
        LossSpec,
        MinerSpec,
        DatasetSpec,
        IndexSpec,
        EngineSpec,
        SequenceSpec,
        RerankerSpec,
        RuntimeSpec,
        LoggerSpec,
    )
}
"""Spec class of each kind, in the order of docs/plugins.md; the last four came with version 1.1 of the hooks."""
