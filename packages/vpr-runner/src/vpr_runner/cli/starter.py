"""The short form of ``vpr init``: the blocks of a run, with what is usually changed in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_core import ComponentSpec, Registry

__all__ = ["ACTIVE", "SCHEMA_FILE", "SCHEMA_LINE", "component_of", "starter"]

SCHEMA_FILE = "run.schema.json"
SCHEMA_LINE = f"# yaml-language-server: $schema=./{SCHEMA_FILE}"
"""What the YAML extensions of editors look for; a path, so that it holds without a network."""
STARTERS = {"dataset": "city", "backbone": "tiny", "pooling": "netvlad"}
ACTIVE: dict[str, Any] = {"train.epochs": 5}
"""Values that a first run is better off with than with the paper's."""
_CHANGED_FIRST = ("root", "model", "weights", "num_clusters", "margin")
"""Parameters of components that a short run file shows although they have a default; any that has none is shown too."""
_SECTIONS = {
    "image": ("size", "longest"),
    "train": ("epochs", "optimizer", "lr", "batch"),
    "eval": ("split", "recall_at"),
    "compute": ("device", "workers"),
}


def component_of(registry: Registry, kind: str, chosen: Mapping[str, str]) -> ComponentSpec[Any]:
    """Return the component that a new run file names for ``kind``.

    Raises:
        UnknownComponentError: ``chosen`` names one that is not installed.
    """
    from vpr_core.config import DEFAULT_COMPONENTS

    spec: ComponentSpec[Any] = registry.get(kind, chosen.get(kind) or {**STARTERS, **DEFAULT_COMPONENTS}[kind])
    return spec


def starter(registry: Registry, chosen: Mapping[str, str], *, plugins: Sequence[Path] = ()) -> str:
    """Return the text of a run file of some fifteen lines.

    Args:
        registry: what is installed.
        chosen: kind to the name of its component; the usual ones otherwise. Index and engine stand there when chosen.
        plugins: local plug-ins.

    Raises:
        UnknownComponentError: no component of that name.
    """
    return "\n".join([SCHEMA_LINE, *_lines(registry, chosen, plugins)]) + "\n"


def _lines(registry: Registry, chosen: Mapping[str, str], plugins: Sequence[Path]) -> Iterator[str]:
    from vpr_core.config import COMPONENT_FIELDS, RunConfig

    yield "# Every field, with its meaning and default: vpr init --full -. For one run: --set train.lr=1e-4"
    yield "name:     run"
    if plugins:
        yield f"plugins:  {_inline([str(path.resolve()) for path in plugins])}"
    for kind in COMPONENT_FIELDS:
        if kind in (*STARTERS, "loss", "miner") or kind in chosen:
            spec = component_of(registry, kind, chosen)
            yield _block(kind, {"type": spec.name, **_shown(spec)}, spec.summary)
    recommended = _recommended(registry, component_of(registry, "backbone", chosen))
    for name, fields in _SECTIONS.items():
        section = RunConfig.model_fields[name].get_default()
        values = {field: ACTIVE.get(f"{name}.{field}", getattr(section, field)) for field in fields}
        note = "each as it is, at most so long" if name == "image" else ""
        if name == "image" and recommended:
            values, note = dict(recommended), "as the backbone's authors recommend"
        yield _block(name, values, note)


def _shown(spec: ComponentSpec[Any]) -> dict[str, Any]:
    fields = spec.config.model_fields
    return {
        name: "CHANGE_ME" if field.is_required() else field.get_default(call_default_factory=True)
        for name, field in fields.items()
        if name != "type" and (field.is_required() or (name in _CHANGED_FIRST and field.default is not None))
    }


def _recommended(registry: Registry, spec: ComponentSpec[Any]) -> Mapping[str, Any]:
    """What the backbone's authors recommend for images; nothing where it depends on a parameter still to be given."""
    from vpr_core.config import RunConfig

    if any(field.is_required() for field in spec.config.model_fields.values()):
        return {}
    needs = registry.image_needs(spec.config(type=spec.name))
    known = RunConfig.model_fields["image"].get_default().model_dump()
    return {} if needs is None else {name: value for name, value in needs.recommended.items() if name in known}


def _block(name: str, values: Mapping[str, Any], note: str) -> str:
    line = f"{name + ':':<9} {_inline(values)}"
    return f"{line:<64}  # {note}" if note else line


def _inline(value: Any) -> str:
    """YAML on one line, which the strict loader reads back.

    >>> _inline({"type": "city", "size": (480, 640), "split": None})
    '{type: city, size: [480, 640], split: null}'
    >>> _inline(["none", "null", "a b"])
    '[none, "null", "a b"]'
    """
    from vpr_core.config.strict_yaml import plain_scalar

    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_inline(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z]\w*", value) and isinstance(plain_scalar(value), str):
        return value
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
