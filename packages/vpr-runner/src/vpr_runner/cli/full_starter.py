"""The long form of ``vpr init``: every block, every parameter with its meaning and default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_runner.cli.starter import ACTIVE, SCHEMA_LINE, component_of

if TYPE_CHECKING:
    from pydantic import BaseModel

    from vpr_core import Registry
    from vpr_runner.cli.parameters import Parameter

__all__ = ["full_starter"]


def full_starter(registry: Registry, chosen: Mapping[str, str], *, plugins: Sequence[Path] = ()) -> str:
    """Return the text of a run file that has every field, those at their defaults behind ``#``.

    Args:
        registry: what is installed.
        chosen: kind to the name of its component; the usual ones otherwise.
        plugins: local plug-ins.

    Raises:
        UnknownComponentError: no component of that name.
    """
    from vpr_core.config import BLOCKS, COMPONENT_FIELDS

    model = registry.run_config_model()
    lines = [
        SCHEMA_LINE,
        "# Run file of vpr. Lines behind a # show defaults: take the # away to change one.",
        "# Any value can also be given on the command line: --set train.lr=1e-4",
    ]
    if plugins:
        lines += ["", f"plugins: [{', '.join(str(path.resolve()) for path in plugins)}]"]
    chosen_later = {block.path[0]: block for block in BLOCKS.values() if block.path[0] not in COMPONENT_FIELDS}
    chosen_later.pop("compute")  # a section, with a component among its fields
    for name, field in model.model_fields.items():
        if name == "plugins":
            continue
        lines += ["", f"# {field.description}"]
        if name in COMPONENT_FIELDS:
            spec = component_of(registry, name, chosen)
            lines += _block(name, spec.config, kind=spec.name, note=spec.summary)
        elif name in chosen_later:
            block = chosen_later[name]
            installed = ", ".join(spec.name for spec in registry.specs(block.kind))
            nothing = "[]" if block.many else "null"
            lines.append(_described(f"# {name}: {nothing}", f"or {block.shown}; installed: {installed or 'none'}"))
        elif (section := _section(field.annotation)) is not None:
            lines += _block(name, section, kind=None, note="")
        else:
            lines.append(f"{name}: {field.default}")
    return "\n".join(lines) + "\n"


def _section(annotation: Any) -> type[BaseModel] | None:
    from typing import get_args

    from pydantic import BaseModel

    for option in (annotation, *get_args(annotation)):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


def _block(name: str, model: type[BaseModel], *, kind: str | None, note: str) -> Iterator[str]:
    """Yield a block; the whole of it is behind ``#`` when every line of it would be."""
    from vpr_core.config.sections import WhitenConfig
    from vpr_runner.cli.parameters import parameters_of

    parameters = parameters_of(model)
    live = {item.name for item in parameters if item.default is None or f"{name}.{item.name}" in ACTIVE}
    off = "" if kind or (live and model is not WhitenConfig) else "# "
    yield f"{off}{name}:"
    if kind:
        yield _described(f"  type: {kind}", note)
    opened: list[str] = []
    for item in parameters:
        *outer, last = item.name.split(".")
        for depth, part in enumerate(outer):
            if opened[: depth + 1] != outer[: depth + 1]:
                yield f"{off or '# '}{'  ' * (depth + 1)}{part}:"
        opened = outer
        value = ACTIVE.get(f"{name}.{item.name}", "CHANGE_ME" if item.default is None else item.default)
        mark = off or ("" if item.name in live else "# ")
        yield _described(f"{mark}{'  ' * (len(outer) + 1)}{last}: {value}", _meaning(item))


def _meaning(item: Parameter) -> str:
    accepts = f"{item.kind}, {item.bounds}" if item.bounds else item.kind
    return f"{item.description} [{accepts}]"


def _described(line: str, note: str) -> str:
    return f"{line:<34}  # {note}" if note else line
