"""The commands of ``vpr`` under one roof; of a command line that names one, the others are not even imported."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib import import_module
from typing import Annotated

import typer

from vpr_runner import __version__

__all__ = ["COMMANDS", "app_of", "command"]

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

COMMANDS = {
    "train": "Train what a run file describes.",
    "eval": "recall@N of a network on a split.",
    "extract": "Descriptors of a folder of images, or of a split.",
    "search": "Where was this photo taken?",
    "pairs": "Images worth matching, for hloc, COLMAP and kapture.",
    "loops": "Where a drive comes back to a place that it has seen.",
    "serve": "The same question over HTTP, and as a page.",
    "calibrate": "When are answers of a map to be believed?",
    "explain": "What a network looks at and finds, as pictures.",
    "export": "A whole network as one file: ONNX, torch.export.",
    "import": "A network that another project trained.",
    "models": "Networks by name.",
    "bench": "Compare methods; print one table.",
    "init": "Write a run file to start from.",
    "validate": "Check run files and suites, all faults at once.",
    "schema": "JSON schema of run files and suites, for editors.",
    "plugins": "Every component and its parameters.",
    "data": "What a data set holds, and what of it is missing.",
}
"""Each command and its line in ``vpr --help``, in that order."""

_GROUPS = {"plugins", "data"}
"""Commands that have commands of their own."""
_ELSEWHERE = {"eval": ("evaluate", "evaluate"), "import": ("importing", "import_network")}
"""Module and function of commands whose name is another's, or a word of Python's."""


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"vpr {__version__}")
        raise typer.Exit


def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error comes from; works after a command too.")
    ] = False,
) -> None:
    """Visual place recognition: train, compare and serve descriptors that say where a photo was taken."""


def app_of(names: Collection[str]) -> typer.Typer:
    """Return ``vpr`` with the commands of these names, in the order of `COMMANDS`."""
    app = typer.Typer(
        name="vpr",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback(epilog=EPILOG)(root)
    for name, short in COMMANDS.items():
        if name not in names:
            continue
        file, function = _ELSEWHERE.get(name, (name, name))
        module = import_module(f"vpr_runner.cli.{file}")
        if name in _GROUPS:
            app.add_typer(module.app, name=name, short_help=short)
        else:
            app.command(name, epilog=module.EPILOG, short_help=short)(getattr(module, function))
    return app


def command(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; exceptions pass through."""
    # Help, options of vpr itself, a misspelt command and a shell's questions are about all of them.
    names = arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS
    code = typer.main.get_command(app_of(names)).main(list(arguments), prog_name="vpr", standalone_mode=False)
    return code if isinstance(code, int) else 0
