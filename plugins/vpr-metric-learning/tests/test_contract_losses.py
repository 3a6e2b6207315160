"""The contract of every loss of this plug-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from vpr_core.testing import PlaceLossContract, Trial
from vpr_metric_learning.plugin import vpr_losses

SPECS = {spec.name: spec for spec in vpr_losses()}
PAIRS = {"mining_epsilon": [0.02, 0.3, None]}
TRIALS: Mapping[str, Sequence[Trial]] = {
    "multi_similarity": [Trial(other=PAIRS)],
    "pml_contrastive": [Trial(other=PAIRS)],
    "circle": [Trial(other=PAIRS)],
    "supcon": [Trial(other=PAIRS)],
    "ntxent": [Trial(other=PAIRS)],
    "cross_batch_memory": [
        Trial(
            label=name,
            parameters={"size": 20, "loss": {"type": name}},
            other={"loss": [{"type": other}], "start": [1, 2], "size": [5]},
            options={"stateless": False},
        )
        for name, other in {
            "pml_contrastive": "circle",
            "multi_similarity": "circle",
            "circle": "supcon",
            "supcon": "ntxent",
            "ntxent": "supcon",
            "batch_hard_triplet": "supcon",
            "semi_hard_triplet": "supcon",
            "batch_all_triplet": "supcon",
        }.items()
    ],
}
CASES = [
    pytest.param((spec, trial), id=f"{name}-{trial.label}".rstrip("-"))
    for name, spec in SPECS.items()
    for trial in TRIALS.get(name, [Trial()])
]


@pytest.mark.parametrize("case", CASES, indirect=True)
class TestLosses(PlaceLossContract): ...


def test_trials_name_losses() -> None:
    assert set(TRIALS) <= set(SPECS)
