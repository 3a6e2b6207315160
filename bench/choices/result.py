"""The result file: rows one a line, so that a change of one number is a change of one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_runner.files.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.choices.groups import Group
    from bench.choices.lab import Row

__all__ = ["RESULTS", "read_results", "write_result"]

RESULTS = ("choices-city.json", "choices-real.json")


def write_result(
    path: Path,
    rows: Sequence[Row],
    group: Group,
    took: dict[str, Any],
    *,
    notes: Sequence[str],
    unfinished: Sequence[str] = (),
    quick: bool = False,
) -> None:
    """Write rows with where they come from (``took`` of `bench.choices.parts.summary`), seeds and sets."""
    from bench.choices.axes.starts import SEEDS

    head = {
        "provenance": took["provenance"],
        "load": took["load"],
        "seconds": took["seconds"],
        "quick": quick,
        "notes": list(notes),
        "unfinished": list(unfinished),
        "seeds": {"plain": 0, "another seed": list(SEEDS), "bootstrap": 0},
        "networks": {name: run["backbone"]["type"] for name, run in group.runs.items()},
        "training_images": len(group.training),
        "sets": {
            at.name: {
                "protocol": at.split.protocol.label,
                "database": len(at.split.database),
                "queries": len(at.split.queries),
                "size": list(at.size),
            }
            for at in group.sets
        },
    }
    start = json.dumps(head, indent=2, ensure_ascii=False, allow_nan=False).removesuffix("\n}")
    parts, lines = _one_a_line(took["parts"]), _one_a_line(rows)
    write_text(path, f'{start},\n  "parts": [\n{parts}\n  ],\n  "rows": [\n{lines}\n  ]\n}}\n')


def _one_a_line(entries: Sequence[dict[str, Any]]) -> str:
    return ",\n".join("    " + json.dumps(entry, ensure_ascii=False, allow_nan=False) for entry in entries)


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Return the result files that are there, the city first."""
    return [json.loads((folder / name).read_text(encoding="utf-8")) for name in RESULTS if (folder / name).is_file()]
