"""``vpr validate``: check run files and suites without running anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vpr_runner.cli.failures import USAGE
from vpr_runner.cli.loading import load, registry_of
from vpr_runner.cli.options import Data, PluginOption, SetOption
from vpr_runner.cli.remarks import departures, of_training, remarks

__all__ = ["validate"]

EPILOG = """\b
Examples:
  vpr validate run.yaml
  vpr validate run.yaml --set pooling.num_clusters=32 --print
  vpr validate bench/suites/*.yaml --data ../shared/data

Every fault of a file is reported at once, with its path and line; exit code 2 when there is one. Data is not read:
`vpr data check` does that."""


def validate(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE.yaml...", help="Run files and bench suites.", show_default=False)
    ],
    settings: SetOption = None,
    plugin: PluginOption = None,
    data: Data = None,
    show: Annotated[bool, typer.Option("--print", help="Print the resolved run file, defaults included.")] = False,
) -> None:
    """Check run files and suites against the installed components; all faults at once."""
    from vpr_core import UsageError

    faulty = 0
    for path in files:
        try:
            if _is_suite(path):
                said = _check_suite(path, settings, plugin, data)
            else:
                said = _check_run(path, settings, plugin, show=show)
        except UsageError as error:
            faulty += 1
            print(f"error: {error}", file=sys.stderr)
            continue
        print(said)
    if faulty:
        raise typer.Exit(USAGE)


def _is_suite(path: Path) -> bool:
    from vpr_core.config import read_yaml

    content = read_yaml(path).data
    return isinstance(content, dict) and "methods" in content


def _check_run(path: Path, settings: list[str] | None, plugin: list[Path] | None, *, show: bool) -> str:
    config, registry = load(path, settings=settings, plugins=plugin)
    if not show:
        blocks = {kind: getattr(config, kind) for kind in ("backbone", "pooling", "index")}
        said = [*remarks(blocks, config.image, registry), *of_training(config.compute)]
        return "\n".join([f"{path}: ok", *(f"  {line}" for line in said)])
    from vpr_core.config import to_yaml

    return to_yaml(config)


def _check_suite(path: Path, settings: list[str] | None, plugin: list[Path] | None, data: Path | None) -> str:
    from vpr_runner.bench import load_suite, plan
    from vpr_runner.bench.suite import plugins_of

    suite = load_suite(path)
    registry = registry_of([*plugins_of(suite), *(plugin or ())])
    cells = plan(suite, registry, overrides=settings or (), placeholders={"data": str(data)} if data else {})
    said: dict[str, str] = {}
    for cell in cells:
        for test, config in cell.tests.items():
            where = ", ".join(part for part in (cell.setting, cell.method) if part)
            for departure in departures(config.backbone, config.image, registry):
                said.setdefault(f"{where}: {departure}", test)
    return "\n".join([f"{path}: ok (suite: {len(cells)} cells)", *(f"  {line}" for line in said)])
