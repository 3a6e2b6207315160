"""The re-rankers that a run file can name. Loaded by hosts only: ``import vpr_rerank`` does not touch it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from vpr_core import RerankerConfig, RerankerSpec, hookimpl

if TYPE_CHECKING:
    from vpr_core.matching import DescriptorReranker, LocalReranker

__all__ = ["DenseConfig", "KReciprocalConfig", "QueryExpansionConfig", "RootSIFTConfig", "vpr_rerankers"]


class QueryExpansionConfig(RerankerConfig):
    """Parameters of `vpr_rerank.AlphaQueryExpansion`."""

    type: Literal["query_expansion"] = "query_expansion"
    neighbours: int = Field(10, ge=1, le=10_000, description="answers that are averaged with the query")
    alpha: float = Field(3.0, ge=0, le=100, description="weight of near answers against far ones; 0: all alike")


class KReciprocalConfig(RerankerConfig):
    """Parameters of `vpr_rerank.KReciprocal`."""

    type: Literal["k_reciprocal"] = "k_reciprocal"
    k1: int = Field(20, ge=1, le=1000, description="neighbours whose reciprocity counts")
    k2: int = Field(6, ge=1, le=1000, description="neighbours over which neighbourhoods are averaged")
    lam: float = Field(0.3, ge=0, le=1, description="share of the original distance in the cost")

    @model_validator(mode="after")
    def _k2_within_k1(self) -> Self:
        if self.k2 > self.k1:
            raise ValueError(f"k2: {self.k2} is more than k1 = {self.k1}")
        return self


class RootSIFTConfig(RerankerConfig):
    """Parameters of `vpr_rerank.RootSIFTMatcher`."""

    type: Literal["rootsift"] = "rootsift"
    first: int = Field(default=20, ge=1, le=100_000, description="Answers of the search that are reordered.")
    keypoints: int = Field(1000, ge=8, le=100_000, description="most keypoints of an image, strongest first")
    model: Literal["homography", "fundamental"] = Field("homography", description="what must explain the matches")
    threshold: float = Field(6.0, gt=0, le=1000, description="pixels that a match may miss the model by")
    sure: int | None = Field(None, ge=4, description="inliers at which no further answer is looked at; null: all are")


class DenseConfig(RerankerConfig):
    """Parameters of `vpr_rerank.DenseMatcher`."""

    type: Literal["dense"] = "dense"
    first: int = Field(default=20, ge=1, le=100_000, description="Answers of the search that are reordered.")
    patches: tuple[int, ...] = Field((2, 5, 8), min_length=1, max_length=16, description="sides of patches, locations")
    weights: tuple[float, ...] = Field((0.45, 0.15, 0.4), min_length=1, max_length=16, description="of the sides")
    sure: float | None = Field(None, gt=0, description="score at which no further answer is looked at; null: all are")

    @model_validator(mode="after")
    def _one_weight_a_patch(self) -> Self:
        if len(self.patches) != len(self.weights):
            raise ValueError(f"weights: {len(self.weights)} for {len(self.patches)} patches; one each")
        if min(self.patches) < 1 or len(set(self.patches)) < len(self.patches) or min(self.weights) <= 0:
            raise ValueError("patches: different sides of at least 1, with weights above 0")
        return self


def _parameters(config: RerankerConfig) -> dict[str, Any]:
    """What the class takes: all but the name and what the host cuts."""
    return {name: value for name, value in config if name not in ("type", "first")}


def _build_query_expansion(config: QueryExpansionConfig) -> DescriptorReranker:
    from vpr_rerank.expansion import AlphaQueryExpansion

    return AlphaQueryExpansion(**_parameters(config))


def _build_k_reciprocal(config: KReciprocalConfig) -> DescriptorReranker:
    from vpr_rerank.reciprocal import KReciprocal

    return KReciprocal(**_parameters(config))


def _build_rootsift(config: RootSIFTConfig) -> LocalReranker:
    from vpr_rerank.rootsift import RootSIFTMatcher

    return RootSIFTMatcher(**_parameters(config))


def _build_dense(config: DenseConfig) -> LocalReranker:
    from vpr_rerank.dense import DenseMatcher

    return DenseMatcher(**_parameters(config))


@hookimpl
def vpr_rerankers() -> Iterator[RerankerSpec[Any]]:
    """Yield query expansion, k-reciprocal re-ranking, RootSIFT with RANSAC, and dense features."""
    yield RerankerSpec(
        name="query_expansion",
        config=QueryExpansionConfig,
        build=_build_query_expansion,
        needs="descriptors",
        summary="Alpha query expansion: the answers by their distance to the mean of query and first answers.",
        paper="Radenovic, Tolias, Chum: Fine-tuning CNN image retrieval, PAMI 2018, arXiv 1711.02512",
    )
    yield RerankerSpec(
        name="k_reciprocal",
        config=KReciprocalConfig,
        build=_build_k_reciprocal,
        needs="descriptors",
        summary="k-reciprocal re-ranking: the answers by the neighbours that they share with the query.",
        paper="Zhong et al.: Re-ranking with k-reciprocal encoding, CVPR 2017, arXiv 1701.08398",
    )
    yield RerankerSpec(
        name="rootsift",
        config=RootSIFTConfig,
        build=_build_rootsift,
        needs="images",
        summary="RootSIFT, mutual nearest, inliers of RANSAC (needs OpenCV: extra opencv).",
        paper="Arandjelovic, Zisserman: Three things everyone should know, CVPR 2012",
    )
    yield RerankerSpec(
        name="dense",
        config=DenseConfig,
        build=_build_dense,
        needs="maps",
        summary="The backbone's own features: mutual nearest patches and a spatial score.",
        paper="Hausler et al.: Patch-NetVLAD, CVPR 2021, arXiv 2103.01282",
    )
