"""Whose weights a network started from stands in what is recorded of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from vpr_backbones import build_tiny
from vpr_core import build_registry
from vpr_core.config import parse_run
from vpr_runner.network.origin import weights_of
from vpr_runner.training.train import train

RUN = {
    "dataset": {"type": "city", "size": "small"},
    "pooling": {"type": "gem"},
    "image": {"size": [32, 48]},
    "train": {"epochs": 1, "max_queries": 4, "val_queries": 4, "cache_every": 4},
    "compute": {"device": "cpu", "threads": 1},
    "eval": {"bootstrap": 0},
}


@dataclass(frozen=True)
class Origin:
    repository: str
    commit: str = ""
    ref: str | None = None


class Backbone:
    def __init__(self, origin: Any) -> None:
        self.origin = origin


@pytest.mark.parametrize(
    ("backbone", "recorded"),
    [
        (object(), {}),
        (Backbone(None), {}),
        (Backbone("a text"), {}),
        (Backbone(Origin("a/b")), {"weights": {"repository": "a/b"}}),
        (Backbone(Origin("a/b", commit="12")), {"weights": {"repository": "a/b", "commit": "12"}}),
    ],
)
def test_what_an_origin_says(backbone: object, recorded: dict[str, Any]) -> None:
    assert weights_of(backbone) == recorded


def test_a_file_is_recorded_by_name_and_digest_and_what_it_left(tmp_path: Path) -> None:
    state = {f"backbone.{name}": value for name, value in build_tiny(seed=1, width=0.25).state_dict().items()}
    torch.save({"state_dict": {**state, "aggregator.p": torch.ones(1)}}, tmp_path / "whole.ckpt")
    assert weights_of(build_tiny(width=0.25)) == {}
    found = weights_of(build_tiny(width=0.25, weights=tmp_path / "whole.ckpt"))["weights"]
    assert found["name"] == "whole.ckpt"
    assert found["foreign"] == ("aggregator.p",)
    assert len(found["sha256"]) == 64

    registry = build_registry()
    block = {"type": "tiny", "width": 0.25, "weights": str(tmp_path / "whole.ckpt")}
    config = parse_run(json.dumps({**RUN, "backbone": block}), registry)
    train(config, registry, run_directory=tmp_path / "run")
    recorded = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert recorded["weights"] == json.loads(json.dumps(found))
    assert "versions" in recorded
