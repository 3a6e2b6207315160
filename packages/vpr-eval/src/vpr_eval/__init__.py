"""Evaluation of visual place recognition: search, recall@N, average precision, whitening, intervals.

Names are loaded when first asked for, so that a host may list the components without importing numpy or faiss.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_eval.index.exact import search_exact
    from vpr_eval.index.flat import FlatIndex
    from vpr_eval.neighbours import Neighbours
    from vpr_eval.recall import RecallResult, recall_at
    from vpr_eval.whitening import Whitening, shorten

__all__ = [
    "FlatIndex",
    "Neighbours",
    "RecallResult",
    "Whitening",
    "recall_at",
    "search_exact",
    "shorten",
]
__version__ = "0.1.0"

_HOME = {
    "FlatIndex": "index.flat",
    "Neighbours": "neighbours",
    "RecallResult": "recall",
    "Whitening": "whitening",
    "recall_at": "recall",
    "search_exact": "index.exact",
    "shorten": "whitening",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vpr_eval' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"vpr_eval.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
