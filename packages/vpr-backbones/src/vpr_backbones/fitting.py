"""Named tensors into a backbone: everything below the cut or an error, never a silent rest of random weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vpr_backbones.staged import StagedBackbone

__all__ = ["foreign_names", "load_tensors", "some"]

_COUNTER = "num_batches_tracked"
"""A counter of batch normalisation that files from other frameworks lack; nothing reads it at a fixed momentum."""


@dataclass(frozen=True)
class _Fit:
    """A way of reading the file's names: ``file name = prefix + name``; ``own`` maps name -> the backbone's."""

    prefix: str
    own: Mapping[str, str]
    found: int


def load_tensors(backbone: StagedBackbone, tensors: Mapping[str, Tensor], *, name: str) -> tuple[str, ...]:
    """Copy ``tensors`` into ``backbone``; returns the names of the tensors it has no use for.

    Names may be those of the network the backbone was cut from (``features.0.weight``, ``layer1.0.conv1.weight``) or
    the backbone's own (``layers.conv1.0.weight``), with or without a common prefix (``module.``, ``backbone.``).
    Tensors of stages above the cut, of the classifier and of modules that the network does not have (a pooling layer)
    are left aside. Floating-point tensors are converted to the backbone's precision.

    Args:
        backbone: what is filled; unchanged if an error is raised.
        tensors: name -> tensor.
        name: how messages call the source.

    Raises:
        ValueError: a tensor below the cut is missing, has another shape, or is not finite; or there are tensors inside
            the backbone's modules that the network does not have. Says which, and which stages the source covers.
    """
    state = backbone.state_dict()
    fit = max(
        (_fit(naming, tensors) for naming in _namings(backbone, state)),
        key=lambda fit: (fit.found, -len(fit.prefix)),
    )
    missing = [own for known, own in fit.own.items() if fit.prefix + known not in tensors and not _counter(own)]
    new, wrong = {}, []
    for known, own in fit.own.items():
        value, wanted = tensors.get(fit.prefix + known), state[own]
        if value is None:
            continue
        if value.shape != wanted.shape or value.is_floating_point() != wanted.is_floating_point():
            wrong.append(f"{known}: {_describe(value)} instead of {_describe(wanted)}")
        elif not bool(torch.isfinite(value).all()):
            wrong.append(f"{known}: holds NaN or infinity")
        else:
            new[own] = value.to(wanted.dtype)
    used = {fit.prefix + known for known in fit.own}
    unused = [full for full in tensors if full not in used]
    unexpected = [full for full in unused if _inside(full, fit, backbone)]
    if missing or wrong or unexpected:
        raise ValueError(_report(backbone, fit, missing, wrong, unexpected, tensors, name))
    backbone.load_state_dict({**state, **new})
    return tuple(unused)


def foreign_names(backbone: StagedBackbone, tensors: Collection[str]) -> tuple[str, ...]:
    """Names of tensors that are neither below the cut nor above it: they belong to no part of the network.

    Args:
        backbone: filled from them.
        tensors: all names of the source.
    """
    fit = max(
        (_fit(naming, tensors) for naming in _namings(backbone, backbone.state_dict())), key=lambda fit: fit.found
    )
    of_network = {fit.prefix + name for name in (*fit.own, *backbone.ignored_names)}
    return tuple(full for full in tensors if full not in of_network and not _counter(full))


def _namings(backbone: StagedBackbone, state: Mapping[str, Tensor]) -> list[dict[str, str]]:
    own = {name: name for name in state}
    source = {source: own for own, source in backbone.source_names.items() if own in state}
    return [source, own] if source else [own]


def _fit(own: Mapping[str, str], tensors: Collection[str]) -> _Fit:
    """Find the prefix under which most names are found, from the names that end like the first one."""
    weights = [name for name in own if not _counter(name)]
    probes = {full[: -len(probe)] for probe in weights[:1] for full in tensors if full.endswith(probe)}
    prefixes = sorted({"", *(prefix for prefix in probes if prefix.endswith("."))}, key=len)
    counts = {prefix: sum(prefix + name in tensors for name in weights) for prefix in prefixes}
    best = max(prefixes, key=lambda prefix: (counts[prefix], -len(prefix)))
    return _Fit(prefix=best, own=own, found=counts[best])


def _inside(full: str, fit: _Fit, backbone: StagedBackbone) -> bool:
    """The tensor claims to belong to a module of the backbone, but the network has no such tensor."""
    name = full.removeprefix(fit.prefix)
    if not full.startswith(fit.prefix) or name in backbone.ignored_names or _counter(name):
        return False
    return name.partition(".")[0] in {known.partition(".")[0] for known in fit.own}


def _counter(name: str) -> bool:
    return name.rpartition(".")[2] == _COUNTER


def _report(
    backbone: StagedBackbone,
    fit: _Fit,
    missing: Collection[str],
    wrong: Collection[str],
    unexpected: Collection[str],
    tensors: Mapping[str, Tensor],
    name: str,
) -> str:
    known = {own: known for known, own in fit.own.items()}
    parts = []
    if missing:
        parts.append(f"{len(missing)} of {len(fit.own)} tensors are missing ({some([known[own] for own in missing])})")
    if wrong:
        parts.append(f"{len(wrong)} do not fit ({some(wrong)})")
    if unexpected:
        parts.append(f"{len(unexpected)} are unknown to this network ({some(unexpected)})")
    text = f"weights: {name} does not fit the stages {', '.join(backbone.stages)}: {'; '.join(parts)}."
    lacking = {own.split(".")[1] for own in missing}
    covered = [stage for stage in backbone.stages if stage not in lacking]
    if missing and covered and not wrong and not unexpected and list(backbone.stages[: len(covered)]) == covered:
        return f"{text} It covers {', '.join(covered)}: set cut: {covered[-1]}, or give a file that goes further."
    return f"{text} The file's own names: {some(list(tensors))}. Check that network and file belong together."


def _describe(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def some(names: Collection[str], limit: int = 4) -> str:
    """The first few names, and how many more there are."""
    shown = list(names)[:limit]
    return ", ".join(shown) + (f", ... {len(names) - limit} more" if len(names) > limit else "")
