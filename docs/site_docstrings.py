"""What mkdocstrings is told about our docstrings: a section ``Example:`` is code to try, not a box of text."""

from __future__ import annotations

import re
from typing import Any

import griffe

__all__ = ["OneExample"]

_EXAMPLE = re.compile(r"^( *)Example:$", re.MULTILINE)


class OneExample(griffe.Extension):
    """Read ``Example:`` as the section that Google's style calls ``Examples:``."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rename the section before the docstring is parsed."""
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(r"\1Examples:", obj.docstring.value)
