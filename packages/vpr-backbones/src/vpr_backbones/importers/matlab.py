"""The NetVLAD authors' own networks, ``vd16_pitts30k_conv5_3_vlad_preL2_intra_white.mat`` and its siblings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from vpr_backbones.importers.mat5 import read_variable
from vpr_backbones.importers.retriever import ImportedPooling, ImportedRetriever, cluster_major
from vpr_backbones.importers.trunk import recognize, trunk_of_convolutions
from vpr_backbones.normalization import Normalization
from vpr_backbones.weights import file_sha256

__all__ = ["from_matlab", "is_matlab"]

_SOURCE = "Relja/netvlad (MATLAB)"
_TO_STRUCTS = (
    "MATLAB objects are not read. In MATLAB, with the NetVLAD code on the path: load(FILE, 'net'); for i = "
    "1:numel(net.layers), net.layers{i} = struct(net.layers{i}); end; save('network.mat', 'net', '-v7'). hloc "
    "distributes the Pitts30K and TokyoTM networks in this form"
)


def is_matlab(path: Path) -> bool:
    """Whether a file begins like a MATLAB file, of version 5 to 7 or 7.3."""
    with path.open("rb") as file:
        return file.read(6) == b"MATLAB"


def from_matlab(path: Path) -> ImportedRetriever:
    """Read a network whose layers were saved as structs.

    Its flat descriptors have the cluster varying fastest and its centres are stored negated; both are turned to ours.

    Raises:
        ValueError: not such a network, or damaged.
    """
    net = _load(path)
    trunk: list[tuple[Tensor, Tensor]] = []
    core: Any = None
    whitening: tuple[Tensor, Tensor] | None = None
    normalized = intra = False
    for layer in _list(net.get("layers", [])):
        if not isinstance(layer, Mapping):
            continue
        kind, name = str(layer.get("type", "")), repr(str(layer.get("name", "")))[1:-1]  # for messages, too
        if ":core" in name:
            core = layer
        elif kind == "conv" and core is None:
            trunk.append(_convolution(layer, name, path))
        elif kind == "conv":
            weight, bias = _convolution(layer, name, path)
            whitening = weight.flatten(1), bias
        elif core is None:
            normalized = kind == "normalize" and name == "preL2"
        elif name == "vlad:intranorm":
            intra = True
    if core is None or not trunk:
        raise ValueError(
            f"weights: {path} is no NetVLAD network: it needs convolutions and a layer named vlad:core, max:core or "
            f"avg:core. {_TO_STRUCTS}"
        )
    network, cut, state = recognize(trunk_of_convolutions(trunk, source=_SOURCE), source=_SOURCE)
    method = _method(str(core.get("name", "")), path)
    if method != "netvlad" and normalized:
        raise ValueError(f"weights: {path} normalises descriptors before {method} pooling, which is not supported")
    pooling = _pooling(core, normalized, intra, path) if method == "netvlad" else None
    if whitening is not None:
        _check_whitening(*whitening, pooling, path)
    if pooling is not None and whitening is not None:
        whitening = cluster_major(whitening[0], clusters=len(pooling.centroids)), whitening[1]
    return ImportedRetriever(
        source=_SOURCE,
        sha256=file_sha256(path),
        network=network,
        cut=cut,
        backbone_state=state,
        method=method,
        pooling=pooling,
        whitening=whitening,
        normalization=Normalization(mean=_mean(net, path), std=(1.0, 1.0, 1.0), scale=255.0),
    )


def _load(path: Path) -> Mapping[str, Any]:
    try:
        net = read_variable(path, "net")
    except ValueError as error:
        if "must hold the variable" in str(error):
            raise ValueError(f"{error} {_TO_STRUCTS}") from error
        raise
    if not isinstance(net, Mapping):
        raise ValueError(f"weights: {path} holds as net no struct but {_kind(net)}. {_TO_STRUCTS}")
    return net


def _list(values: Any) -> list[Any]:
    """A cell array; a single value where somebody saved one without its cell."""
    return values if isinstance(values, list) else [values]


def _tensor(value: Any, what: str, path: Path) -> Tensor:
    """An array as a float tensor without sides of 1, all of it finite.

    Raises:
        ValueError: it is none; names it.
    """
    if not isinstance(value, np.ndarray) or value.size == 0:
        raise ValueError(f"weights: {what} of {path} must be an array of numbers, got {_kind(value)}")
    tensor = torch.from_numpy(np.array(value.squeeze(), dtype=np.float32, order="C"))
    if not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"weights: {what} of {path} holds NaN or infinity; the file is damaged")
    return tensor


def _kind(value: Any) -> str:
    return f"an array {value.shape}" if isinstance(value, np.ndarray) else repr(value)[:40]


def _convolution(layer: Mapping[str, Any], name: str, path: Path) -> tuple[Tensor, Tensor]:
    """``S x S x IN x OUT`` to ``(OUT, IN, S, S)``; squeezed 1 x 1 filters to ``(OUT, IN)``."""
    weights = _list(layer.get("weights", []))
    if len(weights) != 2:
        raise ValueError(f"weights: layer {name} of {path} must have filters and biases, got {len(weights)} arrays")
    weight, bias = (_tensor(array, f"layer {name}", path) for array in weights)
    if weight.ndim == 2:
        weight = weight.T
    elif weight.ndim == 4:
        weight = weight.permute(3, 2, 0, 1)
    else:
        raise ValueError(f"weights: layer {name} of {path} has filters of shape {tuple(weight.shape)}")
    return weight.contiguous(), bias.reshape(-1)


def _method(name: str, path: Path) -> Literal["netvlad", "max", "avg"]:
    methods: dict[str, Literal["netvlad", "max", "avg"]] = {"vlad": "netvlad", "max": "max", "avg": "avg"}
    method = methods.get(name.partition(":")[0])
    if method is None:
        raise ValueError(f"weights: {path} pools by {name!r}; known: vlad:core, max:core, avg:core")
    return method


def _pooling(core: Mapping[str, Any], normalized: bool, intra: bool, path: Path) -> ImportedPooling:
    """Two arrays are vladv1 (assignment, -centres), three vladv2 (assignment, bias, -centres); ``D x K`` each."""
    arrays = [_tensor(array, "layer vlad:core", path) for array in _list(core.get("weights", []))]
    if len(arrays) not in (2, 3) or arrays[0].ndim != 2 or arrays[-1].ndim != 2:
        raise ValueError(
            f"weights: layer vlad:core of {path} must have 2 or 3 arrays, D x K each, got {len(arrays)}. {_TO_STRUCTS}"
        )
    return ImportedPooling(
        form="v1" if len(arrays) == 2 else "v2",
        assignment_weight=arrays[0].T.contiguous(),
        assignment_bias=None if len(arrays) == 2 else arrays[1],
        centroids=-arrays[-1].T.contiguous(),
        normalize_input=normalized,
        intra_normalize=intra,
    )


def _check_whitening(weight: Tensor, bias: Tensor, pooling: ImportedPooling | None, path: Path) -> None:
    columns = weight.shape[1] if pooling is None else pooling.centroids.numel()
    if weight.ndim != 2 or weight.shape != (len(bias), columns):
        raise ValueError(
            f"weights: the whitening of {path} must have {len(bias)} x {columns} numbers, got {tuple(weight.shape)}"
        )


def _mean(net: Mapping[str, Any], path: Path) -> tuple[float, float, float]:
    """One value per channel: of a whole mean image the authors' code takes the first pixel."""
    home = net.get("meta", net)
    normalization = home.get("normalization") if isinstance(home, Mapping) else None
    image = normalization.get("averageImage") if isinstance(normalization, Mapping) else None
    if not isinstance(image, np.ndarray) or image.size == 0 or image.size % 3:
        raise ValueError(f"weights: {path} must hold net.meta.normalization.averageImage, one value per channel")
    red, green, blue = (float(value) for value in np.asarray(image, dtype=np.float64).squeeze().reshape(-1, 3)[0])
    if not math.isfinite(red + green + blue):
        raise ValueError(f"weights: {path}: averageImage holds NaN or infinity; the file is damaged")
    return red, green, blue
