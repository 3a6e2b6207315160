"""Room for descriptors: memory while they fit, a half-precision memory map beyond."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["IN_MEMORY", "allocate_file", "descriptor_rows", "memory_map"]

IN_MEMORY = 4 * 2**30
"""Bytes of float32 descriptors that are kept in memory; Pitts30k's training cache of 32,768 dimensions is 2.3 GB."""


def descriptor_rows(count: int, dim: int, *, file: Path, in_memory: int = IN_MEMORY) -> npt.NDArray[Any]:
    """Return an array ``(count, dim)`` to write descriptors to.

    float32 in memory up to ``in_memory`` bytes, else a float16 memory map of ``file``. Descriptors are unit vectors, so
    half precision moves a squared distance by 1e-3 at most.
    """
    if count * dim * 4 <= in_memory:
        # torch aligns to 64 bytes, numpy to 16 here and there: small matrix products round by where their rows begin.
        return torch.empty((count, dim)).numpy()
    return memory_map(file, (count, dim), np.float16)


def memory_map(file: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> np.memmap[Any, Any]:
    """Return a writable memory map of ``file``, whose space on the disk is taken first.

    Writing to a map of a file with holes kills the process (SIGBUS) when the disk is full; here the full disk is an
    ``OSError`` before the first byte.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    allocate_file(file, size)
    return np.memmap(file, dtype=dtype, mode="r+", shape=shape)


def allocate_file(file: Path, size: int) -> None:
    """Give ``file`` exactly ``size`` bytes of disk, keeping what it holds.

    Raises:
        OSError: no room; a file made here is removed again.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    existed = file.exists()
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.ftruncate(handle, size)
        if hasattr(os, "posix_fallocate") and size:
            os.posix_fallocate(handle, 0, size)
    except OSError as error:
        if not existed:
            file.unlink(missing_ok=True)
        error.add_note(f"{file} needs {size / 2**30:.2f} GiB of disk")
        raise
    finally:
        os.close(handle)
