"""Text files that the user names: bounded, and told by their option when they cannot be read."""

from __future__ import annotations

from pathlib import Path

from vpr_core import UsageError

__all__ = ["text_of"]

LONGEST = 1 << 28
"""Bytes."""


def text_of(file: Path, *, option: str, wanted: str = "") -> str:
    """Return the text of ``file``, which ``option`` names; ``wanted`` ends the message about one that is too long.

    Raises:
        UsageError: it cannot be read, is no UTF-8, or has more than `LONGEST` bytes.
    """
    try:
        if file.stat().st_size > LONGEST:
            raise UsageError(f"{option}: {file} has more than {LONGEST >> 20} MiB{wanted}")
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option}: {file} cannot be read ({error})") from error
