"""``python -m bench.speed.scale``: what an index of many images costs and finds, ours beside other libraries'.

In four steps, each of which keeps what it has done below ``--work``, so that a run that is stopped goes on: synthetic
descriptors with a measured spectrum (`bench.speed.scale.places`), in float16 chunk files; the exact answers; each index
built; and each asked by a fresh process that only opens it and searches. recall@1 is that of *places*: the nearest
image is one of the query's place. Bytes are those of the index file, the original rows apart, which lie on the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.speed.scale.contestants import LISTS, contestants
from bench.speed.scale.places import Places
from bench.speed.scale.table import draw, quoted, table
from bench.speed.scale.truth import find_truth
from vpr_runner.bench.readme import rewrite
from vpr_runner.files.atomic import write_json, write_text
from vpr_runner.files.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.speed.scale.contestants import Contestant

__all__ = ["main"]

TIMED, EXACT_TIMED, EXACT_TIMED_OF_MANY = 900, 50, 5
STEPS = ("rows", "truth", "build", "ask")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write JSON, Markdown and a figure."""
    parser = argparse.ArgumentParser(prog="nox -s speed -- scale", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="descriptors")
    parser.add_argument("--dim", type=int, default=1024, help="numbers each")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--only", action="append", help="this index; may be given again")
    parser.add_argument("--step", choices=STEPS, action="append", help="this step; may be given again; default: all")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing new after so many seconds")
    parser.add_argument("--again", action="store_true", help="ask those again that were asked")
    parser.add_argument(
        "--disk", action="store_true", help="ask some with the rows dropped from the cache of files too"
    )
    parser.add_argument("--work", type=Path, default=Path("runs/scale"), help="folder of rows, indexes, finished parts")
    parser.add_argument("--note", action="append", default=[], help="what a reader of the table should know")
    parser.add_argument("--output", type=Path, default=Path("bench/results"), help="folder for JSON, Markdown, figure")
    parser.add_argument("--into", type=Path, help="write this document's tables of scale anew; measure nothing")
    options = parser.parse_args(arguments)
    if options.into is not None:
        rewrite(options.into, lambda document: quoted(document, options.output))
        return 0
    until = time.monotonic() + options.seconds
    named = f"{options.count}x{options.dim}"
    places = Places(options.work / f"rows-{named}", count=options.count, dim=options.dim, queries=options.queries)
    kept = options.work / f"index-{named}"
    kept.mkdir(parents=True, exist_ok=True)
    steps = options.step or STEPS
    chosen = {name: one for name, one in contestants() if options.only is None or name in options.only}
    if not _prepare(places, steps, until):
        return _stopped()
    if "build" in steps:
        for name, contestant in chosen.items():
            if not _build(contestant, places, kept / name, until=until):
                return _stopped()
    if "ask" in steps:
        for name, contestant in chosen.items():
            for variant in contestant.variants:
                if time.monotonic() > until:
                    return _stopped()
                _ask(name, variant, places, kept / name, options)
    _collect(places, kept, options)
    return 0


def _stopped() -> int:
    print("stopped; the same command goes on from here", file=sys.stderr)
    return 3


def _prepare(places: Places, steps: Sequence[str], until: float) -> bool:
    if "rows" in steps:
        for number in places.chunks:
            if time.monotonic() > until:
                return False
            places.write(number)
    return "truth" not in steps or find_truth(places, until=until)


def _build(contestant: Contestant, places: Places, path: Path, *, until: float) -> bool:
    """Build, or go on; CPU seconds add up over the parts."""
    done = _read(path.with_suffix(".built.json"))
    if done.get("finished"):
        return True
    if time.monotonic() > until:
        return False
    print(f"building {path.name} ...", file=sys.stderr, flush=True)
    start, clock = time.process_time(), time.perf_counter()
    finished = contestant.build(places.rows(), path, until=until)
    done["build_cpu_seconds"] = done.get("build_cpu_seconds", 0.0) + time.process_time() - start
    done["build_seconds"] = done.get("build_seconds", 0.0) + time.perf_counter() - clock
    write_json(path.with_suffix(".built.json"), {**done, "finished": finished})
    return finished


def _ask(name: str, variant: str, places: Places, path: Path, options: argparse.Namespace) -> None:
    """Have a fresh process open the index and search."""
    record = _asked(path, variant)
    if record.is_file() and not options.again:
        return
    timed = TIMED
    if name == "flat":  # whose answers are known, and which takes long
        timed = EXACT_TIMED if places.count * places.dim < 2**30 else EXACT_TIMED_OF_MANY
    said = [f"--{key}={value}" for key, value in (("contestant", name), ("variant", variant), ("timed", timed))]
    said += [f"--{key}={getattr(places, key)}" for key in ("count", "dim", "queries")]
    said += [f"--rows={places.folder}", f"--index={path}", *(["--cold"] if options.disk and name != "flat" else [])]
    answer = subprocess.run(
        [sys.executable, "-m", "bench.speed.scale.asking", *said], check=True, stdout=subprocess.PIPE, text=True
    )
    result = {"name": variant, **json.loads(answer.stdout), "bytes_an_image": _size(path, places) / places.count}
    print(f"{variant}: {result['ms_a_query']:.2f} ms", file=sys.stderr, flush=True)
    write_json(record, {**result, "threads": os.environ.get("OMP_NUM_THREADS")})


def _size(path: Path, places: Places) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in places.folder.glob("rows-*.npy"))


def _asked(path: Path, variant: str) -> Path:
    return path.with_name(f"{''.join(c if c.isalnum() else '-' for c in variant)}.asked.json")


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def _collect(places: Places, kept: Path, options: argparse.Namespace) -> None:
    """Write what has been measured so far."""
    rows = []
    for name, contestant in contestants():
        built = _read((kept / name).with_suffix(".built.json"))
        asked = [_read(_asked(kept / name, variant)) for variant in contestant.variants]
        rows += [{**one, **{k: v for k, v in built.items() if k != "finished"}} for one in asked if one]
    if not rows:
        return
    loads = [row["load"] for row in rows]
    threads = sorted({row["threads"] or "all" for row in rows})
    result: dict[str, Any] = {
        "provenance": provenance(),
        "count": places.count,
        "dim": places.dim,
        "queries": places.queries,
        "notes": [
            f"of {LISTS} lists 16 are visited where nothing else is said; a query comes alone",
            f"OMP_NUM_THREADS {' and '.join(threads)}; indexes were built by one thread",
            f"load average while they were asked: {min(loads):.1f} to {max(loads):.1f}; where it is high see CPU ms",
            "compressed kinds compare their first 100 candidates with the original float16 rows, but for codes alone",
            "memory: the peak of what is resident, mapped pages of files too, in a process that opens and searches",
            "opening includes the first query; memory and opening are beyond a process with the libraries imported",
            *options.note,
        ],
        "rows": rows,
    }
    path = options.output / f"scale-{places.count}x{places.dim}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, result)
    write_text(path.with_suffix(".md"), table(result) + "\n")
    draw(result, path.with_suffix(".png"))
    print(table(result))


if __name__ == "__main__":
    sys.exit(main())
