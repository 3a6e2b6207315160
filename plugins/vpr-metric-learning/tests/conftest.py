from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def fake() -> ModuleType:
    """The module that writes a small GSV-Cities; a fixture, for tests are no package."""
    path = Path(__file__).with_name("fake_gsv.py")
    spec = importlib.util.spec_from_file_location("fake_gsv", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def gsv(fake: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake.write(tmp_path_factory.mktemp("gsv") / "gsv")
