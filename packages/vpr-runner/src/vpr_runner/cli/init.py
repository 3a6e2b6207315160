"""``vpr init``: a commented run file to start from, written from the models that will check it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vpr_runner.cli.loading import registry_of
from vpr_runner.cli.options import PluginOption

if TYPE_CHECKING:
    from pydantic import BaseModel

    from vpr_core import Registry
    from vpr_runner.cli.parameters import Parameter

__all__ = ["init", "starter"]

EPILOG = """\b
Examples:
  vpr init run.yaml                                    the rendered city, a small network, NetVLAD
  vpr init mine.yaml --dataset folder --backbone resnet18
  vpr init mine.yaml --pooling gem --loss triplet
  vpr init -                                           to stdout

Lines behind a "#" show defaults. `vpr validate FILE` checks the result, `vpr plugins` shows what else there is."""

STARTERS = {"dataset": "city", "backbone": "tiny", "pooling": "netvlad"}
ACTIVE: dict[str, Any] = {"train.epochs": 5}
"""Values that a first run is better off with than with the paper's."""


def init(
    path: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="Where to write; - for stdout.")] = Path("run.yaml"),
    dataset: Annotated[str | None, typer.Option("--dataset", metavar="NAME", help="Data set.")] = None,
    backbone: Annotated[str | None, typer.Option("--backbone", metavar="NAME", help="Backbone.")] = None,
    pooling: Annotated[str | None, typer.Option("--pooling", metavar="NAME", help="Pooling layer.")] = None,
    loss: Annotated[str | None, typer.Option("--loss", metavar="NAME", help="Loss.")] = None,
    miner: Annotated[str | None, typer.Option("--miner", metavar="NAME", help="Miner.")] = None,
    index: Annotated[str | None, typer.Option("--index", metavar="NAME", help="Index.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    plugin: PluginOption = None,
) -> None:
    """Write a commented run file to start from: every block, every parameter with its meaning and default."""
    from vpr_core import UsageError

    chosen = {
        "dataset": dataset,
        "backbone": backbone,
        "pooling": pooling,
        "loss": loss,
        "miner": miner,
        "index": index,
    }
    text = starter(registry_of(plugin), {kind: name for kind, name in chosen.items() if name}, plugins=plugin or ())
    if str(path) == "-":
        print(text, end="")
        return
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; --force replaces it, or name another file")
    from vpr_runner.files.atomic import write_text

    write_text(path, text)
    print(f"{path}: edit it, then `vpr validate {path}` and `vpr train {path}`")


def starter(registry: Registry, chosen: dict[str, str], *, plugins: Sequence[Path] = ()) -> str:
    """Return the text of a run file with the ``chosen`` components (kind: name) and the usual ones otherwise.

    Raises:
        UnknownComponentError: no component of that name.
    """
    from vpr_core.config import BLOCKS, COMPONENT_FIELDS, DEFAULT_COMPONENTS

    model = registry.run_config_model()
    lines = [
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
            spec = registry.get(name, chosen.get(name) or {**STARTERS, **DEFAULT_COMPONENTS}[name])
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
