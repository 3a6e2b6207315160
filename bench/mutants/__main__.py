"""``python -m bench.mutants``: change one line at a time in a copy, name what no test notices, write the result."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.mutants.changes import Change, drawn
from bench.mutants.listed import listed
from bench.mutants.record import markdown, update_document
from bench.mutants.rooms import ROOMS, Room
from bench.mutants.trial import Workshop
from vpr_runner.files.atomic import write_json
from vpr_runner.files.provenance import provenance

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Try the listed changes and a sample of each room; exit code 1 when a listed one lives."""
    parser = argparse.ArgumentParser(prog="nox -s mutants --", description=__doc__)
    parser.add_argument("--sample", type=int, default=5, help="changes of each room that are drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="draws them")
    parser.add_argument(
        "--only", action="append", choices=[room.name for room in ROOMS], help="this room; may be given again"
    )
    parser.add_argument("--output", type=Path, default=Path("bench/results/mutants.json"), help="result file")
    parser.add_argument("--into", type=Path, default=Path("docs/reliability.md"), help="document that quotes the table")
    options = parser.parse_args()
    how, start = provenance(), time.monotonic()
    rooms = [room for room in ROOMS if options.only is None or room.name in options.only]
    known = listed(ROOT)
    outcomes: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="vpr-mutants-") as folder:
        workshop = Workshop(ROOT, Path(folder) / "copy")
        for room in rooms:
            once = [change for name, change in known if name == room.name]
            outcomes += _of(room, workshop, once, drawn(ROOT, room.sources, count=options.sample, seed=options.seed))
    result = {
        **how,
        "seed": options.seed,
        "sample": options.sample,
        "minutes": round((time.monotonic() - start) / 60, 1),
        "outcomes": outcomes,
    }
    print(markdown(result))
    if options.only is None:
        write_json(options.output, result)
        update_document(options.into, result)
    return 1 if any(one["listed"] and one["outcome"] == "lived" for one in outcomes) else 0


def _of(room: Room, workshop: Workshop, once: list[Change], others: list[Change]) -> list[dict[str, Any]]:
    begin = time.monotonic()
    if workshop.passes(room.tests, limit=900) is not True:
        raise SystemExit(f"{room.name}: its tests fail without any change; mend them first")
    took = time.monotonic() - begin
    print(f"{room.name}: {len(once)} listed, {len(others)} drawn; its tests take {took:.0f} s", flush=True)
    found = []
    for change in [*once, *others]:
        outcome = workshop.tried(change, room.tests, room=room.name, limit=60 + 4 * took)
        print(f"  {outcome.outcome}: {change.file}:{change.line}: {change.after.strip()} ({change.why})", flush=True)
        found.append({**outcome.as_dict(), "listed": change in once})
    return found


if __name__ == "__main__":
    sys.exit(main())
