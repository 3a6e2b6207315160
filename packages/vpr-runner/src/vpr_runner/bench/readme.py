"""Tables of a document, written between markers from committed result files, so that they cannot drift apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from vpr_runner.bench.shown import BenchResult
from vpr_runner.bench.table import markdown
from vpr_runner.files.atomic import write_text
from vpr_runner.files.documents import parsed

__all__ = ["between_markers", "load_result", "rendered", "rewrite", "update_document"]

SCHEMA = 1


def load_result(path: Path) -> BenchResult:
    """Read a result file of ``vpr bench``.

    Raises:
        ValueError: no result file, or one of another format.
        FileNotFoundError: no such file.
    """
    try:
        result = parsed(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a result of `vpr bench` (no JSON: {error})") from error
    if not isinstance(result, dict) or result.get("schema") != SCHEMA or "rows" not in result:
        raise ValueError(f"{path}: not a result of `vpr bench` of format {SCHEMA}; run the suite again")
    return BenchResult(result)


def rendered(document: str, results: Path) -> str:
    """Return ``document`` with what stands between ``<!-- bench:NAME -->`` and ``<!-- /bench:NAME -->`` made anew.

    ``NAME`` is the stem of a file in ``results``.

    Raises:
        FileNotFoundError: a marker names a result that is not there.
    """

    def table(tag: str) -> str:
        return markdown(load_result(results / f"{tag.removeprefix('bench:')}.json"))

    return between_markers(document, tag="bench:[a-z][a-z0-9_]*", table=table)


def update_document(path: Path, results: Path) -> bool:
    """Write the tables of ``path`` anew and return whether that changed it."""
    return rewrite(path, lambda document: rendered(document, results))


def between_markers(document: str, *, tag: str, table: Callable[[str], str]) -> str:
    """Return ``document`` with what stands between ``<!-- TAG -->`` and ``<!-- /TAG -->`` made anew, for every tag.

    Args:
        document: Markdown.
        tag: pattern of the tags that are meant.
        table: what belongs between, given the tag.
    """
    marked = re.compile(rf"(?P<open><!-- (?P<tag>{tag}) -->\n).*?(?P<close><!-- /(?P=tag) -->)", re.DOTALL)
    return marked.sub(lambda match: f"{match['open']}\n{table(match['tag'])}\n\n{match['close']}", document)


def rewrite(path: Path, change: Callable[[str], str]) -> bool:
    """Write ``path`` with its text changed and return whether that made a difference."""
    before = path.read_text(encoding="utf-8")
    after = change(before)
    if after != before:
        write_text(path, after)
    return after != before
