"""The export that runtimes execute: made once a network, kept in the cache folder."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from vpr_core import UsageError
from vpr_runner.code import code_of
from vpr_runner.exporting.onnx_file import described
from vpr_runner.exporting.write import export
from vpr_runner.network.storage import tensor_digest

if TYPE_CHECKING:
    from vpr_core import Registry
    from vpr_core.runtimes import InputContract
    from vpr_runner.network.architecture import Architecture
    from vpr_runner.network.retriever import Retriever

__all__ = ["kept_export"]

VERSION = 1
"""Of what an export is; another version is another file."""
log = logging.getLogger(__name__)


def kept_export(
    retriever: Retriever, architecture: Architecture, registry: Registry, *, cache: Path
) -> tuple[Path, str, InputContract]:
    """Return the network as ONNX file in ``cache``, its digest, and what it takes.

    The digest is of weights, blocks of backbone and pooling and whose code they are, the rule that images are resized
    by, whether it whitens, and torch's version.

    Raises:
        UsageError: it cannot be exported.
    """
    said = {
        "version": VERSION,
        "torch": torch.__version__,
        "weights": tensor_digest(retriever),
        "image": architecture.image.in_force(),
        "code": code_of(architecture.components, registry),
        **architecture.blocks(),
    }
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    file = cache / f"{digest[:32]}.onnx"
    if file.is_file():
        try:
            return file, digest, described(file).inputs
        except UsageError as error:
            log.info("%s is made again: %s", file, error)
    log.info("exporting the network for its runtime; later starts find it in %s", cache)
    # A copy on the CPU: the caller's stays where it is, compiled as it is.
    export(copy.deepcopy(retriever).float(), architecture, registry, onnx=file)
    return file, digest, described(file).inputs
