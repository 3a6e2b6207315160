"""``vpr plugins``: what is installed, where it comes from, what it takes, and what failed to load."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vpr_runner.cli import new_plugin, reference
from vpr_runner.cli.completing import component, component_field
from vpr_runner.cli.completing import kind as kind_
from vpr_runner.cli.described import described
from vpr_runner.cli.loading import registry_of
from vpr_runner.cli.options import JsonOption, PluginOption
from vpr_runner.cli.remarks import remarks_of

if TYPE_CHECKING:
    from vpr_core import Registry

__all__ = ["app"]

WIDTH = 110
EPILOG = """\b
Examples:
  vpr plugins                          everything, by kind
  vpr plugins --kind pooling           one kind
  vpr plugins show netvlad             one component, and how a run file writes it
  vpr plugins --brief                  one line each
  vpr plugins --plugin ./idea.py       with a local file
  vpr plugins --json | jq '.components[].name'
  vpr plugins new ring-pooling --kind pooling

A component that is missing here is not installed, or its plug-in failed to load: failures stand at the end, with
reasons. VPR_DISABLE_PLUGINS=dist1,dist2 leaves distributions out."""

app = typer.Typer(rich_markup_mode=None, add_completion=False)
app.command("new", epilog=new_plugin.EPILOG, short_help="Write a plug-in package to start from.")(new_plugin.new)
app.command("reference", epilog=reference.EPILOG, short_help="The list as Markdown.")(reference.reference)


@app.callback(invoke_without_command=True, epilog=EPILOG)
def plugins(
    context: typer.Context,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="backbone, pooling, loss, miner, dataset, index and so on.", autocompletion=kind_),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Components of that name only.", autocompletion=component())
    ] = None,
    brief: Annotated[bool, typer.Option("--brief", help="One line for each component.")] = False,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every component by kind: source, parameters with bounds and defaults, paper; and plug-ins that failed."""
    if context.invoked_subcommand is not None:
        return
    registry = registry_of(plugin, quiet=True)
    components = described(registry, kind=kind, name=name)
    if as_json:
        print(json.dumps({"components": components, **_plugins(registry)}, indent=2, ensure_ascii=False))
        return
    for heading in dict.fromkeys(item["kind"] for item in components):
        of_kind = [item for item in components if item["kind"] == heading]
        print(f"{heading} ({len(of_kind)})")
        for item in of_kind:
            print("\n".join(_brief(item) if brief else _full(item)))
        print()
    _print_failures(registry)


@app.command("show", short_help="One component, and how a run file writes it.")
def show(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Of a component: netvlad.", show_default=False, autocompletion=component()),
    ],
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="FIELD=VALUE",
            help="With this parameter: model=resnet18.",
            show_default=False,
            autocompletion=component_field(),
        ),
    ] = None,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the components of that name: source, paper, parameters, the block of a run file, and what they say of it.

    What a component says (whose weights it takes, their licence, which images it wants) may depend on its parameters:
    `vpr plugins show timm --with model=vit_small_patch14_dinov2`.
    """
    from vpr_core.config import BLOCKS

    registry = registry_of(plugin, quiet=True)
    found = [
        {**item, "remarks": remarks_of(registry, item["kind"], name, given or ())}
        for item in described(registry, name=name)
    ]
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for item in found:
        print(f"{item['kind']}\n" + "\n".join(_full(item)) + "\n\n    in a run file:")
        values = [f"{each['name']}: {each['default'] or 'CHANGE_ME'}" for each in item["parameters"]]
        block = ", ".join([f"type: {name}", *(value for value in values if "." not in value.partition(":")[0])])
        print("\n".join(_wrapped(BLOCKS[item["kind"]].holding(f"{{{block}}}"), "      ")) + "\n")
        if item["remarks"]:
            print("\n".join(line for said in item["remarks"] for line in _wrapped(said, "    ")) + "\n")


def _plugins(registry: Registry) -> dict[str, Any]:
    return {
        "plugins": [
            {"distribution": item.origin.distribution, "version": item.origin.version, "entry": item.origin.entry}
            for item in registry.plugins
        ],
        "failures": [
            {"distribution": item.distribution, "version": item.version, "entry": item.entry, "error": item.error}
            for item in registry.failures
        ],
        "disabled": list(registry.disabled),
    }


def _brief(item: dict[str, Any]) -> list[str]:
    return [f"  {item['name']:<24} {item['summary']}  [{item['distribution']} {item['version']}]"]


def _full(item: dict[str, Any]) -> list[str]:
    lines = [f"  {item['name']}  [{item['distribution']} {item['version']}]"]
    lines += _wrapped(item["summary"], "    ")
    if item["paper"]:
        lines += _wrapped(item["paper"], "    ")
    if item["may"]:
        lines += _wrapped(_may(item), "    ")
    rows = [(each["name"], _default(each), _accepts(each), each["description"]) for each in item["parameters"]]
    widths = [min(max((len(row[column]) for row in rows), default=0), 28) for column in range(3)]
    for row in rows:
        head = "      " + "  ".join(f"{text:<{width}}" for text, width in zip(row[:3], widths, strict=True))
        indent = " " * (6 + sum(widths) + 6)
        lines += _wrapped(row[3], indent, first=head.rstrip() + "  " if len(head) > len(indent) else f"{head}  ")
    return lines


def _may(item: dict[str, Any]) -> str:
    """What the component does beyond computing."""
    from vpr_core import CAPABILITIES

    does = ", ".join(CAPABILITIES[name] for name in item["may"])
    return f"may do more than compute{', depending on its settings' if item['may_depends'] else ''}: {does}"


def _default(parameter: dict[str, Any]) -> str:
    return "required" if parameter["default"] is None else f"= {parameter['default']}"


def _accepts(parameter: dict[str, Any]) -> str:
    return f"{parameter['kind']}{', ' + parameter['bounds'] if parameter['bounds'] else ''}"


def _wrapped(text: str, indent: str, *, first: str | None = None) -> list[str]:
    width = max(WIDTH, len(indent) + 40)
    return textwrap.wrap(text, width, initial_indent=indent if first is None else first, subsequent_indent=indent) or [
        (first or indent).rstrip()
    ]


def _print_failures(registry: Registry) -> None:
    if registry.failures:
        print("plug-ins that failed to load")
        for failure in registry.failures:
            print(f"  {failure.distribution} {failure.version}, entry {failure.entry}: {failure.error}")
        sys.stdout.flush()
    if registry.disabled:
        print(f"left out by VPR_DISABLE_PLUGINS: {', '.join(registry.disabled)}")
