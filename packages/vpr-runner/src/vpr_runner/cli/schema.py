"""``vpr schema``: the JSON schema of run files and of suites, for whatever is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from vpr_runner.cli.loading import registry_of
from vpr_runner.cli.options import PluginOption

__all__ = ["schema", "write_schema"]

EPILOG = """\b
Examples:
  vpr schema > run.schema.json
  vpr schema --output run.schema.json --plugin ./idea.py
  vpr schema --suite --output suite.schema.json        of a suite of `vpr bench`

In VS Code install the YAML extension (redhat.vscode-yaml) and put this on the first line of a run file; completion,
documentation on hover and checking as you type then cover every installed component:

\b
  # yaml-language-server: $schema=./run.schema.json"""


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here instead of to stdout.")
    ] = None,
    suite: Annotated[bool, typer.Option("--suite", help="Of suites, not of run files.")] = False,
    plugin: PluginOption = None,
) -> None:
    """Print the JSON schema of run files, or of suites, with every installed component."""
    registry = registry_of(plugin)
    if suite:
        from vpr_runner.bench.suite_schema import suite_schema

        found = suite_schema(registry)
    else:
        found = registry.json_schema()
    if output is None:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    write_schema(found, output, force=True)
    print(output)


def write_schema(content: dict[str, Any], path: Path, *, force: bool = False) -> None:
    """Write a schema; an older one of the same title is replaced.

    Raises:
        FileExistsError: ``path`` holds something else, and ``force`` is not given.
    """
    from vpr_runner.files.atomic import write_text

    if not force and path.exists() and _title(path) != content["title"]:
        raise FileExistsError(f"{path} is there and is no schema of ours; `vpr schema -o FILE` writes one elsewhere")
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _title(path: Path) -> object:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content.get("title") if isinstance(content, dict) else None
