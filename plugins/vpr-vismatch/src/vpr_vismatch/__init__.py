"""Re-ranking by the matchers of the package vismatch, for the vpr toolkit.

Names are loaded when first asked for, so that a host may list the component without importing numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_vismatch.matcher import VismatchReranker

__all__ = ["VismatchReranker"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'vpr_vismatch' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module("vpr_vismatch.matcher"), name)
