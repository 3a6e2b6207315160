"""Which networks and sets are measured: the rendered city, which needs nothing, and photographs with real weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core.config import make_run
from vpr_data import CityDataset
from vpr_data.city.sizes import CitySize
from vpr_runner.data import open_dataset, split_named
from vpr_runner.training.train import train

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_data import ImageSet, PlaceSplit

__all__ = ["Group", "TestSet", "city", "real"]


@dataclass(frozen=True, kw_only=True)
class TestSet:
    """Images that are searched and asked for, and the size that the network sees them at."""

    __test__ = False
    name: str
    split: PlaceSplit
    size: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Networks that learn from one training set and are measured on some test sets.

    Attributes:
        name: ``city`` or ``real``.
        runs: for each network's name the run file it is built from: data set, backbone, image size.
        modern: what trains the modern layer, laid over a run: loss, pooling, epochs.
        training: database images that clusters and whitenings are learnt from.
        training_size: what the network sees of them.
        sets: see `TestSet`.
    """

    name: str
    runs: Mapping[str, dict[str, Any]]
    modern: dict[str, Any]
    training: ImageSet
    training_size: tuple[int, int]
    sets: tuple[TestSet, ...]


PHOTOGRAPHS = CitySize(name="choices", height=192, width=256, stations=(240, 60, 160), queries=(480, 120, 400))
"""The city of ``nox -s bench`` in pictures of twice the size, so that there is something to resize and to decode."""
SMALL = CitySize(name="choices_quick", height=48, width=64, stations=(12, 4, 8), queries=(16, 4, 12))
_LEARN_PLACES = {"loss": {"type": "info_nce"}, "train": {"lr": 0.001, "places_per_batch": 32, "images_per_place": 2}}


def city(registry: Registry, *, folder: Path, quick: bool = False) -> Group:
    """Return the city with two networks that were taught to tell its training places apart, in ``folder``."""
    pictures = CityDataset(size=SMALL if quick else PHOTOGRAPHS)
    size = (48, 64) if quick else (96, 128)
    base: dict[str, Any] = {
        "dataset": {"type": "city", "size": "small" if quick else "bench"},
        "image": {"size": list(size)},
        "eval": {"split": "test"},
        "pooling": {"type": "avg"},
    }
    epochs = 1 if quick else 12
    backbones = {
        "tiny, stride 8": {"type": "tiny", "width": 0.5},
        "tiny, stride 16": {"type": "tiny", "width": 1.0, "stride": 16, "norm": "none"},
    }
    runs = {}
    for number, (name, backbone) in enumerate(backbones.items()):
        before = {**base, **_LEARN_PLACES, "backbone": backbone}
        before["train"] = {**before["train"], "epochs": epochs}
        where = folder / f"pretraining-{number}"
        train(_run(before, registry), registry, run_directory=where)
        runs[name] = {**base, "backbone": {**backbone, "weights": str(where / "model" / "model.safetensors")}}
    modern = {
        **_LEARN_PLACES,
        "pooling": {"type": "convap", "channels": 128, "grid": [2, 2]},
        "train": {**_LEARN_PLACES["train"], "epochs": 1 if quick else 6},
    }
    return Group(
        name="city",
        runs=runs,
        modern=modern,
        training=pictures.split("train").database,
        training_size=size,
        sets=(TestSet(name="city", split=pictures.split("test"), size=size),),
    )


def real(registry: Registry, *, data: Path) -> Group:
    """Return photographs with ImageNet weights: ``data`` holds tower_walks, corridor, gardens_point and weights."""
    tower = {
        "type": "folder",
        "root": str(data / "tower_walks"),
        "table": "positions.csv",
        "columns": {
            "x": "pseudo_east_m",
            "y": "pseudo_north_m",
            "role": "upstream_split",
            "split": "partition",
            "place": "floor",
        },
        "name": "tower",
        "radius": 10,
        "negatives_exclude_same_place": True,
    }
    base: dict[str, Any] = {
        "dataset": tower,
        "image": {"size": [120, 208]},
        "pooling": {"type": "avg"},
        "eval": {"split": "val"},
    }
    weights = data / "weights"
    runs = {
        "ResNet-18": {
            **base,
            "backbone": {
                "type": "resnet18",
                "weights": str(weights / "resnet18_layer3" / "resnet18_to_layer3_bnfolded.pth"),
                "cut": "layer3",
            },
        },
        "SqueezeNet": {
            **base,
            "backbone": {
                "type": "squeezenet1_0",
                "weights": str(weights / "squeezenet1_0" / "squeezenet1_0_imagenet_rgb.pth"),
                "cut": "fire9",
            },
        },
    }
    walks = {"type": "folder", "database": "ref", "queries": "query", "unit": "frame", "radius": 2}
    opened = open_dataset(_run({**runs["ResNet-18"]}, registry).dataset, registry)
    sets = [TestSet(name="tower_walks", split=split_named(opened, "val", purpose="choices"), size=(120, 208))]
    for name, size in (("corridor", (120, 160)), ("gardens_point", (96, 160))):
        block = {**walks, "root": str(data / name)}
        run = _run({**runs["ResNet-18"], "dataset": block, "image": {"size": list(size)}}, registry)
        split = split_named(open_dataset(run.dataset, registry), "test", purpose="choices")
        sets.append(TestSet(name=name, split=split, size=size))
    return Group(
        name="real",
        runs=runs,
        modern={
            "loss": {"type": "weakly_supervised_ranking"},
            "miner": {"type": "hard_negatives"},
            "pooling": {"type": "convap", "channels": 256, "grid": [2, 2]},
            "train": {
                "epochs": 2,
                "max_queries": 150,
                "cache_every": 150,
                "optimizer": "adam",
                "lr": 0.001,
                "lr_halve_every": 0,
            },
        },
        training=split_named(opened, "train", purpose="choices").database,
        training_size=(120, 208),
        sets=tuple(sets),
    )


def _run(run: dict[str, Any], registry: Registry) -> RunConfig:
    return make_run(run, registry, source="bench.choices")
