"""Faults that are written down one by one: damaged files, changed input, two at once, signals, refusals of the disk."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from bench.faults import outcome
from bench.faults.commands import Command, said
from bench.faults.kills import Undisturbed
from bench.faults.record import Fault

__all__ = ["DAMAGES", "changed_input", "damaged_files", "refusals", "signalled", "two_at_once"]


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flipped(content: bytes) -> bytes:
    middle = len(content) * 2 // 3
    return content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut in half": _half,
    "one bit flipped": _flipped,
    "emptied": lambda _: b"",
    "overwritten with zeros": lambda content: bytes(len(content)),
}


def damaged_files(command: Command, folder: Path, calm: Undisturbed, *, files: str, kind: str) -> list[Fault]:
    """Stop a run three quarters of the way, damage the newest of its ``files`` (a pattern), go on, compare."""
    stopped = folder.with_name(f"{folder.name}-stopped")
    command.start(stopped, victim=("kill", calm.operations * 3 // 4)).wait(timeout=600)
    faults = []
    for damage, spoil in DAMAGES.items():
        run = folder.with_name(f"{folder.name}-{damage.replace(' ', '-')}")
        shutil.copytree(stopped, run)
        victims = sorted(run.glob(files))[-1:]
        for victim in victims:
            victim.write_bytes(spoil(victim.read_bytes()))
        problem = "" if victims else f"no file {files} was there to damage"
        problem = problem or command.finish(run) or outcome.differences(command.outcome(run), calm.outcome)
        faults.append(_fault(command, kind, f"{victims[-1].name if victims else files}: {damage}", problem, run))
    shutil.rmtree(stopped)
    return faults


def changed_input(command: Command, folder: Path, calm: Undisturbed) -> list[Fault]:
    """Stop a run, put another picture in the place of one it reads, go on: refused, or the picture is made again.

    A folder of photographs is the user's, and refused until the picture is put back; a cached city is sealed, and
    renders again what has changed. The run has a city of its own, so that nothing else that runs at the same time sees
    the change.
    """
    own = replace(command, cache=shutil.copytree(command.cache, folder.with_name(f"{folder.name}-cache")))
    expected = _movable(calm.outcome)
    faults = []
    for number, position in enumerate((0.25, 0.75)):
        run = folder.with_name(f"{folder.name}-{number}")
        own.start(run, victim=("kill", int(calm.operations * position))).wait(timeout=600)
        before = {}
        for split in ("train", "test"):
            image, other = sorted(own.cache.glob(f"city/*/{split}/database/*"))[3:5]
            before[image] = image.read_bytes()
            image.write_bytes(other.read_bytes())
        code = own.start(run).wait(timeout=600)
        text = said(run)
        refused = code == 2 and ("changed" in text or "differs" in text) and "Traceback" not in text
        mended = code == 0 and all(f"{image} is damaged" in text for image in before)
        problem = "" if refused or mended else f"exit code {code}: {text[-400:]}"
        for image, content in before.items():
            image.write_bytes(content)
        problem = problem or own.finish(run) or outcome.differences(_movable(own.outcome(run)), expected)
        faults.append(_fault(command, "an image changed between two starts", image.name, problem, run))
    shutil.rmtree(own.cache)
    return faults


def _movable(digests: dict[str, str]) -> dict[str, str]:
    """Leave out the file that names folders, and the seal over it: a run with a city of its own has it elsewhere."""
    return {name: digest for name, digest in digests.items() if name not in ("origin.json", "seal.json")}


def two_at_once(command: Command, folder: Path, calm: Undisturbed, *, times: int) -> list[Fault]:
    """Start a command twice on one folder: one is refused with the owner's name, or finds all done; the bytes agree."""
    faults = []
    for number in range(times):
        run = folder.with_name(f"{folder.name}-{number}")
        first = command.start(run)
        time.sleep(calm.seconds * 0.4 * (number + 1) / times)
        shadow = run.with_name(f"{run.name}-second")
        second = command.start(run, log=shadow)
        codes = first.wait(timeout=600), second.wait(timeout=600)
        text = said(run) + said(shadow)
        problem = ""
        if sorted(codes) not in ([0, 0], [0, 2]) or (2 in codes and "in use" not in text):
            problem = f"exit codes {codes}: {text[-400:]}"
        problem = problem or command.finish(run) or outcome.differences(command.outcome(run), calm.outcome)
        faults.append(_fault(command, "two processes on one folder", f"exit codes {codes}", problem, run))
    return faults


def signalled(command: Command, folder: Path, calm: Undisturbed, *, times: int) -> list[Fault]:
    """SIGTERM and SIGINT: exit code 143 or 130, no traceback, and the same end."""
    faults = []
    for number in range(times):
        run = folder.with_name(f"{folder.name}-{number}")
        sent, code = ((signal.SIGTERM, 143), (signal.SIGINT, 130))[number % 2]
        process = command.start(run)
        seconds = calm.seconds * (0.5 + 0.5 * number / times)
        time.sleep(seconds)
        process.send_signal(sent)
        ended = process.wait(timeout=600)
        problem = ""
        # At its very end, or before it has begun, Python leaves signals to the system: -15 is 143 for a shell.
        if ended not in (0, code, -sent) or "Traceback" in said(run):
            problem = f"exit code {ended}: {said(run)[-400:]}"
        problem = problem or command.finish(run) or outcome.differences(command.outcome(run), calm.outcome)
        faults.append(_fault(command, sent.name, f"{seconds:.3f} s after the start", problem, run))
    return faults


def refusals(command: Command, folder: Path, calm: Undisturbed) -> Iterator[Fault]:
    """What the operating system refuses: large files, folders that may not be written to."""
    run = folder.with_name(f"{folder.name}-size")
    for limit in (2_000, 200_000):
        code = command.start(run, victim=("size", limit)).wait(timeout=600)
        problem = (
            ""
            if code == 0 or (code in (1, 2) and "Traceback" not in said(run))
            else f"exit code {code}: {said(run)[-400:]}"
        )
        problem = problem or outcome.torn_files(run)
        yield _fault(command, "files may not grow (RLIMIT_FSIZE)", f"beyond {limit} bytes", problem, None)
    problem = command.finish(run) or outcome.differences(command.outcome(run), calm.outcome)
    yield _fault(command, "files may grow again", "after RLIMIT_FSIZE", problem, run)

    shut = folder.with_name(f"{folder.name}-read-only")
    shut.mkdir()
    shut.chmod(0o555)
    folder.parent.chmod(0o755)
    code = command.start(shut, victim=("modest", 0)).wait(timeout=600)
    text = said(shut)
    right = code in (1, 2) and "Traceback" not in text and "ermission denied" in text
    yield _fault(command, "read-only folder", "mode 0555", "" if right else f"exit code {code}: {text[-400:]}", None)


def _fault(command: Command, kind: str, where: str, problem: str, run: Path | None) -> Fault:
    if problem:
        print(f"LOST: {command.name}, {kind}, {where}: {problem}", flush=True)
    elif run is not None:
        shutil.rmtree(run)
    return Fault(command=command.name, kind=kind, where=where, lost=problem)
