"""A network by name, without a run file: the catalogue, and any backbone and pooling layer joined by a dash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig

__all__ = ["is_network", "is_word", "run_of_name"]

WITHOUT_DATA: Mapping[str, Any] = {"dataset": {"type": "none"}}


def is_word(source: Path) -> bool:
    """Whether what was typed is one word, as names are, and not a file's name."""
    return str(source) == source.name and source.suffix not in {".yaml", ".yml", ".safetensors", ".onnx", ".pth", ".pt"}


def is_network(source: Path) -> bool:
    """Whether a path holds a network or describes one: a run file, a model file, a run directory, a map."""
    if source.is_file():
        return source.suffix in {".yaml", ".yml", ".safetensors", ".onnx"}
    kept = ("model.safetensors", "model/model.safetensors", "model.onnx", "model/model.onnx", "run.json")
    return any((source / name).is_file() for name in kept)


def run_of_name(name: str, registry: Registry, overrides: Sequence[str] = ()) -> RunConfig:
    """Return the run configuration that ``name`` stands for, with ``overrides`` on top; it has no data set.

    Raises:
        UnknownComponentError: no such name; the nearest are named.
        ConfigError: an override does not fit.
    """
    from vpr_core.config import make_run

    blocks = registry.model(name).run if name in registry.models else _joined(name, registry)
    if blocks is None:
        registry.model(name)  # says what is near
    return make_run({"name": name, **WITHOUT_DATA, **(blocks or {})}, registry, overrides, source=f"model {name}")


def _joined(name: str, registry: Registry) -> Mapping[str, Any] | None:
    """``squeezenet1_1-gem``: any backbone and pooling layer by their names in a run file."""
    backbone, dash, pooling = name.partition("-")
    known = {kind: {spec.name for spec in registry.specs(kind)} for kind in ("backbone", "pooling")}
    if not dash or backbone not in known["backbone"] or pooling not in known["pooling"]:
        return None
    return {"backbone": {"type": backbone}, "pooling": {"type": pooling}, "image": {"size": [480, 640]}}
