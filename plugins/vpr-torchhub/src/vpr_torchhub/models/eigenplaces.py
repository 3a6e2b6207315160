"""EigenPlaces: as CosPlace, trained so that one place is seen from several sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from vpr_torchhub.models.cosplace import DimensionsConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import IMAGENET, Terms

__all__ = ["EIGENPLACES", "EigenPlacesConfig"]


class EigenPlacesConfig(DimensionsConfig):
    """Parameters of EigenPlaces."""

    published: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "VGG16": (512,),
        "ResNet18": (256, 512),
        "ResNet50": (128, 256, 512, 1024, 2048),
        "ResNet101": (128, 256, 512, 1024, 2048),
    }
    type: Literal["hub_eigenplaces"] = "hub_eigenplaces"
    backbone: Literal["VGG16", "ResNet18", "ResNet50", "ResNet101"] = Field(
        "ResNet50", description="network below the head"
    )
    dim: int = Field(
        2048,
        ge=128,
        le=2048,
        description="length of a descriptor, one of the published ones (1,024 is in its code, not in its README)",
    )


def _network(config: EigenPlacesConfig) -> Network:
    return Network(
        entry=("get_trained_model",),
        arguments={"backbone": config.backbone, "fc_output_dim": config.dim},
        dim=config.dim,
    )


EIGENPLACES = Published(
    title="EigenPlaces",
    summary="EigenPlaces, whole: as CosPlace, robust to viewpoint",
    paper="Berton, Trivigno, Caputo, Masone: EigenPlaces, ICCV 2023, arXiv 2308.10832",
    config=EigenPlacesConfig,
    terms=Terms(
        repository="gmberton/EigenPlaces",
        code="MIT",
        weights="doubtful, as CosPlace's: the same author and the same data (gmberton/CosPlace, issue 35)",
        also=IMAGENET,
    ),
    network=_network,
    trained_on="SF-XL (Google Street View)",
    variants=({"backbone": "ResNet50"}, {"backbone": "VGG16", "dim": 512}, {"backbone": "ResNet18", "dim": 512}),
)
