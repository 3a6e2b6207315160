"""SuperVLAD: VLAD without centres, few clusters."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from vpr_core import ImageNeeds
from vpr_torchhub.config import HubConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import Terms

__all__ = ["SUPERVLAD", "SuperVLADConfig"]


class SuperVLADConfig(HubConfig):
    """Parameters of SuperVLAD: 3,072 dimensions, or 768 of one cluster."""

    type: Literal["hub_supervlad"] = "hub_supervlad"
    weights: Path = Field(description="the authors' SuperVLAD.pth, which you have fetched; read as tensors only")
    clusters: Literal[4, 1] = Field(4, description="4, or 1 for 1-cluster VLAD")
    cross_image: bool = Field(
        False, description="the weights are those with the encoder that looks across the images of a batch"
    )
    train_from: Literal["none"] = Field("none", description="use it as it is")


def _network(config: SuperVLADConfig) -> Network:
    def around(backbone: Any) -> Any:
        from vpr_torchhub.checkpoint import fill
        from vpr_torchhub.networks.supervlad import SuperVLADNetwork

        ghosts = 1 if config.clusters > 1 else 2
        return fill(
            SuperVLADNetwork(
                backbone=backbone, clusters=config.clusters, ghosts=ghosts, cross_image=config.cross_image
            ),
            config.weights,
        )

    return Network(
        entry=("dinov2_vitb14",),
        arguments={"pretrained": False},
        build=around,
        dim=768 * config.clusters,
        images=ImageNeeds(multiple=14, recommended={"size": [322, 322]}),
        alone=config.cross_image,
    )


SUPERVLAD = Published(
    title="SuperVLAD",
    summary="SuperVLAD, whole: 3,072 dimensions (1-cluster VLAD: 768), from the authors' file",
    paper="Lu et al.: SuperVLAD: compact and robust image descriptors for visual place recognition, NeurIPS 2024",
    config=SuperVLADConfig,
    terms=Terms(
        repository="facebookresearch/dinov2",
        code="Apache-2.0 (DINOv2's, which runs; the layer is ours, after the paper)",
        weights="MIT, of Lu-Feng/SuperVLAD",
    ),
    network=_network,
    trained_on="GSV-Cities",
    remark="Lu-Feng/SuperVLAD has no entry point: its README links the files",
    variants=(
        {"weights": "SuperVLAD.pth"},
        {"weights": "SuperVLAD-CrossImage.pth", "cross_image": True},
        {"weights": "1-ClusterVLAD.pth", "clusters": 1},
    ),
)
