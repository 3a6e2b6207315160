"""MegaLoc: one network for landmarks, streets and rooms."""

from __future__ import annotations

from typing import Literal

from vpr_core import ImageNeeds
from vpr_torchhub.config import HubConfig
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import Terms

__all__ = ["MEGALOC", "MegaLocConfig"]


class MegaLocConfig(HubConfig):
    """Parameters of MegaLoc: 8,448 dimensions."""

    type: Literal["hub_megaloc"] = "hub_megaloc"


MEGALOC = Published(
    title="MegaLoc",
    summary="MegaLoc, whole: 8,448 dimensions, indoors and outdoors",
    paper="Berton, Masone: MegaLoc: one retrieval to place them all, 2025, arXiv 2502.17237",
    config=MegaLocConfig,
    terms=Terms(
        repository="gmberton/MegaLoc",
        code="MIT (since 2025-02-25)",
        caches=(
            "torch hub's cache (TORCH_HOME, else ~/.cache/torch) for the code and Hugging Face's (HF_HOME, else "
            "~/.cache/huggingface) for the weights"
        ),
    ),
    network=lambda config: Network(
        entry=("get_trained_model",),
        dim=8448,
        # it resizes to multiples of 14 by itself; its transport needs more patches than its 64 clusters
        images=ImageNeeds(patch=14, patches=65, recommended={"size": [322, 322]}),
    ),
    trained_on="SF-XL, GSV-Cities, MSLS, MegaScenes and ScanNet",
    packages=("huggingface_hub", "safetensors"),
    remark=(
        "a commit of 2026-01-21 changed the positions of patches in images that are not square: pin `ref`, or use "
        "322 x 322"
    ),
)
