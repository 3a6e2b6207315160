"""``vpr plugins reference``: every component as Markdown, for documentation that cannot fall behind."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vpr_runner.cli.described import described
from vpr_runner.cli.loading import registry_of
from vpr_runner.cli.options import PluginOption
from vpr_runner.files.markdown import cell

if TYPE_CHECKING:
    from vpr_core import Registry

__all__ = ["as_markdown", "reference"]

EPILOG = """\b
Examples:
  vpr plugins reference                                  all that is installed, on stdout
  vpr plugins reference --of vpr-pooling -o docs/pooling.md

The toolkit's own docs/components.md is written by --builtin and checked by a test."""

BUILTIN = (
    "vpr-backbones",
    "vpr-pooling",
    "vpr-losses",
    "vpr-data",
    "vpr-eval",
    "vpr-rerank",
    "vpr-sequences",
    "vpr-runner",
)


def reference(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.md", help="Write here instead of to stdout.")
    ] = None,
    of: Annotated[
        list[str] | None, typer.Option("--of", metavar="DIST", help="Of this distribution only; repeatable.")
    ] = None,
    builtin: Annotated[bool, typer.Option("--builtin", help="Of the toolkit's own distributions only.")] = False,
    plugin: PluginOption = None,
) -> None:
    """Write every component with its parameters, bounds, defaults and paper as Markdown."""
    wanted = {*(of or ()), *(BUILTIN if builtin else ())}
    text = as_markdown(registry_of(plugin), of=wanted)
    if output is None:
        print(text, end="")
        return
    from vpr_runner.files.atomic import write_text

    write_text(output, text)
    print(output)


def as_markdown(registry: Registry, *, of: Collection[str] = ()) -> str:
    """Return the reference of what is installed, of the distributions ``of`` when any are named.

    Raises:
        UsageError: a distribution has no component.
    """
    from vpr_core import UsageError
    from vpr_core.loader import canonical_name

    names = {canonical_name(name) for name in of}
    found = described(registry)
    missing = names - {canonical_name(item["distribution"]) for item in found}
    if missing:
        raise UsageError(f"--of {min(missing)}: no installed component comes from it; see vpr plugins")
    kept = [item for item in found if not names or canonical_name(item["distribution"]) in names]
    lines = ["# Components", "", "Written by `vpr plugins reference`; edit the code, then run it again.", ""]
    for kind in dict.fromkeys(item["kind"] for item in kept):
        lines += [f"## {kind}", ""]
        for item in (item for item in kept if item["kind"] == kind):
            lines += _section(item)
    return "\n".join(lines)


def _section(item: dict[str, Any]) -> Iterator[str]:
    from vpr_core import CAPABILITIES

    yield from (f"### {item['kind']} `{item['name']}`", "", f"{cell(item['summary']).rstrip('.')}.")
    yield from ((f"{cell(item['paper']).rstrip('.')}.",) if item["paper"] else ())
    depends = " only with some settings" if item["may_depends"] else ""
    does = f" It{depends} {' and '.join(CAPABILITIES[name] for name in item['may'])}." if item["may"] else ""
    yield from (f"Comes with {item['distribution']}.{does}", "")
    if not item["parameters"]:
        yield from ("No parameters.", "")
        return
    yield from ("| parameter | values | default | meaning |", "|---|---|---|---|")
    for each in item["parameters"]:
        values = f"{each['kind']}{', ' + each['bounds'] if each['bounds'] else ''}"
        default = "(required)" if each["default"] is None else f"`{cell(each['default'])}`"
        yield f"| `{each['name']}` | {cell(values)} | {default} | {cell(each['description'])} |"
    yield ""
