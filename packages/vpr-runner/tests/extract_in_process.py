"""An extraction in a process of its own: ``python extract_in_process.py CONFIG.json FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from vpr_core import build_registry
from vpr_runner import assemble, extract
from vpr_runner.data import split_of


def main() -> None:
    torch.set_num_threads(1)
    registry = build_registry(plugin_files=[Path(__file__).with_name("engine_components.py")])
    config = registry.run_config_model().model_validate_json(Path(sys.argv[1]).read_text())
    images = split_of(config.dataset, registry, name=config.eval.split).database
    retriever = assemble(config, registry).eval()
    extract(retriever, images, output=Path(sys.argv[2]), config=config, chunk=3, progress=False)


if __name__ == "__main__":
    main()
