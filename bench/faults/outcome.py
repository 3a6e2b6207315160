"""What a command left, as digests of everything that must not depend on whether it was disturbed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open

__all__ = ["differences", "of_bench", "of_city", "of_extraction", "of_training", "torn_files"]

_TIMING = {
    *("time", "samples_per_second", "images_per_second", "train_seconds", "milliseconds", "metrics_size"),
    "provenance",  # when and on what a cell was computed
}
_TEMPORARY = (".partial-*", ".*.tmp")


def of_training(folder: Path) -> dict[str, str]:
    """Digest weights, whole training state, metrics and report of a run directory."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    newest = max((folder / "checkpoints").glob("checkpoint-*.pt"))
    state = torch.load(newest, map_location="cpu", weights_only=True)
    return {
        "weights": _file(folder / "model" / "model.safetensors"),
        "best weights": _file(folder / "best" / "model.safetensors"),
        "training state": _digest(state),
        "metrics": _digest(lines),
        "report": _digest(json.loads((folder / "report.json").read_text(encoding="utf-8"))),
        "leftovers": _leftovers(folder),
    }


def of_extraction(folder: Path) -> dict[str, str]:
    """Digest every chunk, its record, the manifest and the table of images."""
    files = [*sorted(folder.glob("*.npy")), *sorted(folder.glob("*.json")), folder / "images.csv"]
    return {**{path.name: _file(path) for path in files}, "leftovers": _leftovers(folder)}


def of_bench(folder: Path) -> dict[str, str]:
    """Digest every cell and every trained network of a bench's folder."""
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    models = sorted((folder / "trainings").glob("*/model/model.safetensors"))
    return {
        "cells": _digest(result["cells"]),
        "rows": _digest([{key: row[key] for key in row if "second" not in key} for row in result["rows"]]),
        **{f"weights {path.parts[-3]}": _file(path) for path in models},
        "leftovers": _leftovers(folder),
    }


def of_city(folder: Path) -> dict[str, str]:
    """Digest images and tables of a rendered city."""
    (city,) = (folder / "city").iterdir()
    files = [*sorted(city.rglob("*.jpg")), city / "images.csv", city / "manifest.json"]
    return {str(path.relative_to(city)): _file(path) for path in files}


def differences(found: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """Say what differs; empty when nothing does."""
    names = [name for name in {**expected, **found} if found.get(name) != expected.get(name)]
    return f"differs: {', '.join(names[:5])}{', ...' * (len(names) > 5)}" if names else ""


def torn_files(folder: Path) -> str:
    """Name a file that a killed process left half-written under its final name; empty when there is none."""
    for path in sorted(folder.rglob("*")):
        if path.name.startswith("."):
            continue
        try:
            if path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"))
            elif path.suffix == ".npy":
                np.load(path, mmap_mode="r", allow_pickle=False)
            elif path.suffix == ".safetensors":
                with safe_open(path, framework="np") as reader:
                    reader.keys()
            elif path.suffix == ".pt":
                torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # noqa: BLE001 - whatever a reader says about it, the file is not whole
            return f"{path.relative_to(folder)} is half-written ({error})"
    return ""


def _file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"


def _leftovers(folder: Path) -> str:
    found = [path for pattern in _TEMPORARY for path in folder.rglob(pattern)]
    return ", ".join(sorted(str(path.relative_to(folder)) for path in found))


def _digest(value: Any) -> str:
    digest = hashlib.sha256()
    _add(digest, value)
    return digest.hexdigest()


def _add(digest: Any, value: Any) -> None:
    """Feed nested values, without what measures time."""
    if isinstance(value, torch.Tensor):
        digest.update(f"{value.dtype}{tuple(value.shape)}".encode() + value.contiguous().numpy().tobytes())
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            if key not in _TIMING:
                digest.update(f"{key}:".encode())
                _add(digest, value[key])
    elif isinstance(value, Sequence) and not isinstance(value, str):
        digest.update(f"[{len(value)}".encode())
        for item in value:
            _add(digest, item)
    else:
        digest.update(f"{type(value).__name__}{value!r}".encode())
