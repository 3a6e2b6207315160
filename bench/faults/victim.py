"""A ``vpr`` command with a fault in its file operations: ``python -m bench.faults.victim FAULT NUMBER COMMAND ...``.

``count``     nothing happens; the number of file operations is the last line of the output.
``kill``      the process kills itself (SIGKILL) just before file operation ``NUMBER``.
``full``      operation ``NUMBER`` and all later ones fail with ENOSPC, as on a disk that is full.
``sync``      operation ``NUMBER`` alone fails with EIO, as on a disk that is failing.
``size``      no file may grow beyond ``NUMBER`` bytes: the operating system's own limit.
``modest``    the process gives up its privileges, so that a read-only folder is one for root too.

File operations are those by which files come into being: fsync, rename, allocation, truncation.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["main"]

_OPERATIONS = ("fsync", "replace", "posix_fallocate", "truncate")


class Faults:
    """Counts file operations and lets one of them go wrong."""

    def __init__(self, fault: str, number: int) -> None:
        self.fault, self.number, self.count = fault, number, 0

    def wrap(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``operation`` with the fault in it."""

        def faulty(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            if self.fault == "kill" and self.count == self.number:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.fault == "full" and self.count >= self.number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if self.fault == "sync" and self.count == self.number:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return operation(*arguments, **options)

        return faulty


def _give_up_capabilities() -> None:
    """Stay the same user, who may now do what file permissions say and no more (man 2 capset)."""
    version_3, nothing = (0x20080522, 0), (0,) * 6
    header, data = (ctypes.c_uint32 * 2)(*version_3), (ctypes.c_uint32 * 6)(*nothing)
    if ctypes.CDLL(None, use_errno=True).capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def main(arguments: list[str]) -> int:
    """Run the command with its fault."""
    fault, number, *command = arguments
    if fault == "size":
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(number), int(number)))
    elif fault == "modest" and sys.platform == "linux":
        _give_up_capabilities()
    from vpr_runner.cli import main as vpr

    faults = Faults(fault, int(number))
    for name in _OPERATIONS:
        setattr(os, name, faults.wrap(getattr(os, name)))
    code = vpr(command)
    if fault == "count":
        print(faults.count)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
