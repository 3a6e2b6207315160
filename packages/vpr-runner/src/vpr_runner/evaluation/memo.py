"""Descriptors that several evaluations share: methods that differ behind the network only encode once."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_runner.encoding.encode import Encoded

__all__ = ["Memo"]

MOST = 2**30
"""Bytes that are kept."""


class Memo:
    """Keeps descriptors of whole splits in memory, the latest up to `MOST` bytes; what lies in a file is not kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[npt.NDArray[Any], Encoded]] = OrderedDict()

    def get(self, key: str) -> tuple[npt.NDArray[Any], Encoded] | None:
        """Return what was kept under ``key``."""
        return self._kept.get(key)

    def keep(self, key: str, rows: npt.NDArray[Any], encoded: Encoded) -> None:
        """Keep ``rows``, and let go of the oldest where that makes too many."""
        if isinstance(rows, np.memmap) or rows.nbytes > MOST:
            return
        self._kept[key] = (rows, encoded)
        while sum(known.nbytes for known, _ in self._kept.values()) > MOST:
            self._kept.popitem(last=False)
