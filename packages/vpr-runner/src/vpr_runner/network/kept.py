"""The network that an earlier start kept: what was learnt from images once is not learnt again from other images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core import UsageError
from vpr_runner.network.storage import MODEL_FILE, load_retriever, tensor_digest

if TYPE_CHECKING:
    from vpr_core import Registry
    from vpr_runner.network.retriever import Retriever

__all__ = ["OF_START", "put_kept"]

OF_START = {"backbone", "pooling", "image", "init", "whiten", "seed"}
"""Blocks of a run file that a start from images depends on."""


def put_kept(retriever: Retriever, folder: Path, start: Mapping[str, Any], registry: Registry) -> bool:
    """Give ``retriever``, freshly assembled, the state of the network in ``folder`` if that is the same start.

    It is when the same blocks made it and its backbone holds the same numbers: a weights file may have changed. A map
    that was begun with 80 photos and gets 20 more keeps the clusters of the 80, or its descriptors would be of two
    networks.

    Args:
        retriever: gets the state.
        folder: of the network that was kept.
        start: the blocks `OF_START` of the run file as plain data; what they name is the user's choice.
        registry: what is installed.

    Returns:
        Whether it was; False leaves ``retriever`` as it is. A damaged file counts as none: it is made anew.
    """
    if not (folder / MODEL_FILE).is_file():
        return False
    try:
        kept, before = load_retriever(folder, registry, said=start)
    except UsageError:
        return False
    if before.model_dump(mode="json", include=OF_START) != start:
        return False
    if tensor_digest(kept.backbone) != tensor_digest(retriever.backbone):
        return False
    retriever.whitening = None if kept.whitening is None else kept.whitening.to(retriever.device)
    retriever.load_state_dict(kept.state_dict())
    return True
