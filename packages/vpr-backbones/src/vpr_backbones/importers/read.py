"""One door for every trained network that can be imported."""

from __future__ import annotations

from pathlib import Path

from vpr_backbones.importers.checkpoints import from_state
from vpr_backbones.importers.matlab import from_matlab, is_matlab
from vpr_backbones.importers.retriever import ImportedRetriever
from vpr_backbones.weights import read_weights

__all__ = ["read_retriever"]


def read_retriever(path: str | Path) -> ImportedRetriever:
    """Read a trained NetVLAD network; the file's content says whose it is.

    Known: the authors' MATLAB networks (Relja/netvlad, layers saved as structs, as hloc distributes them) and state
    dicts of hloc, Nanne/pytorch-NetVlad, Patch-NetVLAD, OpenIBL and deep-visual-geo-localization-benchmark.

    Raises:
        FileNotFoundError: no such file.
        ValueError: none of these, or refused (see `vpr_backbones.weights.read_weights`).
    """
    path = Path(path)
    if path.is_file() and is_matlab(path):
        return from_matlab(path)
    file = read_weights(path)
    return from_state(file.tensors, sha256=file.sha256, name=str(path))
