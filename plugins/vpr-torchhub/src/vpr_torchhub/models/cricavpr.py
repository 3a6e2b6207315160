"""CricaVPR: regions of an image, correlated with those of the other images of the batch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vpr_core import ImageNeeds
from vpr_torchhub.config import HubConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import Terms

__all__ = ["CRICAVPR", "CricaVPRConfig"]


class CricaVPRConfig(HubConfig):
    """Parameters of CricaVPR: 10,752 dimensions."""

    type: Literal["hub_cricavpr"] = "hub_cricavpr"
    train_from: Literal["none"] = Field("none", description="trained in batches, which are not formed here")


CRICAVPR = Published(
    title="CricaVPR",
    summary="CricaVPR, whole: 10,752 dimensions, one image at a time",
    paper="Lu et al.: CricaVPR, CVPR 2024, arXiv 2402.19231",
    config=CricaVPRConfig,
    terms=Terms(repository="Lu-Feng/CricaVPR", code="MIT"),
    network=lambda config: Network(
        entry=("trained_model",),
        dim=10_752,  # 14 regions of 768 channels
        images=ImageNeeds(only=(224, 224), recommended={"size": [224, 224]}),  # regions are cut out of 16 x 16 patches
        alone=True,
    ),
    trained_on="GSV-Cities",
    remark=(
        "the paper's numbers are for batches in the order of the data set, which tell the network what is near: one "
        "image at a time it is a few points lower (Lu-Feng/CricaVPR, issue 7: 91.6 at batch 1, 94.7 at batch 8)"
    ),
)
