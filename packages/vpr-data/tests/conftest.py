from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational


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


@pytest.fixture
def tagged(tmp_path: Path) -> Callable[..., Path]:
    """Write an image with a GPS position in EXIF below ``tmp_path``."""

    def write(name: str, *, north: float = 52.5, east: float = -5.25, time: str | None = None) -> Path:
        def parts(value):
            value = abs(value)
            degrees, minutes = int(value), int(value % 1 * 60)
            return tuple(
                IFDRational(round(part * 10_000), 10_000) for part in (degrees, minutes, (value * 60 % 1) * 60)
            )

        exif = Image.Exif()
        exif[0x8825] = {
            1: "N" if north >= 0 else "S",
            2: parts(north),
            3: "E" if east >= 0 else "W",
            4: parts(east),
        }
        if time:
            exif[0x8769] = {0x9003: time}
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path, exif=exif)
        return path

    return write
