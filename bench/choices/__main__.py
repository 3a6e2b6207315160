"""``python -m bench.choices``: measure every axis on every network and set, write JSON; ``--page`` writes the page."""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from bench.choices import groups
from bench.choices.axes.precision import RUNTIMES
from bench.choices.lab import Lab, Row
from bench.choices.networks import Fitted
from bench.choices.page import write_page
from bench.choices.parts import here, measured_part, summary
from bench.choices.result import write_result
from bench.choices.table import AXES
from bench.speed.store import Store
from vpr_core import build_registry
from vpr_runner.files.atomic import atomic_file


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is not measured yet."""
    parser = argparse.ArgumentParser(prog="nox -s choices --", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of tower_walks, corridor, gardens_point and weights")
    parser.add_argument("--only", choices=list(AXES), action="append", help="measure this axis; may be given again")
    parser.add_argument("--group", choices=["city", "real"], action="append", help="city, real; both by default")
    parser.add_argument("--network", action="append", help="measure this network alone; may be given again")
    parser.add_argument("--at", action="append", help="measure on this set alone; may be given again")
    parser.add_argument("--finished", action="store_true", help="measure nothing: write what is finished, say what not")
    parser.add_argument("--seconds", type=float, help="begin no part after so many; another run goes on")
    parser.add_argument("--quick", action="store_true", help="tiny inputs: shows that every row works, nothing else")
    parser.add_argument("--note", action="append", default=[], help="what a reader of the numbers should know")
    parser.add_argument("--output", type=Path, default=Path("bench/results"), help="folder for the JSON files")
    parser.add_argument("--kept", type=Path, default=Path("runs/choices"), help="folder of what is done already")
    parser.add_argument("--page", type=Path, help="write this page, and its figure, from --output; measure nothing")
    options = parser.parse_args(arguments)
    if options.page is not None:
        write_page(options.page, options.output)
        return 0
    wanted = options.group or ["city", *(["real"] if options.data is not None else [])]
    if "real" in wanted and options.data is None:
        parser.error("--group real: give the folder of the sets with --data DIR")
    absent = set(RUNTIMES) - {spec.name for spec in build_registry().specs("runtime")}
    if absent:
        parser.error(f"the precision of the network needs {', '.join(f'vpr-{name}' for name in sorted(absent))}")
    logging.getLogger("vpr_eval").setLevel(logging.ERROR)  # what it would warn of is what is measured
    torch.set_num_threads(torch.get_num_threads())  # tells MKL not to choose their number from call to call
    for name in wanted:
        measure_group(name, options)
    return 0


def measure_group(name: str, options: argparse.Namespace) -> None:
    """Measure a group's axes that are not done, and write its result."""
    registry = build_registry()
    how = here()
    kept = options.kept / (name + ("-quick" if options.quick else ""))
    libraries = {library: number for library, number in how["versions"].items() if not library.startswith("vpr-")}
    key = {"hardware": how["hardware"], "versions": libraries, "shared": _sources(), "quick": options.quick}
    begin = time.monotonic()
    prepared = Store(kept, key)
    with measured_part(prepared, "group"):
        group = (
            groups.city(registry, folder=kept, quick=options.quick)
            if name == "city"
            else groups.real(registry, data=options.data)
        )
    parts = {"both networks": prepared.how("group")}
    asked = list(options.only or AXES)
    networks = [network for network in group.runs if network in (options.network or group.runs)]
    sets = [at for at in group.sets if at.name in (options.at or [each.name for each in group.sets])]
    total = len(networks) * len(sets) * len(asked)
    rows: list[Row] = []
    unfinished: list[str] = []
    done = 0
    for network in networks:
        folder = kept / network.replace(",", "").replace(" ", "-")
        fitting = Store(folder, key)
        fitted: Fitted | None = None
        for at in sets:
            plain = Store(folder / at.name, {**key, "size": list(at.size)})
            lab: Lab | None = None
            for axis in asked:
                source = _sources(AXES[axis].measure.__module__)
                store = Store(folder / at.name, {**key, "size": list(at.size), "axis": source})
                done += 1
                part = f"{network} on {at.name}: {axis}"
                found = store.get(axis)
                late = options.seconds is not None and time.monotonic() - begin > options.seconds
                if found is None and (options.finished or late):
                    unfinished.append(part)
                    continue
                if found is None:
                    label = f"[{done}/{total}] {name}: {part}"
                    print(f"{label} ...", file=sys.stderr, flush=True)
                    if fitted is None:
                        arrays = keeper(folder / f"arrays-{_sources()[:16]}")
                        with measured_part(fitting, "fitting"):
                            fitted = Fitted(network, group, registry, folder=folder, kept=arrays, quick=options.quick)
                            fitted.prepare()
                    if lab is None:
                        with measured_part(plain, "plain"):
                            lab = Lab(fitted, at)
                            lab.prepare()
                    with measured_part(store, axis) as found:
                        found += [{"axis": axis, **row} for row in AXES[axis].measure(lab)]
                    spent = f"{store.how(axis)['seconds']:.0f} s, {time.monotonic() - begin:.0f} s in all"
                    print(f"{label}: {len(found)} rows, {spent}", file=sys.stderr, flush=True)
                rows += found
                parts[part] = store.how(axis)
            parts[f"{network} on {at.name}"] = plain.how("plain")
        parts[network] = fitting.how("fitting")
    took = summary({part: how for part, how in parts.items() if how})
    write_result(
        options.output / f"choices-{name}.json",
        rows,
        group,
        took,
        notes=options.note,
        unfinished=unfinished,
        quick=options.quick,
    )
    seconds = took["seconds"]
    said = f"{seconds['clock']} s on the clock, {seconds['processor']} s of processors"
    print(f"{name}: what is measured took {said}", file=sys.stderr)
    if unfinished:
        print(f"{name}: {len(unfinished)} of {total} parts are not measured; run it again", file=sys.stderr)


def keeper(folder: Path) -> Callable[[str, Callable[[], np.ndarray]], np.ndarray]:
    """Return a cache of arrays: ``(name, make)`` reads ``folder/name.npy``, made where it is not there."""

    def kept(name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        path = folder / (hashlib.sha256(name.encode()).hexdigest()[:16] + ".npy")
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            made = make()
            with atomic_file(path) as file:
                np.save(file, made)
        return np.asarray(np.load(path))

    return kept


_SHARED = ("groups.py", "lab.py", "networks.py", "outcome.py", "reading.py")


def _sources(module: str = "") -> str:
    """Return a hash of the code that measured: of what all axes share, or of one axis. Other code, other numbers."""
    folder = Path(__file__).parent
    files = [folder / "axes" / f"{module.rpartition('.')[2]}.py"] if module else [folder / name for name in _SHARED]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
