"""Some rows of a memory-mapped file: read together, and given back.

A row that is not in memory yet is a page fault, and the kernel then reads 128 KiB around it, row after row: a hundred
rows of 8 KiB take a hundred turns and thirteen megabytes. Told beforehand which they are, it reads those, all at once.
And a page that was looked at counts as the process's memory until the kernel needs it; given back, it stays in the
kernel's cache of files. Where there is nothing to tell (arrays, other systems) these do nothing.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["MappedRows"]

_WILL_NEED = getattr(mmap, "MADV_WILLNEED", None)
_DO_NOT_NEED = getattr(mmap, "MADV_DONTNEED", None)


class MappedRows:
    """Where the rows of a block lie in the file that it maps.

    Args:
        block: ``(n, D)``, an array or a memory map, or a view of one.
    """

    def __init__(self, block: npt.NDArray[Any]) -> None:
        self._file = _file_of(block)
        if self._file is None:
            return
        self._first = block.ctypes.data - np.frombuffer(self._file, dtype=np.uint8).ctypes.data
        self._step, self._size = block.strides[0], block.shape[1] * block.itemsize
        if block.strides[1] != block.itemsize or self._step < 0:
            self._file = None

    def announce(self, rows: npt.NDArray[np.int64]) -> None:
        """Tell the kernel that these rows will be read."""
        if self._file is None or _WILL_NEED is None:
            return
        with suppress(OSError, ValueError):  # advice may be refused; the rows are read all the same
            for start in (self._first + rows * self._step).tolist():
                page = start // mmap.PAGESIZE * mmap.PAGESIZE
                self._file.madvise(_WILL_NEED, page, start + self._size - page)

    def release(self) -> None:
        """Give the pages back: they can be read again."""
        if self._file is None or _DO_NOT_NEED is None:
            return
        with suppress(OSError, ValueError):
            self._file.madvise(_DO_NOT_NEED)


def _file_of(block: npt.NDArray[Any]) -> mmap.mmap | None:
    """Return the map below an array that reads a file and never writes: of others, pages given back may be lost."""
    base: Any = block
    reads = False
    while isinstance(base, np.ndarray):
        reads = reads or (isinstance(base, np.memmap) and base.mode == "r")
        base = base.base
    return base if reads and isinstance(base, mmap.mmap) else None
