"""AnyLoc: VLAD over one layer of DINOv2, with vocabularies of six domains; nothing is trained."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vpr_core import ImageNeeds
from vpr_torchhub.config import HubConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import DINOV2, Terms

__all__ = ["ANYLOC", "AnyLocConfig"]


class AnyLocConfig(HubConfig):
    """Parameters of AnyLoc-VLAD-DINOv2: 49,152 dimensions."""

    type: Literal["hub_anyloc"] = "hub_anyloc"
    domain: Literal["urban", "indoor", "aerial", "structured", "unstructured", "global"] = Field(
        "urban", description="whose vocabulary of 32 words is used"
    )
    train_from: Literal["none"] = Field("none", description="its layers are held where no optimiser finds them")


def _on_the_images_device(model: Any) -> Any:
    from vpr_torchhub.following import Following

    return Following(model=model)


ANYLOC = Published(
    title="AnyLoc-VLAD-DINOv2",
    summary="AnyLoc, whole: VLAD of DINOv2 ViT-G/14, 49,152 dimensions, one vocabulary a domain",
    paper="Keetha et al.: AnyLoc: towards universal visual place recognition, RA-L 2023, arXiv 2308.00688",
    config=AnyLocConfig,
    terms=Terms(repository="AnyLoc/DINO", code="BSD-3-Clause", weights="not stated for the vocabularies", also=DINOV2),
    network=lambda config: Network(
        entry=("get_vlad_model",),
        arguments={
            "backbone": "DINOv2",
            "vit_model": "ViT-G/14",
            "vit_layer": 31,
            "vit_facet": "Value",
            "num_c": 32,
            "domain": config.domain,
            "device": "cpu",
        },
        build=_on_the_images_device,
        dim=49_152,
        images=ImageNeeds(multiple=14, recommended={"longest": 1024, "multiple": 14}),
    ),
    packages=("einops", "fast_pytorch_kmeans"),
    remark=(
        "ViT-G/14 has 1.1 billion parameters (4.5 GB), and VLAD is computed on the CPU whatever the device; a saved "
        "model does not hold them: it is loaded from the repository again"
    ),
)
