"""``vpr init``: a run file to start from, written from the models that will check it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpr_runner.cli.completing import component
from vpr_runner.cli.loading import registry_of
from vpr_runner.cli.options import PluginOption
from vpr_runner.cli.schema import write_schema
from vpr_runner.cli.starter import SCHEMA_FILE

if TYPE_CHECKING:
    from vpr_core import Registry

__all__ = ["init"]

EPILOG = """\b
Examples:
  vpr init run.yaml                                    the rendered city, a small network, NetVLAD
  vpr init run.yaml --full                             every field, with its meaning and default
  vpr init mine.yaml --dataset folder --backbone resnet18
  vpr init mine.yaml --pooling gem --loss triplet
  vpr init -                                           to stdout

The first line names run.schema.json, which is written beside the file: an editor that reads it completes names and
checks as you type. `vpr validate FILE` checks the result, `vpr plugins` shows what else there is."""


def init(
    path: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="Where to write; - for stdout.")] = Path("run.yaml"),
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", help="Data set.", autocompletion=component("dataset"))
    ] = None,
    backbone: Annotated[
        str | None, typer.Option("--backbone", metavar="NAME", help="Backbone.", autocompletion=component("backbone"))
    ] = None,
    pooling: Annotated[
        str | None,
        typer.Option("--pooling", metavar="NAME", help="Pooling layer.", autocompletion=component("pooling")),
    ] = None,
    loss: Annotated[
        str | None, typer.Option("--loss", metavar="NAME", help="Loss.", autocompletion=component("loss"))
    ] = None,
    miner: Annotated[
        str | None, typer.Option("--miner", metavar="NAME", help="Miner.", autocompletion=component("miner"))
    ] = None,
    index: Annotated[
        str | None, typer.Option("--index", metavar="NAME", help="Index.", autocompletion=component("index"))
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Every block and every parameter, with its meaning and default.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    plugin: PluginOption = None,
) -> None:
    """Write a run file to start from: what is usually changed, or with --full every parameter."""
    from vpr_core import UsageError

    chosen = {
        "dataset": dataset,
        "backbone": backbone,
        "pooling": pooling,
        "loss": loss,
        "miner": miner,
        "index": index,
    }
    registry = registry_of(plugin)
    text = _text(registry, {kind: name for kind, name in chosen.items() if name}, plugin or [], full=full)
    if str(path) == "-":
        print(text, end="")
        return
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; --force replaces it, or name another file")
    from vpr_runner.files.atomic import write_text

    write_text(path, text)
    print(f"{path}: edit it, then `vpr validate {path}` and `vpr train {path}`")
    _write_schema(registry, path.with_name(SCHEMA_FILE))


def _text(registry: Registry, chosen: dict[str, str], plugins: list[Path], *, full: bool) -> str:
    from vpr_runner.cli.full_starter import full_starter
    from vpr_runner.cli.starter import starter

    return (full_starter if full else starter)(registry, chosen, plugins=plugins)


def _write_schema(registry: Registry, path: Path) -> None:
    """Write the schema beside a run file; what somebody else put there under that name stays."""
    from vpr_core import PluginError

    try:
        write_schema(registry.json_schema(), path)
    except (FileExistsError, PluginError) as error:  # the run file is whole without it
        print(f"warning: {error}", file=sys.stderr)
