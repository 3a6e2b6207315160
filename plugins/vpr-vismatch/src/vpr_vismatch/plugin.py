"""What a run file can name of this package. vismatch is imported when a re-ranker is built, not before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from vpr_core import RerankerConfig, RerankerSpec, hookimpl

if TYPE_CHECKING:
    from vpr_core.matching import LocalReranker

__all__ = ["VismatchConfig", "vpr_rerankers"]

VPR_HOOK_API = "1.1"


class VismatchConfig(RerankerConfig):
    """Parameters of `vpr_vismatch.VismatchReranker`."""

    type: Literal["vismatch"] = "vismatch"
    first: int = Field(default=20, ge=1, le=100_000, description="Answers of the search that are reordered.")
    matcher: str = Field(
        "superpoint-lightglue",
        pattern=r"^[a-z0-9][a-z0-9-]{0,63}$",
        description="name of the matcher, as vismatch lists it",
    )
    keypoints: int = Field(2048, ge=8, le=100_000, description="most keypoints of an image, where a matcher has any")
    model: Literal["homography", "fundamental"] = Field("homography", description="what must explain the matches")
    threshold: float = Field(6.0, gt=0, le=1000, description="pixels that a match may miss the model by")
    sure: int | None = Field(None, ge=4, description="inliers at which no further answer is looked at; null: all are")
    device: str = Field("cpu", pattern=r"^(cpu|cuda(:\d+)?|mps)$", description="where the matcher runs")


def _build(config: VismatchConfig) -> LocalReranker:
    from vpr_vismatch.matcher import VismatchReranker

    return VismatchReranker(**{name: value for name, value in config if name not in ("type", "first")})


@hookimpl
def vpr_rerankers() -> Iterator[RerankerSpec[Any]]:
    """Yield the re-ranker of this package."""
    yield RerankerSpec(
        name="vismatch",
        config=VismatchConfig,
        build=_build,
        needs="images",
        summary="Inliers by any matcher of the package vismatch, whose weights come from the network.",
        runs_foreign_code=True,
        reaches_network=True,
        reads_environment=True,  # the token of the hub that it fetches from
        remarks=lambda config: [f"{config.matcher}: the weights are its authors', each under a licence of its own"],
    )
