"""A training run in a process of its own, to be killed: ``python train_in_process.py CONFIG.json FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from vpr_core import build_registry
from vpr_runner import train


def main() -> None:
    torch.set_num_threads(1)
    registry = build_registry(plugin_files=[Path(__file__).with_name("engine_components.py")])
    config = registry.run_config_model().model_validate_json(Path(sys.argv[1]).read_text())
    train(config, registry, run_directory=Path(sys.argv[2]), progress=False, checkpoint_seconds=0)


if __name__ == "__main__":
    main()
