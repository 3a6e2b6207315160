"""Text that is safe in a table of Markdown."""

from __future__ import annotations

from vpr_runner.files.terminal import visible

__all__ = ["cell"]


def cell(text: str) -> str:
    """Return ``text`` so that it neither ends a table's cell nor becomes markup.

    >>> cell("a | b <c>")
    'a \\\\| b &lt;c>'
    """
    return visible(text.replace("\n", " ")).replace("|", "\\|").replace("<", "&lt;")
