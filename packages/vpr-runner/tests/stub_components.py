"""A local plug-in for tests of the command line: one component of every kind, nothing behind them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vpr_core import (
    BackboneSpec,
    ComponentConfig,
    DatasetSpec,
    IndexSpec,
    LossSpec,
    MinerSpec,
    PoolingSpec,
    hookimpl,
)


class StubSet(ComponentConfig):
    """A data set."""

    type: Literal["stub_set"] = "stub_set"
    root: str = Field(".", description="Where it lies.")


class StubNet(ComponentConfig):
    """A backbone."""

    type: Literal["stub_net"] = "stub_net"
    width: int = Field(4, ge=1, le=64, description="Channels.")
    weights: str = Field("none", description="What it starts from.")


class StubBare(ComponentConfig):
    """A backbone that takes no weights."""

    type: Literal["stub_bare"] = "stub_bare"


class StubPool(ComponentConfig):
    """A pooling layer."""

    type: Literal["stub_pool"] = "stub_pool"
    power: float = Field(3.0, gt=0, le=10, description="Exponent.")


class StubOther(ComponentConfig):
    """Another pooling layer."""

    type: Literal["stub_other"] = "stub_other"
    clusters: int = Field(description="Has no default.")


class StubLoss(ComponentConfig):
    """A loss."""

    type: Literal["stub_loss"] = "stub_loss"


class StubMiner(ComponentConfig):
    """A miner."""

    type: Literal["stub_miner"] = "stub_miner"


class StubIndex(ComponentConfig):
    """An index."""

    type: Literal["stub_index"] = "stub_index"


def nothing(*args: Any) -> Any:
    raise AssertionError("a stub was built")


@hookimpl
def vpr_datasets() -> Any:
    yield DatasetSpec(name="stub_set", config=StubSet, build=nothing, summary="no images")


@hookimpl
def vpr_backbones() -> Any:
    yield BackboneSpec(name="stub_net", config=StubNet, build=nothing, summary="no network", paper="Nobody 2020")
    yield BackboneSpec(name="stub_bare", config=StubBare, build=nothing, summary="no network either")


@hookimpl
def vpr_poolings() -> Any:
    yield PoolingSpec(name="stub_pool", config=StubPool, build=nothing, summary="no pooling")
    yield PoolingSpec(name="stub_other", config=StubOther, build=nothing, summary="no pooling either")


@hookimpl
def vpr_losses() -> Any:
    yield LossSpec(name="stub_loss", config=StubLoss, build=nothing, summary="no loss")


@hookimpl
def vpr_miners() -> Any:
    yield MinerSpec(name="stub_miner", config=StubMiner, build=nothing, summary="no miner")


@hookimpl
def vpr_indexes() -> Any:
    yield IndexSpec(name="stub_index", config=StubIndex, build=nothing, summary="no index")
