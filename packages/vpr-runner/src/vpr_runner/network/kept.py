"""The network that an earlier start kept: what was learnt from images once is not learnt again from other images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core import UsageError
from vpr_runner.network.storage import MODEL_FILE, load_retriever, tensor_digest

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_runner.network.retriever import Retriever

__all__ = ["put_kept"]

_DECIDE = {"backbone", "pooling", "image", "init", "whiten", "seed"}
"""Blocks of a run file that a start from images depends on."""


def put_kept(retriever: Retriever, folder: Path, config: RunConfig, registry: Registry) -> bool:
    """Give ``retriever``, freshly assembled, the state of the network in ``folder`` if that is the same start.

    It is when the same blocks made it and its backbone holds the same numbers: a weights file may have changed. A map
    that was begun with 80 photos and gets 20 more keeps the clusters of the 80, or its descriptors would be of two
    networks.

    Returns:
        Whether it was; False leaves ``retriever`` as it is. A damaged file counts as none: it is made anew.
    """
    if not (folder / MODEL_FILE).is_file():
        return False
    try:
        kept, before = load_retriever(folder, registry, said=config)
    except UsageError:
        return False
    if _start(before) != _start(config) or tensor_digest(kept.backbone) != tensor_digest(retriever.backbone):
        return False
    retriever.whitening = None if kept.whitening is None else kept.whitening.to(retriever.device)
    retriever.load_state_dict(kept.state_dict())
    return True


def _start(config: RunConfig) -> dict[str, Any]:
    return config.model_dump(mode="json", include=_DECIDE)
