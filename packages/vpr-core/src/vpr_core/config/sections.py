"""The blocks of a run file that belong to no component: image, init, train, whiten, eval, compute."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, model_validator

from vpr_core.components import ComponentConfig

__all__ = [
    "AugmentConfig",
    "Component",
    "ComputeConfig",
    "EvalConfig",
    "ImageConfig",
    "InitConfig",
    "PositivesConfig",
    "Section",
    "TrainConfig",
    "WhitenConfig",
]

_LONGEST = 1024
Side = Annotated[int, Field(ge=8, le=16384)]
Rank = Annotated[int, Field(ge=1, le=1_000_000)]
Component = SerializeAsAny[ComponentConfig]
"""A field typed by the base class would dump as its ``type`` alone."""


class Section(BaseModel):
    """Base of every block: unknown fields, NaN and infinity are refused; instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


class AugmentConfig(Section):
    """Random changes of training images; everything is off by default. Evaluation never uses them."""

    crop: float | None = Field(
        default=None, gt=0, le=1, description="Random crop keeps at least this share of the area; null: no crop."
    )
    rotation: float = Field(default=0.0, ge=0, le=180, description="Rotate by up to this many degrees either way.")
    flip: bool = Field(
        default=False, description="Mirror half of the images left to right (a mirrored street is another place)."
    )
    colour: float = Field(
        default=0.0, ge=0, le=1, description="Change brightness, contrast and saturation by up to this share."
    )
    scale: float = Field(default=0.0, ge=0, lt=1, description="Zoom by up to this share in or out, keeping the size.")


class ImageConfig(Section):
    """Size and augmentation of images. One rule says the size: size, short_side, max_side, or else longest."""

    size: tuple[Side, Side] | None = Field(
        default=None, description="[height, width] in pixels to which every image is resized; null: as they are."
    )
    short_side: Side | None = Field(
        default=None, description="Every image is resized, in its shape, until its shorter side is this; null: no rule."
    )
    max_side: Side | None = Field(
        default=None, description="Every image is resized, in its shape, until its longer side is this; null: no rule."
    )
    longest: int | None = Field(
        default=_LONGEST,
        ge=8,
        le=65_536,
        description="Where no rule is given, an image whose longer side is longer is shrunk to this; null: never.",
    )
    multiple: int = Field(
        default=1, ge=1, le=1024, description="Then both sides are cut, from the middle, to multiples of this."
    )
    interpolation: Literal["bilinear", "bicubic"] = Field(default="bilinear", description="Filter of the resizing.")
    augment: AugmentConfig = Field(default=AugmentConfig(), description="Random changes of training images.")

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        given = [name for name in ("size", "short_side", "max_side") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"one rule says the size of images, got {' and '.join(given)}; keep one")
        # A dump writes its default beside the rule that is in force.
        if given and given != ["size"] and self.longest not in (None, _LONGEST):
            raise ValueError(f"one rule says the size of images, got {given[0]} and longest; keep one")
        if self.size is not None and min(self.size) < self.multiple:
            raise ValueError(f"size ({list(self.size)}) is smaller than multiple ({self.multiple})")
        return self

    @property
    def fixed(self) -> tuple[int, int] | None:
        """Height and width that every image has in the end, or None: it depends on the image."""
        return None if self.size is None else (self._cut(self.size[0]), self._cut(self.size[1]))

    def _cut(self, side: int) -> int:
        return side - side % self.multiple

    def in_force(self) -> dict[str, Any]:
        """Return the fields that change the pixels of an image that is only looked at: a model's identity.

        The rule in force, and what came later than the first release where it says something.
        """
        chosen: dict[str, Any] = {"size": None if self.size is None else list(self.size)}
        if self.size is None and self.short_side is None and self.max_side is None and self.longest is not None:
            chosen["longest"] = self.longest
        later = {"short_side": None, "max_side": None, "multiple": 1, "interpolation": "bilinear"}
        return chosen | {name: getattr(self, name) for name, before in later.items() if getattr(self, name) != before}


class InitConfig(Section):
    """Sample of local features for pooling layers that start from data (NetVLAD's k-means)."""

    images: int = Field(default=500, ge=1, le=10_000_000, description="Images to sample.")
    locations: int = Field(default=100, ge=1, le=1_000_000, description="Local features to take from each image.")


class PositivesConfig(Section):
    """Which database images may serve as positives in training; null takes the data set's own rule."""

    within: float | None = Field(default=None, gt=0, description="At most this far from the query (metres or frames).")
    beyond: float | None = Field(
        default=None, ge=0, description="Farther than this from the query: leaves out trivial pairs."
    )
    different_time: bool | None = Field(default=None, description="Only images of another time than the query's.")

    @model_validator(mode="after")
    def _ring_is_not_empty(self) -> Self:
        if self.within is not None and self.beyond is not None and self.beyond >= self.within:
            raise ValueError(f"beyond ({self.beyond:g}) must be less than within ({self.within:g})")
        return self


class TrainConfig(Section):
    """Training. Defaults are NetVLAD's (Arandjelovic et al. 2016, arXiv:1511.07247)."""

    epochs: int = Field(default=30, ge=0, le=100_000, description="Passes over the training queries; 0 trains nothing.")
    optimizer: Literal["sgd", "adam", "adamw"] = Field(default="sgd", description="Optimiser.")
    lr: float = Field(default=0.001, gt=0, le=100, description="Learning rate of the first epoch.")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Momentum (sgd) or first beta (adam, adamw).")
    weight_decay: float = Field(default=0.001, ge=0, le=10, description="Weight decay.")
    lr_halve_every: int = Field(default=5, ge=0, description="Halve the learning rate every so many epochs; 0: never.")
    batch: int = Field(default=4, ge=1, le=100_000, description="Tuples per optimisation step.")
    cache_every: int = Field(default=1000, ge=1, description="Queries between two refreshes of the descriptor cache.")
    cache_grows: bool = Field(default=True, description="Double cache_every each time the learning rate is halved.")
    val_queries: int = Field(default=1000, ge=1, description="Validation queries after each epoch, at most.")
    select: str = Field(
        default="recall@5",
        pattern=r"^recall@[1-9][0-9]{0,5}$",
        description="Validation metric that picks the best checkpoint.",
    )
    patience: int | None = Field(
        default=None, ge=1, description="Stop after so many epochs without a better validation result; null: never."
    )
    positives: PositivesConfig = Field(default=PositivesConfig(), description="Which images may serve as positives.")
    negatives_beyond: float | None = Field(
        default=None, gt=0, description="Negatives lie farther than this from the query; null: the data set's rule."
    )
    micro_batch: int | None = Field(
        default=None, ge=1, description="Images per forward pass when a step does not fit in memory; null: all at once."
    )
    keep: int = Field(default=2, ge=1, le=10_000, description="Checkpoints to keep beside the best.")
    max_queries: int | None = Field(default=None, ge=1, description="Training queries per epoch, at most; null: all.")
    grad_clip: float | None = Field(
        default=None, gt=0, description="Clip the gradient to this norm; null: do not clip."
    )
    frozen_cache_gib: float = Field(
        default=8.0,
        ge=0,
        le=1_000_000,
        description="Disk (GiB) for the activations below backbone.train_from, computed once an image; 0: none.",
    )
    places_per_batch: int = Field(
        default=16, ge=2, le=100_000, description="Places per step, for losses that learn from place labels."
    )
    images_per_place: int = Field(
        default=4, ge=2, le=10_000, description="Images per place and step, for losses that learn from place labels."
    )

    @model_validator(mode="after")
    def _positives_are_no_negatives(self) -> Self:
        within = self.positives.within
        if within is not None and self.negatives_beyond is not None and self.negatives_beyond < within:
            raise ValueError(
                f"negatives_beyond ({self.negatives_beyond:g}) must not be less than positives.within ({within:g}), "
                "or a positive could serve as negative"
            )
        return self


class WhitenConfig(Section):
    """PCA whitening of the descriptors, learnt on database images."""

    dim: int = Field(default=4096, ge=1, le=65_536, description="Dimensions to keep.")
    images: int = Field(default=10_000, ge=2, le=10_000_000, description="Images to learn from; more than dim.")

    @model_validator(mode="after")
    def _enough_images(self) -> Self:
        if self.dim >= self.images:
            raise ValueError(
                f"images ({self.images}) must be more than dim ({self.dim}): n images span n - 1 directions"
            )
        return self


class EvalConfig(Section):
    """Evaluation by recall@N."""

    split: str = Field(
        default="test", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Split of the data set to evaluate."
    )
    recall_at: tuple[Rank, ...] = Field(
        default=(1, 5, 10, 20), min_length=1, max_length=100, description="The N of recall@N, rising."
    )
    bootstrap: int = Field(
        default=1000, ge=0, le=1_000_000, description="Bootstrap samples for the intervals; 0: none."
    )
    test_method: (
        Literal["hard_resize", "single_query", "central_crop", "five_crops", "nearest_crop", "maj_voting"] | None
    ) = Field(
        default=None,
        description="How queries are cut, as the deep visual geo-localization benchmark names it (arXiv 2204.03444); "
        "needs image.size; null: as the database.",
    )
    majority_weight: float = Field(
        default=0.01, ge=0, le=4, description="Of maj_voting: what agreement takes off a squared distance."
    )
    scales: tuple[Annotated[float, Field(gt=0, le=8)], ...] = Field(
        default=(1.0,),
        min_length=1,
        max_length=16,
        description="Scales of an image over which the mean of its descriptors is taken, then unit length.",
    )

    @model_validator(mode="after")
    def _scales_differ(self) -> Self:
        if len(set(self.scales)) != len(self.scales):
            raise ValueError(f"scales names one twice, got {list(self.scales)}")
        return self

    @property
    def suffix(self) -> str:
        """What the name of a protocol gains: ``+five_crops+scales0.7,1``; nothing where images are seen as they are."""
        method = f"+{self.test_method}" if self.test_method not in (None, "hard_resize") else ""
        scales = ",".join(f"{scale:g}" for scale in self.scales)
        return method + (f"+scales{scales}" if self.scales != (1.0,) else "")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if list(self.recall_at) != sorted(set(self.recall_at)):
            raise ValueError(f"recall_at must rise without repeats, got {list(self.recall_at)}")
        return self


class ComputeConfig(Section):
    """How to compute. Beyond rounding, only a runtime of lower precision changes what is computed."""

    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|mps|cuda(:[0-9]{1,3})?|xpu(:[0-9]{1,3})?)$",
        description="auto (an accelerator when there is one), cpu, cuda, cuda:<n>, mps, xpu.",
    )
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", description="Precision of the backbone; pooling and loss stay in float32."
    )
    workers: int = Field(default=2, ge=0, le=1024, description="Threads that decode images.")
    batch: int = Field(default=32, ge=1, le=100_000, description="Images per forward pass when encoding, at most.")
    batch_pixels: int | None = Field(
        default=None,
        ge=1,
        description="Pixels per forward pass when encoding, at most; null: 4 images of 480 x 640 on a CPU, which needs "
        "much less memory and hardly more time than 32 of them, and 32 on an accelerator.",
    )
    max_pixels: int = Field(
        default=89_478_485,
        ge=1,
        description="Pixels of one image that are decoded, at most; a larger one counts as unreadable.",
    )
    threads: int | None = Field(default=None, ge=1, le=4096, description="Threads of torch; null: its own choice.")
    on_bad_image: Literal["error", "skip"] = Field(
        default="error", description="An image that cannot be decoded stops the run, or is left out and reported."
    )
    compile: bool = Field(default=False, description="Compile the network first (torch.compile).")
    runtime: Component | None = Field(
        default=None, description="What executes the network when encoding; null: torch, as torch is."
    )
