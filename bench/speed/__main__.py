"""``python -m bench.speed``: measure, print the table, write JSON and Markdown below bench/results."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bench.speed import evaluation, layer, mining, startup
from bench.speed.row import Row, markdown
from vpr_runner.atomic import write_json, write_text
from vpr_runner.bench.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Callable


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
    how = {**provenance(), "load_before": os.getloadavg()[0], "repeats": options.repeats}
    rows: list[Row] = []
    for name in options.only or parts:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows += parts[name](options.repeats, device)
    host = torch.cuda.get_device_name().lower().replace(" ", "-") if device == "cuda" else "cpu"
    table = markdown(rows)
    result = {"provenance": how, "rows": [row.to_dict() for row in rows]}
    write_json(options.output / f"speed-{host}.json", result)
    write_text(options.output / f"speed-{host}.md", table + "\n")
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
