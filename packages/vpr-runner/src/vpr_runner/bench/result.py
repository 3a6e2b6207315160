"""The result file: provenance, rows, paired tests, and every cell with its per-query outcomes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vpr_runner.bench.aggregate import comparisons, gains, rows
from vpr_runner.bench.readme import SCHEMA
from vpr_runner.bench.shown import BenchResult
from vpr_runner.bench.suite import Suite
from vpr_runner.files.atomic import write_text
from vpr_runner.files.provenance import told_apart

__all__ = ["assemble_result", "write_result"]


def assemble_result(suite: Suite, cells: Sequence[dict[str, Any]]) -> BenchResult:
    """Return everything that is known of a suite after ``cells``."""
    keys = sorted(cell["key"] for cell in cells)
    result = {
        "schema": SCHEMA,
        "suite": {"name": suite.name, "title": suite.title, "notes": suite.notes, "table": suite.table},
        **_made_with(cells),
        "config_hash": hashlib.sha256("\n".join(keys).encode()).hexdigest(),
        "seeds": sorted({cell["seed"] for cell in cells}),
        "rows": rows(cells),
        "comparisons": comparisons(cells, baseline=suite.baseline or next(iter(suite.methods))),
        "gains": gains(cells),
        "cells": list(cells),
    }
    return BenchResult(result)


def _made_with(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what made the cells: date, code, hardware, versions; a list of these when they differ."""
    found = told_apart([made for cell in cells for made in cell["provenance"]])
    return found[0] if len(found) == 1 else {"provenance": found}


def write_result(result: dict[str, Any], path: Path) -> Path:
    """Write ``result`` as JSON that stays readable and short in a diff: lists of numbers stand on one line."""
    write_text(path, _json(result) + "\n")
    return path


def _json(value: Any, indent: str = "") -> str:
    inner = indent + "  "
    if isinstance(value, dict) and value:
        items = [
            f"{inner}{json.dumps(str(key), ensure_ascii=False)}: {_json(item, inner)}" for key, item in value.items()
        ]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list | tuple) and any(isinstance(item, dict | list | tuple) for item in value):
        return "[\n" + ",\n".join(inner + _json(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
