"""Names in a table that a spreadsheet may open."""

from __future__ import annotations

__all__ = ["as_text"]


def as_text(name: str) -> str:
    """Return ``name`` with an apostrophe before it where a spreadsheet would take it for a formula, and run it.

    >>> as_text("=1+1"), as_text("a=b")
    ("'=1+1", 'a=b')
    """
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name
