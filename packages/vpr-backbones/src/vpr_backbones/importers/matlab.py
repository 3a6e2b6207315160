"""The NetVLAD authors' own networks, ``vd16_pitts30k_conv5_3_vlad_preL2_intra_white.mat`` and its siblings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from vpr_backbones.importers.retriever import ImportedPooling, ImportedRetriever, cluster_major
from vpr_backbones.importers.trunk import recognize, trunk_of_convolutions
from vpr_backbones.normalization import Normalization
from vpr_backbones.weights import file_sha256

__all__ = ["from_matlab", "is_matlab"]

_SOURCE = "Relja/netvlad (MATLAB)"
_TO_STRUCTS = (
    "scipy cannot read MATLAB objects. In MATLAB, with the NetVLAD code on the path: load(FILE, 'net'); for i = "
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
        ModuleNotFoundError: scipy is not installed.
        ValueError: not such a network.
    """
    net = _load(path)
    trunk: list[tuple[Tensor, Tensor]] = []
    core: Any = None
    whitening: tuple[Tensor, Tensor] | None = None
    normalized = intra = False
    for layer in _list(getattr(net, "layers", [])):
        kind, name = str(getattr(layer, "type", "")), str(getattr(layer, "name", ""))
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
    method = _method(str(core.name), path)
    if method != "netvlad" and normalized:
        raise ValueError(f"weights: {path} normalises descriptors before {method} pooling, which is not supported")
    pooling = _pooling(core, normalized, intra, path) if method == "netvlad" else None
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


def _load(path: Path) -> Any:
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"weights: reading {path} needs scipy; install it: pip install 'vpr-backbones[matlab]'"
        ) from error
    try:
        content = loadmat(path, struct_as_record=False, squeeze_me=True)
    except NotImplementedError as error:
        raise ValueError(f"weights: {path} is a MATLAB 7.3 (HDF5) file; save it again with save(..., '-v7')") from error
    except (MatReadError, ValueError, TypeError, OSError, KeyError) as error:
        raise ValueError(f"weights: {path} cannot be read as a MATLAB file ({error}); it may be damaged") from error
    if "net" not in content:
        names = ", ".join(name for name in content if not name.startswith("__"))
        raise ValueError(f"weights: {path} must hold the variable net, it has: {names or 'none'}. {_TO_STRUCTS}")
    return content["net"]


def _list(values: Any) -> list[Any]:
    """A cell array that ``squeeze_me`` may have turned into a single value."""
    return list(values) if hasattr(values, "__len__") and not isinstance(values, str) else [values]


def _convolution(layer: Any, name: str, path: Path) -> tuple[Tensor, Tensor]:
    """``S x S x IN x OUT`` to ``(OUT, IN, S, S)``; squeezed 1 x 1 filters to ``(OUT, IN)``."""
    weights = _list(getattr(layer, "weights", []))
    if len(weights) != 2:
        raise ValueError(f"weights: layer {name} of {path} must have filters and biases, got {len(weights)} arrays")
    weight, bias = (torch.as_tensor(array, dtype=torch.float32) for array in weights)
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


def _pooling(core: Any, normalized: bool, intra: bool, path: Path) -> ImportedPooling:
    """Two arrays are vladv1 (assignment, -centres), three vladv2 (assignment, bias, -centres); ``D x K`` each."""
    arrays = [torch.as_tensor(array, dtype=torch.float32).squeeze() for array in _list(getattr(core, "weights", []))]
    if len(arrays) not in (2, 3):
        raise ValueError(
            f"weights: layer vlad:core of {path} must have 2 or 3 arrays, got {len(arrays)}. {_TO_STRUCTS}"
        )
    return ImportedPooling(
        form="v1" if len(arrays) == 2 else "v2",
        assignment_weight=arrays[0].T.contiguous(),
        assignment_bias=None if len(arrays) == 2 else arrays[1],
        centroids=-arrays[-1].T.contiguous(),
        normalize_input=normalized,
        intra_normalize=intra,
    )


def _mean(net: Any, path: Path) -> tuple[float, float, float]:
    """One value per channel: of a whole mean image the authors' code takes the first pixel."""
    home = getattr(net, "meta", net)
    image = getattr(getattr(home, "normalization", None), "averageImage", None)
    values = torch.as_tensor(image, dtype=torch.float64).reshape(-1, 3)[0] if image is not None else torch.empty(0)
    if values.numel() != 3:
        raise ValueError(f"weights: {path} must hold net.meta.normalization.averageImage, one value per channel")
    red, green, blue = (float(value) for value in values)
    return red, green, blue
