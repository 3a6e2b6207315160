"""Somebody else's trained network as a model of ours: a run configuration, a retriever and a record of its origin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from vpr_backbones import NORMALIZATIONS
from vpr_core import PoolingSpec, UsageError
from vpr_core.config import parse_run, to_yaml
from vpr_runner.files import atomic
from vpr_runner.files.provenance import provenance
from vpr_runner.network.assembly import assemble
from vpr_runner.network.retriever import Retriever, WhiteningLayer
from vpr_runner.network.storage import MODEL_FILE, save_retriever

if TYPE_CHECKING:
    from vpr_backbones import ImportedRetriever
    from vpr_core import Registry, RunConfig

__all__ = ["adopt", "is_half_an_import", "write_imported"]


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
    layer = _layer(imported, registry)
    described = {
        **base,
        "backbone": _backbone(imported, registry),
        "pooling": layer.block,
        "whiten": _whiten(imported),
    }
    if layer.map_size is not None:  # its weights belong to the locations of one map
        stride = imported.build_backbone().stride
        described["image"] = {**described.get("image", {}), "size": [side * stride for side in layer.map_size]}
    config = parse_run(json.dumps(described), registry, overrides, source=f"import from {imported.source}")
    retriever = assemble(config, registry)
    if imported.whitening is not None:
        weight, bias = imported.whitening
        retriever.whitening = WhiteningLayer(weight=weight.float(), bias=bias.float())
    try:
        retriever.load_state_dict({**_state(imported), **layer.state})
    except RuntimeError as error:
        raise UsageError(
            f"import from {imported.source}: its weights do not fit the backbone and pooling asked for: {error}; leave "
            "these two blocks as the file says"
        ) from error
    return retriever.eval(), config


def write_imported(
    folder: Path, retriever: Retriever, config: RunConfig, *, imported: ImportedRetriever, file: Path
) -> None:
    """Write a run directory that ``vpr eval``, ``extract`` and ``search`` take.

    The record of the origin comes first and the model last: what has one and not the other is half an import, which
    the next start takes up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for place in (folder, folder / "model"):
        atomic.remove_leftovers(place)
    (folder / "model" / MODEL_FILE).unlink(missing_ok=True)
    origin = {
        "source": imported.source,
        "file": str(file),
        "sha256": imported.sha256,
        "network": imported.network,
        "cut": imported.cut,
        "pooling": config.pooling.type,
        "left_aside": list(imported.left),
        "out_dim": retriever.out_dim,
        "whitened": imported.whitening is not None,
        "input": asdict(imported.normalization),
    }
    atomic.write_json(folder / "import.json", origin)
    atomic.write_text(folder / "config.yaml", to_yaml(config))
    atomic.write_json(folder / "environment.json", provenance())
    save_retriever(retriever, folder / "model", config)


def is_half_an_import(folder: Path) -> bool:
    """Whether a killed import left ``folder``: the record of its origin without a model, or temporary files alone."""
    if (folder / "import.json").is_file():
        return not (folder / "model" / MODEL_FILE).is_file()
    return all(path.name.startswith(atomic.PREFIX) for path in folder.iterdir())


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


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """The pooling layer: its block, its tensors by the retriever's names, and the one map it goes with."""

    block: dict[str, Any]
    state: dict[str, torch.Tensor] = field(default_factory=dict)
    map_size: tuple[int, int] | None = None


def _layer(imported: ImportedRetriever, registry: Registry) -> _Layer:
    if imported.method == "head":
        return _adopted(imported, registry)
    pooling = imported.pooling
    if pooling is None:
        return _Layer(block={"type": imported.method})
    block = {
        "type": "netvlad",
        "num_clusters": len(pooling.centroids),
        "form": pooling.form,
        "normalize_input": pooling.normalize_input,
        "intra_normalize": pooling.intra_normalize,
    }
    state = {"pooling.assignment_weight": pooling.assignment_weight, "pooling.centroids": pooling.centroids}
    if pooling.assignment_bias is not None:
        state["pooling.assignment_bias"] = pooling.assignment_bias
    return _Layer(block=block, state=state)


def _adopted(imported: ImportedRetriever, registry: Registry) -> _Layer:
    """Ask every installed pooling layer whether these tensors are its own."""
    asked = [spec for spec in registry.specs("pooling") if isinstance(spec, PoolingSpec) and spec.adopt is not None]
    for spec in asked:
        found = spec.adopt(imported.head) if spec.adopt is not None else None
        if found is not None:
            return _Layer(
                block={"type": spec.name, **found.parameters},
                state={f"pooling.{name}": value for name, value in found.state.items()},
                map_size=found.map_size,
            )
    raise UsageError(
        f"import from {imported.source}: its trunk is {imported.network}, and its pooling layer "
        f"({', '.join(list(imported.head)[:4])}, ...) is none of {', '.join(spec.name for spec in asked)}. Install the "
        "plug-in that has it (vpr-modern-pooling has MixVPR, ConvAP and CosPlace), or use the authors' entry point "
        "(vpr-torchhub); backbone.weights takes the trunk alone"
    )


def _whiten(imported: ImportedRetriever) -> dict[str, Any] | None:
    """What the whitening would be fitted by; its sample is not known, and the paper's is stated where that is valid."""
    if imported.whitening is None:
        return None
    dim = len(imported.whitening[1])
    return {"dim": dim, "images": max(10_000, dim + 1)}


def _state(imported: ImportedRetriever) -> dict[str, torch.Tensor]:
    trunk = imported.build_backbone().state_dict()
    state = {f"backbone.{name}": tensor for name, tensor in trunk.items()}
    if imported.whitening is not None:
        state["whitening.weight"], state["whitening.bias"] = imported.whitening
    return state
