"""``vpr eval --retrieval``: mAP on a retrieval benchmark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpr_data import RetrievalSet
    from vpr_runner import Retriever

__all__ = ["field_of_view", "open_benchmark"]


def open_benchmark(name: str, root: Path | None, split: str | None) -> RetrievalSet:
    """Open a retrieval benchmark before any network is loaded."""
    from functools import partial

    from vpr_core import UsageError
    from vpr_data import holidays, oxford5k, paris6k

    known: dict[str, Callable[..., RetrievalSet]] = {
        "oxford5k": oxford5k,
        "paris6k": paris6k,
        "holidays": holidays,
        "holidays-upright": partial(holidays, upright=True),
    }
    if name not in known:
        raise UsageError(f"--retrieval: {name!r} is none of {', '.join(known)}")
    if root is None:
        raise UsageError(f"--root: say where {name} lies; `vpr data fetch {name.partition('-')[0]}` says how to get it")
    if split is not None:
        raise UsageError("--split: a retrieval benchmark has no splits")
    return known[name](root=root)


def field_of_view(retriever: Retriever) -> int:
    """Return the pixels that one local feature sees, counted from the layers.

    Raises:
        UsageError: they cannot be counted.
    """
    from vpr_backbones import receptive_field
    from vpr_core import UsageError

    try:
        return receptive_field(retriever.backbone)
    except ValueError as error:
        raise UsageError(f"--receptive-field: {error}") from error
