"""CliqueMining: SALAD's network, trained with batches of places that are close to each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from vpr_torchhub.config import HubConfig
from vpr_torchhub.models.salad import TRANSPORT
from vpr_torchhub.published import Network, Published
from vpr_torchhub.terms import DINOV2, Terms

__all__ = ["CLIQUEMINING", "CliqueMiningConfig"]


class CliqueMiningConfig(HubConfig):
    """Parameters of CliqueMining: 8,448 dimensions."""

    type: Literal["hub_cliquemining"] = "hub_cliquemining"
    weights: Path = Field(
        description="the authors' cliquemining.ckpt, which you have fetched: their entry point loads SALAD's weights"
    )


def _network(config: CliqueMiningConfig) -> Network:
    def with_its_own_weights(model: Any) -> Any:
        from vpr_torchhub.checkpoint import fill

        return fill(model, config.weights)

    return Network(entry=("dinov2_salad",), dim=8448, images=TRANSPORT, build=with_its_own_weights)


CLIQUEMINING = Published(
    title="CliqueMining",
    summary="CliqueMining, whole: SALAD's network with weights of its own, 8,448 dimensions",
    paper="Izquierdo, Civera: Close, but not there (CliqueMining), ECCV 2024, arXiv 2407.02422",
    config=CliqueMiningConfig,
    terms=Terms(repository="serizba/cliquemining", code="GPL-3.0", also=DINOV2),
    network=_network,
    trained_on="GSV-Cities and MSLS",
    packages=("pytorch_lightning",),
    remark="the repository's own entry point gives SALAD's weights; the file in `weights` takes their place",
    variants=({"weights": "cliquemining.ckpt"},),
)
