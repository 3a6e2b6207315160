"""Where a number comes from: code, machine, libraries."""

from __future__ import annotations

import datetime as dt
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["LIBRARIES", "code_state", "hardware", "measured", "provenance", "told_apart", "versions"]

LIBRARIES = ("torch", "torchvision", "timm", "numpy", "faiss-cpu", "pillow", "simplejpeg", "scipy", "pydantic")
"""That numbers depend on."""


def provenance() -> dict[str, Any]:
    """Return date, commit, hardware and versions of now and here."""
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "code": code_state(),
        "hardware": hardware(),
        "versions": versions(),
    }


def told_apart(made: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each of ``made`` once, in order, with the latest of its dates: a date alone makes no difference."""
    found: list[dict[str, Any]] = []
    for one in made:
        same = next((other for other in found if _but_date(other) == _but_date(one)), None)
        if same is None:
            found.append(dict(one))
        else:
            same["date"] = max(same["date"], one["date"])
    return found


def _but_date(made: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in made.items() if key != "date"}


def measured(how: Mapping[str, Any]) -> str:
    """Return the provenance of a result file as the sentence that stands below its table."""
    code, machine, libraries = how["code"], how["hardware"], how["versions"]
    commit = (code["commit"] or "unknown")[:10] + (" with changes" if code["dirty"] else "")
    accelerator = f", {machine['accelerator']}" if "accelerator" in machine else ""
    named = ", ".join(f"{name} {libraries[name]}" for name in ("torch", "numpy") if name in libraries)
    return (
        f"measured {how['date'][:10]}, commit {commit}, {machine['processor']}, cores: {machine['cores']}, "
        f"threads: {machine['threads']}{accelerator}; Python {libraries['python']}, {named}"
    )


def code_state(file: Path = Path(__file__)) -> dict[str, Any]:
    """Return the commit of the working tree that ``file`` is tracked in, and whether tracked files were changed.

    Both are None for an installed package: a repository that merely happens to surround it says nothing about it.
    """
    tracked = _git(file.parent, "ls-files", "--error-unmatch", file.name)
    commit = _git(file.parent, "rev-parse", "HEAD") if tracked else None
    if commit is None:
        return {"commit": None, "dirty": None}
    root = Path(_git(file.parent, "rev-parse", "--show-toplevel") or file.parent)
    changes = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "packages", "plugins")
    return {"commit": commit, "dirty": bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def hardware() -> dict[str, Any]:
    """Return processor, cores we may use, threads torch uses, memory, accelerator and operating system."""
    import torch

    found: dict[str, Any] = {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if torch.cuda.is_available():
        found["accelerator"] = torch.cuda.get_device_name(0)
    return found


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def versions() -> dict[str, str]:
    """Return the versions of Python, of the libraries that numbers depend on, and of every installed plug-in."""
    found = {"python": platform.python_version()}
    plugin_distributions = {entry.dist.name for entry in metadata.entry_points(group="vpr") if entry.dist is not None}
    for name in (*LIBRARIES, "vpr-core", "vpr-runner", *sorted(plugin_distributions)):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
