"""Place recognition by several images in a row: matchers that use a drive up to the query and nothing later.

Names are loaded when first asked for, so that a host may list the components without importing numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_sequences.answers import Answers
    from vpr_sequences.concatenation import SequenceConcatenation
    from vpr_sequences.delta import DeltaDescriptors
    from vpr_sequences.forward_filter import ForwardFilter
    from vpr_sequences.mean import SequenceMean
    from vpr_sequences.seqslam import SeqSLAM
    from vpr_sequences.tasks import SequenceTask
    from vpr_sequences.viterbi import Viterbi

__all__ = [
    "Answers",
    "DeltaDescriptors",
    "ForwardFilter",
    "SeqSLAM",
    "SequenceConcatenation",
    "SequenceMean",
    "SequenceTask",
    "Viterbi",
]
__version__ = "0.1.0"

_HOME = {
    "Answers": "answers",
    "DeltaDescriptors": "delta",
    "ForwardFilter": "forward_filter",
    "SeqSLAM": "seqslam",
    "SequenceConcatenation": "concatenation",
    "SequenceMean": "mean",
    "SequenceTask": "tasks",
    "Viterbi": "viterbi",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vpr_sequences' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"vpr_sequences.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
