"""Queries that were made otherwise than the map: what that costs is said when it happens, as measured.

The numbers are those of docs/choices.md, which `tests/test_choices.py` compares with them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpr_runner.extraction.descriptors import Descriptors

__all__ = ["FREE", "INT8", "PRECISION", "RESIZED", "offer_binary", "warn_of_resized"]

log = logging.getLogger(__name__)

PRECISION = "recall@1 -0.9 to +0.9 points for bfloat16 queries on a float32 map, median cosine from 0.9989"
INT8 = "recall@1 -4.5 to +2.7 points for int8 queries on a float32 map, median cosine from 0.9213"
RESIZED = "recall@1 changed by -4.5 points at worst without antialiasing, by -6.4 with OpenCV's linear"
FREE = "recall@1 +0.0 points on average, +0.0 at worst"
_LARGE = 2**30


def warn_of_resized(shape: Sequence[int], size: tuple[int, int] | None) -> bool:
    """Warn where an array comes at the network's own size: whoever resized it may have done it otherwise than the map.

    Returns whether it was said.
    """
    if size is None or tuple(shape[:2]) != size:
        return False
    log.warning(
        "a photo came as an array of the network's own size %d x %d: if it was resized elsewhere, %s (docs/choices.md, "
        "Decoder and resizing); give the file, or the array before resizing",
        *size, RESIZED,
    )  # fmt: skip
    return True


def offer_binary(descriptors: Descriptors, kind: str) -> str | None:
    """Return what to say where exact search reads a large map whole and signs would do; None where it is small."""
    count, dim = descriptors.shape
    if kind != "flat" or 4 * count * dim < _LARGE:
        return None
    return (
        f"exact search reads {4 * count * dim / 2**30:.1f} GiB for every start; --set index='{{type: binary}}' keeps "
        f"{count * dim / 8 / 2**30:.2f} GiB of signs and compares the first 100 exactly: {FREE} (docs/choices.md)"
    )
