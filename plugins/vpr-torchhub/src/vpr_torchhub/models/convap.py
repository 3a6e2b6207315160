"""ConvAP (GSV-Cities): the authors' files, without an entry point."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vpr_core import ImageNeeds
from vpr_torchhub.config import FileConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import Terms

__all__ = ["CONVAP", "ConvAPFileConfig"]


class ConvAPFileConfig(FileConfig):
    """Parameters of ConvAP as published: ResNet50, a grid of 2 x 2."""

    type: Literal["hub_convap"] = "hub_convap"
    dim: Literal[8192, 4096, 2048, 512] = Field(4096, description="length of a descriptor, that of the file")


def _network(config: ConvAPFileConfig) -> Network:
    def of_the_file(_: Any) -> Any:
        from vpr_torchhub.checkpoint import made
        from vpr_torchhub.networks.gsv_cities import ConvAPNetwork

        return made(lambda: ConvAPNetwork(channels=config.dim // 4), config.weights)

    return Network(build=of_the_file, dim=config.dim, images=ImageNeeds(recommended={"size": [320, 320]}))


CONVAP = Published(
    title="ConvAP",
    summary="ConvAP, whole: ResNet50, 512 to 8,192 dimensions, from the authors' file",
    paper="Ali-bey, Chaib-draa, Giguere: GSV-Cities: toward appropriate supervised visual place recognition, "
    "Neurocomputing 2022, arXiv 2210.10239",
    config=ConvAPFileConfig,
    terms=Terms(
        repository="amaralibey/gsv-cities",
        code="no licence file seen (what runs is ours, after the paper)",
        weights="none stated",
    ),
    network=_network,
    trained_on="GSV-Cities",
    remark="amaralibey/gsv-cities has no entry point: its README links the files",
    variants=tuple({"weights": f"resnet50_ConvAP_{dim // 4}_2x2.ckpt", "dim": dim} for dim in (8192, 4096, 2048, 512)),
)
