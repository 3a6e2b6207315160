"""The networks that a run file can name. Loaded by hosts only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from vpr_core import BackboneSpec, ComponentConfig, ImageNeeds, ModelSpec, PoolingSpec, UsageError, hookimpl
from vpr_torchhub.config import FileConfig, HubConfig, Scalar
from vpr_torchhub.models import MODELS
from vpr_torchhub.names import named_models
from vpr_torchhub.published import IMAGENET_MEAN, IMAGENET_STD, Network, Published
from vpr_torchhub.terms import Terms

if TYPE_CHECKING:
    from vpr_core.types import Backbone, FeatureSpec, Pooling

__all__ = ["vpr_backbones", "vpr_models", "vpr_poolings"]


class TorchHubConfig(HubConfig):
    """Parameters of any network behind a torch.hub entry point."""

    type: Literal["torchhub"] = "torchhub"
    repository: str = Field(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", description="owner/name on GitHub")
    entry: str = Field(pattern=r"^[A-Za-z_]\w*$", description="function of its hubconf.py that builds the network")
    arguments: dict[str, Scalar] = Field(default_factory=dict, description="keyword arguments of that function")
    mean: tuple[float, float, float] = Field(IMAGENET_MEAN, description="mean of the input, a colour each")
    std: tuple[float, float, float] = Field(IMAGENET_STD, description="its standard deviation")
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


def _of_a_run_file(config: TorchHubConfig) -> Network:
    return Network(
        entry=(config.entry,),
        arguments=config.arguments,
        dim=None,
        images=ImageNeeds(multiple=config.multiple),
        mean=config.mean,
        std=config.std,
        probe=config.probe,
    )


def _terms_of(repository: str) -> Terms:
    """The terms of any repository: known, or to be read there."""
    known = (model.terms for model in MODELS if model.terms.repository.lower() == repository.lower())
    unknown = Terms(repository=repository, code="not known here", weights="not known here")
    return next(known, unknown)


def _build(config: HubConfig | FileConfig, *, network: Callable[[Any], Network], terms: Terms) -> Backbone:
    """Build the network, if its terms are agreed to."""
    if isinstance(config, HubConfig):
        missing = [name for name in ("accept_licence", "trust_repo") if not getattr(config, name)]
        if missing:
            raise UsageError(terms.refusal(missing))

    from vpr_torchhub.building import build

    return build(config, network(config), terms)


def _build_any(config: TorchHubConfig) -> Backbone:
    return _build(config, network=_of_a_run_file, terms=_terms_of(config.repository))


def _finished(config: FinishedConfig, features: FeatureSpec) -> Pooling:
    from vpr_torchhub.finished import Finished

    return Finished(channels=features.channels)


@hookimpl
def vpr_backbones() -> Iterator[BackboneSpec[Any]]:
    """Yield the published networks, and any other."""
    for model in MODELS:
        yield _spec(model)
    yield BackboneSpec(
        name="torchhub",
        config=TorchHubConfig,
        build=_build_any,
        summary="any network behind a torch.hub entry point that gives descriptors",
        images=lambda config: ImageNeeds(multiple=config.multiple),
        remarks=lambda config: [f"{config.repository}, {_terms_of(config.repository).said}"],
        runs_foreign_code=True,
        reaches_network=True,
        reads_environment=True,
        starts_processes=True,  # a repository's code may do anything
    )


def _spec(model: Published) -> BackboneSpec[Any]:
    foreign = model.runs_code
    return BackboneSpec(
        name=model.name,
        config=model.config,
        build=partial(_build, network=model.network, terms=model.terms),
        summary=model.summary,
        paper=model.paper,
        images=model.images,
        remarks=model.remarks,
        runs_foreign_code=foreign,
        reaches_network=foreign,
        reads_environment=foreign,
        starts_processes=foreign,  # a repository's code may do anything
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


@hookimpl
def vpr_models() -> Iterator[ModelSpec]:
    """Yield the published models by name."""
    yield from named_models()
