"""``vpr train``: a run file becomes a run directory."""

from __future__ import annotations

import sys
from pathlib import Path

from vpr_runner.cli.loading import load
from vpr_runner.cli.options import (
    DeviceOption,
    OutputOption,
    PluginOption,
    QuietOption,
    ResumeOption,
    RunFileArgument,
    SeedOption,
    SetOption,
)
from vpr_runner.cli.remarks import of_training

__all__ = ["train"]

EPILOG = """\b
Examples:
  vpr train run.yaml                                      into runs/<name of the run>
  vpr train run.yaml -o runs/k32 --set pooling.num_clusters=32
  vpr train run.yaml -o runs/k32                          again: goes on where it was stopped
  vpr train run.yaml --set pooling='{type: gem, p: 3}' --seed 1
  vpr train run.yaml --set loggers='[{type: csv}, {type: tensorboard}]'     tensorboard: plug-in vpr-loggers
  torchrun --nproc-per-node 4 -m vpr_runner.cli train run.yaml

The run directory holds the resolved run file, the versions of all plug-ins, the fingerprint of the data, metrics as
JSON lines, checkpoints, and the best weights. Ctrl-C or SIGTERM saves first (exit code 130, 143)."""


def train(
    run_file: RunFileArgument,
    output: OutputOption = None,
    settings: SetOption = None,
    plugin: PluginOption = None,
    resume: ResumeOption = True,
    device: DeviceOption = None,
    seed: SeedOption = None,
    quiet: QuietOption = False,
) -> None:
    """Train what a run file describes; the best weights by validation recall are kept."""
    config, registry = load(run_file, plugins=plugin, settings=settings, device=device, seed=seed, quiet=quiet)

    for said in () if quiet else of_training(config.compute):
        print(said, file=sys.stderr)

    from vpr_runner import train as run
    from vpr_runner.evaluation.report import recall_line

    folder = output or Path("runs") / config.name
    result = run(config, registry, run_directory=folder, progress=not quiet, resume=resume)
    if result.best is None:
        print("best: the last epoch, for want of a validation split")
    else:
        recall = recall_line(result.best["recall"])
        print(f"best: epoch {result.best['epoch']} of {config.train.epochs}, validation {recall}")
    print(f"written to {result.run_directory}; next: vpr eval {result.run_directory}")
