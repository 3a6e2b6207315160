"""What is refused, and with which words; and what the package promises to those who use it alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vpr_sequences import (
    DeltaDescriptors,
    ForwardFilter,
    SeqSLAM,
    SequenceConcatenation,
    SequenceMean,
    SequenceTask,
    Viterbi,
)

WRONG: dict[str, Callable[[], Any]] = {
    "length must be at least 1, got 0": lambda: SeqSLAM(length=0),
    r"slowest must lie in 0\.\.fastest, got slowest=2, fastest=1": lambda: SeqSLAM(slowest=2, fastest=1),
    "step must be above 0, got 0": lambda: SeqSLAM(step=0),
    "contrast must be 0 .none. or at least 2": lambda: SeqSLAM(contrast=1),
    "length must be at least 1, got -1": lambda: SequenceMean(length=-1),
    "length must be at least 1, got -3": lambda: SequenceConcatenation(length=-3),
    "even number of at least 2, got 3": lambda: DeltaDescriptors(length=3),
    "matched must be at least 1": lambda: DeltaDescriptors(matched=0),
    "ratio must be above 1, got 1": lambda: ForwardFilter(ratio=1),
    "jump must lie between 0 and 1": lambda: Viterbi(jump=0),
    "back and ahead must be at least 0": lambda: ForwardFilter(back=-1),
    "task must be one of im2seq": lambda: SequenceTask(task="im2im"),  # type: ignore[arg-type]
    "length must be odd": lambda: SequenceTask(length=4),
    "fusion must be one of closest, mean": lambda: SequenceTask(fusion="max"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("said", WRONG)
def test_parameters_out_of_range_are_refused(said: str) -> None:
    with pytest.raises(ValueError, match=said):
        WRONG[said]()


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("queries: row 1 holds NaN or infinity", {"queries": np.array([[1, 0], [np.nan, 0]])}),
        (r"database must have shape \(N, 2\), got \(3, 3\)", {"database": np.eye(3)}),
        ("3 descriptors and drives of shape", {"database_drive": np.zeros(2, np.int64)}),
        ("drives must be whole numbers, got float64", {"query_drive": np.zeros(2)}),
        (r"k must lie in 1\.\.3", {"k": 4}),
    ],
)
def test_descriptors_that_cannot_be_compared_are_refused(said: str, change: dict[str, Any]) -> None:
    given: dict[str, Any] = {
        "queries": np.eye(2),
        "database": np.array([[1.0, 0], [0, 1], [0.6, 0.8]]),
        "query_drive": np.zeros(2, np.int64),
        "database_drive": np.zeros(3, np.int64),
        "k": 1,
    } | change
    with pytest.raises(ValueError, match=said):
        SequenceMean().search(given.pop("queries"), given.pop("database"), **given)


def test_the_package_offers_what_it_says_and_lists_itself_without_numpy() -> None:
    import vpr_sequences

    assert all(hasattr(vpr_sequences, name) for name in vpr_sequences.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'SeqNet'"):
        vpr_sequences.SeqNet  # noqa: B018
    code = "import sys, vpr_sequences; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
