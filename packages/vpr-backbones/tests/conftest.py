from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, or a skip."""
    default = Path(__file__).resolve().parents[4] / "shared" / "data"
    folder = Path(os.environ.get("VPR_DATA", default))
    if not (folder / "weights").is_dir():
        pytest.skip(f"no real weights below {folder}; set VPR_DATA")
    return folder
