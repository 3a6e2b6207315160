"""``vpr data``: what a data set holds, what of it is missing, where to get it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from vpr_runner.cli.completing import component, component_field
from vpr_runner.cli.dataset_config import dataset_config
from vpr_runner.cli.options import JsonOption, PluginOption, QuietOption

__all__ = ["app"]

EPILOG = """\b
Examples:
  vpr data info city --set size=small           splits, counts, protocol, positives, what looks wrong
  vpr data info pitts30k --root data/pitts --leaks
  vpr data check pitts30k --root data/pitts     which files are missing; exit code 1 when any is
  vpr data check run.yaml --decode              the data set of a run file, every image read
  vpr data fetch tokyo247 --root data/tokyo     download what is public; whom to ask for the rest, where to put it

NAME is a data set (`vpr plugins --kind dataset`), a run file, or a retrieval set: oxford5k, paris6k, holidays."""

_WORDS = {
    "without_positives": "queries without a right image",
    "untrainable": "queries too far off to train on",
    "median_positives": "right images a query, median",
    "extent": "extent, metres or frames",
}

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Data set, or a run file.", show_default=False, autocompletion=component("dataset")
    ),
]
RootOption = Annotated[Path | None, typer.Option("--root", metavar="DIR", help="Where it lies.", show_default=False)]
FieldOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="FIELD=VALUE",
        help="Other fields of its block; repeatable.",
        autocompletion=component_field("dataset"),
    ),
]

app = typer.Typer(
    help="What a data set holds, what of it is missing, and where to get it.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@app.command(
    "info", epilog="\b\nExample:\n  vpr data info folder --root photos/ --json", short_help="Splits, counts, protocol."
)
def info(
    name: NameArgument,
    root: RootOption = None,
    settings: FieldOption = None,
    leaks: Annotated[bool, typer.Option("--leaks", help="Look for test images in, or close to, training.")] = False,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the splits of a data set: counts (against the published ones), protocol, positives, what looks wrong."""
    dataset, label = _opened(name, root, settings, plugin)

    from vpr_data import find_leaks

    parts = _described(dataset, label)
    found = [str(leak) for leak in find_leaks(dataset)] if leaks else []
    fingerprint = dataset.fingerprint() if hasattr(dataset, "fingerprint") else None
    if as_json:
        facts = {"name": label, "fingerprint": fingerprint, "splits": parts, **({"leaks": found} if leaks else {})}
        print(json.dumps(facts, indent=2))
        return
    print(label)
    for part in parts:
        warnings = part.pop("warnings", ())
        published = {side: part.pop(f"published_{side}", None) for side in ("database", "queries")}
        part |= {f"queries {label}": count for label, count in part.pop("query_sets", {}).items()}
        print(f"  {part.pop('split', None) or part.pop('name')}")
        for field, value in part.items():
            shown = f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
            if published.get(field) is not None:
                shown = f"{value:<10} published {published[field]}"
            print(f"    {_WORDS.get(field, field.replace('_', ' ')):<32}{shown}")
        for warning in warnings:
            print(f"    look: {warning}")
    if leaks:
        print("\n".join(f"  leak: {line}" for line in found) or "  no leak found")
    if fingerprint is not None:
        print(f"  fingerprint {fingerprint}")


@app.command(
    "check",
    epilog="\b\nExample:\n  vpr data check tokyo247 --root data/tokyo --split test",
    short_help="Which files are missing or unreadable.",
)
def check(
    name: NameArgument,
    root: RootOption = None,
    settings: FieldOption = None,
    splits: Annotated[
        list[str] | None, typer.Option("--split", metavar="NAME", help="These splits only; repeatable.")
    ] = None,
    decode: Annotated[bool, typer.Option("--decode", help="Read every image, too.")] = False,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which files of a data set are missing (with --decode: or unreadable), before anything runs."""
    dataset, label = _opened(name, root, settings, plugin)

    from vpr_data import check_images, missing_files, shortfalls

    missing = [str(path) for path in missing_files(dataset, splits=tuple(splits) if splits else None)]
    unreadable: list[str] = []
    if decode:
        present = [path for path in _paths(dataset, splits) if path.is_file()]
        unreadable = [str(error) for error in check_images(present)]
    total = len(_paths(dataset, splits))
    short = shortfalls(dataset, name=label, splits=tuple(splits) if splits else None)
    if as_json:
        facts = {"name": label, "images": total, "missing": missing, "unreadable": unreadable, "short": short}
        print(json.dumps(facts, indent=2))
    else:
        for fault in [*missing[:10], *unreadable[:10], *short]:
            print(f"  {fault}")
        state = (
            f"{len(missing)} missing, {len(unreadable)} unreadable" if missing or unreadable else "all of them there"
        ) + (", fewer than are published" if short else "")
        print(f"{label}: {total} images, {state}")
    if missing or unreadable or short:
        raise typer.Exit(1)


@app.command(
    "fetch",
    epilog="\b\nExample:\n  vpr data fetch oxford5k --root data/oxford",
    short_help="Download what is public; say whom to ask for the rest.",
)
def fetch(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A published set.", show_default=False, autocompletion=component("dataset")
        ),
    ],
    root: RootOption = None,
    quiet: QuietOption = False,
) -> None:
    """Download the public files of a published set, and say whom to ask for the rest and how to lay it out.

    Without --root nothing is downloaded: terms, addresses and layout are printed.
    """
    from vpr_core import UsageError
    from vpr_data import PUBLISHED, instructions
    from vpr_data import fetch as download

    if name not in PUBLISHED:
        hint = "; `vpr data info` takes it as it is" if name in {"city", "folder"} else ""
        raise UsageError(f"{name}: no published set of that name; there are {', '.join(PUBLISHED)}{hint}")
    print(instructions(name, root=root or "ROOT"))
    if root is None:
        print("nothing was downloaded: say where to with --root DIR")
        return
    if not PUBLISHED[name].downloads:
        print("nothing of it may be downloaded without asking")
        return
    filled = download(name, root=root, progress=not quiet)
    print("\n".join(f"fetched {path}" for path in filled) or f"all public files are in {root} already")


def _described(dataset: Any, label: str) -> list[dict[str, Any]]:
    """Return what can be counted without opening an image; of a stranger's splits only what their protocol promises."""
    from vpr_data import PlaceSplit, describe

    splits = [dataset.split(name) for name in getattr(dataset, "split_names", ())]
    if all(isinstance(split, PlaceSplit) for split in splits):
        return [asdict(part) for part in describe(dataset, name=label)]
    return [
        {
            "split": split.name,
            "protocol": str(split.protocol),
            "database": len(split.database),
            "queries": len(split.queries),
            "without_positives": sum(len(row) == 0 for row in split.positives()),
        }
        for split in splits
    ]


def _opened(
    name: str, root: Path | None, settings: Sequence[str] | None, plugins: Sequence[Path] | None
) -> tuple[Any, str]:
    """Return a data set, of the registry or a published retrieval set, and its name."""
    from vpr_core import UnknownComponentError, UsageError

    try:
        config, registry = dataset_config(name, root=root, settings=settings, plugins=plugins)
    except UnknownComponentError:
        from vpr_data import PUBLISHED, open_published

        if name not in PUBLISHED:
            raise
        if root is None:
            raise UsageError(f"{name}: say where it lies with --root DIR; `vpr data fetch {name}` gets it") from None
        return open_published(name, root=root), name
    return registry.build("dataset", config), config.type


def _paths(dataset: Any, splits: Sequence[str] | None) -> list[Path]:
    """Return every image file of a data set once."""
    if not hasattr(dataset, "split_names"):
        return [dataset.path(position) for position in range(len(dataset))]
    chosen = [dataset.split(name) for name in splits or dataset.split_names]
    sides = [side for split in chosen for side in (split.database, split.queries)]
    return list(dict.fromkeys(side.path(position) for side in sides for position in range(len(side))))
