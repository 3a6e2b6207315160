"""Start-up of the quick commands; the reference is importing torch."""

from __future__ import annotations

import subprocess
import sys

from bench.speed.measure import compare
from bench.speed.row import Row

COMMANDS = (("--help",), ("plugins",), ("schema",))


def measure(*, repeats: int) -> list[Row]:
    """Time each command in a process of its own."""

    def run(*command: str) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    rows = []
    for arguments in COMMANDS:
        comparison = compare(
            {
                "ours": lambda arguments=arguments: run(sys.executable, "-m", "vpr_runner.cli", *arguments),
                "import torch": lambda: run(sys.executable, "-c", "import torch"),
                "limit": lambda: run(sys.executable, "-c", "import pydantic, pluggy"),
            },
            repeats=repeats,
        )
        what = f"vpr {' '.join(arguments)}"
        rows.append(Row.from_comparison(what, comparison, reference="import torch", target="under 0.5 s"))
    return rows
