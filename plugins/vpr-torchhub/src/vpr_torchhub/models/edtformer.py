"""EDTformer: a decoder transformer over DINOv2's features."""

from __future__ import annotations

from typing import Literal

from vpr_core import ImageNeeds
from vpr_torchhub.config import HubConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import Terms

__all__ = ["EDTFORMER", "EDTformerConfig"]


class EDTformerConfig(HubConfig):
    """Parameters of EDTformer: 4,096 dimensions."""

    type: Literal["hub_edtformer"] = "hub_edtformer"


EDTFORMER = Published(
    title="EDTformer",
    summary="EDTformer, whole: 4,096 dimensions",
    paper="Jin et al.: EDTformer: an efficient decoder transformer for visual place recognition, TCSVT 2025, "
    "arXiv 2412.00784",
    config=EDTformerConfig,
    terms=Terms(repository="Tong-Jin01/EDTformer", code="MIT"),
    network=lambda config: Network(
        entry=("EDTformer", "trained_model"),  # it has had both names
        dim=4096,
        images=ImageNeeds(multiple=14, recommended={"size": [322, 322]}),
    ),
    trained_on="GSV-Cities",
)
