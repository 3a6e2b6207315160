"""Disturb a command again and again, let it go on each time, and compare where it ends."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from bench.faults import outcome
from bench.faults.commands import Command, said
from bench.faults.record import Fault

__all__ = ["Undisturbed", "failed_operations", "killed_at_moments", "killed_at_operations", "spread"]

AT_MOMENT = "`kill -9` at a random moment"
AT_OPERATION = "`kill -9` just before an fsync, rename, allocation or truncation"
FAILING = {"full": "full disk (ENOSPC) from a file operation on", "sync": "one file operation fails (EIO)"}


class Undisturbed:
    """One run of a command that nothing happens to: what it leaves, how long it takes, how often it touches files."""

    def __init__(self, command: Command, folder: Path) -> None:
        start = time.monotonic()
        process = command.start(folder, victim=("count", 0))
        if process.wait(timeout=900) != 0:
            raise RuntimeError(f"vpr {command.name} failed undisturbed: {said(folder)}")
        self.folder = folder
        self.seconds = time.monotonic() - start
        self.operations = int(said(folder).splitlines()[-1])
        self.outcome = command.outcome(folder)


def spread(count: int, draw: random.Random) -> list[float]:
    """Return ``count`` random numbers of [0, 1), one in each of ``count`` equal parts, in random order."""
    numbers = [(part + draw.random()) / count for part in range(count)]
    draw.shuffle(numbers)
    return numbers


def killed_at_moments(command: Command, folder: Path, calm: Undisturbed, *, kills: int, seed: int) -> list[Fault]:
    """Kill at moments spread over the undisturbed run's wall time; each start goes on where the last one died.

    Every second kill takes the processes that the command started with it; the others leave them behind.
    """
    draw = random.Random(f"{seed} {command.name} moments")
    waiting = spread(kills, draw)

    def disturbed(run: Path) -> str | None:
        process = command.start(run)
        seconds = waiting[-1] * calm.seconds
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            with_children = len(waiting) % 2 == 0
            _kill(process, group=with_children)
            waiting.pop()
            return f"{seconds:.3f} s after a start{', with its children' if with_children else ''}"
        return None

    return list(_cycles(command, folder, calm, AT_MOMENT, waiting, disturbed))


def killed_at_operations(command: Command, folder: Path, calm: Undisturbed, *, kills: int, seed: int) -> list[Fault]:
    """Kill just before file operations spread over those of the undisturbed run."""
    waiting = _operations(command, calm, kills, seed, "kill")

    def disturbed(run: Path) -> str | None:
        process = command.start(run, victim=("kill", int(waiting[-1])))
        if process.wait(timeout=600) != -signal.SIGKILL:
            return None
        return f"before file operation {int(waiting.pop())} of a start"

    return list(_cycles(command, folder, calm, AT_OPERATION, waiting, disturbed))


def failed_operations(
    command: Command, folder: Path, calm: Undisturbed, *, fault: str, times: int, seed: int
) -> list[Fault]:
    """Let file operations fail (``fault`` of `bench.faults.victim`): the command says so in a line and can go on."""
    waiting = _operations(command, calm, times, seed, fault)

    def disturbed(run: Path) -> str | None:
        process = command.start(run, victim=(fault, int(waiting[-1])))
        code = process.wait(timeout=600)
        if code == 0:
            return None
        place = f"file operation {int(waiting.pop())} of a start"
        if code not in (1, 2) or "Traceback" in said(run):
            raise _BrokenError(place, f"exit code {code}: {said(run)[-400:]}")
        return place

    return list(_cycles(command, folder, calm, FAILING[fault], waiting, disturbed))


class _BrokenError(Exception):
    """A start did not end as it should have; carries where, and how it ended."""


def _operations(command: Command, calm: Undisturbed, count: int, seed: int, what: str) -> list[float]:
    draw = random.Random(f"{seed} {command.name} {what}")
    return [1 + number * calm.operations for number in spread(count, draw)]


def _cycles(
    command: Command,
    folder: Path,
    calm: Undisturbed,
    kind: str,
    waiting: list[float],
    disturbed: Callable[[Path], str | None],
) -> Iterator[Fault]:
    """Begin a folder, disturb it until it is done or nothing waits, compare; then the next folder.

    Every fault of a folder that ends with other bytes is lost: nobody knows which one it was.
    """
    number = 0
    while waiting:
        run = folder.with_name(f"{folder.name}-{number}")
        number += 1
        faults: list[Fault] = []
        problem, before = "", len(waiting)
        while waiting and not problem:
            try:
                place = disturbed(run)
            except _BrokenError as error:
                place, problem = error.args
            if place is None:
                break
            faults.append(Fault(command=command.name, kind=kind, where=place))
            problem = problem or outcome.torn_files(run)
        problem = problem or command.finish(run) or outcome.differences(command.outcome(run), calm.outcome)
        for fault in faults:
            fault.lost = problem
            yield fault
        if problem:
            print(f"LOST: {command.name}, {kind}: {problem}; see {run}")
        else:
            shutil.rmtree(run)
        if len(waiting) == before:  # it was done before the fault: quicker than the undisturbed one
            waiting[-1] *= 0.8


def _kill(process: subprocess.Popen[bytes], *, group: bool) -> None:
    if group:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
