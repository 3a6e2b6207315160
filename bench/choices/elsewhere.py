"""``python -m bench.choices.elsewhere FOLDER``: feature maps of ``images.npy`` by the network of ``run.json``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

from bench.choices.networks import feature_maps
from vpr_core import build_registry
from vpr_core.config import make_run
from vpr_runner import assemble

__all__ = ["encode"]


def encode(folder: Path) -> None:
    """Write ``maps.npy``. One registry reads the run and builds from it: each makes classes of its own."""
    registry = build_registry()
    run = make_run(json.loads((folder / "run.json").read_text(encoding="utf-8")), registry, source="elsewhere")
    images = torch.from_numpy(np.load(folder / "images.npy"))
    np.save(folder / "maps.npy", feature_maps(assemble(run, registry).backbone.eval(), images).numpy())


if __name__ == "__main__":
    encode(Path(sys.argv[1]))
