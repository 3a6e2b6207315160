"""``vpr search`` in a map of 20,000 images: start-up and one product are what cannot be avoided."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from bench.made_map import made_map
from bench.speed.child import peak_of
from bench.speed.measure import Effort, compare
from bench.speed.network import REGISTRY, make_config, write_photographs
from bench.speed.row import Row

__all__ = ["measure"]

IMAGES, FEW = 20_000, 40
TOP = 20


def measure(effort: Effort) -> list[Row]:
    """Search it with the exact index, and with one that is kept beside the map."""
    from vpr_runner import assemble

    size = (effort.size(480, 48), effort.size(640, 64))
    images = effort.size(IMAGES, 200)
    with tempfile.TemporaryDirectory(prefix="vpr-speed-") as temporary:
        root = Path(temporary)
        environment = os.environ | {"VPR_CACHE": str(root / "cache")}
        config = make_config(
            root,
            pooling={"type": "netvlad", "num_clusters": 16},
            image={"size": list(size)},
            compute={"device": "cpu", "threads": torch.get_num_threads()},
        )
        network = assemble(config, REGISTRY).eval()
        for name, count in (("map", images), ("few", FEW)):
            made_map(root / name, network, config, images=count)
        photo = root / "photos" / write_photographs(root / "photos", 1, size=size)[0]
        rows = torch.from_numpy(
            np.concatenate([np.load(file) for file in sorted((root / "map").glob("[0-9]*.npy"))]).astype(np.float32)
        )
        query = rows[7].clone()

        def search(name: str, *more: str) -> int:
            return peak_of(
                [sys.executable, "-m", "vpr_runner.cli", "search", str(root / name), str(photo), *more], environment
            )

        made = []
        for said, more in (("exact", ()), ("binary, kept beside it", ("--set", "index={type: binary}"))):
            held: dict[str, list[int]] = {"map": [], "few": []}
            search("map", *more)  # builds what is kept
            comparison = compare(
                {
                    "ours": lambda more=more, held=held: held["map"].append(search("map", *more)),
                    "start-up": lambda held=held: held["few"].append(search("few")),
                    "product": lambda: torch.topk(rows @ query, TOP),
                },
                repeats=effort.rounds(),
            )
            start, product = (comparison.timings[one].median for one in ("start-up", "product"))
            beyond = int(np.median(held["map"]) - np.median(held["few"]))
            made.append(
                Row.from_comparison(
                    f"vpr search, one photo in a map of {images:,} x {network.out_dim:,}, {said}",
                    comparison,
                    reference="start-up",
                    target="1.2 times start-up and one product; memory 1.3 times the map",
                    note=(
                        f"start-up is the same search in a map of {FEW}; with one product ({1e3 * product:.0f} ms) "
                        f"that is {comparison.timings['ours'].median / (start + product):.2f} times; memory beyond "
                        f"it: {beyond / rows.nbytes:.2f} times the {rows.nbytes / 2**20:,.0f} MiB of the map, mapped "
                        "pages included"
                    ),
                )
            )
    return made
