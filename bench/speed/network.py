"""The network and the photographs that the rows about extraction and training share."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from vpr_core import build_registry
from vpr_data import ImageSet

if TYPE_CHECKING:
    from pathlib import Path

    from vpr_core import RunConfig

__all__ = ["FILES", "REGISTRY", "images_below", "make_config", "training_folder", "write_photographs"]

REGISTRY = build_registry()
FILES = 48


def make_config(root: Path, **blocks: Any) -> RunConfig:
    """Return the run file of a ResNet-18 up to ``layer3`` with NetVLAD.

    ``blocks`` add to its blocks, or replace one of another type.
    """
    content: dict[str, Any] = {
        "dataset": {"type": "folder", "root": str(root), "table": "images.csv"},
        "backbone": {"type": "resnet18", "weights": "none"},
        "pooling": {"type": "netvlad", "num_clusters": 64},
        "loss": {"type": "weakly_supervised_ranking"},
        "image": {"size": [480, 640]},
        "init": {"images": 20, "locations": 50},
        "train": {"epochs": 3, "lr": 0.0001, "frozen_cache_gib": 0},
        "eval": {"bootstrap": 0, "recall_at": [1, 5]},
    }
    for name, block in blocks.items():
        old = content.get(name, {})
        same = block.get("type", old.get("type")) == old.get("type")
        content[name] = {**old, **block} if same else block
    return REGISTRY.run_config_model().model_validate(content)


def write_photographs(folder: Path, count: int, *, size: tuple[int, int], seed: int = 0) -> list[str]:
    """Write ``count`` JPEG files ``(height, width)`` that cost a decoder what photographs do; return their names.

    Large shapes and fine texture, quality 90: 640 x 480 comes to about 75 KB, as a street scene does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    names = []
    for number in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize(size[::-1], Image.BICUBIC)
        texture = random.normal(0, 9, (*size, 1))
        pixels = np.clip(np.asarray(coarse, dtype=np.float32) + texture, 0, 255).astype(np.uint8)
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "JPEG", quality=90)
        names.append(f"{seed:02d}-{number:05d}.jpg")
        (folder / names[-1]).write_bytes(content.getvalue())
    return names


class _Repeated(ImageSet):
    """Many images that are few files: the files are written once, and read as often as images are asked for."""

    def path(self, position: int) -> Path:
        return self.root / f"00-{position % FILES:05d}.jpg"


def images_below(folder: Path, count: int, *, size: tuple[int, int]) -> ImageSet:
    """Return ``count`` images of `FILES` files, written where they are not there yet."""
    if not folder.exists():
        write_photographs(folder, FILES, size=size)
    names = tuple(f"{number:06d}.jpg" for number in range(count))
    return _Repeated(root=folder, names=names, xy=np.zeros((count, 2)))


def training_folder(root: Path, *, database: int, queries: int, size: tuple[int, int]) -> None:
    """Write a data set with the one split ``train``: places every 40 m, with a query 2 m from some of them."""
    named = write_photographs(root, database + queries, size=size, seed=1)
    with (root / "images.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", "x", "y", "role", "split"])
        for number, name in enumerate(named[:database]):
            table.writerow([name, 40 * number, 0, "database", "train"])
        for number, name in enumerate(named[database:]):
            table.writerow([name, 40 * number + 2, 0, "queries", "train"])
