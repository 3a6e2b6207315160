"""What this machine's processor can do, as far as it changes how a network is executed."""

from __future__ import annotations

import functools
import platform
from pathlib import Path

__all__ = ["cpu_features"]

_TELLING = (
    *("avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_bf16", "amx_int8", "asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve"),
)
"""Of the flags in /proc/cpuinfo, those that libraries of neural networks choose their kernels by."""


@functools.cache
def cpu_features() -> tuple[str, ...]:
    """Return the architecture and the flags of this processor that decide which kernels a library takes.

    Where the operating system does not say (no /proc/cpuinfo), the architecture alone.
    """
    found: set[str] = set()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, flags = line.partition(":")
            if name.strip() in {"flags", "Features"}:
                found.update(flags.split())
                break
    except OSError:
        pass
    return (platform.machine() or "unknown", *(flag for flag in _TELLING if flag in found))
