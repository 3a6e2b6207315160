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

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    run = make_run(json.loads((folder / "run.json").read_text(encoding="utf-8")), build_registry(), source="elsewhere")
    images = torch.from_numpy(np.load(folder / "images.npy"))
    np.save(folder / "maps.npy", feature_maps(assemble(run, build_registry()).backbone.eval(), images).numpy())
