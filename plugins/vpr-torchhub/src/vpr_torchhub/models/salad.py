"""DINOv2 SALAD: local features assigned to clusters by optimal transport."""

from __future__ import annotations

from typing import Literal

from vpr_core import ImageNeeds
from vpr_torchhub.config import HubConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import DINOV2, Terms

__all__ = ["SALAD", "TRANSPORT", "SaladConfig"]

TRANSPORT = ImageNeeds(multiple=14, patches=65, recommended={"size": [322, 322]})
"""The transport divides by ``n - m``: there must be more patches ``n`` than its ``m = 64`` clusters."""


class SaladConfig(HubConfig):
    """Parameters of DINOv2 SALAD: 8,448 dimensions."""

    type: Literal["hub_salad"] = "hub_salad"


SALAD = Published(
    title="DINOv2 SALAD",
    summary="DINOv2 SALAD, whole: 8,448 dimensions",
    paper="Izquierdo, Civera: Optimal transport aggregation for visual place recognition, CVPR 2024, arXiv 2311.15937",
    config=SaladConfig,
    terms=Terms(repository="serizba/salad", code="GPL-3.0", also=DINOV2),
    network=lambda config: Network(entry=("dinov2_salad",), dim=8448, images=TRANSPORT),
    trained_on="GSV-Cities",
    packages=("pytorch_lightning",),
)
