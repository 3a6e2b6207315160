"""An epoch of training with the frozen-prefix cache against one without."""

from __future__ import annotations

import itertools
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.speed.measure import Comparison, Effort, Timing
from bench.speed.network import REGISTRY, make_config, training_folder
from bench.speed.row import Row
from vpr_runner import train

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

TOLERANCE = 1e-3


def epochs_of(config: Any, folder: Path) -> tuple[list[float], list[float]]:
    """Train; return seconds of each epoch after the first, and every epoch's hinge, meant over all mined triplets.

    The loss that a run reports is the mean over violating triplets, which jumps where one of them just ceases to.
    """
    train(config, REGISTRY, run_directory=folder, progress=False)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    parts = [line for line in lines if line["kind"] == "part"]
    ends = [part["time"] for part in parts if part["part"] == part["parts"]]
    seconds = [later - earlier for earlier, later in itertools.pairwise(ends)]
    triplets = config.miner.keep
    return seconds, [part["loss"] * part["violating"] / (part["samples"] * triplets) for part in parts]


def measure(effort: Effort) -> Iterator[Row]:
    """ResNet-18 trained from layer3, VGG-16 trained from conv5."""
    yield _row(effort, "resnet18", "layer3", size=(240, 320), database=96, queries=24)
    yield _row(effort, "vgg16", "conv5", size=(160, 224), database=48, queries=12)


def _row(effort: Effort, network: str, stage: str, *, size: tuple[int, int], database: int, queries: int) -> Row:
    if effort.quick:
        size, database, queries = (48, 64), 12, 4
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        training_folder(root / "data", database=database, queries=queries, size=size)
        seconds, losses = {}, {}
        # Batch statistics would make the random weights' distances while mining others than those in a step.
        frozen = {"batch_norm": "frozen"} if network.startswith("resnet") else {}
        for label, gib in (("without", 0.0), ("ours", 2.0)):
            config = make_config(
                root / "data",
                backbone={"type": network, "train_from": stage, "weights": "none", **frozen},
                # On random weights NetVLAD's start makes assignments so sharp that half precision flips some of them.
                pooling={"type": "gem"},
                image={"size": size},
                train={"epochs": 2 if effort.quick else 3, "frozen_cache_gib": gib, "cache_every": queries},
                compute={"device": effort.device, "batch": 16},
            )
            seconds[label], losses[label] = epochs_of(config, root / label)
    difference = max(abs(a - b) for a, b in zip(losses["ours"], losses["without"], strict=True))
    if difference > TOLERANCE:
        raise AssertionError(f"{network}: losses differ by {difference} with the frozen-prefix cache")
    comparison = Comparison({label: Timing(tuple(times)) for label, times in seconds.items()}, warmup=1)
    return Row.from_comparison(
        f"an epoch of {queries} queries, {database} database images {size[0]}x{size[1]}, {network} from {stage}",
        comparison,
        reference="without",
        target="3x",
        note=f"cache refresh, mining, steps and checkpoint; losses differ by {difference:.1e} at most",
    )
