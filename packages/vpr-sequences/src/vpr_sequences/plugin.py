"""The sequence matchers that a run file can name. Loaded by hosts only: ``import vpr_sequences`` does not touch it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from vpr_core import ComponentConfig, SequenceSpec, hookimpl

if TYPE_CHECKING:
    from vpr_core.matching import SequenceMatcher

__all__ = [
    "ConcatenationConfig",
    "DeltaConfig",
    "ForwardFilterConfig",
    "MeanConfig",
    "SeqSLAMConfig",
    "TaskConfig",
    "ViterbiConfig",
    "vpr_sequences",
]

VPR_HOOK_API = "1.1"
_RATIO = "how many times as likely a near image is as a far one, at a drive's first image"
_BACK = "images of the database that a vehicle may be behind where it was a query ago"
_AHEAD = "images that it may be further on"
_JUMP = "probability of being anywhere: a detour, a turn"
_LENGTH = "images of a sequence; at the beginning of a drive there are fewer"


class SeqSLAMConfig(ComponentConfig):
    """Parameters of `vpr_sequences.SeqSLAM`."""

    type: Literal["seqslam"] = "seqslam"
    length: int = Field(11, ge=1, le=1000, description=_LENGTH)
    slowest: float = Field(0.8, ge=0, le=1000, description="least velocity, in database images a query image")
    fastest: float = Field(1.2, ge=0, le=1000, description="largest velocity; 2: twice as fast as the database's drive")
    step: float = Field(0.1, gt=0, le=1000, description="between velocities")
    contrast: int = Field(11, ge=0, le=100_000, description="images that enhance local contrast; 0: none")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.slowest > self.fastest:
            raise ValueError(f"slowest ({self.slowest:g}) is above fastest ({self.fastest:g})")
        if self.contrast == 1:
            raise ValueError("contrast: 1 image has no deviation; take 0 for none, or at least 2")
        if (self.fastest - self.slowest) / self.step > 1000:
            raise ValueError("step: more than 1000 velocities; take a larger step")
        return self


class MeanConfig(ComponentConfig):
    """Parameters of `vpr_sequences.SequenceMean`."""

    type: Literal["mean"] = "mean"
    length: int = Field(5, ge=1, le=1000, description=_LENGTH)
    normalize: bool = Field(True, description="scale means to length 1")


class ConcatenationConfig(ComponentConfig):
    """Parameters of `vpr_sequences.SequenceConcatenation`."""

    type: Literal["concatenation"] = "concatenation"
    length: int = Field(5, ge=1, le=1000, description=_LENGTH)


class DeltaConfig(ComponentConfig):
    """Parameters of `vpr_sequences.DeltaDescriptors`."""

    type: Literal["delta"] = "delta"
    length: int = Field(8, ge=2, le=1000, multiple_of=2, description="images of the window, an even number")
    matched: int = Field(1, ge=1, le=1000, description="images whose costs are averaged; 1: the query's alone")


class ForwardFilterConfig(ComponentConfig):
    """Parameters of `vpr_sequences.ForwardFilter`."""

    type: Literal["forward_filter"] = "forward_filter"
    ratio: float = Field(5.0, gt=1, le=1e12, description=_RATIO)
    back: int = Field(2, ge=0, le=10_000, description=_BACK)
    ahead: int = Field(10, ge=0, le=10_000, description=_AHEAD)
    jump: float = Field(0.01, gt=0, lt=1, description=_JUMP)


class ViterbiConfig(ComponentConfig):
    """Parameters of `vpr_sequences.Viterbi`."""

    type: Literal["viterbi"] = "viterbi"
    ratio: float = Field(5.0, gt=1, le=1e12, description=_RATIO)
    back: int = Field(2, ge=0, le=10_000, description=_BACK)
    ahead: int = Field(10, ge=0, le=10_000, description=_AHEAD)
    jump: float = Field(0.01, gt=0, lt=1, description=_JUMP)


class TaskConfig(ComponentConfig):
    """Parameters of `vpr_sequences.SequenceTask`."""

    type: Literal["msls"] = "msls"
    task: Literal["im2seq", "seq2im", "seq2seq"] = Field("seq2seq", description="which sides are sequences")
    length: int = Field(5, ge=1, le=999, description="images of a sequence, odd")
    fusion: Literal["closest", "mean"] = Field("mean", description="two nearest images, or means of descriptors")

    @model_validator(mode="after")
    def _odd(self) -> Self:
        if self.length % 2 == 0:
            raise ValueError(f"length: {self.length} is even; a sequence has a middle image: take {self.length + 1}")
        return self


def _arguments(config: ComponentConfig) -> dict[str, Any]:
    return config.model_dump(exclude={"type"})


def _build_seqslam(config: SeqSLAMConfig) -> SequenceMatcher:
    from vpr_sequences.seqslam import SeqSLAM

    return SeqSLAM(**_arguments(config))


def _build_mean(config: MeanConfig) -> SequenceMatcher:
    from vpr_sequences.mean import SequenceMean

    return SequenceMean(**_arguments(config))


def _build_concatenation(config: ConcatenationConfig) -> SequenceMatcher:
    from vpr_sequences.concatenation import SequenceConcatenation

    return SequenceConcatenation(**_arguments(config))


def _build_delta(config: DeltaConfig) -> SequenceMatcher:
    from vpr_sequences.delta import DeltaDescriptors

    return DeltaDescriptors(**_arguments(config))


def _build_forward_filter(config: ForwardFilterConfig) -> SequenceMatcher:
    from vpr_sequences.forward_filter import ForwardFilter

    return ForwardFilter(**_arguments(config))


def _build_viterbi(config: ViterbiConfig) -> SequenceMatcher:
    from vpr_sequences.viterbi import Viterbi

    return Viterbi(**_arguments(config))


def _build_task(config: TaskConfig) -> SequenceMatcher:
    from vpr_sequences.tasks import SequenceTask

    return SequenceTask(**_arguments(config))


@hookimpl
def vpr_sequences() -> Iterator[SequenceSpec[Any]]:
    """Yield the sequence matchers of this package."""
    yield SequenceSpec(
        name="seqslam",
        config=SeqSLAMConfig,
        build=_build_seqslam,
        summary="straight lines through a contrast-enhanced difference matrix, over a range of velocities",
        paper="Milford, Wyeth: SeqSLAM, ICRA 2012, doi 10.1109/ICRA.2012.6224623",
    )
    yield SequenceSpec(
        name="mean",
        config=MeanConfig,
        build=_build_mean,
        summary="mean of the last descriptors",
        paper="Garg, Milford: SeqNet, RA-L 2021, arXiv 2102.11603 (a baseline there)",
    )
    yield SequenceSpec(
        name="concatenation",
        config=ConcatenationConfig,
        build=_build_concatenation,
        summary="the last descriptors, one behind the other",
        paper="Facil, Olid, Montesano, Civera: Condition-Invariant Multi-View Place Recognition, arXiv 1902.09516",
    )
    yield SequenceSpec(
        name="delta",
        config=DeltaConfig,
        build=_build_delta,
        summary="changes along the drive, delta descriptors",
        paper="Garg, Harwood, Anand, Milford: Delta Descriptors, RA-L 2020, arXiv 2006.05700",
    )
    yield SequenceSpec(
        name="forward_filter",
        config=ForwardFilterConfig,
        build=_build_forward_filter,
        summary="belief over places, carried along by a model of motion",
        paper="Xu, Sunderhauf, Milford: Probabilistic Visual Place Recognition for Hierarchical Localization, "
        "RA-L 2021, arXiv 2105.03091",
    )
    yield SequenceSpec(
        name="viterbi",
        config=ViterbiConfig,
        build=_build_viterbi,
        summary="end of the most likely way so far",
        paper="Hansen, Browning: Visual Place Recognition Using HMM Sequence Matching, IROS 2014",
    )
    yield SequenceSpec(
        name="msls",
        config=TaskConfig,
        build=_build_task,
        summary="image to sequence, sequence to image or sequence to sequence",
        paper="Warburg, Hauberg, Lopez-Antequera, Gargallo, Kuang, Civera: Mapillary Street-Level Sequences, CVPR 2020",
    )
