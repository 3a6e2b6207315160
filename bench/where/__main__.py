"""``nox -s bench -- --where``: how far off estimates are where nothing was learnt from, written below bench/results.

On the rendered city, offline; ``--data DIR`` adds the photographs of campus_gps. Finished parts are kept in ``--kept``;
``--page docs/where.md`` writes the table of the page from the results, and measures nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.speed.store import Store
from bench.where import campus, city
from bench.where.page import write_block
from vpr_core import build_registry
from vpr_runner.files.atomic import write_json
from vpr_runner.files.provenance import provenance
from vpr_runner.locate.judge import as_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is not measured yet, write the results and say them."""
    parser = argparse.ArgumentParser(prog="nox -s bench -- --where", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of campus_gps and weights: measure it too")
    parser.add_argument("--only", choices=["city", "campus_gps"], help="measure this alone")
    parser.add_argument("--quick", action="store_true", help="tiny inputs: shows that it works, nothing else")
    parser.add_argument("--output", type=Path, default=Path("bench/results"), help="folder for the JSON files")
    parser.add_argument("--kept", type=Path, default=Path("runs/where"), help="folder of what is done already")
    parser.add_argument("--page", type=Path, help="write the table of this page from --output; measure nothing")
    options = parser.parse_args(arguments)
    if options.page is not None:
        write_block(options.page, options.output)
        return 0
    if options.only == "campus_gps" and options.data is None:
        parser.error("--only campus_gps: give the folder of campus_gps and weights with --data DIR")
    registry = build_registry()
    how = provenance()
    libraries = {name: number for name, number in how["versions"].items() if not name.startswith("vpr-")}
    key = {"versions": libraries, "quick": options.quick}
    if options.only != "campus_gps":
        store = Store(options.kept / ("city-quick" if options.quick else "city"), {**key, "code": _sources("city.py")})
        cells = city.cells_of(registry, quick=options.quick)
        rows = [row for found in city.measured(cells, registry, store, kept=options.kept) for row in _told(found)]
        write_json(options.output / "where-city.json", {"rows": rows, "provenance": how})
    if options.only != "city" and options.data is not None:
        store = Store(options.kept / "campus_gps", {**key, "code": _sources("campus.py")})
        rows = _told(campus.measured(options.data, registry, store))
        write_json(options.output / "where-campus_gps.json", {"rows": rows, "provenance": how})
    return 0


def _told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for row in rows:
        _, _, text = as_text(row["evaluation"]).partition("\n")
        said = f"{row['network']}: learnt on {row['learnt_on']}; on {row['photos']}:\n{text}"
        print(said, file=sys.stderr, flush=True)
    return rows


def _sources(own: str) -> str:
    """Return a hash of the code that measures: other code, other numbers."""
    files = [Path(__file__).parent / name for name in ("areas.py", "row.py", own)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
