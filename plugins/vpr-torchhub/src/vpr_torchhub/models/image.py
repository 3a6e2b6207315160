"""ImAge: aggregation tokens inside DINOv2, no layer behind it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vpr_core import ImageNeeds
from vpr_torchhub.config import HubConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import Terms

__all__ = ["IMAGE", "ImAgeConfig"]


class ImAgeConfig(HubConfig):
    """Parameters of ImAge: 6,144 dimensions."""

    type: Literal["hub_image"] = "hub_image"
    training_set: Literal["Merged", "GSV_Cities"] = Field("Merged", description="which of the two published weights")


IMAGE = Published(
    title="ImAge",
    summary="ImAge, whole: aggregation tokens in DINOv2, 6,144 dimensions",
    paper="Lu et al.: Towards implicit aggregation: robust image representation for place recognition in the "
    "transformer era, NeurIPS 2025",
    config=ImAgeConfig,
    terms=Terms(repository="Lu-Feng/ImAge", code="MIT"),
    network=lambda config: Network(
        entry=("ImAge",),
        arguments={"training_set": config.training_set},
        dim=6144,  # 8 tokens of 768 channels
        images=ImageNeeds(multiple=14, recommended={"size": [322, 322]}),
    ),
    trained_on="GSV-Cities, or that merged with Pitts30k, MSLS and SF-XL",
    variants=({"training_set": "Merged"}, {"training_set": "GSV_Cities"}),
)
