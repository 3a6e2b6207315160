"""Text that is safe in a table of Markdown."""

from __future__ import annotations

__all__ = ["cell"]


def cell(text: str) -> str:
    """Return ``text`` so that it neither ends a table's cell nor becomes markup.

    >>> cell("a | b <c>")
    'a \\\\| b &lt;c>'
    """
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
