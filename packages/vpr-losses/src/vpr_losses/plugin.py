"""The losses and miners that a run file can name. Loaded by hosts only: ``import vpr_losses`` does not touch it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import Field

from vpr_core import ComponentConfig, LossSpec, MinerSpec, hookimpl

if TYPE_CHECKING:
    from vpr_core.types import Miner, PlaceLoss, TupleLoss

__all__ = ["vpr_losses", "vpr_miners"]

NETVLAD = "Arandjelovic, Gronat, Torii, Pajdla, Sivic: NetVLAD, CVPR 2016, arXiv 1511.07247"
BENCHMARK = "Berton et al.: Deep visual geo-localization benchmark, CVPR 2022, arXiv 2204.03444"
SARE = "Liu, Li, Dai: Stochastic attraction-repulsion embedding, ICCV 2019, arXiv 1808.08779"


class RankingConfig(ComponentConfig):
    """Parameters of `vpr_losses.WeaklySupervisedRanking`."""

    type: Literal["weakly_supervised_ranking"] = "weakly_supervised_ranking"
    margin: float = Field(0.1, ge=0, le=4, description="m, in squared distance (0.1 is 0.05 in cosine)")


class UnsquaredSqrtMarginConfig(ComponentConfig):
    """Parameters of `vpr_losses.UnsquaredRanking` as in the PyTorch re-implementations."""

    type: Literal["triplet_unsquared_sqrt_margin"] = "triplet_unsquared_sqrt_margin"
    margin: float = Field(math.sqrt(0.1), ge=0, le=2, description="m, in distance; sqrt(0.1) by default")


class UnsquaredConfig(ComponentConfig):
    """Parameters of `vpr_losses.UnsquaredRanking` as in the geo-localisation benchmark."""

    type: Literal["triplet_unsquared"] = "triplet_unsquared"
    margin: float = Field(0.1, ge=0, le=2, description="m, in distance")


class SingleTripletConfig(ComponentConfig):
    """Parameters of `vpr_losses.SingleTriplet`."""

    type: Literal["triplet_single"] = "triplet_single"
    margin: float = Field(0.1, ge=0, le=4, description="m, in distance, or squared distance if squared")
    squared: bool = Field(False, description="use squared distances")


class IndependentSAREConfig(ComponentConfig):
    """Parameters of `vpr_losses.IndependentSARE`: none."""

    type: Literal["sare_independent"] = "sare_independent"


class JointSAREConfig(ComponentConfig):
    """Parameters of `vpr_losses.JointSARE`: none."""

    type: Literal["sare_joint"] = "sare_joint"


class ContrastiveConfig(ComponentConfig):
    """Parameters of `vpr_losses.Contrastive`."""

    type: Literal["contrastive"] = "contrastive"
    margin: float = Field(0.7, ge=0, le=2, description="m, in distance: negatives farther away are left alone")


class InfoNCEConfig(ComponentConfig):
    """Parameters of `vpr_losses.InfoNCE`."""

    type: Literal["info_nce"] = "info_nce"
    temperature: float = Field(0.1, gt=0, le=100, description="divides cosine similarities; small: hard examples count")


class RandomNegativesConfig(ComponentConfig):
    """Parameters of `vpr_losses.RandomNegatives`."""

    type: Literal["random_negatives"] = "random_negatives"
    keep: int = Field(10, ge=1, le=1000, description="negatives a tuple has")


class HardNegativesConfig(ComponentConfig):
    """Parameters of `vpr_losses.HardNegatives`."""

    type: Literal["hard_negatives"] = "hard_negatives"
    pool: int | None = Field(1000, ge=1, description="random negatives looked at a query; null: the whole database")
    keep: int = Field(10, ge=1, le=1000, description="most negatives a tuple has")
    margin: float = Field(0.1, ge=0, le=4, description="keep negatives with d^2 < d^2(positive) + margin")
    remember: int = Field(10, ge=0, le=1000, description="hardest negatives remembered for the query's next visit")


class PartialNegativesConfig(ComponentConfig):
    """Parameters of `vpr_losses.PartialNegatives`."""

    type: Literal["partial_negatives"] = "partial_negatives"
    pool: int | None = Field(1000, ge=1, description="database images that a part shares; null: the whole database")
    keep: int = Field(10, ge=1, le=1000, description="most negatives a tuple has")
    margin: float | None = Field(
        None, ge=0, le=4, description="keep negatives with d^2 < d^2(positive) + margin; null: keep all"
    )


def _arguments(config: ComponentConfig) -> dict[str, Any]:
    """Return the configured fields, which bear the names of the constructor's arguments."""
    return config.model_dump(exclude={"type"})


def _ranking(config: RankingConfig) -> TupleLoss:
    from vpr_losses.ranking import WeaklySupervisedRanking

    return WeaklySupervisedRanking(**_arguments(config))


def _unsquared(config: UnsquaredSqrtMarginConfig | UnsquaredConfig) -> TupleLoss:
    from vpr_losses.triplet import UnsquaredRanking

    return UnsquaredRanking(**_arguments(config))


def _single(config: SingleTripletConfig) -> TupleLoss:
    from vpr_losses.triplet import SingleTriplet

    return SingleTriplet(**_arguments(config))


def _independent(config: IndependentSAREConfig) -> TupleLoss:
    from vpr_losses.sare import IndependentSARE

    return IndependentSARE()


def _joint(config: JointSAREConfig) -> TupleLoss:
    from vpr_losses.sare import JointSARE

    return JointSARE()


def _contrastive(config: ContrastiveConfig) -> TupleLoss:
    from vpr_losses.contrastive import Contrastive

    return Contrastive(**_arguments(config))


def _info_nce(config: InfoNCEConfig) -> PlaceLoss:
    from vpr_losses.info_nce import InfoNCE

    return InfoNCE(**_arguments(config))


def _random_negatives(config: RandomNegativesConfig) -> Miner:
    from vpr_losses.random_negatives import RandomNegatives

    return cast("Miner", RandomNegatives(**_arguments(config)))


def _hard_negatives(config: HardNegativesConfig) -> Miner:
    from vpr_losses.hard_negatives import HardNegatives

    return cast("Miner", HardNegatives(**_arguments(config)))


def _partial_negatives(config: PartialNegativesConfig) -> Miner:
    from vpr_losses.partial_negatives import PartialNegatives

    return cast("Miner", PartialNegatives(**_arguments(config)))


@hookimpl
def vpr_losses() -> Iterator[LossSpec[Any]]:
    """Yield the paper's loss, the three that go by its name, and its neighbours."""
    yield LossSpec(
        name="weakly_supervised_ranking",
        config=RankingConfig,
        build=_ranking,
        summary="the paper's: squared distances, best positive, hinge per negative, over the violating triplets",
        paper=NETVLAD,
    )
    yield LossSpec(
        name="triplet_unsquared_sqrt_margin",
        config=UnsquaredSqrtMarginConfig,
        build=_unsquared,
        summary="distances not squared, margin sqrt(0.1), over all negatives (pytorch-NetVlad, Patch-NetVLAD, OpenIBL)",
    )
    yield LossSpec(
        name="triplet_unsquared",
        config=UnsquaredConfig,
        build=_unsquared,
        summary="distances not squared, margin 0.1, over all negatives (deep-visual-geo-localization-benchmark)",
        paper=BENCHMARK,
    )
    yield LossSpec(
        name="triplet_single",
        config=SingleTripletConfig,
        build=_single,
        summary="plain triplet margin loss: one positive, one negative",
        paper="Schroff, Kalenichenko, Philbin: FaceNet, CVPR 2015, arXiv 1503.03832",
    )
    yield LossSpec(
        name="sare_independent",
        config=IndependentSAREConfig,
        build=_independent,
        summary="softmax of best positive against each negative",
        paper=SARE,
    )
    yield LossSpec(
        name="sare_joint",
        config=JointSAREConfig,
        build=_joint,
        summary="softmax of best positive against all negatives",
        paper=SARE,
    )
    yield LossSpec(
        name="contrastive",
        config=ContrastiveConfig,
        build=_contrastive,
        summary="every positive drawn near, negatives pushed out of a margin",
        paper="Radenovic, Tolias, Chum: Fine-tuning CNN image retrieval, TPAMI 2019, arXiv 1711.02512",
    )
    yield LossSpec(
        name="info_nce",
        config=InfoNCEConfig,
        build=_info_nce,
        supervision="places",
        summary="over place labels: an image tells another of its place from all others of the batch",
        paper="van den Oord, Li, Vinyals: Contrastive predictive coding, 2018, arXiv 1807.03748",
    )


@hookimpl
def vpr_miners() -> Iterator[MinerSpec[Any]]:
    """Yield full, partial and random mining."""
    yield MinerSpec(
        name="hard_negatives",
        config=HardNegativesConfig,
        build=_hard_negatives,
        summary="1,000 random negatives and the 10 remembered ones a query; the 10 hardest that violate the margin",
        paper=NETVLAD,
    )
    yield MinerSpec(
        name="partial_negatives",
        config=PartialNegativesConfig,
        build=_partial_negatives,
        summary="hardest of 1,000 random negatives that the queries of a part share",
        paper=BENCHMARK,
    )
    yield MinerSpec(
        name="random_negatives",
        config=RandomNegativesConfig,
        build=_random_negatives,
        summary="10 random negatives a query, unseen",
        paper=BENCHMARK,
    )
