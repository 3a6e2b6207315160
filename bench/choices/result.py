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
    how: dict[str, Any],
    *,
    notes: Sequence[str],
    unfinished: Sequence[str] = (),
    quick: bool = False,
) -> None:
    """Write rows with where they come from: date, commit, hardware, versions, seeds, sets."""
    from bench.choices.axes.starts import SEEDS

    head = {
        "provenance": how,
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
    lines = ",\n".join("    " + json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    start = json.dumps(head, indent=2, ensure_ascii=False, allow_nan=False).removesuffix("\n}")
    write_text(path, f'{start},\n  "rows": [\n{lines}\n  ]\n}}\n')


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Return the result files that are there, the city first."""
    return [json.loads((folder / name).read_text(encoding="utf-8")) for name in RESULTS if (folder / name).is_file()]
