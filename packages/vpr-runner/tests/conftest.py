"""What tests of the engine share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def engine_registry() -> Any:
    """The installed components and those of ``engine_components.py``."""
    from vpr_core import build_registry

    return build_registry(plugin_files=[Path(__file__).with_name("engine_components.py")])


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, or a skip."""
    folder = Path(os.environ.get("VPR_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
    if not (folder / "tower_walks").is_dir():
        pytest.skip(f"no real data at {folder}; set VPR_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def dots_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dots")


@pytest.fixture
def make_config(engine_registry: Any, dots_root: Path) -> Callable[..., Any]:
    """Return a function from blocks of a run file to a config of a run that takes a second."""

    def make(**blocks: Any) -> Any:
        import torch

        content: dict[str, Any] = {
            "dataset": {"type": "dots", "root": str(dots_root)},
            "backbone": {"type": "tiny", "width": 0.34},
            "pooling": {"type": "gem"},
            "loss": {"type": "plain_ranking"},
            "miner": {"type": "plain_hard"},
            "image": {"size": [32, 40]},
            "init": {"images": 8, "locations": 20},
            "train": {"epochs": 2, "cache_every": 5, "batch": 2, "lr": 0.05, "frozen_cache_gib": 0},
            "eval": {"bootstrap": 0, "recall_at": [1, 5]},
            "compute": {"device": "cpu", "workers": 1, "batch": 8, "threads": torch.get_num_threads()},
        }
        for name, block in blocks.items():
            old = content.get(name)
            same = isinstance(old, dict) and isinstance(block, dict) and block.get("type") in (None, old.get("type"))
            content[name] = {**old, **block} if same else block
        return engine_registry.run_config_model().model_validate_json(__import__("json").dumps(content))

    return make
