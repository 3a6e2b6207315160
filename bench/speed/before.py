"""Whole commands of this commit beside those of an earlier one."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.speed.earlier import EARLIER, Commands, beside_earlier
from bench.speed.measure import Comparison, Effort, compare
from bench.speed.network import FILES, images_below, write_photographs
from bench.speed.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["many", "measure", "small"]

INT8 = "compute.runtime={type: openvino, precision: int8}"


def measure(effort: Effort) -> Iterator[Row]:
    """Extraction from JPEG files, a training on the city, and an epoch on tower_walks where VPR_DATA says where."""
    yield from beside_earlier(effort, _long)


def small(effort: Effort) -> Iterator[Row]:
    """Commands that have little to do: what they take is what is fixed."""
    yield from beside_earlier(effort, _small)


def many(effort: Effort) -> Iterator[Row]:
    """Extract a thousand JPEG files once by each: what a start costs, and calibrating, is a small part."""
    yield from beside_earlier(effort, _many)


def _long(effort: Effort, root: Path, now: list[Path], then: list[Path]) -> Iterator[Row]:
    yield from _extraction(effort, root, now, then)
    yield _training(effort, root / "city", _city(effort), now, then, what="vpr train, NetVLAD on the city")
    data = os.environ.get("VPR_DATA")
    what = "vpr train, an epoch of ResNet-18 from layer3 on tower_walks"
    if data is None or effort.quick:
        yield Row(what=what, skipped="the environment variable VPR_DATA names no folder of tower_walks and weights")
    else:
        yield _training(effort, root / "tower", _tower(Path(data)), now, then, what=what)


def _extractor(root: Path, *, size: tuple[int, int]) -> Callable[..., None]:
    """Return what extracts the images in ``root / "images"``, with ``--set`` of each setting, into a folder anew."""
    run = _run_file(root, size=size)
    folders = iter(range(10**6))

    def extract(commands: Commands, *settings: str) -> None:
        asked = [part for setting in settings for part in ("--set", setting)]
        output = root / f"map{next(folders)}"
        commands.run("extract", str(run), str(root / "images"), "-o", str(output), "--quiet", *asked)

    return extract


def _run_file(folder: Path, *, size: tuple[int, int]) -> Path:
    content = {
        "dataset": {"type": "city", "size": "small"},  # an extraction does not look at it
        "backbone": {"type": "resnet18", "weights": "none", "cut": "layer3"},
        "pooling": {"type": "gem"},
        "image": {"size": size},
        "compute": {"device": "cpu"},
        "eval": {"bootstrap": 100},
    }
    file = folder / "run.yaml"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def _many(effort: Effort, root: Path, now: list[Path], then: list[Path]) -> Iterator[Row]:
    size, count = ((48, 64), 8) if effort.quick else ((480, 640), 1000)
    write_photographs(root / "images", count, size=size)
    extract = _extractor(root, size=size)
    ways = {
        "torch, as it is": (),
        "onnxruntime float32": ("compute.runtime={type: onnxruntime}",),
        "OpenVINO int8": (INT8,),
    }
    commands = {name: Commands(sources=now) for name in ways} | {EARLIER: Commands(sources=then)}
    taken = compare(
        {name: partial(extract, commands[name], *ways.get(name, ())) for name in commands}, repeats=1, warmup=0
    )
    for name in ways:
        yield Row.from_comparison(
            f"vpr extract, {count:,} JPEG {size[0]}x{size[1]}, ResNet-18 to layer3 + GeM, {name}",
            Comparison({"ours": taken.timings[name], EARLIER: taken.timings[EARLIER]}, taken.warmup),
            reference=EARLIER,
            memory={"ours": commands[name].bytes, EARLIER: commands[EARLIER].bytes},
            count=count,
            unit="images",
            target="1.5x and 2x in 8 bits without AMX, half the memory",
            note="whole processes, once; memory is the largest resident; a runtime's first use, with its calibration, "
            "is included",
        )


def _extraction(effort: Effort, root: Path, now: list[Path], then: list[Path]) -> Iterator[Row]:
    size, count = ((48, 64), 8) if effort.quick else ((480, 640), 48)
    images_below(root / "images", count, size=size)
    extract = _extractor(root, size=size)
    for label, settings in (
        ("torch, as it is", ()),
        ("OpenVINO int8", (INT8,)),
        ("32 images a forward pass", ("compute.batch_pixels=9830400",)),
    ):
        ours, earlier = Commands(sources=now), Commands(sources=then)
        comparison = compare(
            {"ours": lambda of=ours, how=settings: extract(of, *how), EARLIER: lambda of=earlier: extract(of)},
            repeats=effort.rounds(0.6),
            warmup=0 if effort.quick else 1,
        )
        yield Row.from_comparison(
            f"vpr extract, {count} JPEG {size[0]}x{size[1]}, ResNet-18 to layer3 + GeM, {label}",
            comparison,
            reference=EARLIER,
            memory={"ours": ours.bytes, EARLIER: earlier.bytes},
            count=count,
            unit="images",
            target="1.5x and 2x in 8 bits without AMX, half the memory",
            note="whole processes; memory is the largest resident",
        )


def _small(effort: Effort, folder: Path, now: list[Path], then: list[Path]) -> Iterator[Row]:
    size = (48, 64) if effort.quick else (240, 320)
    photos = folder / "photos"
    images_below(photos, 1, size=size)
    few = folder / "few"
    few.mkdir()
    for photo in sorted(photos.iterdir())[:4]:
        photo.rename(few / photo.name)
    run = _run_file(folder, size=size)
    numbers = iter(range(10**6))
    commands: dict[str, Callable[[Path], Sequence[object]]] = {
        "vpr extract, 4 JPEG": lambda _: ("extract", run, few, "-o", folder / f"few-{next(numbers)}"),
        f"vpr search, one photo in a map of {FILES - 4}": lambda made: ("search", made, min(few.iterdir())),
        "vpr eval, the small city": lambda _: ("eval", run),
    }
    trees = {"ours": now, EARLIER: then}
    maps = {name: folder / f"map-{name}" for name in trees}
    for name, sources in trees.items():
        Commands(sources=sources).run("extract", str(run), str(photos), "-o", str(maps[name]), "--quiet")
    for what, command in commands.items():
        runs = {name: Commands(sources=sources) for name, sources in trees.items()}

        def once(name: str, command: Any = command, runs: Mapping[str, Commands] = runs) -> None:
            runs[name].run(*map(str, command(maps[name])), "--quiet")

        comparison = compare(
            {name: partial(once, name) for name in trees}, repeats=effort.rounds(), warmup=0 if effort.quick else 1
        )
        yield Row.from_comparison(
            f"{what}, {size[0]}x{size[1]}, ResNet-18 to layer3 + GeM",
            comparison,
            reference=EARLIER,
            memory={name: each.bytes for name, each in runs.items()},
            target="2x",
            note="whole processes; memory is the largest resident",
        )


def _training(
    effort: Effort, folder: Path, content: Mapping[str, Any], now: list[Path], then: list[Path], *, what: str
) -> Row:
    folder.mkdir()
    run = folder / "run.yaml"
    run.write_text(json.dumps(content), encoding="utf-8")
    ours, earlier = Commands(sources=now), Commands(sources=then)
    numbers = iter(range(10**6))
    recall: dict[str, list[str]] = {"ours": [], EARLIER: []}

    def train(name: str, commands: Commands) -> None:
        output = folder / f"{name}-{next(numbers)}"
        commands.run("train", str(run), "--output", str(output), "--quiet")
        best = json.loads((output / "report.json").read_text(encoding="utf-8"))["best"]
        recall[name].append(f"{100 * best['recall']['1']:.1f}")

    comparison = compare(
        {"ours": lambda: train("ours", ours), EARLIER: lambda: train(EARLIER, earlier)},
        repeats=effort.rounds(0.2),
        warmup=0,
    )
    said = "; ".join(f"{name}: {', '.join(dict.fromkeys(found))}" for name, found in recall.items())
    return Row.from_comparison(
        what,
        comparison,
        reference=EARLIER,
        memory={"ours": ours.bytes, EARLIER: earlier.bytes},
        target="2x",
        note=f"whole processes; validation recall@1 in percent, {said}",
    )


def _city(effort: Effort) -> dict[str, Any]:
    """Return the run of NetVLAD in `bench/suites/city.yaml`, from random weights."""
    short = {"epochs": 1, "max_queries": 8} if effort.quick else {"epochs": 6, "max_queries": 250}
    return {
        "dataset": {"type": "city", "size": "small" if effort.quick else "bench"},
        "backbone": {"type": "tiny", "width": 0.5},
        "pooling": {"type": "netvlad", "num_clusters": 8 if effort.quick else 64},
        "loss": {"type": "weakly_supervised_ranking"},
        "init": {"images": 20, "locations": 50} if effort.quick else {"images": 200, "locations": 100},
        "miner": {"type": "hard_negatives"},
        "train": {**short, "optimizer": "adam", "lr": 0.0001, "lr_halve_every": 0, "cache_every": 250},
        "compute": {"device": "cpu"},
    }


def _tower(data: Path) -> dict[str, Any]:
    weights = data / "weights/resnet18_layer3/resnet18_to_layer3_bnfolded.pth"
    return {
        "dataset": {
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
        },
        "backbone": {"type": "resnet18", "weights": str(weights), "cut": "layer3", "train_from": "layer3"},
        "pooling": {"type": "netvlad", "num_clusters": 64},
        "loss": {"type": "weakly_supervised_ranking"},
        "init": {"images": 200, "locations": 100},
        "miner": {"type": "hard_negatives"},
        "image": {"size": [120, 208]},
        "train": {"epochs": 1, "lr": 0.0001},
        "compute": {"device": "cpu"},
    }
