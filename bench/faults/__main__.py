"""``python -m bench.faults``: inject every fault, print the table, write bench/results/faults.json."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.faults.commands import Command, commands
from bench.faults.kills import FAILING, Undisturbed, failed_operations, killed_at_moments, killed_at_operations
from bench.faults.record import Fault, markdown, summary, update_document
from bench.faults.scripted import changed_input, damaged_files, refusals, signalled, two_at_once
from vpr_data.city import CityDataset
from vpr_runner.files.atomic import write_json
from vpr_runner.files.provenance import provenance

DAMAGED = {
    "train": [("checkpoints/checkpoint-*.pt", "newest checkpoint damaged")],
    "extract": [("0*.npy", "chunk damaged"), ("0*.json", "chunk record damaged")],
    "bench": [
        ("cells/*.json", "finished cell damaged"),
        ("trainings/*/checkpoints/checkpoint-*.pt", "newest checkpoint damaged"),
    ],
}


def inject(command: Command, root: Path, calm: Undisturbed, *, kills: int, seed: int) -> list[Fault]:
    """Inject every fault that there is for ``command``."""
    folder = root / command.name.replace(" ", "-")
    faults = killed_at_moments(command, folder.with_name(f"{folder.name}-moment"), calm, kills=kills, seed=seed)
    if command.name == "data info":  # its files come from processes of their own
        return faults
    faults += killed_at_operations(command, folder.with_name(f"{folder.name}-file"), calm, kills=kills, seed=seed)
    for fault in FAILING:
        to = folder.with_name(f"{folder.name}-{fault}")
        faults += failed_operations(command, to, calm, fault=fault, times=max(1, kills // 6), seed=seed)
    for number, (files, kind) in enumerate(DAMAGED[command.name]):
        to = folder.with_name(f"{folder.name}-damage-{number}")
        faults += damaged_files(command, to, calm, files=files, kind=kind)
    faults += changed_input(command, folder.with_name(f"{folder.name}-changed"), calm)
    faults += two_at_once(command, folder.with_name(f"{folder.name}-two"), calm, times=2)
    faults += signalled(command, folder.with_name(f"{folder.name}-signal"), calm, times=2)
    faults += refusals(command, folder.with_name(f"{folder.name}-refused"), calm)
    return faults


def main() -> int:
    """Inject faults into the chosen commands; exit code 1 when one was lost."""
    parser = argparse.ArgumentParser(prog="nox -s faults --", description=__doc__)
    parser.add_argument(
        "--kills", type=int, default=25, help="kills at random moments of each command, and as many at file operations"
    )
    parser.add_argument("--seed", type=int, default=0, help="draws moments and file operations")
    parser.add_argument("--jobs", type=int, default=2, help="commands that are disturbed at the same time")
    parser.add_argument("--only", action="append", help="this command; may be given again")
    parser.add_argument("--output", type=Path, default=Path("bench/results/faults.json"), help="result file")
    parser.add_argument("--into", type=Path, default=Path("docs/reliability.md"), help="document that quotes the table")
    options = parser.parse_args()
    how, start = provenance(), time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="vpr faults à 雨 "))
    calm: dict[str, Undisturbed] = {}
    every = commands(root)
    CityDataset(size="small", root=root / "cache")  # rendering is disturbed too, but as a command of its own
    for name, command in every.items():
        calm[name] = Undisturbed(command, root / f"{name.replace(' ', '-')}-undisturbed")
        print(f"{name}: {calm[name].seconds:.1f} s, {calm[name].operations} file operations", flush=True)
        if name == "train":
            shutil.copytree(calm[name].folder, root / "model")

    def disturbed(name: str) -> list[Fault]:
        return inject(every[name], root, calm[name], kills=options.kills, seed=options.seed)

    with ThreadPoolExecutor(options.jobs) as pool:
        faults = [fault for found in pool.map(disturbed, options.only or every) for fault in found]
    rows = summary(faults)
    minutes = round((time.monotonic() - start) / 60, 1)
    result = {**how, "seed": options.seed, "kills": options.kills, "minutes": minutes, "rows": rows}
    print(markdown(result))
    lost = sum(row["lost"] for row in rows)
    if not options.only:
        write_json(options.output, {**result, "faults": [[f.command, f.kind, f.where] for f in faults]})
        update_document(options.into, result)
    if not lost:
        shutil.rmtree(root)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
