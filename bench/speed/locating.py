"""One photo's place: `Locator` beside the network and an exact search with nothing around them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from bench.made_map import made_map
from bench.speed.measure import Effort, compare
from bench.speed.network import REGISTRY, make_config, write_photographs
from bench.speed.row import Row

__all__ = ["measure"]

IMAGES = 10_000
TOP = 10


def measure(effort: Effort) -> list[Row]:
    """Measure a JPEG file to its place in a map, and a prepared image to its nearest neighbours."""
    from vpr_eval import FlatIndex
    from vpr_runner import Locator, assemble
    from vpr_runner.encoding.source import laid_out

    size = (effort.size(480, 48), effort.size(640, 64))
    images = effort.size(IMAGES, 100)
    with tempfile.TemporaryDirectory(prefix="vpr-speed-") as temporary:
        root = Path(temporary)
        config = make_config(
            root,
            pooling={"type": "netvlad", "num_clusters": 16},
            image={"size": list(size)},
            compute={"device": effort.device, "threads": torch.get_num_threads()},
        )
        network = assemble(config, REGISTRY).eval()
        made_map(root / "map", network, config, images=images)
        names = write_photographs(root / "photos", 4, size=size)
        where = Locator.open(root / "map", device=effort.device)
        index = FlatIndex(dim=network.out_dim)
        index.build(np.concatenate([np.asarray(block) for block in where.map.descriptors.blocks()]))
        bare, turn = where.retriever, iter(range(10**9))
        prepared = torch.randint(0, 256, (1, 3, *size), dtype=torch.uint8)

        def ours() -> object:
            return where(root / "photos" / names[next(turn) % len(names)])

        def reference() -> object:
            with torch.inference_mode():
                row = bare(laid_out(prepared, where.compute.device)).float().cpu().numpy()
            return index.search(row, TOP)

        found = compare({"ours": ours, "backbone and exact search": reference}, repeats=4 * effort.rounds(), warmup=3)
    return [
        Row.from_comparison(
            f"the place of one photo, JPEG {size[1]}x{size[0]}, in a map of {images:,} x {network.out_dim:,}",
            found,
            reference="backbone and exact search",
            count=1,
            unit="photos",
            target="at most 1.1 times its time",
            note="ResNet-18 to layer3 with NetVLAD; ours also reads, decodes and resizes, and makes the estimate",
        )
    ]
