"""Patch-NetVLAD's global descriptor: NetVLAD on VGG16 and whitening, trained on Pitts30k or MSLS."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vpr_core import ImageNeeds
from vpr_torchhub.config import FileConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import Terms

__all__ = ["PATCH_NETVLAD", "PatchNetVLADConfig"]


class PatchNetVLADConfig(FileConfig):
    """Parameters of the NetVLAD that Patch-NetVLAD is built on."""

    type: Literal["hub_patch_netvlad"] = "hub_patch_netvlad"
    dim: Literal[4096, 512, 128] = Field(4096, description="length of a descriptor, that of the file")


def _network(config: PatchNetVLADConfig) -> Network:
    def of_the_file(_: Any) -> Any:
        from vpr_torchhub.checkpoint import made
        from vpr_torchhub.networks.patch_netvlad import PatchNetVLADNetwork

        return made(lambda: PatchNetVLADNetwork(dim=config.dim), config.weights)

    return Network(build=of_the_file, dim=config.dim, images=ImageNeeds(recommended={"size": [480, 640]}))


PATCH_NETVLAD = Published(
    title="Patch-NetVLAD (global)",
    summary="NetVLAD of Patch-NetVLAD, whole: VGG16 and WPCA, 4,096, 512 or 128 dimensions, from the authors' file",
    paper="Hausler et al.: Patch-NetVLAD, CVPR 2021, arXiv 2103.01486",
    config=PatchNetVLADConfig,
    terms=Terms(repository="QVPR/Patch-NetVLAD", code="MIT (what runs is ours, after the paper)", weights="MIT"),
    network=_network,
    trained_on="Pitts30k (pitts_WPCA) or MSLS (mapillary_WPCA)",
    remark="the files are TobiasRobotics/Patch-NetVLAD's on Hugging Face; `vpr import` takes them as a model, too",
    variants=tuple({"weights": f"mapillary_WPCA{dim}.pth.tar", "dim": dim} for dim in (4096, 512, 128)),
)
