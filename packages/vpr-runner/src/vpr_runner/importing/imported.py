"""Somebody else's trained network as a model of ours: a run configuration, a retriever and a record of its origin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from vpr_backbones import NORMALIZATIONS
from vpr_core import UsageError
from vpr_core.config import parse_run, to_yaml
from vpr_runner.files import atomic
from vpr_runner.files.provenance import provenance
from vpr_runner.network.assembly import assemble
from vpr_runner.network.retriever import Retriever, WhiteningLayer
from vpr_runner.network.storage import save_retriever

if TYPE_CHECKING:
    from vpr_backbones import ImportedRetriever
    from vpr_core import Registry, RunConfig

__all__ = ["adopt", "write_imported"]


def adopt(
    imported: ImportedRetriever, registry: Registry, *, base: Mapping[str, Any], overrides: Sequence[str] = ()
) -> tuple[Retriever, RunConfig]:
    """Return the imported network as a retriever with the configuration that rebuilds it.

    Args:
        imported: what `vpr_backbones.read_retriever` read.
        registry: where backbone and pooling layer come from.
        base: the other blocks of a run file; ``dataset`` at least.
        overrides: ``key=value`` on top.

    Raises:
        ConfigError: ``base`` or ``overrides`` are wrong.
        UsageError: an override makes backbone or pooling others than the imported ones.
    """
    described = {
        **base,
        "backbone": _backbone(imported, registry),
        "pooling": _pooling(imported),
        "whiten": _whiten(imported),
    }
    config = parse_run(json.dumps(described), registry, overrides, source=f"import from {imported.source}")
    retriever = assemble(config, registry)
    if imported.whitening is not None:
        weight, bias = imported.whitening
        retriever.whitening = WhiteningLayer(weight=weight.float(), bias=bias.float())
    try:
        retriever.load_state_dict(_state(imported))
    except RuntimeError as error:
        raise UsageError(
            f"import from {imported.source}: its weights do not fit the backbone and pooling asked for: {error}; leave "
            "these two blocks as the file says"
        ) from error
    return retriever.eval(), config


def write_imported(
    folder: Path, retriever: Retriever, config: RunConfig, *, imported: ImportedRetriever, file: Path
) -> None:
    """Write a run directory that ``vpr eval``, ``extract`` and ``search`` take; the model comes last."""
    atomic.write_text(folder / "config.yaml", to_yaml(config))
    atomic.write_json(folder / "environment.json", provenance())
    origin = {
        "source": imported.source,
        "file": str(file),
        "sha256": imported.sha256,
        "network": imported.network,
        "cut": imported.cut,
        "pooling": imported.method,
        "out_dim": retriever.out_dim,
        "whitened": imported.whitening is not None,
        "input": asdict(imported.normalization),
    }
    atomic.write_json(folder / "import.json", origin)
    save_retriever(retriever, folder / "model", config)


def _backbone(imported: ImportedRetriever, registry: Registry) -> dict[str, Any]:
    """A block without pretrained weights: the model file holds them."""
    fields = registry.get("backbone", imported.network).config.model_fields
    return {
        "type": imported.network,
        "weights": "none",
        "cut": imported.cut,
        "train_from": "none",
        "normalization": _normalization(imported),
        **({"batch_norm": "frozen"} if "batch_norm" in fields else {}),
    }


def _normalization(imported: ImportedRetriever) -> Any:
    named = [name for name, values in NORMALIZATIONS.items() if values == imported.normalization]
    return named[0] if named else asdict(imported.normalization)


def _pooling(imported: ImportedRetriever) -> dict[str, Any]:
    pooling = imported.pooling
    if pooling is None:
        return {"type": imported.method}
    return {
        "type": "netvlad",
        "num_clusters": len(pooling.centroids),
        "form": pooling.form,
        "normalize_input": pooling.normalize_input,
        "intra_normalize": pooling.intra_normalize,
    }


def _whiten(imported: ImportedRetriever) -> dict[str, Any] | None:
    """What the whitening would be fitted by; its sample is not known, and the paper's is stated where that is valid."""
    if imported.whitening is None:
        return None
    dim = len(imported.whitening[1])
    return {"dim": dim, "images": max(10_000, dim + 1)}


def _state(imported: ImportedRetriever) -> dict[str, torch.Tensor]:
    trunk = imported.build_backbone().state_dict()
    state = {f"backbone.{name}": tensor for name, tensor in trunk.items()}
    if imported.pooling is not None:
        state["pooling.assignment_weight"] = imported.pooling.assignment_weight
        state["pooling.centroids"] = imported.pooling.centroids
        if imported.pooling.assignment_bias is not None:
            state["pooling.assignment_bias"] = imported.pooling.assignment_bias
    if imported.whitening is not None:
        state["whitening.weight"], state["whitening.bias"] = imported.whitening
    return state
