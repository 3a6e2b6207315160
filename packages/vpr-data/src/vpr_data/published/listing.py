"""The table of published sets in docs/datasets.md. ``python -m vpr_data.published.listing`` writes it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from vpr_data.published.catalogue import PUBLISHED
from vpr_data.published.entry import Counts, Published

__all__ = ["page", "table"]

BEGIN, END = "<!-- sets -->\n", "<!-- /sets -->"
DOCUMENT = Path(__file__).parents[5] / "docs" / "datasets.md"


def table() -> str:
    """Return the table as Markdown."""
    return "\n".join(["", *_rows(), "", *_notes(), ""])


def page(text: str) -> str:
    """Return a page with the table between its markers.

    Raises:
        ValueError: it has no markers.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN.strip()} ... {END}; the table stands between them")
    return f"{before}{BEGIN}{table()}{END}{after}"


def _rows() -> Iterator[str]:
    yield "| `type:` | shows | database + queries | protocols | from | licence |"
    yield "|---|---|---|---|---|---|"
    for entry in PUBLISHED.values():
        cells = (
            f"`{entry.name}`",
            entry.what,
            "<br>".join(_counts(split, counts) for split, counts in entry.counts.items()),
            "<br>".join(f"`{protocol}`" for protocol in entry.protocols),
            _source(entry),
            entry.licence,
        )
        yield f"| {' | '.join(cells)} |"


def _notes() -> Iterator[str]:
    for entry in PUBLISHED.values():
        if entry.notes:
            yield f"- **{entry.name}**: {entry.notes}."


def _counts(split: str, counts: Counts) -> str:
    some = ", ".join(f"{label} {count:,}" for label, count in counts.subsets.items())
    return (
        f"{split}: {counts.database:,} + {counts.queries:,}{f' ({some})' if some else ''}{'' if counts.sure else ' *'}"
    )


def _source(entry: Published) -> str:
    parts = [f"public: {download.what}" for download in entry.downloads]
    return "<br>".join([*parts, *([entry.ask] if entry.ask else [])])


if __name__ == "__main__":
    changed = page(DOCUMENT.read_text(encoding="utf-8"))
    descriptor, temporary = tempfile.mkstemp(dir=DOCUMENT.parent, prefix=".listing-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(changed)
    Path(temporary).replace(DOCUMENT)
