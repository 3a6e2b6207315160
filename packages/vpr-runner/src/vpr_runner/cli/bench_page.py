"""``vpr bench --html``: a result as a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["write_page_of"]


def write_page_of(file: Path, result: Mapping[str, Any]) -> None:
    """Write the page of a result of `vpr bench`, whole or not at all."""
    import yaml

    from vpr_runner.bench.aggregate import curve, hits_by_query
    from vpr_runner.bench.table import caption, groups, remarks
    from vpr_runner.pages.bench import BenchRow, BenchShown, BenchTable, write_bench_page

    def row(of: Mapping[str, Any]) -> BenchRow:
        test = of["test"]
        outcomes = [
            cell["tests"][test]
            for cell in result["cells"]
            if all(cell[name] == of[name] for name in ("setting", "method", "stage")) and test in cell["tests"]
        ]
        depth = max((int(at) for outcome in outcomes for at in outcome["recall"]), default=0)
        mean, spread = curve(outcomes, depth) if outcomes else ((), ())
        times = of["milliseconds"]
        return BenchRow(
            method=of["method"],
            stage=of["stage"],
            dim=of["dim"],
            recall={at: (value["mean"], value["std"]) for at, value in of["recall"].items()},
            interval=(of["recall"]["1"]["low"], of["recall"]["1"]["high"]),
            numbers={
                "ms/image": times.get("backbone"),
                "+ pooling": times.get("pooling"),
                "bytes": of["descriptor_bytes"],
                "training, s": of["train_seconds"],
            },
            curve=[float(value) for value in mean],
            spread=[float(value) for value in spread] if len(outcomes) > 1 else [],
            found=hits_by_query(outcomes, 1).tolist() if outcomes else [],
        )

    suite = result["suite"]
    apart = ("rows", "comparisons", "gains", "cells", "suite")
    configs = {
        f"{cell['setting'] + ': ' if cell['setting'] else ''}{cell['method']}, {cell['stage']}": cell["config"]
        for cell in result["cells"]
        if "config" in cell
    }
    shown = BenchShown(
        title=suite["title"],
        notes=str(suite.get("notes") or ""),
        tables=[
            BenchTable(caption=caption(members), rows=[row(member) for member in members])
            for members in groups(result["rows"]).values()
        ],
        remarks=remarks(dict(result)),
        suite=yaml.safe_dump(configs, sort_keys=False, allow_unicode=True) if configs else "",
        provenance={name: value for name, value in result.items() if name not in apart},
    )
    write_bench_page(file, shown)
