"""The sources of an earlier commit, out of git into their own folder, and ``vpr`` of either tree.

Both run in this environment, with the same torch and the same libraries, each command in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.speed.child import peak_of
from bench.speed.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bench.speed.measure import Effort

__all__ = ["EARLIER", "Commands", "beside_earlier"]

EARLIER = "d95a7aa"
"""Before runtimes, remembered pixels, and the cut of what was imported for nothing."""
ROOT = Path(__file__).resolve().parents[2]


@dataclass(kw_only=True)
class Commands:
    """``vpr`` of one source tree, and the largest resident memory that it was seen with."""

    sources: Sequence[Path]
    bytes: int = 0

    def run(self, *arguments: str) -> None:
        """Run one command to its end.

        Raises:
            RuntimeError: it failed; with what it said.
        """
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, self.sources))}
        self.bytes = max(self.bytes, peak_of([sys.executable, "-m", "vpr_runner.cli", *arguments], environment))


def beside_earlier(
    effort: Effort, rows: Callable[[Effort, Path, list[Path], list[Path]], Iterable[Row]]
) -> Iterator[Row]:
    """Yield what ``rows`` makes of a folder and of the sources now and then; a row that says why not, without git."""
    if effort.device != "cpu":
        return
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        try:
            then = _sources(_from_git(root / EARLIER))
        except (OSError, subprocess.CalledProcessError) as error:
            yield Row(what=f"vpr beside {EARLIER}", skipped=f"git has no {EARLIER} here: {error}")
            return
        yield from rows(effort, root, _sources(ROOT), then)


def _from_git(folder: Path) -> Path:
    """Write packages and plug-ins of `EARLIER` into a new folder; return it."""
    folder.mkdir()
    packed = folder / "sources.tar"
    subprocess.run(
        ["git", "-C", str(ROOT), "archive", "--output", str(packed), EARLIER, "packages", "plugins"],
        check=True,
        capture_output=True,
    )
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _sources(tree: Path) -> list[Path]:
    """Return what a tree's imports are found in."""
    return sorted(path for kind in ("packages", "plugins") for path in (tree / kind).glob("*/src"))
