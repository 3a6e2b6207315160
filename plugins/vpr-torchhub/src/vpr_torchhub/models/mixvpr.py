"""MixVPR: the authors' files, without an entry point."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vpr_core import ImageNeeds
from vpr_torchhub.config import FileConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import Terms

__all__ = ["MIXVPR", "MixVPRFileConfig"]

SHAPES = {4096: (1024, 4), 512: (256, 2), 128: (64, 2)}
"""Length of a descriptor -> channels and rows."""


class MixVPRFileConfig(FileConfig):
    """Parameters of MixVPR as published: ResNet50 to its third layer, images of 320 x 320."""

    type: Literal["hub_mixvpr"] = "hub_mixvpr"
    dim: Literal[4096, 512, 128] = Field(4096, description="length of a descriptor, that of the file")


def _network(config: MixVPRFileConfig) -> Network:
    def of_the_file(_: Any) -> Any:
        from vpr_torchhub.checkpoint import made
        from vpr_torchhub.networks.gsv_cities import MixVPRNetwork

        channels, rows = SHAPES[config.dim]
        return made(lambda: MixVPRNetwork(channels=channels, rows=rows), config.weights)

    return Network(
        build=of_the_file,
        dim=config.dim,
        images=ImageNeeds(only=(320, 320), recommended={"size": [320, 320]}),
    )


MIXVPR = Published(
    title="MixVPR",
    summary="MixVPR, whole: ResNet50, 4,096, 512 or 128 dimensions, from the authors' file",
    paper="Ali-bey, Chaib-draa, Giguere: MixVPR: feature mixing for visual place recognition, WACV 2023, "
    "arXiv 2303.02190",
    config=MixVPRFileConfig,
    terms=Terms(
        repository="amaralibey/MixVPR",
        code="none seen (what runs is ours, after the paper)",
        weights="none stated",
    ),
    network=_network,
    trained_on="GSV-Cities",
    remark="amaralibey/MixVPR has no entry point (its issue 33 asks for one): its README links the files",
    variants=tuple({"weights": f"resnet50_MixVPR_{dim}.ckpt", "dim": dim} for dim in SHAPES),
)
