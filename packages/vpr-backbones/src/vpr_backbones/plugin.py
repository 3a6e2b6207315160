"""The backbones as components of a run file. Read by a host only; torch is imported inside ``build``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from vpr_backbones.table import NETWORKS, Network
from vpr_backbones.timm_models import look_up
from vpr_core import BackboneSpec, ComponentConfig, ImageNeeds, hookimpl

if TYPE_CHECKING:
    from vpr_backbones.normalization import Normalization
    from vpr_core import Capability
    from vpr_core.types import Backbone

__all__ = ["NetworkConfig", "RootSIFTConfig", "TimmConfig", "TinyConfig", "vpr_backbones"]

NormalizationName = Literal["imagenet", "caffe", "half", "none"]
BatchNorm = Literal["frozen", "train"] | None
_Positive = Annotated[float, Field(gt=0)]
_BATCH_NORM = Field(
    default=None, description="Batch normalisation: frozen or train; null: frozen when there are weights."
)
_SEED = Field(default=0, ge=0, lt=2**63, description="Seed of random weights (used with weights: none).")


class InputValues(BaseModel):
    """Input normalisation by its numbers, ``(image * scale - mean) / std`` with images in 0..1."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    mean: tuple[float, float, float] = Field(description="Of red, green and blue, in units of image * scale.")
    std: tuple[_Positive, _Positive, _Positive] = Field(default=(1.0, 1.0, 1.0), description="What is divided by.")
    scale: _Positive = Field(default=1.0, description="What images in 0..1 are multiplied by first: 1 or 255.")


class NetworkConfig(ComponentConfig):
    """What every network has; ``type``, ``cut``, ``train_from`` and ``normalization`` are made from the table."""

    weights: str = Field(
        default="imagenet",
        min_length=1,
        description="imagenet (downloaded), none (random), or a file: state dict or safetensors.",
    )
    cut: str
    train_from: str = "all"
    normalization: NormalizationName | InputValues
    seed: int = _SEED

    @model_validator(mode="after")
    def _below_the_cut(self) -> Self:
        """``train_from`` is a stage that is kept."""
        stages = NETWORKS[self.type].stage_names
        kept = stages[: stages.index(self.cut) + 1]
        if self.train_from not in ("all", "none", *kept):
            raise ValueError(f"train_from: {self.train_from!r} lies above cut: {self.cut!r}; kept: {', '.join(kept)}")
        return self


class BatchNormConfig(NetworkConfig):
    """A network of torchvision that has batch normalisation."""

    batch_norm: BatchNorm = _BATCH_NORM


class TimmConfig(ComponentConfig):
    """Any network of timm."""

    type: Literal["timm"] = "timm"
    model: str = Field(min_length=1, description="timm's name, as convnext_tiny.fb_in1k; see timm.list_models().")
    weights: str = Field(
        default="imagenet",
        min_length=1,
        description="imagenet (the model's published weights, downloaded), none (random), or a file.",
    )
    cut: str | int | None = Field(
        default=None,
        description="Last stage kept: its module (layer3, stages_2, blocks_11) or timm's feature index; null: the "
        "deepest of stride 16 or less, a transformer's last block.",
    )
    train_from: str = Field(default="all", description="Lowest stage that is trained, as layer3; all or none.")
    final_norm: bool = Field(default=True, description="A vision transformer's last normalisation follows the cut.")
    batch_norm: BatchNorm = _BATCH_NORM
    normalization: NormalizationName | None = Field(
        default=None, description="Input: imagenet, caffe, half, none; null: as timm states it for the model."
    )
    padding: Literal["same"] | None = Field(default=None, description="same: padding of weights from TensorFlow.")
    batch_norm_eps: float | None = Field(
        default=None, gt=0, le=1, description="Epsilon of batch normalisation: 0.001 for weights from TensorFlow."
    )
    seed: int = _SEED


class TinyConfig(ComponentConfig):
    """A small CNN for training from scratch on a CPU."""

    type: Literal["tiny"] = "tiny"
    width: float = Field(default=1.0, gt=0, le=16, description="Factor on the number of channels (128 at the end).")
    stride: Literal[8, 16] = Field(default=8, description="Input pixels per step of the feature map.")
    norm: Literal["group", "none"] = Field(default="group", description="Normalisation after each convolution.")
    weights: str = Field(
        default="none", min_length=1, description="none (random), or a file of a tiny network trained before."
    )
    train_from: Literal["all", "none", "conv1", "conv2", "conv3", "conv4", "conv5"] = Field(
        default="all", description="Lowest stage that is trained; all or none."
    )
    normalization: NormalizationName = Field(default="imagenet", description="How images are normalised.")
    seed: int = _SEED


class RootSIFTConfig(ComponentConfig):
    """Hand-made local features on a dense grid."""

    type: Literal["rootsift"] = "rootsift"
    step: int = Field(default=8, ge=1, le=256, description="Pixels between two descriptors.")
    bin_sizes: tuple[Annotated[int, Field(ge=1, le=256)], ...] = Field(
        default=(4, 6, 8, 10), min_length=1, max_length=16, description="Pixels of one of 4 x 4 bins, for each scale."
    )


def _normalization(value: NormalizationName | InputValues) -> Normalization:
    from vpr_backbones.normalization import Normalization

    if isinstance(value, InputValues):
        return Normalization(mean=value.mean, std=value.std, scale=value.scale)
    return Normalization.named(value)


def _build_tiny(config: TinyConfig) -> Backbone:
    from vpr_backbones.tiny import build_tiny

    return build_tiny(
        seed=config.seed,
        width=config.width,
        stride=config.stride,
        norm=config.norm,
        weights=config.weights,
        train_from=config.train_from,
        normalization=_normalization(config.normalization),
    )


def _build_network(config: NetworkConfig) -> Backbone:
    from vpr_backbones.torchvision import build_torchvision

    return build_torchvision(
        name=config.type,
        weights=config.weights,
        cut=config.cut,
        train_from=config.train_from,
        batch_norm=config.batch_norm if isinstance(config, BatchNormConfig) else None,
        normalization=_normalization(config.normalization),
        seed=config.seed,
    )


def _build_rootsift(config: RootSIFTConfig) -> Backbone:
    from vpr_backbones.rootsift import build_rootsift

    return build_rootsift(step=config.step, bin_sizes=config.bin_sizes)


def _build_timm(config: TimmConfig) -> Backbone:
    from vpr_backbones.timm import build_timm

    return build_timm(
        model=config.model,
        weights=config.weights,
        cut=config.cut,
        train_from=config.train_from,
        final_norm=config.final_norm,
        batch_norm=config.batch_norm,
        normalization=_normalization(config.normalization) if config.normalization else None,
        padding=config.padding,
        batch_norm_eps=config.batch_norm_eps,
        seed=config.seed,
    )


def _network_config(network: Network) -> type[NetworkConfig]:
    """The config of one network: its stages become the values that ``cut`` and ``train_from`` take."""
    names: Any = network.stage_names
    literal: Callable[..., Any] = Literal.__getitem__
    return create_model(
        f"{network.name.title().replace('_', '')}Config",
        __base__=BatchNormConfig if network.batch_norm else NetworkConfig,
        __doc__=f"{network.title}: stages {', '.join(names)}.",
        type=(literal(network.name), network.name),
        cut=(literal(names), Field(default=network.cut, description="Last stage that is kept.")),
        normalization=(
            NormalizationName | InputValues,
            Field(
                default=network.normalization,
                description="Input: imagenet (mean and std), caffe (RGB 0..255 minus mean), half (-1..1), none (0..1), "
                "or a block of mean, std and scale.",
            ),
        ),
        train_from=(
            literal(("all", "none", *names)),
            Field(default="all", description="Lowest stage that is trained, what lies below is frozen; all or none."),
        ),
    )


def _fetches(config: NetworkConfig | TimmConfig) -> tuple[Capability, ...]:
    """Published weights are fetched, with the user's token where Hugging Face has them; files are not."""
    return ("reaches_network", "reads_environment") if config.weights == "imagenet" else ()


def _patches(config: TimmConfig) -> ImageNeeds | None:
    """A plain vision transformer takes multiples of its patch."""
    known = look_up(config.model)
    return ImageNeeds(multiple=known.patch) if known is not None and known.patch else None


def _whose_weights(config: TimmConfig) -> Iterator[str]:
    """``imagenet`` is whatever timm takes by default for a model: say which weights these are, and their licence."""
    if config.weights != "imagenet":
        return
    known = look_up(config.model)
    if known is None:
        yield f"timm's list here does not hold {config.model!r}; if timm has it, look there for its weights' licence"
    elif not known.tag:
        yield f"timm publishes no weights of {known.name!r}: say weights: none, or give a file"
    else:
        yield (
            f"weights: imagenet takes timm's {known.name}.{known.tag}, licence {known.licence}; name the tag, as in "
            f"model: {known.name}.{known.tag}, to keep them when timm's default changes"
            if "." not in config.model
            else f"weights: imagenet takes timm's {known.name}.{known.tag}, licence {known.licence}"
        )


@hookimpl
def vpr_backbones() -> Iterator[BackboneSpec[Any]]:
    """Yield the tiny CNN, timm and every network of the table."""
    yield BackboneSpec(
        name="tiny",
        config=TinyConfig,
        build=_build_tiny,
        summary="A CNN of five convolutions, 0.2 M parameters, trained from scratch on a CPU.",
    )
    yield BackboneSpec(
        name="timm",
        config=TimmConfig,
        build=_build_timm,
        summary="Any network of timm: convolutional ones cut at a stage, vision transformers at a block.",
        paper="Wightman: PyTorch Image Models, 2019, doi 10.5281/zenodo.4414861",
        reaches_network=True,
        reads_environment=True,
        capabilities=_fetches,
        images=_patches,
        remarks=_whose_weights,
    )
    yield BackboneSpec(
        name="rootsift",
        config=RootSIFTConfig,
        build=_build_rootsift,
        summary="RootSIFT on a dense grid, for pooling: vlad; nothing is trained (needs OpenCV: extra sift).",
        paper="Arandjelovic, Zisserman: Three things everyone should know to improve object retrieval, CVPR 2012",
    )
    for network in NETWORKS.values():
        yield BackboneSpec(
            name=network.name,
            config=_network_config(network),
            build=_build_network,
            summary=f"{network.title} ({network.library}), cut at {network.cut} unless said otherwise.",
            paper=network.paper,
            reaches_network=True,
            reads_environment=True,
            capabilities=_fetches,
        )
