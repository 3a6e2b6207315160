"""An epoch of training with the frozen-prefix cache against one without."""

from __future__ import annotations

import itertools
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.speed.measure import Comparison, Effort, Timing
from bench.speed.network import REGISTRY, make_config, training_folder
from bench.speed.row import Row
from vpr_runner import assemble, train

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure"]

TOLERANCE = 1e-3


def epochs_of(config: Any, folder: Path) -> tuple[list[float], list[float], int]:
    """Train; return seconds of each epoch after the first, every epoch's hinge, and the images the last learnt from.

    The hinge is meant over all mined triplets; the loss that a run reports is the mean over violating ones, which jumps
    where one of them just ceases to.
    """
    train(config, REGISTRY, run_directory=folder, progress=False)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    parts = [line for line in lines if line["kind"] == "part"]
    ends = [part["time"] for part in parts if part["part"] == part["parts"]]
    seconds = [later - earlier for earlier, later in itertools.pairwise(ends)]
    triplets = config.miner.keep
    hinges = [part["loss"] * part["violating"] / (part["samples"] * triplets) for part in parts]
    return seconds, hinges, parts[-1]["images"]


def promised(config: Any, *, encoded: int, learnt: int) -> float:
    """Return what the multiplications of the backbone alone let one expect of the cache.

    An image of a cache refresh goes forward; backward costs an image of a step twice the trained part's forward.
    """
    retriever = assemble(config, REGISTRY).eval()
    image = torch.zeros(1, 3, *config.image.size)
    with torch.inference_mode(), FlopCounterMode(display=False) as below:
        activations = retriever.backbone.frozen(image)
    with torch.inference_mode(), FlopCounterMode(display=False) as above:
        retriever.backbone.trainable(activations)
    frozen, trained = below.get_total_flops(), above.get_total_flops()
    kept = encoded * trained + learnt * 3 * trained
    return (kept + (encoded + learnt) * frozen) / kept


def measure(effort: Effort) -> Iterator[Row]:
    """VGG-16 trained from conv5, ResNet-18 trained from layer3; images are small, which leaves the ratio as it is.

    A refresh encodes about as many images as the steps learn from, as it does in Pitts30k's parts of 1,000 queries.
    """
    yield _row(effort, "vgg16", "conv5", size=(96, 128), database=96, queries=12)
    yield _row(effort, "resnet18", "layer3", size=(160, 224), database=128, queries=16)


def _row(effort: Effort, network: str, stage: str, *, size: tuple[int, int], database: int, queries: int) -> Row:
    if effort.quick:
        size, database, queries = (48, 64), 12, 4
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        training_folder(root / "data", database=database, queries=queries, size=size)
        seconds, losses, learnt = {}, {}, 0
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
            seconds[label], losses[label], learnt = epochs_of(config, root / label)
    difference = max(abs(a - b) for a, b in zip(losses["ours"], losses["without"], strict=True))
    if difference > TOLERANCE:
        raise AssertionError(f"{network}: losses differ by {difference} with the frozen-prefix cache")
    promise = promised(config, encoded=database + queries, learnt=learnt)
    comparison = Comparison({label: Timing(tuple(times)) for label, times in seconds.items()}, warmup=1)
    return Row.from_comparison(
        f"an epoch of {queries} queries, {database} database images {size[0]}x{size[1]}, {network} from {stage}",
        comparison,
        reference="without",
        target="3x for one of the two networks",
        note=(
            f"an epoch encodes {database + queries} images to mine, learns from {learnt} and writes three checkpoints, "
            "which take as long without the cache; by the backbone's multiplications alone the ratio would be "
            f"{promise:.1f}x; losses differ by {difference:.0e} at most"
        ),
    )
