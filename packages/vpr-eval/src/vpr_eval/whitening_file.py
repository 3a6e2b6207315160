"""The safetensors file of a whitening, with a SHA-256: the format itself does not notice a flipped byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from vpr_eval.atomic import atomic_file

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["read_whitening", "write_whitening"]

_FORMAT = "vpr-whitening"
_VERSION = 1
_KINDS: dict[str, tuple[Any, int]] = {
    "weight": (np.float32, 2),
    "bias": (np.float32, 1),
    "mean": (np.float64, 1),
    "eigenvalues": (np.float64, 1),
}


def write_whitening(path: Path, tensors: Mapping[str, npt.NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Write tensors and what is known about them, atomically."""
    plain = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    text = json.dumps({"format": _FORMAT, "version": _VERSION, **about}, sort_keys=True, allow_nan=False)
    metadata = {_FORMAT: text, "sha256": _digest(plain, text)}
    with atomic_file(path) as file:
        file.write(save(plain, metadata=metadata))


def read_whitening(path: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Read what `write_whitening` wrote, checking everything."""
    if not path.is_file():
        raise FileNotFoundError(f"path: {path} does not exist")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if _FORMAT not in metadata or set(file.keys()) != set(_KINDS):
                raise ValueError(f"path: {path} is a safetensors file, but not one of a whitening")
            tensors = {name: file.get_tensor(name) for name in _KINDS}
    except SafetensorError as error:
        raise ValueError(f"path: {path} is not a whole safetensors file ({error}); fit the whitening anew") from error
    text = metadata[_FORMAT]
    if _digest(tensors, text) != metadata.get("sha256"):
        raise ValueError(f"path: {path} is damaged: its SHA-256 does not fit its content; fit the whitening anew")
    _check_shapes(path, tensors)
    return tensors, _about(path, text)


def _about(path: Path, text: str) -> dict[str, Any]:
    try:
        about = json.loads(text)
        version = about["version"]
        power, samples, fingerprint = float(about["power"]), int(about["samples"]), about["fingerprint"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"path: {path} has damaged metadata; fit the whitening anew") from error
    if version != _VERSION:
        raise ValueError(f"path: {path} has version {version!r}; this program reads version {_VERSION}")
    if not isinstance(fingerprint, str | None):
        raise ValueError(f"path: {path} has fingerprint {fingerprint!r}, which must be a string")
    return {"power": power, "samples": samples, "fingerprint": fingerprint}


def _check_shapes(path: Path, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    for name, (kind, axes) in _KINDS.items():
        if tensors[name].dtype != kind or tensors[name].ndim != axes:
            raise ValueError(f"path: {path} has {name} of {tensors[name].dtype}, shape {tensors[name].shape}")
    short, long = tensors["weight"].shape
    if (
        tensors["bias"].shape != (short,)
        or tensors["eigenvalues"].shape != (short,)
        or tensors["mean"].shape != (long,)
    ):
        raise ValueError(f"path: {path} has shapes that do not fit each other")


def _digest(tensors: Mapping[str, npt.NDArray[Any]], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype.str} {tensor.shape}\n".encode())
        digest.update(np.ascontiguousarray(tensor).data.cast("B"))
    return digest.hexdigest()
