"""The cache on disk: rendered once, resumed after an interruption, safe for two processes at a time."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import platformdirs
from tqdm.auto import tqdm

from vpr_data.city.files import remove_leftovers
from vpr_data.city.layout import Photo, lay_out
from vpr_data.city.photographs import VERSION
from vpr_data.city.seal import SEAL_FILE
from vpr_data.city.sealed_files import SealedFiles
from vpr_data.city.sizes import CitySize
from vpr_data.city.worker import render_missing

__all__ = ["cache_root", "ensure_city", "render_photos"]


def cache_root(root: Path | str | None = None) -> Path:
    """``root``, else the environment variable ``VPR_CACHE``, else the user's cache folder of ``vpr``."""
    if root is not None:
        return Path(root).expanduser()
    named = os.environ.get("VPR_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("vpr", appauthor=False))


def ensure_city(
    *, size: CitySize, seed: int, root: Path | str | None, workers: int | None, progress: bool
) -> tuple[Path, dict[str, object]]:
    """Render what is missing of a city; return its folder and its manifest.

    A finished image is there whole or not at all; the seal comes last, so that a folder with a seal is complete. What
    is not as it was sealed is said, set aside and rendered again. Every image is a pure function of (seed, size,
    index): two processes that render the same city write the same bytes and share the work.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    if not 0 <= seed < 2**31:
        raise ValueError(f"seed must lie in 0..2147483647, got {seed}")
    folder = cache_root(root) / "city" / f"v{VERSION}-{size.name}-seed{seed}-{size.digest()}"
    files = SealedFiles(folder=folder, kind="city", table="images.csv", manifest="manifest.json", seal=SEAL_FILE)
    manifest = files.opened()
    if manifest is None:
        photos = lay_out(seed, size)
        render_photos(folder, photos, size=size, seed=seed, workers=workers, progress=progress)
        manifest = files.sealed(photos, seed=seed, size=asdict(size))
    return folder, manifest


def render_photos(
    folder: Path, photos: tuple[Photo, ...], *, size: CitySize, seed: int, workers: int | None, progress: bool
) -> None:
    """Render those of ``photos`` that are not in ``folder`` yet."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    missing = [photo.index for photo in photos if not _whole(folder / photo.name)]
    if missing:
        _render(folder, seed, size, missing, workers or _cores(), progress)


def _whole(path: Path) -> bool:
    """Whether an image is there; an empty file (power was lost) is removed."""
    if not path.is_file():
        return False
    if path.stat().st_size == 0:
        path.unlink(missing_ok=True)
        return False
    return True


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _render(folder: Path, seed: int, size: CitySize, missing: list[int], workers: int, progress: bool) -> None:
    # A second process on the same city starts elsewhere in the list, so that the two meet instead of racing.
    start = int.from_bytes(os.urandom(4), "big") % len(missing)
    missing = missing[start:] + missing[:start]
    workers = min(workers, max(1, len(missing) // 16))
    terminal = sys.stderr.isatty() or any(base.__module__ == "tqdm.notebook" for base in tqdm.__mro__)
    with tqdm(
        total=len(missing),
        desc=f"city {size.name}",
        unit="image",
        # tqdm reads its variable only once, when it is imported.
        disable=not progress or os.environ.get("TQDM_DISABLE", "") not in {"", "0"},
        file=sys.stderr if terminal else _Lines(),
        bar_format=None if terminal else "{desc}: {n_fmt}/{total_fmt} images, {rate_fmt}, {remaining} left",
        mininterval=0.2 if terminal else 10.0,
        dynamic_ncols=terminal,
    ) as bar:
        if workers == 1:
            for _ in render_missing(folder, seed, size, missing):
                bar.update()
        else:
            for _ in _render_in_parallel(folder, seed, size, missing, workers):
                bar.update()


class _Lines:
    """Standard error as a log shows it: what tqdm draws over itself stands on lines of its own."""

    def write(self, text: str) -> None:
        line = text.strip("\r\n ")
        if line:
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()


def _render_in_parallel(folder: Path, seed: int, size: CitySize, missing: list[int], workers: int) -> Iterator[int]:
    """Share ``missing`` among fresh interpreters and yield each index when its image is written."""
    done: queue.Queue[int | None] = queue.Queue()
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    threads_off = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    running: list[tuple[subprocess.Popen[str], list[str]]] = []
    try:
        for share in range(workers):
            process = subprocess.Popen(
                [sys.executable, "-m", "vpr_data.city.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **threads_off, "PYTHONPATH": path},
            )
            complaints: list[str] = []
            running.append((process, complaints))
            threading.Thread(target=_listen, args=(process, done.put), daemon=True).start()
            threading.Thread(target=_overhear, args=(process, complaints), daemon=True).start()
            assert process.stdin is not None
            order = {
                "folder": str(folder),
                "seed": seed,
                "size": json.dumps(asdict(size)),
                "indices": missing[share::workers],
            }
            json.dump(order, process.stdin)
            process.stdin.close()
        open_ends = workers
        while open_ends:
            index = done.get()
            if index is None:
                open_ends -= 1
            else:
                yield index
        for process, complaints in running:
            if process.wait() != 0:
                raise RuntimeError(
                    f"a rendering process of the city stopped with {process.returncode}: {''.join(complaints[-8:])}"
                )
    finally:
        for process, _ in running:
            if process.poll() is None:
                process.kill()
            process.wait()


def _listen(process: subprocess.Popen[str], report: Callable[[int | None], None]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            report(int(line))
    report(None)


def _overhear(process: subprocess.Popen[str], complaints: list[str]) -> None:
    assert process.stderr is not None
    with process.stderr:
        complaints.extend(process.stderr)
