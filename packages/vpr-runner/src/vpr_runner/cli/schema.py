"""``vpr schema``: the JSON schema of run files, for whatever is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vpr_runner.cli.loading import registry_of
from vpr_runner.cli.options import PluginOption

__all__ = ["schema"]

EPILOG = """\b
Examples:
  vpr schema > run.schema.json
  vpr schema --output run.schema.json --plugin ./idea.py

In VS Code install the YAML extension (redhat.vscode-yaml) and put this on the first line of a run file; completion,
documentation on hover and checking as you type then cover every installed component:

\b
  # yaml-language-server: $schema=./run.schema.json"""


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here instead of to stdout.")
    ] = None,
    plugin: PluginOption = None,
) -> None:
    """Print the JSON schema of run files, with every installed component."""
    text = json.dumps(registry_of(plugin).json_schema(), indent=2, ensure_ascii=False)
    if output is None:
        print(text)
        return
    from vpr_runner.files.atomic import write_text

    write_text(output, text + "\n")
    print(output)
