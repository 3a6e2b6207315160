"""A network on disk, whichever it is: a retriever with its weights, or one exported file.

An exported network in a folder is ``model.onnx``, byte for byte the file that was exported, and ``model.json``, the
rest of the run configuration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core import UsageError
from vpr_core.config import parse_run
from vpr_runner.exporting.onnx_file import described
from vpr_runner.files import atomic
from vpr_runner.files.documents import parsed
from vpr_runner.network.exported import ExportedNetwork
from vpr_runner.network.storage import MODEL_FILE, load_retriever, save_retriever, stored_config

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_runner.network.retriever import Retriever

__all__ = ["EXPORTED_FILE", "exported_network", "load_network", "network_config", "network_files", "save_network"]

EXPORTED_FILE, SETTINGS_FILE = "model.onnx", "model.json"
_PLACEHOLDERS: dict[str, Any] = {
    "dataset": {"type": "none"},
    "backbone": {"type": "tiny"},
    "pooling": {"type": "avg"},
    "plugins": [],
    "engine": {"type": "local"},
    "loggers": [],
}


def load_network(
    path: Path, registry: Registry, *, said: Mapping[str, Any] | None = None
) -> tuple[Retriever, RunConfig]:
    """Read a network and its run configuration; ``path`` is a file, its folder or a run directory.

    Raises:
        UsageError: see `vpr_runner.network.storage.load_retriever` and `vpr_runner.exporting.onnx_file.described`.
    """
    if _exported(path) is not None:
        return exported_network(path, registry)
    return load_retriever(path, registry, said=said)


def network_config(path: Path, registry: Registry) -> RunConfig:
    """Return the run configuration of a network alone."""
    return exported_network(path, registry)[1] if _exported(path) is not None else stored_config(path, registry)


def exported_network(
    path: Path, registry: Registry, overrides: Sequence[str] = ()
) -> tuple[ExportedNetwork, RunConfig]:
    """Read an exported file, alone or in a folder with settings; ``overrides`` are those of a command line.

    Raises:
        UsageError: it is not of `vpr export`, more than data, or an override is of what lies in the file.
    """
    file = _exported(path)
    if file is None:
        raise UsageError(f"{path}: no exported network there; `vpr export RUN --onnx FILE.onnx` writes one")
    for override in overrides:
        if override.partition("=")[0].strip().partition(".")[0] in {"backbone", "pooling", "whiten"}:
            raise UsageError(f"--set {override}: {file} is exported; what it computes is fixed in it")
    settings, recorded = _settings(path)
    found, sha256 = described(file), atomic.sha256_of(file)
    if recorded not in (None, sha256):
        raise UsageError(f"{file} is damaged (its SHA-256 is not the recorded one); take another copy")
    parity = found.parity
    cosine: tuple[float, float] | None = None
    if all(isinstance(parity.get(name), float) for name in ("smallest_cosine", "median_cosine")):
        cosine = parity["smallest_cosine"], parity["median_cosine"]
    network = ExportedNetwork(
        file=file, sha256=sha256, inputs=found.inputs, precision=found.precision, cosine=cosine
    ).eval()
    content = {**settings, **_PLACEHOLDERS}
    if "image" not in content:
        other = {"short_side", "max_side"} & set(found.sizing)
        rule = {"size": list(found.size)} if found.size else {} if other else {"longest": found.longest}
        content["image"] = {**rule, **found.sizing}
    config = parse_run(json.dumps(content), registry, overrides, source=str(file))
    return network, config


def save_network(retriever: Retriever, folder: Path, config: RunConfig) -> tuple[str, ...]:
    """Write a network to be carried away into ``folder``; return the names of its files."""
    if not isinstance(retriever, ExportedNetwork):
        return tuple(path.name for path in _both(save_retriever(retriever, folder, config, alone=True)))
    content = retriever.file.read_bytes()
    target = folder / EXPORTED_FILE
    if retriever.file.resolve() != target.resolve():
        atomic.write_bytes(target, content)
    settings = config.model_dump(mode="json", exclude=set(_PLACEHOLDERS))
    atomic.write_json(
        folder / SETTINGS_FILE,
        {"format": 1, "sha256": atomic.sha256_of(target), "config": {**settings, "plugins": []}},
    )
    return EXPORTED_FILE, SETTINGS_FILE


def network_files(folder: Path) -> tuple[str, ...]:
    """Return the names of the files that make the network in a folder."""
    return (EXPORTED_FILE, SETTINGS_FILE) if (folder / EXPORTED_FILE).is_file() else (MODEL_FILE, SETTINGS_FILE)


def _both(file: Path) -> tuple[Path, Path]:
    return file, file.with_suffix(".json")


def _exported(path: Path) -> Path | None:
    if path.suffix == ".onnx":
        return path
    return path / EXPORTED_FILE if (path / EXPORTED_FILE).is_file() else None


def _settings(path: Path) -> tuple[dict[str, Any], str | None]:
    """The rest of the configuration beside an exported file in a folder, and the file's SHA-256."""
    file = path / SETTINGS_FILE
    if path.suffix == ".onnx" or not file.is_file():
        return {}, None
    try:
        content = parsed(file.read_text(encoding="utf-8"))
        found, sha256 = content["config"], content["sha256"]
        if not isinstance(found, dict) or not isinstance(sha256, str):
            raise TypeError("no block config, or no sha256")
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file}: damaged ({error}); extract the map again, or take another copy") from error
    return found, sha256
