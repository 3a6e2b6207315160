"""Tables of a README, written between markers from committed result files, so that they cannot drift apart."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from vpr_runner.atomic import write_text
from vpr_runner.bench.table import markdown

__all__ = ["load_result", "rendered", "update_document"]

SCHEMA = 1
_MARKED = re.compile(r"(<!-- bench:(?P<name>[a-z][a-z0-9_]*) -->\n)(?P<body>.*?)(<!-- /bench:(?P=name) -->)", re.DOTALL)


def load_result(path: Path) -> dict[str, Any]:
    """Read a result file of ``vpr bench``.

    Raises:
        ValueError: no result file, or one of another format.
        FileNotFoundError: no such file.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a result of `vpr bench` (no JSON: {error})") from error
    if not isinstance(result, dict) or result.get("schema") != SCHEMA or "rows" not in result:
        raise ValueError(f"{path}: not a result of `vpr bench` of format {SCHEMA}; run the suite again")
    return result


def rendered(document: str, results: Path) -> str:
    """Return ``document`` with what stands between ``<!-- bench:NAME -->`` and ``<!-- /bench:NAME -->`` made anew.

    ``NAME`` is the stem of a file in ``results``.

    Raises:
        FileNotFoundError: a marker names a result that is not there.
    """

    def table(match: re.Match[str]) -> str:
        return f"{match[1]}\n{markdown(load_result(results / (match['name'] + '.json')))}\n\n{match[4]}"

    return _MARKED.sub(table, document)


def update_document(path: Path, results: Path) -> bool:
    """Write the tables of ``path`` anew and return whether that changed it."""
    before = path.read_text(encoding="utf-8")
    after = rendered(before, results)
    if after != before:
        write_text(path, after)
    return after != before
