"""The losses and the data set that a run file can name. Loaded by hosts only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from vpr_core import ComponentConfig, DatasetSpec, LossSpec, build_registry, hookimpl

if TYPE_CHECKING:
    from vpr_core.types import Dataset, PlaceLoss
    from vpr_metric_learning.labelled import LabelledLoss

__all__ = ["vpr_datasets", "vpr_losses"]

GSV = "Ali-bey, Chaib-draa, Giguere: GSV-Cities, Neurocomputing 2022, arXiv 2210.10239"
HERMANS = "Hermans, Beyer, Leibe: In defense of the triplet loss for person re-identification, 2017, arXiv 1703.07737"
Epsilon = Annotated[float | None, Field(ge=0, le=2)]
MINING = "keep pairs within this of the anchor's hardest opposite, in cosine; null: all pairs"


class MultiSimilarityConfig(ComponentConfig):
    """Parameters of `vpr_metric_learning.multi_similarity`; defaults are those of GSV-Cities."""

    type: Literal["multi_similarity"] = "multi_similarity"
    alpha: float = Field(1.0, gt=0, le=1000, description="weight of positive pairs")
    beta: float = Field(50.0, gt=0, le=1000, description="weight of negative pairs")
    base: float = Field(0.0, ge=-1, le=1, description="similarity at which a pair begins to count")
    mining_epsilon: Epsilon = Field(0.1, description=MINING)


class ContrastiveConfig(ComponentConfig):
    """Parameters of `vpr_metric_learning.contrastive`."""

    type: Literal["pml_contrastive"] = "pml_contrastive"
    positive_margin: float = Field(0.0, ge=0, le=2, description="distance below which positives are left alone")
    negative_margin: float = Field(1.0, ge=0, le=2, description="distance beyond which negatives are left alone")
    mining_epsilon: Epsilon = Field(None, description=MINING)


class CircleConfig(ComponentConfig):
    """Parameters of `vpr_metric_learning.circle`."""

    type: Literal["circle"] = "circle"
    margin: float = Field(0.4, ge=0, le=1, description="m: positives should be above 1 - m, negatives below m")
    scale: float = Field(80.0, gt=0, le=1000, description="gamma, the scale of similarities")
    mining_epsilon: Epsilon = Field(None, description=MINING)


class SupConConfig(ComponentConfig):
    """Parameters of `vpr_metric_learning.supcon`."""

    type: Literal["supcon"] = "supcon"
    temperature: float = Field(0.1, ge=0.001, le=100, description="divides similarities")
    mining_epsilon: Epsilon = Field(None, description=MINING)


class NTXentConfig(ComponentConfig):
    """Parameters of `vpr_metric_learning.ntxent`."""

    type: Literal["ntxent"] = "ntxent"
    temperature: float = Field(0.07, ge=0.001, le=100, description="divides similarities")
    mining_epsilon: Epsilon = Field(None, description=MINING)


class _TripletConfig(ComponentConfig):
    margin: float = Field(0.1, ge=0, le=2, description="m, in distance")
    smooth: bool = Field(False, description="softplus in place of the hinge")


class BatchHardTripletConfig(_TripletConfig):
    """Parameters of `vpr_metric_learning.batch_hard_triplet`."""

    type: Literal["batch_hard_triplet"] = "batch_hard_triplet"


class SemiHardTripletConfig(_TripletConfig):
    """Parameters of `vpr_metric_learning.semi_hard_triplet`."""

    type: Literal["semi_hard_triplet"] = "semi_hard_triplet"


class BatchAllTripletConfig(_TripletConfig):
    """Parameters of `vpr_metric_learning.batch_all_triplet`."""

    type: Literal["batch_all_triplet"] = "batch_all_triplet"


InBatch = Annotated[
    MultiSimilarityConfig
    | ContrastiveConfig
    | CircleConfig
    | SupConConfig
    | NTXentConfig
    | BatchHardTripletConfig
    | SemiHardTripletConfig
    | BatchAllTripletConfig,
    Field(discriminator="type"),
]


class CrossBatchMemoryConfig(ComponentConfig):
    """Parameters of `vpr_metric_learning.CrossBatchMemory`."""

    type: Literal["cross_batch_memory"] = "cross_batch_memory"
    loss: InBatch = Field(
        ContrastiveConfig.model_validate({}), description="the loss, in the batch and against the memory"
    )
    size: int = Field(1024, ge=1, le=10_000_000, description="descriptors remembered, of the latest batches")
    weight: float = Field(1.0, gt=0, le=1000, description="weight of the loss against the memory")
    start: int = Field(0, ge=0, description="batches before the memory counts; the paper takes 1000")


class GSVCitiesConfig(ComponentConfig):
    """Parameters of `vpr_metric_learning.GSVCities`."""

    type: Literal["gsv_cities"] = "gsv_cities"
    root: Path = Field(description="folder with Dataframes/<City>.csv and Images/<City>/, as distributed")
    cities: tuple[str, ...] | None = Field(
        None, min_length=1, description="cities to use, such as [Boston, PRS]; null: every table in Dataframes"
    )
    min_images: int = Field(
        4, ge=2, le=1000, description="leave out places with fewer images; train.images_per_place or more"
    )
    batches: Literal["city", "all"] = Field(
        "city", description="city: places of a batch are of one city, as the authors draw them; all: of any"
    )
    evaluate_on: dict[str, Any] | None = Field(
        None,
        description="a dataset block whose splits val and test are used, such as {type: pitts30k, root: ...}",
    )


def _in_batch(config: ComponentConfig) -> LabelledLoss:
    from vpr_metric_learning import pairs, triplets

    makers: dict[str, Any] = {
        "multi_similarity": pairs.multi_similarity,
        "pml_contrastive": pairs.contrastive,
        "circle": pairs.circle,
        "supcon": pairs.supcon,
        "ntxent": pairs.ntxent,
        "batch_hard_triplet": triplets.batch_hard_triplet,
        "semi_hard_triplet": triplets.semi_hard_triplet,
        "batch_all_triplet": triplets.batch_all_triplet,
    }
    # The fields bear the names of the arguments.
    loss: LabelledLoss = makers[config.type](**config.model_dump(exclude={"type"}))
    return loss


def _memory(config: CrossBatchMemoryConfig) -> PlaceLoss:
    from vpr_metric_learning.memory import CrossBatchMemory

    return CrossBatchMemory(loss=_in_batch(config.loss), size=config.size, weight=config.weight, start=config.start)


def _gsv_cities(config: GSVCitiesConfig) -> Dataset:
    from vpr_metric_learning.gsv_cities import GSVCities

    return GSVCities(
        root=config.root,
        cities=config.cities,
        min_images=config.min_images,
        batches=config.batches,
        evaluate_on=None if config.evaluate_on is None else _other(config.evaluate_on),
    )


def _other(block: dict[str, Any]) -> Dataset:
    """Build the data set of a nested block, by whatever plug-in it comes from."""
    name = block.get("type")
    if not isinstance(name, str):
        raise ValueError(f"evaluate_on must be a dataset block with a type, such as {{type: pitts30k}}, got {block}")
    registry = build_registry()
    config = registry.get("dataset", name).config.model_validate(block)
    dataset: Dataset = registry.build("dataset", config)
    return dataset


def _loss(config: type[ComponentConfig], summary: str, paper: str) -> LossSpec[Any]:
    name = config.model_fields["type"].default
    return LossSpec(name=name, config=config, build=_in_batch, summary=summary, paper=paper, supervision="places")


@hookimpl
def vpr_losses() -> Iterator[LossSpec[Any]]:
    """Yield losses on place labels: over pairs, over triplets, and against a memory."""
    yield _loss(
        MultiSimilarityConfig,
        "every pair by how hard it is among its neighbours; trains GSV-Cities, MixVPR, SALAD, BoQ",
        "Wang et al.: Multi-similarity loss with general pair weighting, CVPR 2019, arXiv 1904.06627; " + GSV,
    )
    yield _loss(
        ContrastiveConfig,
        "every positive pair drawn near, every negative pair pushed out of a margin",
        "Hadsell, Chopra, LeCun: Dimensionality reduction by learning an invariant mapping, CVPR 2006",
    )
    yield _loss(
        CircleConfig,
        "pairs weighted by how far they are from where they should be",
        "Sun et al.: Circle loss, CVPR 2020, arXiv 2002.10857",
    )
    yield _loss(
        SupConConfig,
        "softmax of each positive against the whole batch, mean over positives",
        "Khosla et al.: Supervised contrastive learning, NeurIPS 2020, arXiv 2004.11362",
    )
    yield _loss(
        NTXentConfig,
        "InfoNCE: softmax of each positive against the negatives",
        "van den Oord, Li, Vinyals: Contrastive predictive coding, 2018, arXiv 1807.03748",
    )
    yield _loss(BatchHardTripletConfig, "farthest positive and nearest negative of each anchor in the batch", HERMANS)
    yield _loss(
        SemiHardTripletConfig,
        "negatives farther than the positive, yet not by the margin",
        "Schroff, Kalenichenko, Philbin: FaceNet, CVPR 2015, arXiv 1503.03832",
    )
    yield _loss(BatchAllTripletConfig, "every triplet of the batch that violates the margin", HERMANS)
    yield LossSpec(
        name="cross_batch_memory",
        config=CrossBatchMemoryConfig,
        build=_memory,
        summary="any loss above, against descriptors of earlier batches too",
        paper="Wang et al.: Cross-batch memory for embedding learning, CVPR 2020, arXiv 1912.06798",
        supervision="places",
    )


@hookimpl
def vpr_datasets() -> Iterator[DatasetSpec[Any]]:
    """Yield GSV-Cities."""
    yield DatasetSpec(
        name="gsv_cities",
        config=GSVCitiesConfig,
        build=_gsv_cities,
        summary="560,000 street-view images of 67,000 places in 23 cities, for training by place labels",
        paper=GSV,
    )
