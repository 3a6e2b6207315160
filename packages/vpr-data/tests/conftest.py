from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def shared_data() -> Path:
    """Folder of real data, which is no part of the repository."""
    folder = Path(os.environ.get("VPR_DATA") or Path(__file__).parents[4] / "shared" / "data")
    if not (folder / "pittsburgh").is_dir():
        pytest.skip(f"no real data at {folder}; set VPR_DATA to their folder")
    return folder


@pytest.fixture
def photo(tmp_path: Path) -> Callable[..., Path]:
    """Write a noise image below ``tmp_path`` and return its path."""

    def write(name: str, *, size: tuple[int, int] = (12, 16), seed: int = 0, **options: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, **options)
        return path

    return write
