"""A command in a process of its own, and what it held at its peak."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["peak_of"]


def peak_of(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end; return its largest resident memory, in bytes.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    with tempfile.TemporaryFile("w+") as said:
        started = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=environment)
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)} ended with {started.returncode}:\n{said.read()[-2000:]}")
    return used.ru_maxrss * 1024
