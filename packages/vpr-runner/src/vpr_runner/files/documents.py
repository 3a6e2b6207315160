"""JSON that somebody else may have written."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["parsed"]


def parsed(text: str | bytes) -> Any:
    """Return what JSON text says.

    Raises:
        ValueError: it is no JSON, or nested more deeply than Python can follow.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
