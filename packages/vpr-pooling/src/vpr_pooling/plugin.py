"""The pooling layers that a run file can name. Loaded by hosts only: ``import vpr_pooling`` does not touch it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from vpr_core import AdoptedPooling, ComponentConfig, PoolingSpec, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from vpr_core.types import FeatureSpec, Pooling

__all__ = ["AverageConfig", "GeMConfig", "MaxConfig", "NetVLADConfig", "VLADConfig", "vpr_poolings"]

NETVLAD = "Arandjelovic, Gronat, Torii, Pajdla, Sivic: NetVLAD, CVPR 2016, arXiv 1511.07247"


class NetVLADConfig(ComponentConfig):
    """Parameters of `vpr_pooling.NetVLAD`."""

    type: Literal["netvlad"] = "netvlad"
    num_clusters: int = Field(64, ge=1, le=16384, description="K, number of clusters; the descriptor has K * C numbers")
    form: Literal["v1", "v2"] = Field(
        "v1", description="v1: w = alpha c/|c|, no bias (published numbers); v2: w = 2 alpha c, b = -alpha |c|^2"
    )
    normalize_input: bool = Field(True, description="L2-normalise each local feature first; v1 needs it")
    intra_normalize: bool = Field(True, description="L2-normalise each cluster's residual sum")

    @model_validator(mode="after")
    def _v1_needs_unit_features(self) -> NetVLADConfig:
        if self.form == "v1" and not self.normalize_input:
            raise ValueError("normalize_input must be true with form: v1; use form: v2 for raw features")
        return self


class VLADConfig(ComponentConfig):
    """Parameters of `vpr_pooling.VLAD`."""

    type: Literal["vlad"] = "vlad"
    num_clusters: int = Field(64, ge=1, le=16384, description="K, number of clusters; the descriptor has K * C numbers")
    normalize_input: bool = Field(True, description="L2-normalise each local feature first")
    intra_normalize: bool = Field(True, description="L2-normalise each cluster's residual sum")
    ignore_zeros: bool = Field(False, description="Leave out locations without features, as of SIFT in a flat patch")


class GeMConfig(ComponentConfig):
    """Parameters of `vpr_pooling.GeM`."""

    type: Literal["gem"] = "gem"
    p: float = Field(3.0, gt=0, le=100, description="first value of the exponent: 1 is the mean, large is the maximum")
    eps: float = Field(1e-6, gt=0, le=1, description="floor of the activations")
    per_channel: bool = Field(False, description="one exponent a channel")
    trainable: bool = Field(True, description="train the exponent")
    normalize_input: bool = Field(False, description="L2-normalise each local feature first")


class MaxConfig(ComponentConfig):
    """Parameters of `vpr_pooling.MaxPooling`."""

    type: Literal["max"] = "max"
    normalize_input: bool = Field(False, description="L2-normalise each local feature first")


class AverageConfig(ComponentConfig):
    """Parameters of `vpr_pooling.AveragePooling`."""

    type: Literal["avg"] = "avg"
    normalize_input: bool = Field(False, description="L2-normalise each local feature first")


def _netvlad(config: NetVLADConfig, features: FeatureSpec) -> Pooling:
    from vpr_pooling.netvlad import NetVLAD

    return NetVLAD(in_channels=features.channels, **_arguments(config))


def _vlad(config: VLADConfig, features: FeatureSpec) -> Pooling:
    from vpr_pooling.netvlad import VLAD

    return VLAD(in_channels=features.channels, **_arguments(config))


def _gem(config: GeMConfig, features: FeatureSpec) -> Pooling:
    from vpr_pooling.gem import GeM

    return GeM(in_channels=features.channels, **_arguments(config))


def _max(config: MaxConfig, features: FeatureSpec) -> Pooling:
    from vpr_pooling.simple import MaxPooling

    return MaxPooling(in_channels=features.channels, **_arguments(config))


def _average(config: AverageConfig, features: FeatureSpec) -> Pooling:
    from vpr_pooling.simple import AveragePooling

    return AveragePooling(in_channels=features.channels, **_arguments(config))


def _arguments(config: ComponentConfig) -> dict[str, Any]:
    """Return the configured fields, which bear the names of the constructor's arguments."""
    return config.model_dump(exclude={"type"})


def _adopt_gem(tensors: Mapping[str, Tensor]) -> AdoptedPooling | None:
    """The one exponent of GSV-Cities' layer, whose features are not normalised first."""
    if set(tensors) != {"p"} or tensors["p"].numel() != 1:
        return None
    return AdoptedPooling(parameters={"p": float(tensors["p"])}, state={"p": tensors["p"].float().reshape(1)})


@hookimpl
def vpr_poolings() -> Iterator[PoolingSpec[Any]]:
    """Yield NetVLAD and the layers it is compared with."""
    yield PoolingSpec(
        name="netvlad",
        config=NetVLADConfig,
        build=_netvlad,
        summary="VLAD with trained soft assignment, started from k-means",
        paper=NETVLAD,
    )
    yield PoolingSpec(
        name="vlad",
        config=VLADConfig,
        build=_vlad,
        summary="VLAD with hard assignment to k-means centres; nothing is trained",
        paper="Jegou, Douze, Schmid, Perez: Aggregating local descriptors, CVPR 2010, doi 10.1109/CVPR.2010.5540039",
    )
    yield PoolingSpec(
        name="gem",
        config=GeMConfig,
        build=_gem,
        adopt=_adopt_gem,
        summary="generalised mean with a trained exponent",
        paper="Radenovic, Tolias, Chum: Fine-tuning CNN image retrieval, TPAMI 2019, arXiv 1711.02512",
    )
    yield PoolingSpec(
        name="max", config=MaxConfig, build=_max, summary="maximum of each channel (the paper's f_max)", paper=NETVLAD
    )
    yield PoolingSpec(
        name="avg", config=AverageConfig, build=_average, summary="mean of each channel (f_avg)", paper=NETVLAD
    )
