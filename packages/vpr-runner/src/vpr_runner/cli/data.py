"""``vpr data``: what a data set holds, what of it is missing, where to get it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vpr_runner.cli.dataset_config import dataset_config
from vpr_runner.cli.options import JsonOption, PluginOption

if TYPE_CHECKING:
    from vpr_core.types import PlaceSplit

__all__ = ["app"]

EPILOG = """\b
Examples:
  vpr data info city --set size=small           splits, counts, protocol, positives
  vpr data info pitts30k --root data/pitts
  vpr data check pitts30k --root data/pitts     which files are missing; exit code 1 when any is
  vpr data check run.yaml                       the data set of a run file
  vpr data fetch tokyo247 --root data/tokyo     download, or whom to ask and how to lay out the files"""

NameArgument = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Data set (vpr plugins --kind dataset), or a run file.", show_default=False),
]
RootOption = Annotated[Path | None, typer.Option("--root", metavar="DIR", help="Where it lies.", show_default=False)]
FieldOption = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="FIELD=VALUE", help="Other fields of its block; repeatable.")
]

app = typer.Typer(
    help="What a data set holds, what of it is missing, and where to get it.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@app.command("info", epilog="\b\nExample:\n  vpr data info folder --root photos/ --json")
def info(
    name: NameArgument,
    root: RootOption = None,
    settings: FieldOption = None,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the splits of a data set: counts, protocol, and how many queries have how many positives."""
    config, registry = dataset_config(name, root=root, settings=settings, plugins=plugin)
    dataset = registry.build("dataset", config)
    splits = {split: described(dataset.split(split)) for split in dataset.split_names}
    fingerprint = dataset.fingerprint() if hasattr(dataset, "fingerprint") else None
    if as_json:
        print(json.dumps({"name": config.type, "fingerprint": fingerprint, "splits": splits}, indent=2))
        return
    print(config.type)
    for split, facts in splits.items():
        print(f"  {split}: {facts.pop('protocol')}")
        for label, value in facts.items():
            print(f"    {label:<42}{value:>9}" if not isinstance(value, float) else f"    {label:<42}{value:>9.1f}")
    if fingerprint is not None:
        print(f"  fingerprint {fingerprint}")


def described(split: PlaceSplit) -> dict[str, Any]:
    """Return what can be counted of a split without reading an image."""
    import numpy as np

    found: dict[str, Any] = {
        "protocol": str(split.protocol),
        "database images": len(split.database),
        "queries": len(split.queries),
    }
    numbers = np.array([len(row) for row in split.positives()], dtype=np.int64)
    if len(numbers):
        found["queries without a positive"] = int((numbers == 0).sum())
        found["positives of a query, median"] = float(np.median(numbers))
    training = getattr(split, "training", None)
    if training is not None and split.name == "train":
        rule = {"beyond": training.beyond, "different_time": training.different_time}
        potential = np.array([len(row) for row in split.within(training.positive, **rule)], dtype=np.int64)
        found["queries that training leaves out"] = int((potential == 0).sum())
    return found


@app.command("check", epilog="\b\nExample:\n  vpr data check tokyo247 --root data/tokyo")
def check(
    name: NameArgument,
    root: RootOption = None,
    settings: FieldOption = None,
    plugin: PluginOption = None,
    decode: Annotated[bool, typer.Option("--decode", help="Read every image, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say which files of a data set are missing (with --decode: or unreadable), before anything runs."""
    config, registry = dataset_config(name, root=root, settings=settings, plugins=plugin)
    dataset = registry.build("dataset", config)
    missing: dict[str, list[str]] = {}
    total = 0
    for split_name in dataset.split_names:
        split = dataset.split(split_name)
        for role, images in (("database", split.database), ("queries", split.queries)):
            total += len(images)
            missing[f"{split_name} {role}"] = _faulty(images, decode=decode)
    faults = sum(len(names) for names in missing.values())
    if as_json:
        print(json.dumps({"name": config.type, "images": total, "faults": missing}, indent=2))
    else:
        for where, names in missing.items():
            if names:
                print(f"{where}: {len(names)} missing or unreadable, for one {names[0]}")
                for faulty in names[1:10]:
                    print(f"  {faulty}")
        state = f"{faults} missing or unreadable" if faults else "all of them there"
        print(f"{config.type}: {total} images, {state}")
    if faults:
        raise typer.Exit(1)


def _faulty(images: Any, *, decode: bool) -> list[str]:
    paths = [images.path(position) for position in range(len(images))]
    if not decode:
        return [str(path) for path in paths if not path.is_file()]
    from concurrent.futures import ThreadPoolExecutor

    from vpr_data import load_image

    def fault(path: Path) -> str | None:
        try:
            load_image(path)
        except (OSError, ValueError) as error:
            return str(error)
        return None

    with ThreadPoolExecutor(4) as pool:
        return [said for said in pool.map(fault, paths) if said]
