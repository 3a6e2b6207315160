"""``vpr plugins new``: a complete plug-in package to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vpr_runner.cli.loading import registry_of

__all__ = ["new"]

EPILOG = """\b
Examples:
  vpr plugins new ring-pooling --kind pooling       the folder ring-pooling with a layer that works
  vpr plugins new campus --kind dataset --into ~/src
  cd ring-pooling && pip install -e ".[test]" && pytest && vpr bench bench.yaml

The package holds the component, its parameters with bounds, the hook that announces it, contract tests, and a suite
that compares it with what there is. For a single experiment no package is needed: --plugin ./idea.py."""


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the package: ring-pooling.", show_default=False)],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            "-k",
            help="backbone, pooling, loss, miner, dataset, index, engine, sequence, reranker, runtime, logger.",
            show_default=False,
        ),
    ],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="Where to make the package's folder.")] = Path(),
) -> None:
    """Write a plug-in package that installs, is listed, passes its contract tests and can be benched."""
    from vpr_runner.scaffold.new_plugin import write_plugin

    written = write_plugin(name, kind=kind, into=into, registry=registry_of(None))
    folder = into / name
    for path in written:
        print(path)
    print(f'next: cd {folder} && pip install -e ".[test]" && pytest, then read README.md')
