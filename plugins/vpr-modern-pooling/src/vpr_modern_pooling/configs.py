"""Parameters of the layers, by the name that a run file uses; imports no torch. Defaults are the published ones."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from vpr_core import ComponentConfig

__all__ = [
    "BoQConfig",
    "CRNConfig",
    "ConvAPConfig",
    "CosPlaceConfig",
    "EigenPlacesConfig",
    "MixVPRConfig",
    "RMACConfig",
    "SALADConfig",
]

Cells = Annotated[int, Field(ge=1, le=64)]


class ConvAPConfig(ComponentConfig):
    """Parameters of `vpr_modern_pooling.ConvAP`."""

    type: Literal["convap"] = "convap"
    channels: int = Field(
        512, ge=1, le=65536, description="channels after the 1x1 convolution; published also 1024, 2048"
    )
    grid: tuple[Cells, Cells] = Field((2, 2), description="[rows, columns] of cells that are averaged over")


class CosPlaceConfig(ComponentConfig):
    """Parameters of `vpr_modern_pooling.CosPlaceHead`, as in CosPlace."""

    type: Literal["cosplace"] = "cosplace"
    dim: int = Field(512, ge=1, le=65536, description="length of the descriptor")
    p: float = Field(3.0, gt=0, le=100, description="first value of the exponent of the generalised mean")


class EigenPlacesConfig(ComponentConfig):
    """Parameters of `vpr_modern_pooling.CosPlaceHead`, as in EigenPlaces."""

    type: Literal["eigenplaces"] = "eigenplaces"
    dim: int = Field(
        2048, ge=1, le=65536, description="length of the descriptor; published 2048 (ResNet-50), 512 (VGG-16)"
    )
    p: float = Field(3.0, gt=0, le=100, description="first value of the exponent of the generalised mean")


class MixVPRConfig(ComponentConfig):
    """Parameters of `vpr_modern_pooling.MixVPR`; the size of the map follows from ``image.size``."""

    type: Literal["mixvpr"] = "mixvpr"
    channels: int = Field(1024, ge=1, le=65536, description="channels after the projection")
    rows: int = Field(4, ge=1, le=1024, description="numbers a channel; the descriptor has channels * rows")
    depth: int = Field(4, ge=1, le=64, description="number of mixers")
    mlp_ratio: float = Field(1.0, gt=0, le=16, description="hidden units of a mixer as a multiple of the locations")


class SALADConfig(ComponentConfig):
    """Parameters of `vpr_modern_pooling.SALAD`."""

    type: Literal["salad"] = "salad"
    num_clusters: int = Field(64, ge=1, le=16384, description="m, clusters; fewer than a map has locations")
    cluster_dim: int = Field(128, ge=1, le=65536, description="l, numbers of a local feature after reduction")
    token_dim: int = Field(256, ge=0, le=65536, description="numbers of the global token; 0: none (CNN backbones)")
    hidden: int = Field(512, ge=1, le=65536, description="units of the hidden layers")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of hidden units dropped in training")
    iterations: int = Field(3, ge=1, le=100, description="iterations of Sinkhorn")


class BoQConfig(ComponentConfig):
    """Parameters of `vpr_modern_pooling.BoQ`."""

    type: Literal["boq"] = "boq"
    channels: int = Field(
        512, ge=1, le=8192, description="channels after the 3x3 convolution; published 512, 384 (DINOv2)"
    )
    num_queries: int = Field(64, ge=1, le=4096, description="learned queries of each block")
    num_blocks: int = Field(2, ge=1, le=64, description="blocks of queries")
    rows: int = Field(32, ge=1, le=4096, description="numbers a channel; the descriptor has channels * rows")
    head_dim: int = Field(64, ge=1, le=8192, description="channels of an attention head; divides channels")

    @model_validator(mode="after")
    def _heads_are_whole(self) -> BoQConfig:
        if self.channels % self.head_dim:
            raise ValueError(f"head_dim ({self.head_dim}) must divide channels ({self.channels})")
        return self


class RMACConfig(ComponentConfig):
    """Parameters of `vpr_modern_pooling.RMAC`."""

    type: Literal["rmac"] = "rmac"
    levels: int = Field(3, ge=1, le=16, description="scales of regions, beside the whole map")


class CRNConfig(ComponentConfig):
    """Parameters of `vpr_modern_pooling.CRN`."""

    type: Literal["crn"] = "crn"
    num_clusters: int = Field(64, ge=1, le=16384, description="K, number of clusters; the descriptor has K * C numbers")
