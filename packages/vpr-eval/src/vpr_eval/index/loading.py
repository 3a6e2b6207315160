"""An index file, whatever its kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vpr_eval.index.base import DescriptorIndex
from vpr_eval.index.binary import BinaryIndex
from vpr_eval.index.container import read_index_header
from vpr_eval.index.flat import FlatIndex
from vpr_eval.index.hnsw import HNSWIndex
from vpr_eval.index.ivf_pq import IVFPQIndex
from vpr_eval.index.ivf_rabitq import IVFRaBitQIndex
from vpr_eval.index.ivf_sq import IVFSQIndex

__all__ = ["load_index"]

_KINDS: dict[str, Any] = {
    index.kind: index for index in (FlatIndex, HNSWIndex, IVFSQIndex, IVFPQIndex, IVFRaBitQIndex, BinaryIndex)
}


def load_index(path: Path, *, fingerprint: str | None = None) -> DescriptorIndex:
    """Return the index in a file, of the kind and with the parameters that the file says.

    Args:
        path: what `DescriptorIndex.save` wrote.
        fingerprint: of the model that makes the queries; None does not compare.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, of an unknown kind, or made by another model.
    """
    path = Path(path)
    header = read_index_header(path)
    if header.kind not in _KINDS:
        raise ValueError(f"path: {path} holds an index of kind {header.kind!r}; known: {', '.join(_KINDS)}")
    try:
        index: DescriptorIndex = _KINDS[header.kind](
            dim=header.dim, metric=header.metric, fingerprint=fingerprint, **header.parameters
        )
    except TypeError as error:
        raise ValueError(
            f"path: {path} has parameters that {header.kind} does not know: {header.parameters}"
        ) from error
    index.load(path)
    return index
