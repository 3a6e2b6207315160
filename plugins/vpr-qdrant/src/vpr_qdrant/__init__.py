"""Descriptors in a Qdrant vector database: `QdrantIndex`, and the index ``qdrant`` of a run file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_qdrant.index import QdrantIndex

__all__ = ["QdrantIndex"]


def __getattr__(name: str) -> Any:
    """Import the client when it is asked for: listing plug-ins must not wait for it."""
    if name == "QdrantIndex":
        from vpr_qdrant.index import QdrantIndex

        return QdrantIndex
    raise AttributeError(f"module 'vpr_qdrant' has no attribute {name!r}; it has QdrantIndex")
