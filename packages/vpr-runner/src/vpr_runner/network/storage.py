"""A retriever on disk: one safetensors file that carries its own configuration.

Weights and configuration share a file, so that no moment exists at which one is new and the other old. A readable copy
of the configuration lies beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
import torch
from pydantic import BaseModel
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from vpr_core import UsageError
from vpr_core.config import parse_run
from vpr_core.trust import refuse_foreign_choices
from vpr_runner.files import atomic
from vpr_runner.files.documents import parsed
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.assembly import assemble
from vpr_runner.network.exported import ExportedNetwork
from vpr_runner.network.retriever import Retriever, WhiteningLayer
from vpr_runner.network.servable import servable

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry, RunConfig

__all__ = [
    "FORMAT",
    "MODEL_FILE",
    "StoredModel",
    "fingerprint",
    "load_retriever",
    "save_retriever",
    "stored_config",
    "stored_model",
    "tensor_digest",
]

FORMAT = 1
MODEL_FILE = "model.safetensors"
_ALONE: dict[str, Any] = {"dataset": {"type": "none"}, "plugins": [], "engine": {"type": "local"}, "loggers": []}
_PARTS = ("backbone", "pooling")


def save_retriever(retriever: Retriever, path: Path, config: RunConfig, *, alone: bool = False) -> Path:
    """Write ``retriever`` and ``config`` to ``path`` (a folder: to ``model.safetensors`` in it); return the file.

    The file is replaced as a whole. ``<name>.json`` beside it repeats the configuration for people.
    ``alone`` leaves out of it where data, work and records were: the network is to be carried away.
    """
    file = path if path.suffix == ".safetensors" else path / MODEL_FILE
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in retriever.state_dict().items()}
    digest = tensor_digest(tensors)
    description = {
        "format": FORMAT,
        "fingerprint": fingerprint(retriever, Architecture.of(config), weights=digest),
        "weights_sha256": digest,  # safetensors does not notice a flipped bit
        "out_dim": retriever.out_dim,
        **({"untrained": list(retriever.untrained)} if retriever.untrained else {}),
        "config": {**config.model_dump(mode="json"), **(_ALONE if alone else {})},
    }
    description["sha256"] = _digest(description)  # of the above: one flipped bit is another image size
    atomic.write_bytes(file, safetensors.torch.save(tensors, {"vpr": json.dumps(description, allow_nan=False)}))
    atomic.write_json(file.with_suffix(".json"), description)
    return file


def stored_config(path: Path, registry: Registry) -> RunConfig:
    """Return the run configuration that a model file carries, without its weights.

    It was written by whoever made the file: what it names is built by `load_retriever`, after a look at it, or not.

    Raises:
        UsageError: no such file, not whole or damaged, or written by another format.
    """
    file = _find(path)
    with _opened(file) as reader:
        return _config(_description(reader, file), registry, file)


def load_retriever(
    path: Path, registry: Registry, *, said: RunConfig | Mapping[str, Any] | None = None
) -> tuple[Retriever, RunConfig]:
    """Read a retriever and its run configuration; ``path`` is the file, its folder or a run directory.

    Args:
        path: where it lies.
        registry: what is installed.
        said: what the user says of the network, in a run file or on the command line of their own: blocks that are
            the same there are the user's choice. The file itself chooses only among components that compute and do
            nothing else (`vpr_core.trust`).

    Raises:
        UsageError: no such file, not whole or damaged, written by another format, or not fitting its own configuration.
        ForeignChoiceError: it names a backbone or pooling layer that would run foreign code, reach the network, read
            the environment or start processes.
    """
    stored = stored_model(path, registry)
    own = said if said is None or isinstance(said, Mapping) else dict(said)
    return stored.network(registry, said=own), stored.config


def stored_model(path: Path, registry: Registry) -> StoredModel:
    """Read a model file, once and whole; nothing that it names is built.

    Raises:
        UsageError: no such file, not whole or damaged, or written by another format.
    """
    file = _find(path)
    with _opened(file) as reader:
        description = _description(reader, file)
        tensors: dict[str, Tensor] = {name: reader.get_tensor(name) for name in reader.keys()}  # noqa: SIM118
    config = _config(description, registry, file)
    return StoredModel(file=file, config=config, description=description, tensors=tensors)


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredModel:
    """What a model file holds; whoever wrote it may be a stranger.

    Attributes:
        file: where it lies.
        config: its run configuration.
        description: the rest of what it says of itself.
        tensors: weights by name.
    """

    file: Path
    config: RunConfig
    description: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    def network(self, registry: Registry, *, said: Mapping[str, Any] | None = None) -> Retriever:
        """Build the network, after a look at what the file chooses; ``said`` and errors as of `load_retriever`."""
        file, tensors = self.file, self.tensors
        expected = self.description.get("weights_sha256")  # files of the first version have none
        if expected is not None and tensor_digest(tensors) != expected:
            raise UsageError(
                f"{file}: the weights are damaged (their SHA-256 is not the recorded one); take another copy or train "
                "again"
            )
        bare = self.config.model_copy(update={"backbone": _without_pretrained_weights(self.config.backbone)})
        own = None if said is None else _parts_said(said)
        refuse_foreign_choices(bare, registry, source=str(file), said=own, kinds={"backbone", "pooling"})
        retriever = assemble(bare, registry)
        if "whitening.weight" in tensors or "whitening.bias" in tensors:
            weight, bias = tensors.get("whitening.weight"), tensors.get("whitening.bias")
            if weight is None or bias is None or weight.shape != (len(bias), retriever.out_dim) or bias.dim() != 1:
                raise UsageError(
                    f"{file}: its whitening must be a weight (d, {retriever.out_dim}) and a bias (d,); take "
                    "another copy"
                )
            retriever.whitening = WhiteningLayer(weight=weight.clone(), bias=bias.clone())
        _check_numbers(tensors, retriever, file)
        try:
            retriever.load_state_dict(tensors)
        except RuntimeError as error:
            raise UsageError(
                f"{file}: weights do not fit backbone and pooling of its configuration: {error}"
            ) from error
        untrained = self.description.get("untrained", [])
        retriever.untrained = tuple(part for part in _PARTS if isinstance(untrained, list) and part in untrained)
        return retriever.eval()


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    try:
        with safe_open(file, framework="pt") as reader:
            yield reader
    except (SafetensorError, OSError, ValueError) as error:
        raise UsageError(f"{file}: not a whole safetensors file ({error}); train again or take another copy") from error


def _description(reader: Any, file: Path) -> dict[str, Any]:
    description = parsed((reader.metadata() or {}).get("vpr", "null"))
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise UsageError(
            f"{file}: not a model of this toolkit (no 'vpr' entry of format {FORMAT} in its metadata); backbone "
            "weights alone belong under backbone.weights in the run file"
        )
    expected = description.pop("sha256", None)  # files of the first versions have none
    if expected is not None and _digest(description) != expected:
        raise UsageError(
            f"{file}: its configuration is damaged (its SHA-256 is not the recorded one); take another copy or train "
            "again"
        )
    return description


def _digest(description: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(description, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _config(description: Mapping[str, Any], registry: Registry, file: Path) -> RunConfig:
    return parse_run(json.dumps(servable(description.get("config"), registry, file)), registry, source=str(file))


def fingerprint(retriever: Retriever, architecture: Architecture, *, weights: str | None = None) -> str:
    """Return the SHA-256 of what decides a descriptor: weights, architecture and image size.

    ``weights`` is their digest, where it is known already.
    """
    said: dict[str, Any] = dict(architecture.blocks())
    if isinstance(retriever, ExportedNetwork):  # nothing of it is in the configuration
        said = {"exported": retriever.sha256}
    said["image"] = architecture.image.in_force()
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    digest.update((weights or tensor_digest(retriever.state_dict())).encode())
    return digest.hexdigest()


def tensor_digest(tensors: Mapping[str, Tensor] | nn.Module) -> str:
    """Return the SHA-256 of named tensors: names, dtypes, shapes and bytes."""
    items = tensors.state_dict() if isinstance(tensors, nn.Module) else tensors
    digest = hashlib.sha256()
    for name in sorted(items):
        tensor = items[name].detach().cpu().contiguous()
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)  # numpy has no bfloat16; bytes are bytes
    return digest.hexdigest()


def _check_numbers(tensors: Mapping[str, Tensor], retriever: Retriever, file: Path) -> None:
    """Refuse what would be taken without a word: whole numbers where fractions belong, and NaN."""
    for name, own in retriever.state_dict().items():
        tensor = tensors.get(name)
        if tensor is None:
            continue
        if tensor.is_floating_point() != own.is_floating_point():
            raise UsageError(f"{file}: {name} is {tensor.dtype}, {own.dtype} belongs there; take another copy")
        if bool(tensor.isnan().any()):
            raise UsageError(f"{file}: {name} holds NaN; train again, or take another copy")


def _find(path: Path) -> Path:
    for candidate in (path, path / MODEL_FILE, path / "model" / MODEL_FILE):
        if candidate.is_file():
            return candidate
    if (path / "run.json").is_file():
        best = path / "best" / MODEL_FILE
        raise UsageError(
            f"{path}: this run is not finished, so there is no model yet; `vpr train` with the same run file goes on"
            + (f". {best} is the best network so far" if best.is_file() else "")
        )
    raise UsageError(f"{path}: no model there (looked for {MODEL_FILE}); `vpr train` writes one at the end of a run")


def _parts_said(said: Mapping[str, Any]) -> dict[str, Any]:
    """The parts that a user names, as plain data, without weights: those are nobody's choice here."""
    plain = {
        part: said[part].model_dump(mode="json") if isinstance(said[part], BaseModel) else said[part]
        for part in _PARTS
        if part in said
    }
    backbone = plain.get("backbone")
    if isinstance(backbone, Mapping) and "weights" in backbone:
        plain["backbone"] = {**backbone, "weights": "none"}
    return plain


def _without_pretrained_weights(backbone: ComponentConfig) -> ComponentConfig:
    """Spare the download: the file's own tensors replace whatever the backbone would start from."""
    if "weights" not in type(backbone).model_fields:
        return backbone
    return backbone.model_copy(update={"weights": "none"})
