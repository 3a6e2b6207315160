"""What reaches a terminal: text only, whatever stands in a stranger's file names and labels.

A terminal obeys what it is sent: names may move the cursor, change the window's title or hide the rest of a line. Every
control character but the end of a line and the tabulator is shown as ``\\x1b``; what the terminal's encoding does not
have is shown as a question mark, and ends no command.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

__all__ = ["visible", "visible_output"]

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""Return ``text`` with its control characters shown.

    >>> visible("a\x1b]0;title\x07b\n")
    'a\\x1b]0;title\\x07b\n'
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


@contextmanager
def visible_output() -> Iterator[None]:
    """Send standard output and the messages on standard error through `visible` while the block runs.

    A progress bar moves the cursor on purpose; it writes to standard error, where only `visible` messages are otherwise
    written: that stream is made safe against characters that it does not have, no more.
    """
    before = sys.stdout
    _forgiving(sys.stdout)
    _forgiving(sys.stderr)
    sys.stdout = _Visible(before)
    try:
        yield
    finally:
        sys.stdout = before


class _Visible:
    """A stream of text through which nothing but text goes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(visible(text))

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _forgiving(stream: Any) -> None:
    """A console that is not UTF-8 shows what it can."""
    if stream is not None and hasattr(stream, "reconfigure") and getattr(stream, "errors", "") == "strict":
        stream.reconfigure(errors="replace")
