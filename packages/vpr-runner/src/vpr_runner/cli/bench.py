"""``vpr bench``: run a suite, or write the tables of results that are there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vpr_runner.cli.completing import suite as suite_
from vpr_runner.cli.loading import registry_of
from vpr_runner.cli.options import Data, DeviceOption, OutputOption, PluginOption, QuietOption, SetOption

if TYPE_CHECKING:
    from vpr_core import Registry
    from vpr_runner.bench import Cell, Suite

__all__ = ["bench"]

EPILOG = """\b
Examples:
  vpr bench city                                    NetVLAD, max, average, GeM on the rendered city
  vpr bench smoke --output runs/smoke               the same in seconds
  vpr bench real --data ../shared/data              real photographs and real weights
  vpr bench your_images --data ~/photos             your own folder
  vpr bench mine.yaml --only NetVLAD --seed 0       one method, one seed
  vpr bench city --set compute.device=cuda --plan   what would run, and what is done already
  vpr bench --render bench/results/city.json        the table of a result, as Markdown
  vpr bench --render bench/results/city.json --latex city.tex --csv city.csv
  vpr bench --render bench/results/city.json --html city.html       a page: tables that sort, curves, every query
  vpr bench --into README.md                        rewrite its tables from bench/results

Each finished cell (method, setting, stage, seed) is kept in the output folder: stop and start as you like. The folder
gets result.json (provenance, per-seed and per-query outcomes), table.md and recall.png."""


def bench(
    suite: Annotated[
        str | None,
        typer.Argument(
            metavar="SUITE",
            help="Suite file, or its name: city, smoke, real ...",
            show_default=False,
            autocompletion=suite_,
        ),
    ] = None,
    output: OutputOption = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="LABEL", help="These methods, settings or tests only; repeatable."),
    ] = None,
    seeds: Annotated[
        list[int] | None, typer.Option("--seed", metavar="N", help="These seeds instead of the suite's; repeatable.")
    ] = None,
    trainings: Annotated[
        Path | None,
        typer.Option("--trainings", metavar="DIR", help="Train here; suites that share it share equal trainings."),
    ] = None,
    data: Data = None,
    settings: SetOption = None,
    plugin: PluginOption = None,
    device: DeviceOption = None,
    show_plan: Annotated[bool, typer.Option("--plan", help="Say what would run, and run nothing.")] = False,
    quiet: QuietOption = False,
    render: Annotated[
        list[Path] | None, typer.Option("--render", metavar="RESULT.json", help="Print the table of a result.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option("--into", metavar="FILE.md", help="Rewrite the tables between its bench markers.")
    ] = None,
    latex: Annotated[
        Path | None, typer.Option("--latex", metavar="FILE.tex", help="Write the tables for LaTeX (booktabs).")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE.csv", help="Write every number: a row a method and N.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE.html", help="Write a page: tables, curves, every query.")
    ] = None,
    results: Annotated[Path, typer.Option("--results", metavar="DIR", help="Where --into finds results.")] = Path(
        "bench/results"
    ),
) -> None:
    """Compare methods: run a suite over methods, stages and seeds, and print one table."""
    from vpr_core import UsageError

    tables = Tables(latex=latex, csv=csv, html=html)
    if render or into:
        if html is not None and len(render or []) != 1:
            raise UsageError("--html: a page is of one result; name one with --render RESULT.json")
        _show_results(render or [], into, results, tables)
        return
    from vpr_runner.bench.suite import known_suites

    if suite is None:
        raise UsageError("which suite? A file, or one of these by name: " + ", ".join(known_suites()))
    from vpr_runner.bench import find_suite, load_suite, plan
    from vpr_runner.cli.loading import overrides_of

    file = find_suite(suite)
    loaded = load_suite(file)
    if seeds:
        loaded = loaded.model_copy(update={"seeds": list(dict.fromkeys(seeds))})
    registry = registry_of(_plugin_files(loaded, plugin or [], given=suite, found=file), quiet=quiet)
    cells = plan(
        loaded,
        registry,
        overrides=overrides_of(settings, device=device),
        placeholders={"data": str(data)} if data else {},
        only=only or (),
    )
    folder = output or Path("runs") / "bench" / loaded.name
    if show_plan:
        _print_plan(cells, folder)
        return
    tables.check()
    tables.write([_run(loaded, cells, folder, registry, trainings=trainings, quiet=quiet)])


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Files that the tables of results go to beside the screen."""

    latex: Path | None
    csv: Path | None
    html: Path | None = None

    def check(self) -> None:
        """Say that a file cannot be written before hours are spent on what goes into it."""
        from vpr_core import UsageError

        for option, path in (("--latex", self.latex), ("--csv", self.csv), ("--html", self.html)):
            if path is not None and path.is_dir():
                raise UsageError(f"{option} {path}: is a folder; name a file")

    def write(self, found: Sequence[dict[str, Any]]) -> None:
        """Write the tables of these results."""
        from vpr_runner.bench.exports import csv_table, latex_tables
        from vpr_runner.files.atomic import write_text

        for path, text in ((self.latex, latex_tables), (self.csv, csv_table)):
            if path is not None:
                write_text(path, text(found))
                print(f"written to {path}", file=sys.stderr)
        if self.html is not None:
            from vpr_runner.cli.bench_page import write_page_of

            write_page_of(self.html, found[0])
            print(f"written to {self.html}", file=sys.stderr)


def _plugin_files(suite: Suite, given_files: list[Path], *, given: str, found: Path) -> list[Path]:
    """The local plug-ins of a suite and of the command line.

    A file that the user names may name Python files. A suite that is looked for by name may lie in somebody else's
    folder.
    """
    from vpr_core import UsageError
    from vpr_runner.bench.suite import plugins_of

    files = [path.expanduser().resolve() for path in given_files]
    unsaid = [path for path in plugins_of(suite) if path not in files]
    if unsaid and not Path(given).is_file():
        raise UsageError(
            f"suite {given} was found at {found} and names the Python file {unsaid[0]}, which would be run; "
            f"after a look at it: vpr bench {found}"
        )
    return [*unsaid, *files]


def _show_results(files: list[Path], document: Path | None, results: Path, tables: Tables) -> None:
    from vpr_runner.bench.readme import load_result, update_document
    from vpr_runner.bench.table import markdown

    tables.check()
    found = [load_result(file) for file in files]
    for result in found:
        print(markdown(result))
    tables.write(found)
    if document is not None:
        print(f"{document}: {'tables rewritten' if update_document(document, results) else 'up to date'}")


def _print_plan(cells: list[Cell], folder: Path) -> None:
    from vpr_runner.bench.store import CellStore

    store = CellStore(folder)
    waiting = [cell for cell in cells if store.find(cell) is None]
    for cell in cells:
        print(f"{'to do' if cell in waiting else 'done '}  {cell.label}")
    trainings = {cell.training_key for cell in waiting if cell.stage == "trained"}
    print(f"{len(cells)} cells, {len(waiting)} to do, {len(trainings)} trainings; in {folder}")


def _run(
    suite: Suite, cells: list[Cell], folder: Path, registry: Registry, *, trainings: Path | None, quiet: bool
) -> dict[str, Any]:
    from vpr_runner.bench.runner import run_suite
    from vpr_runner.bench.table import text

    result = run_suite(suite, cells, registry, folder=folder, trainings=trainings, progress=not quiet)
    print(text(result))
    if not quiet:
        print(f"\nwritten to {folder}: result.json, table.md, recall.png", file=sys.stderr)
    return result
