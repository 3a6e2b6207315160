"""Trying one change: in a copy of the repository, with the tests of its room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.mutants.changes import Change

__all__ = ["Outcome", "Workshop"]

_COPIED = ("bench", "docs", "packages", "plugins", "recipes", "tests", "pyproject.toml", "noxfile.py")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a change.

    Attributes:
        change: the change.
        room: where it was made.
        outcome: ``noticed``, ``lived``, or ``too long`` (noticed too: a loop that does not end).
        seconds: that the tests took.
    """

    change: Change
    room: str
    outcome: str
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"room": self.room, "outcome": self.outcome, "seconds": round(self.seconds, 1), **asdict(self.change)}


class Workshop:
    """A copy of the repository in which lines are changed, one at a time.

    Args:
        root: of the repository.
        into: a folder that is not there yet.
    """

    def __init__(self, root: Path, into: Path) -> None:
        self.root = into
        for name in _COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, into / name, ignore=shutil.ignore_patterns("__pycache__", ".*cache"))
            elif (root / name).exists():
                into.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, into / name)

    def passes(self, tests: Sequence[str], *, limit: float) -> bool | None:
        """Return whether ``tests`` pass; None when they take longer than ``limit`` seconds."""
        sources = [str(path) for path in sorted(self.root.glob("p*/*/src"))]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sources, str(self.root)])}
        command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
        try:
            done = subprocess.run(
                command, cwd=self.root, env=environment, capture_output=True, timeout=limit, check=False
            )
        except subprocess.TimeoutExpired:
            return None
        return done.returncode == 0

    def tried(self, change: Change, tests: Sequence[str], *, room: str, limit: float) -> Outcome:
        """Make the change, ask the tests, and take it back."""
        file = self.root / change.file
        source = file.read_text(encoding="utf-8")
        lines = source.splitlines(keepends=True)
        if lines[change.line - 1].rstrip("\n") != change.before:
            raise ValueError(f"{file}:{change.line} does not read {change.before!r}")
        lines[change.line - 1] = change.after + "\n"
        start = time.monotonic()
        try:
            file.write_text("".join(lines), encoding="utf-8")
            passed = self.passes(tests, limit=limit)
        finally:
            file.write_text(source, encoding="utf-8")
        outcome = {True: "lived", False: "noticed", None: "too long"}[passed]
        return Outcome(change=change, room=room, outcome=outcome, seconds=time.monotonic() - start)
