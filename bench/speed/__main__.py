"""``python -m bench.speed``: measure, print the table, write JSON, Markdown and a plot below bench/results."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bench.speed import (
    before,
    cache,
    compiled,
    evaluation,
    extraction,
    frozen,
    growth,
    layer,
    locating,
    mining,
    qdrant,
    rerank,
    runtimes,
    searching,
    searchmap,
    startup,
    training,
)
from bench.speed.figure import draw_growth
from bench.speed.measure import Effort
from bench.speed.row import Growth, Row
from bench.speed.store import Store
from bench.speed.table import markdown, update_document
from vpr_runner.files.atomic import write_json, write_text
from vpr_runner.files.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PARTS: dict[str, Callable[[Effort], Iterable[Row | Growth]]] = {
    "layer": layer.measure,
    "extract": extraction.measure,
    "decode": extraction.decoding,
    "prefix": frozen.measure,
    "training": training.measure,
    "compile": compiled.measure,
    "mining": mining.measure,
    "cache": cache.measure,
    "recall": evaluation.recall,
    "kmeans": evaluation.initialization,
    "search": evaluation.search,
    "query": searching.measure,
    "rerank": rerank.measure,
    "map": searchmap.measure,
    "locate": locating.measure,
    "qdrant": qdrant.measure,
    "runtimes": runtimes.measure,
    "before": before.measure,
    "small": before.small,
    "many": before.many,
    "growth": growth.measure,
    "startup": startup.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the chosen parts."""
    parser = argparse.ArgumentParser(prog="nox -s speed --", description=__doc__)
    parser.add_argument("--only", choices=list(PARTS), action="append", help="measure this part; may be given again")
    parser.add_argument("--repeats", type=int, default=5, help="recorded rounds of the short measurements")
    parser.add_argument("--quick", action="store_true", help="tiny inputs: shows that every row works, nothing else")
    parser.add_argument("--fresh", action="store_true", help="measure again what this commit has measured here")
    parser.add_argument("--output", type=Path, default=Path("bench/results"), help="folder for JSON, Markdown and plot")
    parser.add_argument("--kept", type=Path, default=Path("runs/speed"), help="folder for parts that are done")
    parser.add_argument("--apart", metavar="NAME", help="write what --only asks for, alone, as speed-HOST-NAME")
    parser.add_argument("--into", type=Path, help="rewrite the tables of this document from --output; measure nothing")
    options = parser.parse_args(arguments)
    if options.into is not None:
        update_document(options.into, options.output)
        return 0
    torch.set_num_threads(torch.get_num_threads())  # tells MKL not to choose their number from call to call
    effort = Effort(device="cuda" if torch.cuda.is_available() else "cpu", repeats=options.repeats, quick=options.quick)
    how = {**provenance(), "load_before": os.getloadavg()[0], "repeats": options.repeats}
    host = host_kind(effort.device, how["hardware"]) + ("-quick" if options.quick else "")
    key = {name: how[name] for name in ("code", "hardware", "versions", "repeats")}
    store = Store(options.kept / host, key)
    asked, begin = options.only or list(PARTS), time.monotonic()
    for number, name in enumerate(asked, start=1):
        if not options.fresh and store.get(name) is not None:
            print(f"[{number}/{len(asked)}] {name}: measured before at this commit", file=sys.stderr, flush=True)
            continue
        print(f"[{number}/{len(asked)}] {name} ...", file=sys.stderr, flush=True)
        start = time.monotonic()
        store.put(name, [row.to_dict() for row in PARTS[name](effort)])
        spent = f"{time.monotonic() - start:.0f} s, {time.monotonic() - begin:.0f} s in all"
        print(f"[{number}/{len(asked)}] {name}: {spent}", file=sys.stderr, flush=True)
    wanted, end = (asked, f"-{options.apart}") if options.apart else (list(PARTS), "")
    rows = [row for name in wanted for row in store.get(name) or ()]
    write(rows, how, quick=options.quick, path=options.output / f"speed-{host}{end}.json")
    return 0


def write(rows: list[dict[str, Any]], how: dict[str, Any], *, quick: bool, path: Path) -> None:
    """Write the result, its table and, where growth was measured, its plot; print the table."""
    result = {"provenance": how, "quick": quick, "rows": rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    table = markdown(result)
    write_json(path, result)
    write_text(path.with_suffix(".md"), table + "\n")
    growths = [row for row in rows if row["kind"] == "growth"]
    if growths:
        draw_growth(growths, path.with_suffix(".png"))
    print(table)


def host_kind(device: str, hardware: dict[str, Any]) -> str:
    """Return the name of the kind of machine: the GPU's, or the number of cores."""
    if device == "cuda":
        return "-".join("".join(c if c.isalnum() else " " for c in hardware["accelerator"].lower()).split())
    return f"cpu-{hardware['cores']}-cores"


if __name__ == "__main__":
    sys.exit(main())
