"""JSON that somebody else may have written, or that a disk has changed.

A document that changes while work goes on cannot lie under the seal of a finished folder (`vpr_runner.files.seal`): it
carries the SHA-256 of its own content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

__all__ = ["parsed", "sealed", "unsealed"]

_SEAL = "seal"


def parsed(text: str | bytes) -> Any:
    """Return what JSON text says.

    Raises:
        ValueError: it is no JSON, or nested more deeply than Python can follow.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``document`` with the SHA-256 of its content beside the content, under ``seal``."""
    return {**document, _SEAL: _sha256(document)}


def unsealed(document: Mapping[str, Any], *, always: bool = True) -> dict[str, Any]:
    """Return the content of what `sealed` made.

    Args:
        document: parsed.
        always: refuse one without a seal; else it is from before there were seals.

    Raises:
        ValueError: it is not the content that was sealed.
    """
    content = {name: value for name, value in document.items() if name != _SEAL}
    if (always or _SEAL in document) and document.get(_SEAL) != _sha256(content):
        raise ValueError("its SHA-256 is not the recorded one")
    return content


def _sha256(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(content), sort_keys=True).encode()).hexdigest()
