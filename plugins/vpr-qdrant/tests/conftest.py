"""What the tests share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def server() -> Iterator[Any]:
    """A server on this machine that an embedded database answers for."""
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        from fake_server import serving
    finally:
        sys.path.pop(0)
    with serving() as database:
        yield database
