"""``vpr models``: networks by name, what they give, and what they need."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vpr_runner.cli.completing import model as model_name
from vpr_runner.cli.loading import registry_of
from vpr_runner.cli.options import JsonOption, PluginOption

if TYPE_CHECKING:
    from vpr_core import Registry

__all__ = ["models"]

EPILOG = """\b
Examples:
  vpr models                              every name: numbers, image size, weights, licence, what is needed
  vpr models netvlad                      those whose name holds "netvlad"
  vpr models resnet18-netvlad             one of them, and the run file that it stands for
  vpr models runs/                        and networks of your own below a folder
  vpr models --json

A name stands where a command takes a network: vpr extract resnet18-netvlad photos/ -o map/. Any backbone and pooling
layer of `vpr plugins` can be joined by a dash, too: squeezenet1_1-gem. Plug-ins add names (hook vpr_models)."""


def models(
    which: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[NAME|DIR]...",
            help="A part of names, or folders of runs.",
            show_default=False,
            autocompletion=model_name,
        ),
    ] = None,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """List networks by name, with what they give, whose weights they take, and what they need."""
    from vpr_core import UsageError

    registry = registry_of(plugin, quiet=True)
    folders = [path for path in which or () if path.is_dir()]
    words = [str(path).lower() for path in which or () if not path.is_dir()]
    rows = list(_by_name(registry)) if words or not folders else []
    known = [row for row in rows if any(word in row["name"] for word in words)] if words else rows
    if words and not known:
        raise UsageError(registry.explain_unknown_model(words[0]))
    for folder in folders:
        own = list(_trained(folder))
        if not own:
            raise UsageError(f"{folder}: no network below it; `vpr train` writes one at the end of a run")
        known += own
    if as_json:
        print(json.dumps(known, indent=2, ensure_ascii=False))
    elif len(known) == 1 or (exact := [row for row in known if row["name"] in words]):
        print("\n\n".join(map(_whole, known if len(known) == 1 else exact)))
    else:
        print(_table(known))


def _by_name(registry: Registry) -> Iterator[dict[str, Any]]:
    from vpr_runner.names import DEFAULT

    for name, (model, origin) in registry.models.items():
        yield {
            "name": name,
            "dim": model.dim,
            "image": model.image,
            "weights": model.weights or "none (random)",
            "licence": model.licence,
            "needs": model.needs,
            "summary": model.summary,
            "from": str(origin),
            "default": name == DEFAULT,
            "run": {block: dict(value) for block, value in model.run.items()},
        }


def _trained(folder: Path) -> Iterator[dict[str, Any]]:
    """Networks on disk, by the readable copy of their configuration: no weights are opened."""
    from vpr_runner.files.documents import parsed

    places = (folder, *sorted(path for path in folder.iterdir() if path.is_dir()))
    for place in places:
        for file in (place / "model.json", place / "model" / "model.json"):
            if not file.is_file() or not file.with_suffix(".safetensors").is_file():
                continue
            try:
                said = parsed(file.read_text(encoding="utf-8"))
                config, image = said["config"], said["config"]["image"]
                yield {
                    "name": str(place),
                    "dim": int(said["out_dim"]),
                    "image": f"size: {image['size']}" if image["size"] else f"longest: {image['longest']}",
                    "weights": "none (random)" if said.get("untrained") else "its own",
                    "licence": "",
                    "needs": "",
                    "summary": f"{config['backbone']['type']}, {config['pooling']['type']}",
                    "from": str(file.with_suffix(".safetensors")),
                    "default": False,
                    "run": {block: config[block] for block in ("backbone", "pooling", "image")},
                }
            except (ValueError, KeyError, TypeError):
                continue  # no network of ours; whoever opens it is told
            break


def _table(rows: Sequence[dict[str, Any]]) -> str:
    """Columns, the long ones last; what is the same for a whole family is said in one line above it."""
    lines: list[str] = []
    family = None
    widths = [max(len(str(row[key])) for row in rows) for key in ("name", "dim", "image")]
    for row in rows:
        here = tuple(row[key] for key in ("weights", "licence", "needs"))
        if here != family:
            family = here
            weights, licence, needs = here
            head = f"weights: {weights}" + (f"; licence: {licence}" if licence else "")
            lines.append(("\n" if lines else "") + head + (f"; needs: {needs}" if needs else ""))
        mark = "  (taken when none is named)" if row["default"] else ""
        text = f"  {row['name']:<{widths[0]}}  {row['dim']:>{widths[1]}} numbers  {row['image']:<{widths[2]}}"
        lines.append(f"{text.rstrip()}{mark}")
    return "\n".join(lines)


def _whole(row: dict[str, Any]) -> str:
    from vpr_core.config.dump import dump_yaml

    said = [row["name"], f"  {row['summary']}", f"  {row['dim']} numbers; image {{{row['image']}}}; from {row['from']}"]
    said += [f"  {key}: {row[key]}" for key in ("weights", "licence", "needs") if row[key]]
    run = {"dataset": {"type": "none"}, **row["run"]}
    said += ["  as a run file:", *(f"    {line}" for line in dump_yaml(run).splitlines())]
    return "\n".join(said)
