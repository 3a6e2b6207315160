"""`RunConfig`: a whole run file. The registry's model refines it with the components that are installed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from vpr_core.config.blocks import COMPONENT_FIELDS
from vpr_core.config.sections import (
    Component,
    ComputeConfig,
    EvalConfig,
    ImageConfig,
    InitConfig,
    TrainConfig,
    WhitenConfig,
)

__all__ = ["COMPONENT_FIELDS", "SCHEDULING_FIELDS", "RunConfig"]


class RunConfig(BaseModel):
    """What a run does: data, model, training, evaluation, and how to compute it.

    This base types each component block as `ComponentConfig`; ``registry.run_config_model()`` is the subclass whose
    blocks are the unions of what is installed. Validate a run file with that one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True, defer_build=True)

    name: str = Field(
        default="run",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="Name of the run: letters, digits, dot, dash, underscore.",
    )
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="Key of everything random in the run.")
    plugins: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), description="Local plug-ins: Python files, relative to the run file."
    )
    dataset: Component = Field(description="Images, positions and splits.")
    backbone: Component = Field(description="Network that turns an image into a feature map.")
    pooling: Component = Field(description="Feature map to descriptor.")
    loss: Component = Field(description="What training minimises.")
    miner: Component = Field(description="Which positives and negatives a query is trained with.")
    index: Component = Field(description="Nearest-neighbour search.")
    engine: Component = Field(description="Where the chunks of an extraction are computed.")
    image: ImageConfig = Field(default=ImageConfig(), description="Size and augmentation of images.")
    init: InitConfig = Field(
        default=InitConfig(), description="Sample of local features the pooling layer starts from."
    )
    train: TrainConfig = Field(default=TrainConfig(), description="Training.")
    whiten: WhitenConfig | None = Field(default=None, description="PCA whitening of the descriptors; null: none.")
    eval: EvalConfig = Field(default=EvalConfig(), description="Evaluation.")
    sequence: Component | None = Field(
        default=None, description="Matching of several images in a row; null: every image for itself."
    )
    rerank: Component | None = Field(default=None, description="A better order of the first answers; null: none.")
    compute: ComputeConfig = Field(default=ComputeConfig(), description="Device, precision, workers.")
    loggers: tuple[Component, ...] = Field(
        default=(), max_length=100, description="Where the records of a training go beside metrics.jsonl."
    )


SCHEDULING_FIELDS = ("engine", "loggers")
"""Blocks that say where work is done, or who is told, and change nothing of what comes out: no hash and no run's
identity holds them.
"""
