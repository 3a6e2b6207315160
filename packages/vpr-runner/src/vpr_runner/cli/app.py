"""The commands of ``vpr`` under one roof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from vpr_runner import __version__
from vpr_runner.cli import (
    bench,
    calibrate,
    data,
    evaluate,
    explain,
    export,
    extract,
    importing,
    init,
    loops,
    models,
    pairs,
    plugins,
    schema,
    search,
    serve,
    train,
    validate,
)

__all__ = ["app", "command"]

EPILOG = """\b
Examples:
  vpr init run.yaml                              a run file to start from
  vpr train run.yaml --output runs/first         train; the best weights end in runs/first
  vpr eval runs/first                            recall@N of the trained network on the test split
  vpr extract photos/ -o map/                    descriptors of your own images, with the usual network
  vpr search map/ query.jpg                      where was this photo taken?
  vpr models                                     networks by name: vpr extract resnet50-gem photos/ -o map/
  vpr export runs/first --onnx model.onnx        the network as one file, images in, descriptors out
  vpr bench city                                 NetVLAD against max, average and GeM pooling
  vpr plugins                                    every component and its parameters

Every command explains itself: vpr COMMAND --help. Exit codes: 0 done, 1 failed, 2 asked for wrongly, 130 interrupted,
143 terminated. --traceback (or VPR_TRACEBACK=1) shows where an error comes from."""

app = typer.Typer(
    name="vpr",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"vpr {__version__}")
        raise typer.Exit


@app.callback(epilog=EPILOG)
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error comes from; works after a command too.")
    ] = False,
) -> None:
    """Visual place recognition: train, compare and serve descriptors that say where a photo was taken."""


for _name, _module, _short in (
    ("train", train, "Train what a run file describes."),
    ("eval", evaluate, "recall@N of a network on a split."),
    ("extract", extract, "Descriptors of a folder of images, or of a split."),
    ("search", search, "Where was this photo taken?"),
    ("pairs", pairs, "Images worth matching, for hloc, COLMAP and kapture."),
    ("loops", loops, "Where a drive comes back to a place that it has seen."),
    ("serve", serve, "The same question over HTTP, and as a page."),
    ("calibrate", calibrate, "When are answers of a map to be believed?"),
    ("explain", explain, "What a network looks at and finds, as pictures."),
    ("export", export, "A whole network as one file: ONNX, torch.export."),
    ("import", importing, "A network that another project trained."),
    ("models", models, "Networks by name."),
    ("bench", bench, "Compare methods; print one table."),
    ("init", init, "Write a run file to start from."),
    ("validate", validate, "Check run files and suites, all faults at once."),
    ("schema", schema, "JSON schema of run files and suites, for editors."),
):
    _function = {"eval": "evaluate", "import": "import_network"}.get(_name, _name)
    app.command(_name, epilog=_module.EPILOG, short_help=_short)(getattr(_module, _function))
app.add_typer(plugins.app, name="plugins", short_help="Every component and its parameters.")
app.add_typer(data.app, name="data", short_help="What a data set holds, and what of it is missing.")


def command(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; exceptions pass through."""
    code = typer.main.get_command(app).main(list(arguments), prog_name="vpr", standalone_mode=False)
    return code if isinstance(code, int) else 0
