"""The authors' file into a network: every tensor of it, and nothing of it run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from vpr_backbones import read_weights

__all__ = ["fill", "made"]

_AROUND = ("module.", "model.")
"""What wrappers put before every name: ``DataParallel``, Lightning."""


def made(construct: Callable[[], nn.Module], path: Path) -> nn.Module:
    """Return what ``construct`` makes, with the tensors of ``path``; nothing random is drawn on the way.

    Raises:
        FileNotFoundError, ValueError: see `fill`.
    """
    file = read_weights(path)
    with torch.device("meta"):
        network = construct()
    return _filled(network, file.tensors, path, file.sha256, assign=True)


def fill(network: nn.Module, path: Path) -> nn.Module:
    """Put the tensors of ``path`` into ``network``, and return it; its attribute ``file_sha256`` says of which file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no tensors, or others than the network has; names them.
    """
    file = read_weights(path)
    return _filled(network, file.tensors, path, file.sha256, assign=False)


def _filled(network: nn.Module, tensors: Mapping[str, Tensor], path: Path, sha256: str, *, assign: bool) -> nn.Module:
    wanted = network.state_dict()
    given = _without_wrappers(tensors, wanted)
    missing = [name for name in wanted if name not in given and not name.endswith("num_batches_tracked")]
    unknown = [name for name in given if name not in wanted]
    wrong = [name for name in given if name in wanted and given[name].shape != wanted[name].shape]
    faults = [
        *([f"{len(missing)} tensors are missing ({_some(missing)})"] if missing else []),
        *([f"{len(unknown)} are none of this network ({_some(unknown)})"] if unknown else []),
        *([f"{_shapes(name, given, wanted)}" for name in wrong[:2]]),
    ]
    if faults:
        raise ValueError(
            f"weights: {path} does not hold the published {type(network).__name__}: {'; '.join(faults)}. Give the "
            "authors' file of this model and dimension"
        )
    counters = {
        name: torch.zeros((), dtype=torch.int64) for name in wanted if name not in given
    }  # of batch normalisation, which nothing reads
    kept = {name: value.to(wanted[name].dtype) for name, value in given.items()}
    network.load_state_dict({**kept, **counters}, assign=assign)
    network.file_sha256 = sha256  # type: ignore[assignment]
    return network


def _without_wrappers(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    given = dict(tensors)
    for prefix in _AROUND:
        if given and all(name.startswith(prefix) for name in given) and not any(name in wanted for name in given):
            given = {name.removeprefix(prefix): value for name, value in given.items()}
    return given


def _shapes(name: str, given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    return f"{name} is {tuple(given[name].shape)}, not {tuple(wanted[name].shape)}"


def _some(names: list[str], limit: int = 3) -> str:
    return ", ".join(names[:limit]) + (", ..." if len(names) > limit else "")
