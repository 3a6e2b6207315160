"""Reading weights from a file without running anything that is in it."""

from __future__ import annotations

import hashlib
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # the exception torch raises; nothing here unpickles
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vpr_backbones.numpy_values import with_numpy_values
from vpr_backbones.strangers import what_it_is

__all__ = ["WeightsFile", "WeightsOrigin", "file_sha256", "read_object", "read_weights"]

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "state_dict_ema", "model_ema")
_COMPILED = "_orig_mod"
"""Part of every name in the state of a network that ``torch.compile`` wrapped; never part of an author's name."""


@dataclass(frozen=True, kw_only=True)
class WeightsOrigin:
    """Where a backbone's weights come from, for the record of a run.

    Attributes:
        kind: ``"none"`` (random), ``"imagenet"`` (downloaded), ``"file"`` or ``"tensors"`` (handed over in memory).
        name: what was asked for: a file, the name of published weights, ``"seed 0"``.
        sha256: of the file; empty when there is none.
        ignored: tensors of the file that the backbone has no use for (a classifier, stages above the cut).
        foreign: those of ``ignored`` that are no part of the network at all: a trained pooling layer.
    """

    kind: Literal["none", "imagenet", "file", "tensors"]
    name: str
    sha256: str = ""
    ignored: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


@dataclass(frozen=True)
class WeightsFile:
    """Named tensors of a file and the SHA-256 of its bytes."""

    path: Path
    sha256: str
    tensors: Mapping[str, Tensor]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(path: str | Path) -> WeightsFile:
    """Read a state dict (``.pt``, ``.pth``, ``.ckpt``, ``.tar``) or safetensors file onto the CPU.

    The content decides, not the suffix. A state dict wrapped in a checkpoint (``{"state_dict": ..., "epoch": ...}``)
    is unwrapped, and what ``torch.compile`` adds to names (``_orig_mod.``) is taken off. Pickles are read with
    ``weights_only=True``: nothing in the file is run.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a file of weights, damaged, or one that only an unsafe load could read.
    """
    path = Path(path)
    if _is_safetensors(path):
        _refuse_strangers(path)
        try:
            tensors: Mapping[str, Tensor] = _without_compiled(load_file(path), path)
        except (SafetensorError, ValueError) as error:
            raise ValueError(f"weights: {path} is a damaged safetensors file ({error}); fetch it again") from error
    else:
        tensors = _without_compiled(_state_dict(read_object(path), path), path)
    return WeightsFile(path=path, sha256=file_sha256(path), tensors=tensors)


def read_object(path: str | Path) -> Any:
    """``torch.load(weights_only=True)`` on the CPU, with errors that say what to do.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, no torch file, or one that would have to run code to load.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"weights: there is no file {path}; give an existing file, 'imagenet' or 'none'")
    _refuse_strangers(path)
    if _is_torchscript(path):
        raise ValueError(
            f"weights: {path} is a TorchScript program, not a file of tensors, and loading it would run it. "
            "Where you trust it: torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth'), then give weights.pth"
        )
    try:
        with with_numpy_values(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of odd pickles; what cannot be read is an error below
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ValueError(_explain_refusal(path, str(error))) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise ValueError(_explain_damage(path, _first_line(error))) from error


def _refuse_strangers(path: Path) -> None:
    if what := what_it_is(path):
        raise ValueError(f"weights: {path} cannot be read as a torch or safetensors file: it is {what}")


def _without_compiled(tensors: Mapping[str, Tensor], path: Path) -> Mapping[str, Tensor]:
    """Names as the network had them before it was compiled."""
    plain = {".".join(part for part in name.split(".") if part != _COMPILED): value for name, value in tensors.items()}
    if len(plain) != len(tensors):
        raise ValueError(f"weights: {path} holds the same tensors twice, with {_COMPILED} in their names and without")
    return plain


def _explain_damage(path: Path, what: str) -> str:
    return (
        f"weights: {path} cannot be read as a torch or safetensors file ({what}); "
        "it may be damaged or cut short: compare its size and SHA-256 with the original's"
    )


def _explain_refusal(path: Path, reason: str) -> str:
    """A pickle that holds more than tensors, or no pickle at all; torch's advice to load it nonetheless is left out."""
    named = re.search(r".*GLOBAL.*", reason)
    said = re.search(r"WeightsUnpickler error: *(.+)", reason)
    what = named[0].strip() if named else said[1].strip() if said else "no reason given"
    with path.open("rb") as file:
        if not file.read(2).startswith((b"\x80", b"PK")):  # neither a pickle nor an archive of one
            return _explain_damage(path, what)
    return (
        f"weights: {path} is refused: it is not a plain file of tensors, and reading the rest would run code that the "
        f"file names ({what[:200]}). If you trust its author, convert it once, in the environment it was made "
        "in: load the model there, torch.save(model.state_dict(), 'weights.pth'), then give weights.pth"
    )


def _state_dict(content: Any, path: Path) -> Mapping[str, Tensor]:
    """Follow the customary wrappers down to the mapping that holds the tensors."""
    for _ in range(4):
        if not isinstance(content, Mapping):
            raise ValueError(f"weights: {path} holds a {type(content).__name__}, not a mapping of names to tensors")
        tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
        if tensors and len(tensors) >= len(content) / 2:
            return tensors
        inner = [content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)]
        if not inner:
            break
        content = inner[0]
    keys = ", ".join(str(key) for key in list(content)[:12])
    raise ValueError(
        f"weights: {path} holds no state dict, neither directly nor below {', '.join(_WRAPPERS)}; its keys: {keys}"
    )


def _is_safetensors(path: Path) -> bool:
    """By the header: eight bytes of length, then a JSON object."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(9)
    if path.suffix == ".safetensors":
        return True
    return len(head) == 9 and head[8:] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.split("/")[-1] == "constants.pkl" for name in archive.namelist())


def _first_line(error: object) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
