"""Options that several commands share, each written once so that they mean the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vpr_runner.cli.completing import device, setting

__all__ = [
    "Data",
    "DeviceOption",
    "JsonOption",
    "OutputOption",
    "PluginOption",
    "QuietOption",
    "ResumeOption",
    "RunFileArgument",
    "SeedOption",
    "SetOption",
]

RunFileArgument = Annotated[
    Path, typer.Argument(metavar="RUN.yaml", help="Run file; `vpr init` writes one to start from.", show_default=False)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="KEY=VALUE",
        help="Change one value of the run file, by dotted path; may be repeated; wins over the file.",
        autocompletion=setting,
    ),
]
PluginOption = Annotated[
    list[Path] | None,
    typer.Option("--plugin", metavar="FILE.py", help="Load a Python file as a plug-in, no package needed; repeatable."),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="DIR", help="Where results go; default: below runs/, by name.", show_default=False
    ),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Go on where an earlier, unfinished run in that folder stopped.")
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        help="cpu, cuda, cuda:1, mps ...; short for --set compute.device=NAME.",
        autocompletion=device,
    ),
]
SeedOption = Annotated[int | None, typer.Option("--seed", metavar="N", help="Short for --set seed=N.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, results only.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", envvar="VPR_DATA", help="Fills ${data} in the suite.", show_default=False),
]
