"""CosPlace: classification over cells of San Francisco, GeM and a linear layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from vpr_torchhub.config import HubConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import IMAGENET, Terms

__all__ = ["COSPLACE", "CosPlaceConfig", "DimensionsConfig"]

DOUBT = (
    "doubtful: the author writes that MIT is not meant for weights learnt from Street View, and later that he is "
    "unsure (gmberton/CosPlace, issue 35)"
)


class DimensionsConfig(HubConfig):
    """A network published with several backbones and dimensions."""

    published: ClassVar[Mapping[str, tuple[int, ...]]]
    backbone: str
    dim: int

    @model_validator(mode="after")
    def _was_published(self) -> Self:
        if self.dim not in self.published[self.backbone]:
            raise ValueError(
                f"dim of {self.backbone} is one of {', '.join(map(str, self.published[self.backbone]))}, got {self.dim}"
            )
        return self


class CosPlaceConfig(DimensionsConfig):
    """Parameters of CosPlace."""

    published: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "VGG16": (64, 128, 256, 512),
        "ResNet18": (32, 64, 128, 256, 512),
        "ResNet50": (32, 64, 128, 256, 512, 1024, 2048),
        "ResNet101": (32, 64, 128, 256, 512, 1024, 2048),
        "ResNet152": (32, 64, 128, 256, 512, 1024, 2048),
    }
    type: Literal["hub_cosplace"] = "hub_cosplace"
    backbone: Literal["VGG16", "ResNet18", "ResNet50", "ResNet101", "ResNet152"] = Field(
        "ResNet50", description="network below the head"
    )
    dim: int = Field(2048, ge=32, le=2048, description="length of a descriptor, one of the published ones")


def _network(config: CosPlaceConfig) -> Network:
    return Network(
        entry=("get_trained_model",),
        arguments={"backbone": config.backbone, "fc_output_dim": config.dim},
        dim=config.dim,
    )


COSPLACE = Published(
    title="CosPlace",
    summary="CosPlace, whole: GeM and a linear layer, 32 to 2,048 dimensions",
    paper="Berton, Masone, Caputo: Rethinking visual geo-localization, CVPR 2022, arXiv 2204.02287",
    config=CosPlaceConfig,
    terms=Terms(repository="gmberton/CosPlace", code="MIT", weights=DOUBT, also=IMAGENET),
    network=_network,
    trained_on="SF-XL (Google Street View)",
    variants=({"backbone": "ResNet50"}, {"backbone": "VGG16", "dim": 512}, {"backbone": "ResNet18", "dim": 512}),
)
