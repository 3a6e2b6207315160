"""SFRS (OpenIBL): NetVLAD on VGG16, trained with soft labels of its own regions, and PCA."""

from __future__ import annotations

from typing import Literal

from vpr_core import ImageNeeds
from vpr_torchhub.config import HubConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import Terms

__all__ = ["SFRS", "SFRSConfig"]


class SFRSConfig(HubConfig):
    """Parameters of SFRS: 4,096 dimensions."""

    type: Literal["hub_sfrs"] = "hub_sfrs"


SFRS = Published(
    title="SFRS (OpenIBL)",
    summary="SFRS, whole: VGG16, NetVLAD and PCA, 4,096 dimensions",
    paper="Ge et al.: Self-supervising fine-grained region similarities for large-scale image localization, ECCV 2020, "
    "arXiv 2006.03926",
    config=SFRSConfig,
    terms=Terms(repository="yxgeee/OpenIBL", code="MIT"),
    network=lambda config: Network(
        entry=("vgg16_netvlad",),
        arguments={"pretrained": True},
        dim=4096,
        images=ImageNeeds(recommended={"size": [480, 640]}),
        # Caffe's habit: the mean is subtracted from images in 0..255, nothing is divided
        mean=(0.48501960784313836, 0.4579568627450961, 0.4076039215686255),
        std=(1 / 255, 1 / 255, 1 / 255),
    ),
    trained_on="Pitts30k",
)
