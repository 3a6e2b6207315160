"""SelaVPR++: DINOv2 with adapters; float descriptors, or 512 signs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vpr_core import ImageNeeds
from vpr_torchhub.config import HubConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import Terms

__all__ = ["SELAVPRPP", "SelaVPRppConfig"]


class SelaVPRppConfig(HubConfig):
    """Parameters of SelaVPR++."""

    type: Literal["hub_selavprpp"] = "hub_selavprpp"
    backbone: Literal["dinov2-large", "dinov2-base"] = Field(
        "dinov2-large", description="network: 4,096 numbers (large) or 2,048 (base)"
    )
    binary: bool = Field(
        False, description="512 signs, -1 or 1, in place of the floats: at unit length their distance is Hamming's"
    )


def _network(config: SelaVPRppConfig) -> Network:
    # There are weights for hashing with re-ranking only: without it the entry point returns an untrained network. The
    # pair that it gives for that one holds the hash before its sign, the signs, and the floats.
    return Network(
        entry=("SelaVPRplusplus",),
        arguments={
            "backbone": config.backbone,
            "aggregation": "gem",
            "hashing": config.binary,
            "rerank": config.binary,
        },
        dim=512 if config.binary else {"dinov2-large": 4096, "dinov2-base": 2048}[config.backbone],
        images=ImageNeeds(multiple=14, square=True, recommended={"size": [322, 322]}),
        take=1 if config.binary else 0,
    )


SELAVPRPP = Published(
    title="SelaVPR++",
    summary="SelaVPR++, whole: 4,096 or 2,048 dimensions, or 512 signs",
    paper="Lu et al.: SelaVPR++: towards seamless adaptation of foundation models for efficient place recognition, "
    "TPAMI 2025, arXiv 2502.16601",
    config=SelaVPRppConfig,
    terms=Terms(repository="Lu-Feng/SelaVPRplusplus", code="MIT"),
    network=_network,
    trained_on="GSV-Cities merged with Pitts30k, MSLS and SF-XL",
    variants=(
        {"backbone": "dinov2-large"},
        {"backbone": "dinov2-large", "binary": True},
        {"backbone": "dinov2-base"},
        {"backbone": "dinov2-base", "binary": True},
    ),
)
