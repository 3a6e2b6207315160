"""Bag-of-Queries: learnt queries that look at the feature map."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vpr_core import ImageNeeds
from vpr_torchhub.config import HubConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import DINOV2, IMAGENET, Terms

__all__ = ["BOQ", "BoQConfig"]

_VARIANTS = {
    "resnet50": (16_384, ImageNeeds(recommended={"size": [384, 384], "interpolation": "bicubic"})),
    "dinov2": (12_288, ImageNeeds(multiple=14, recommended={"size": [322, 322], "interpolation": "bicubic"})),
}


class BoQConfig(HubConfig):
    """Parameters of Bag-of-Queries."""

    type: Literal["hub_boq"] = "hub_boq"
    backbone: Literal["resnet50", "dinov2"] = Field(
        "dinov2", description="network below the queries: resnet50 (16,384 dimensions), dinov2 (12,288)"
    )


def _network(config: BoQConfig) -> Network:
    dim, images = _VARIANTS[config.backbone]
    return Network(
        entry=("get_trained_boq",),
        arguments={"backbone_name": config.backbone, "output_dim": dim},
        dim=dim,
        images=images,
    )


BOQ = Published(
    title="Bag-of-Queries",
    summary="Bag-of-Queries, whole: 12,288 or 16,384 dimensions",
    paper="Ali-bey, Chaib-draa, Giguere: BoQ, CVPR 2024, arXiv 2405.07364",
    config=BoQConfig,
    terms=Terms(repository="amaralibey/Bag-of-Queries", code="MIT", also=f"{DINOV2} or {IMAGENET}"),
    network=_network,
    trained_on="GSV-Cities",
    remark="the published numbers are for images resized bicubically, 384 x 384 (resnet50) or 322 x 322 (dinov2)",
    variants=({"backbone": "dinov2"}, {"backbone": "resnet50"}),
)
