"""``python -m bench.speed``: measure, print the table, write JSON and Markdown below bench/results."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bench.speed import evaluation, layer, mining, startup
from bench.speed.row import Row, markdown

if TYPE_CHECKING:
    from collections.abc import Callable


def provenance(device: str, repeats: int) -> dict[str, object]:
    """When, where and with what the numbers were made."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("torch", "numpy", "faiss-cpu")},
        "repeats": repeats,
    }


def main() -> int:
    """Measure the chosen parts."""
    parser = argparse.ArgumentParser(prog="nox -s speed --", description=__doc__)
    parts: dict[str, Callable[[int, str], list[Row]]] = {
        "layer": lambda repeats, device: layer.measure(device=device, repeats=repeats),
        "recall": lambda repeats, _: evaluation.recall(repeats=repeats),
        "kmeans": lambda repeats, _: evaluation.initialization(repeats=max(1, repeats // 3)),
        "mining": lambda repeats, _: mining.measure(repeats=max(1, repeats // 2)),
        "search": lambda repeats, _: evaluation.search(repeats=max(1, repeats // 3)),
        "startup": lambda repeats, _: startup.measure(repeats=repeats),
    }
    parser.add_argument("--only", choices=list(parts), action="append", help="measure this part; may be given again")
    parser.add_argument("--repeats", type=int, default=5, help="recorded rounds of the short measurements")
    parser.add_argument("--output", type=Path, default=Path("bench/results"), help="folder for JSON and Markdown")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    how = provenance(device, options.repeats)
    rows: list[Row] = []
    for name in options.only or parts:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows += parts[name](options.repeats, device)
    host = str(how["device"]).lower().replace(" ", "-")
    options.output.mkdir(parents=True, exist_ok=True)
    result = {"provenance": how, "rows": [row.to_dict() for row in rows]}
    (options.output / f"speed-{host}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    table = markdown(rows)
    (options.output / f"speed-{host}.md").write_text(table + "\n", encoding="utf-8")
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
