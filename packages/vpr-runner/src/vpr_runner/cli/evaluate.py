"""``vpr eval``: recall@N of a network on a split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vpr_runner.cli.model import open_model
from vpr_runner.cli.options import DeviceOption, JsonOption, PluginOption, QuietOption, SetOption

__all__ = ["evaluate"]

EPILOG = """\b
Examples:
  vpr eval runs/first                                       the split that eval.split names
  vpr eval runs/first --split val --set eval.recall_at='[1, 5, 10, 20, 50]'
  vpr eval runs/first --set dataset='{type: folder, root: photos}'   another data set
  vpr eval run.yaml                                         the network before training
  vpr eval runs/first --json > report.json"""

ModelArgument = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="Run directory, model file, or a run file (the untrained network).", show_default=False
    ),
]


def evaluate(
    model: ModelArgument,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Short for --set eval.split=NAME.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.json", help="Write the report here too.")
    ] = None,
    settings: SetOption = None,
    plugin: PluginOption = None,
    device: DeviceOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a network on a split: recall@N with intervals, the protocol beside it."""
    if split is not None:
        settings = [*(settings or ()), f"eval.split={split}"]
    retriever, config, registry = open_model(model, plugins=plugin, settings=settings, device=device, quiet=quiet)

    from vpr_runner import evaluate as run
    from vpr_runner.cli.report import as_text
    from vpr_runner.data import split_of

    report = run(retriever, split_of(config, registry), config, registry=registry, progress=not quiet)
    if output is not None:
        from vpr_runner.atomic import write_json

        write_json(output, report.as_dict())
    if as_json:
        import json

        print(json.dumps(report.as_dict(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print(as_text(report))
