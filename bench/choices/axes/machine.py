"""The same network elsewhere: other threads, batches, memory layouts, kernels, an older kind of CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from bench.choices.lab import Lab, Row

OLDER = {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"}
"""What makes torch and the libraries below it leave AVX2 and all since alone."""


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows with the queries encoded elsewhere and the database here."""
    images = lab.pictures[1]
    threads = torch.get_num_threads()
    ways = {}
    for other in (1, 2):
        if other != threads:
            torch.set_num_threads(other)
            ways[f"{other} thread{'s' * (other > 1)} for {threads}"] = lab.encode(images)
    torch.set_num_threads(threads)
    ways["batch of 1"] = lab.encode(images, batch=1)
    ways["batch of 64"] = lab.encode(images, batch=64)
    ways["rows of planes (NCHW)"] = lab.encode(images, channels_last=False)
    with torch.backends.mkldnn.flags(enabled=False):
        ways["without oneDNN"] = lab.encode(images)
    ways["an older CPU"] = _elsewhere(lab)
    for name, maps in ways.items():
        same = bool(torch.equal(maps, lab.maps[1]))
        yield from lab.of_maps(name, (None, maps), sides=("queries",), same_bytes=same)


def _elsewhere(lab: Lab) -> torch.Tensor:
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        np.save(where / "images.npy", lab.pictures[1].numpy())
        (where / "run.json").write_text(json.dumps(lab.fitted.group.runs[lab.fitted.name]), encoding="utf-8")
        command = [sys.executable, "-m", "bench.choices.elsewhere", str(where)]
        root = Path(__file__).resolve().parents[3]
        subprocess.run(command, env={**os.environ, **OLDER}, cwd=root, check=True)
        return torch.from_numpy(np.load(where / "maps.npy"))
