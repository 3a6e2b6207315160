"""Start-up of the quick commands; the reference is importing torch."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from bench.speed.measure import Effort, compare
from bench.speed.row import Row

__all__ = ["measure"]

RUN = """
dataset: {type: city, size: small}
backbone: {type: tiny}
pooling: {type: netvlad}
"""


def measure(effort: Effort) -> list[Row]:
    """Time each command in a process of its own."""

    def run(*command: str) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        run_file = Path(folder) / "run.yaml"
        run_file.write_text(RUN, encoding="utf-8")
        commands = (("--help",), ("plugins",), ("validate", str(run_file)), ("schema",))
        for arguments in commands[: effort.size(len(commands), 3)]:
            comparison = compare(
                {
                    "ours": lambda arguments=arguments: run(sys.executable, "-m", "vpr_runner.cli", *arguments),
                    "import torch": lambda: run(sys.executable, "-c", "import torch"),
                    "limit": lambda: run(sys.executable, "-c", "import pydantic, pluggy, typer, yaml"),
                },
                repeats=effort.rounds(),
            )
            what = f"vpr {arguments[0]}{' run.yaml' if len(arguments) > 1 else ''}"
            rows.append(
                Row.from_comparison(
                    what,
                    comparison,
                    reference="import torch",
                    limit="importing pydantic, pluggy, typer and yaml",
                    target="under 0.5 s",
                )
            )
    return rows
