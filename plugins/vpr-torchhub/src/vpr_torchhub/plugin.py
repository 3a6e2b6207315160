"""The networks that a run file can name. Loaded by hosts only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from vpr_core import BackboneSpec, ComponentConfig, PoolingSpec, UsageError, hookimpl
from vpr_torchhub import terms

if TYPE_CHECKING:
    from vpr_core.types import Backbone, FeatureSpec, Pooling

__all__ = ["vpr_backbones", "vpr_poolings"]

Scalar = bool | int | float | str | None
COSPLACE = "Berton, Masone, Caputo: Rethinking visual geo-localization, CVPR 2022, arXiv 2204.02287"
EIGENPLACES = "Berton, Trivigno, Caputo, Masone: EigenPlaces, ICCV 2023, arXiv 2308.10832"
SALAD = "Izquierdo, Civera: Optimal transport aggregation for visual place recognition, CVPR 2024, arXiv 2311.15937"
BOQ = "Ali-bey, Chaib-draa, Giguere: BoQ, CVPR 2024, arXiv 2405.07364"
MEGALOC = "Berton, Masone: MegaLoc: one retrieval to place them all, 2025, arXiv 2502.17237"


class HubConfig(ComponentConfig):
    """What every network shares."""

    accept_licence: bool = Field(False, description="true: you have read the repository's licence and agree to it")
    trust_repo: bool = Field(False, description="true: run the repository's Python code on this machine")
    ref: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$",
        description="branch, tag or full commit to pin; null: the default branch as it is today, or as cached",
    )
    local: Path | None = Field(None, description="folder of a checkout with hubconf.py, in place of GitHub")
    train_from: Literal["none", "all"] = Field(
        "none", description="none: use it as it is; all: train what its authors left trainable"
    )


class _DimensionsConfig(HubConfig):
    """A network published with several backbones and dimensions."""

    published: ClassVar[Mapping[str, tuple[int, ...]]]
    backbone: str
    dim: int

    @model_validator(mode="after")
    def _was_published(self) -> Self:
        if self.dim not in self.published[self.backbone]:
            raise ValueError(
                f"dim of {self.backbone} is one of {', '.join(map(str, self.published[self.backbone]))}, got {self.dim}"
            )
        return self


class CosPlaceConfig(_DimensionsConfig):
    """Parameters of CosPlace."""

    published: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "VGG16": (64, 128, 256, 512),
        "ResNet18": (32, 64, 128, 256, 512),
        "ResNet50": (32, 64, 128, 256, 512, 1024, 2048),
        "ResNet101": (32, 64, 128, 256, 512, 1024, 2048),
        "ResNet152": (32, 64, 128, 256, 512, 1024, 2048),
    }
    type: Literal["hub_cosplace"] = "hub_cosplace"
    backbone: Literal["VGG16", "ResNet18", "ResNet50", "ResNet101", "ResNet152"] = Field(
        "ResNet50", description="network below the head"
    )
    dim: int = Field(2048, ge=32, le=2048, description="length of a descriptor, one of the published ones")


class EigenPlacesConfig(_DimensionsConfig):
    """Parameters of EigenPlaces."""

    published: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "VGG16": (512,),
        "ResNet18": (256, 512),
        "ResNet50": (128, 256, 512, 1024, 2048),
        "ResNet101": (128, 256, 512, 1024, 2048),
    }
    type: Literal["hub_eigenplaces"] = "hub_eigenplaces"
    backbone: Literal["VGG16", "ResNet18", "ResNet50", "ResNet101"] = Field(
        "ResNet50", description="network below the head"
    )
    dim: int = Field(2048, ge=128, le=2048, description="length of a descriptor, one of the published ones")


class SaladConfig(HubConfig):
    """Parameters of DINOv2 SALAD: 8,448 dimensions."""

    type: Literal["hub_salad"] = "hub_salad"


class BoQConfig(HubConfig):
    """Parameters of Bag-of-Queries."""

    type: Literal["hub_boq"] = "hub_boq"
    backbone: Literal["resnet50", "dinov2"] = Field(
        "dinov2", description="network below the queries: resnet50 (16,384 dimensions), dinov2 (12,288)"
    )


class MegaLocConfig(HubConfig):
    """Parameters of MegaLoc: 8,448 dimensions."""

    type: Literal["hub_megaloc"] = "hub_megaloc"


class TorchHubConfig(HubConfig):
    """Parameters of any network behind a torch.hub entry point."""

    type: Literal["torchhub"] = "torchhub"
    repository: str = Field(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", description="owner/name on GitHub")
    entry: str = Field(pattern=r"^[A-Za-z_]\w*$", description="function of its hubconf.py that builds the network")
    arguments: dict[str, Scalar] = Field(default_factory=dict, description="keyword arguments of that function")
    mean: tuple[float, float, float] = Field((0.485, 0.456, 0.406), description="mean of the input, a colour each")
    std: tuple[float, float, float] = Field((0.229, 0.224, 0.225), description="its standard deviation")
    probe: tuple[int, int] = Field(
        (224, 224), description="[height, width] of the image with which the descriptor's length is found"
    )
    multiple: int = Field(1, ge=1, le=1024, description="sides of images must be multiples of this")

    @model_validator(mode="after")
    def _input_is_possible(self) -> Self:
        if min(self.std) <= 0:
            raise ValueError(f"std must be above 0, got {list(self.std)}")
        if min(self.probe) < 1 or any(side % self.multiple for side in self.probe):
            raise ValueError(f"probe must hold multiples of {self.multiple}, got {list(self.probe)}")
        return self


class FinishedConfig(ComponentConfig):
    """Parameters of `vpr_torchhub.Finished`: none."""

    type: Literal["finished"] = "finished"


def _cosplace(config: CosPlaceConfig) -> Backbone:
    arguments = {"backbone": config.backbone, "fc_output_dim": config.dim}
    return _network(config, terms.COSPLACE, "get_trained_model", arguments)


def _eigenplaces(config: EigenPlacesConfig) -> Backbone:
    arguments = {"backbone": config.backbone, "fc_output_dim": config.dim}
    return _network(config, terms.EIGENPLACES, "get_trained_model", arguments)


def _salad(config: SaladConfig) -> Backbone:
    return _network(config, terms.SALAD, "dinov2_salad", {}, multiple=14)


def _boq(config: BoQConfig) -> Backbone:
    dim, multiple = {"resnet50": (16_384, 1), "dinov2": (12_288, 14)}[config.backbone]
    arguments = {"backbone_name": config.backbone, "output_dim": dim}
    return _network(config, terms.BOQ, "get_trained_boq", arguments, multiple=multiple)


def _megaloc(config: MegaLocConfig) -> Backbone:
    return _network(config, terms.MEGALOC, "get_trained_model", {})


def _any(config: TorchHubConfig) -> Backbone:
    return _network(
        config,
        terms.terms_of(config.repository),
        config.entry,
        config.arguments,
        mean=config.mean,
        std=config.std,
        probe=config.probe,
        multiple=config.multiple,
    )


def _network(
    config: HubConfig,
    of: terms.Terms,
    entry: str,
    arguments: Mapping[str, Scalar],
    **settings: Any,
) -> Backbone:
    """Build the network, if its terms are agreed to."""
    missing = [name for name in ("accept_licence", "trust_repo") if not getattr(config, name)]
    if missing:
        raise UsageError(of.refusal(missing))

    from vpr_torchhub.backbone import HubBackbone
    from vpr_torchhub.loading import load

    model = load(of.repository, entry, arguments=arguments, ref=config.ref, local=config.local)
    return HubBackbone(model=model, train_from=config.train_from, **settings)


def _finished(config: FinishedConfig, features: FeatureSpec) -> Pooling:
    from vpr_torchhub.finished import Finished

    return Finished(channels=features.channels)


@hookimpl
def vpr_backbones() -> Iterator[BackboneSpec[Any]]:
    """Yield the published networks, and any other."""
    named: list[tuple[type[HubConfig], Callable[[Any], Backbone], str, str]] = [
        (CosPlaceConfig, _cosplace, "CosPlace, whole: GeM and a linear layer, 32 to 2,048 dimensions", COSPLACE),
        (EigenPlacesConfig, _eigenplaces, "EigenPlaces, whole: as CosPlace, robust to viewpoint", EIGENPLACES),
        (SaladConfig, _salad, "DINOv2 SALAD, whole: 8,448 dimensions", SALAD),
        (BoQConfig, _boq, "Bag-of-Queries, whole: 12,288 or 16,384 dimensions", BOQ),
        (MegaLocConfig, _megaloc, "MegaLoc, whole: 8,448 dimensions, indoors and outdoors", MEGALOC),
        (TorchHubConfig, _any, "any network behind a torch.hub entry point that gives descriptors", ""),
    ]
    for config, build, summary, paper in named:
        name = config.model_fields["type"].default
        yield BackboneSpec(
            name=name,
            config=config,
            build=build,
            summary=summary,
            paper=paper,
            runs_foreign_code=True,
            reaches_network=True,
            reads_environment=True,
            starts_processes=True,  # a repository's code may do anything
        )


@hookimpl
def vpr_poolings() -> Iterator[PoolingSpec[Any]]:
    """Yield the layer behind a network that has pooled already."""
    yield PoolingSpec(
        name="finished",
        config=FinishedConfig,
        build=_finished,
        summary="none: the backbone gives finished descriptors (hub_megaloc and its like); makes them unit length",
    )
