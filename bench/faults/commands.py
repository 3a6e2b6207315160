"""The commands that are disturbed, on the smallest work that goes through all of their code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.faults import outcome

__all__ = ["Command", "commands"]

RUN = """
name: faults
dataset: {type: city, size: small}
backbone: {type: tiny, width: 0.25}
pooling: {type: netvlad, num_clusters: 8}
image: {size: [48, 64]}
init: {images: 20, locations: 50}
train: {epochs: 3, optimizer: adam, lr: 0.003, cache_every: 12, max_queries: 24}
compute: {device: cpu, threads: 1}
eval: {recall_at: [1, 5, 10], bootstrap: 0}
"""
SUITE = """
name: faults
title: Fault injection
base:
  dataset: {type: city, size: small}
  backbone: {type: tiny, width: 0.25}
  image: {size: [48, 64]}
  init: {images: 20, locations: 50}
  train: {epochs: 2, optimizer: adam, cache_every: 12, max_queries: 12}
  eval: {split: test, recall_at: [1, 5, 10], bootstrap: 20}
  compute: {device: cpu, threads: 1}
table: pooling
methods:
  NetVLAD: {pooling: {type: netvlad, num_clusters: 4}}
  GeM: {pooling: {type: gem}}
seeds: [0]
"""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


@dataclass(frozen=True, kw_only=True)
class Command:
    """A ``vpr`` command line that fills a folder, and what its folder is compared by.

    Attributes:
        name: as the table calls it.
        arguments: of ``vpr``, for the folder to fill.
        outcome: digests of what must be the same.
        cache: where rendered cities lie.
    """

    name: str
    arguments: Callable[[Path], Sequence[object]]
    outcome: Callable[[Path], dict[str, str]]
    cache: Path

    def start(self, folder: Path, *, victim: Sequence[object] = (), log: Path | None = None) -> subprocess.Popen[bytes]:
        """Start it in a session of its own; ``victim`` are the arguments of `bench.faults.victim`, if it is to suffer.

        What it says goes to the log of ``folder``, or of ``log`` when given (see `said`).
        """
        module = ["bench.faults.victim", *map(str, victim)] if victim else ["vpr_runner.cli"]
        with log_of(log or folder).open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", *module, *map(str, self.arguments(folder))],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **ENVIRONMENT, "VPR_CACHE": str(self.cache)},
                cwd=Path(__file__).resolve().parents[2],
                start_new_session=True,
            )

    def finish(self, folder: Path) -> str:
        """Run it to its end; return what it said if it failed, else nothing."""
        return "" if self.start(folder).wait(timeout=600) == 0 else f"failed: {said(folder)}"


def log_of(folder: Path) -> Path:
    """Return the file that holds what the last start in ``folder`` said."""
    return folder.with_name(f"{folder.name}.log")


def said(folder: Path) -> str:
    """Return what the last start in ``folder`` said."""
    return log_of(folder).read_text(encoding="utf-8", errors="replace").strip()


def commands(root: Path) -> dict[str, Command]:
    """Write run file and suite to ``root`` and return the commands by name; ``extract`` needs ``root / "model"``."""
    (root / "run.yaml").write_text(RUN, encoding="utf-8")
    (root / "suite.yaml").write_text(SUITE, encoding="utf-8")
    every: dict[str, tuple[Callable[[Path], Sequence[object]], Callable[[Path], dict[str, str]]]] = {
        "train": (lambda to: ["train", root / "run.yaml", "-o", to, "--quiet"], outcome.of_training),
        "extract": (
            lambda to: ["extract", root / "model", "-o", to, "--split", "test", "--chunk", 4, "--quiet"],
            outcome.of_extraction,
        ),
        "bench": (lambda to: ["bench", root / "suite.yaml", "-o", to, "--quiet"], outcome.of_bench),
        "data info": (
            lambda to: ["data", "info", "city", "--root", to, "--set", "size=small", "--set", "seed=1"],
            outcome.of_city,
        ),
    }
    return {
        name: Command(name=name, arguments=arguments, outcome=digests, cache=root / "cache")
        for name, (arguments, digests) in every.items()
    }
