"""Weights of the authors' releases, under our names.

Each function takes what ``torch.load(path, weights_only=True)`` gives and returns a state for our layer's
``load_state_dict``. A whole model will do: what lies below ``aggregator.`` or ``aggregation.`` is taken and the
backbone left alone; ``state_dict`` or ``model_state_dict`` around it and ``module.`` before each name are removed.
Only names and shapes were taken from those projects, whose licences differ; see the README.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vpr_modern_pooling.layout import Layout, pair

__all__ = [
    "boq_from_authors",
    "convap_from_authors",
    "cosplace_from_authors",
    "crn_from_authors",
    "mixvpr_from_authors",
    "salad_from_authors",
]

State = dict[str, Tensor]


def convap_from_authors(state: Mapping[str, Any]) -> State:
    """Return the state of `ConvAP` from ``amaralibey/gsv-cities``: ``channel_pool``, a 1x1 convolution.

    Raises:
        ValueError: names the tensors that are missing, unexpected or of a shape that cannot be.
    """
    layout = Layout("ConvAP (amaralibey/gsv-cities)", state)
    return layout.take(pair("channel_pool", "projection"), as_matrix=("channel_pool.weight",))


def cosplace_from_authors(state: Mapping[str, Any]) -> State:
    """Return the state of `CosPlaceHead` from ``gmberton/CosPlace`` or ``gmberton/EigenPlaces``.

    There it is a sequence of which step 1 holds ``p`` and step 3 is the linear layer.

    Raises:
        ValueError: names the tensors that are missing, unexpected or of a shape that cannot be.
    """
    return Layout("CosPlace, EigenPlaces (gmberton)", state).take({"1.p": "p"} | pair("3", "projection"))


def mixvpr_from_authors(state: Mapping[str, Any]) -> State:
    """Return the state of `MixVPR` from ``amaralibey/MixVPR``.

    There ``mix.i.mix.0``, ``1`` and ``3`` are norm and linear layers of mixer ``i``. Releases whose ``row_proj`` has no
    bias get zeros.

    Raises:
        ValueError: names the tensors that are missing, unexpected or of a shape that cannot be.
    """
    layout = Layout("MixVPR (amaralibey/MixVPR)", state)
    names = pair("channel_proj", "channel_projection") | pair("row_proj", "row_projection")
    for i in range(layout.count("mix.")):
        for step, ours in (("0", "norm"), ("1", "inner"), ("3", "outer")):
            names |= pair(f"mix.{i}.mix.{step}", f"mixers.{i}.{ours}")
    if "row_proj.bias" in layout.state:
        return layout.take(names)
    del names["row_proj.bias"]
    taken = layout.take(names)
    weight = taken["row_projection.weight"]
    return taken | {"row_projection.bias": weight.new_zeros(weight.shape[0])}


def salad_from_authors(state: Mapping[str, Any]) -> State:
    """Return the state of `SALAD` from ``serizba/salad``: ``token_features``, ``cluster_features``, ``score``.

    Raises:
        ValueError: names the tensors that are missing, unexpected or of a shape that cannot be.
    """
    names = {"dust_bin": "dustbin"}
    for theirs, last, ours in (
        ("token_features", 2, "token"),
        ("cluster_features", 3, "reduce"),
        ("score", 3, "score"),
    ):
        names |= pair(f"{theirs}.0", f"{ours}.inner") | pair(f"{theirs}.{last}", f"{ours}.outer")
    matrices = [f"{part}.{step}.weight" for part in ("cluster_features", "score") for step in (0, 3)]
    taken = Layout("SALAD (serizba/salad)", state).take(names, as_matrix=matrices)
    taken["dustbin"] = taken["dustbin"].reshape(())
    return taken


def boq_from_authors(state: Mapping[str, Any]) -> State:
    """Return the state of `BoQ` from ``amaralibey/Bag-of-Queries``: ``proj_c``, ``norm_input``, ``boqs.i``, ``fc``.

    Raises:
        ValueError: names the tensors that are missing, unexpected or of a shape that cannot be.
    """
    layout = Layout("BoQ (amaralibey/Bag-of-Queries)", state)
    names = pair("proj_c", "projection") | pair("norm_input", "norm") | pair("fc", "row_projection")
    for i in range(layout.count("boqs.")):
        theirs, ours = f"boqs.{i}", f"blocks.{i}"
        names |= {f"{theirs}.queries": f"{ours}.queries"}
        for attention, name in (
            ("encoder.self_attn", "encoder.attention"),
            ("self_attn", "self_attention"),
            ("cross_attn", "cross_attention"),
        ):
            for kind in ("weight", "bias"):
                names[f"{theirs}.{attention}.in_proj_{kind}"] = f"{ours}.{name}.in_{kind}"
            names |= pair(f"{theirs}.{attention}.out_proj", f"{ours}.{name}.output")
        for layer, name in (
            ("encoder.linear1", "encoder.inner"),
            ("encoder.linear2", "encoder.outer"),
            ("encoder.norm1", "encoder.attention_norm"),
            ("encoder.norm2", "encoder.norm"),
            ("norm_q", "query_norm"),
            ("norm_out", "output_norm"),
        ):
            names |= pair(f"{theirs}.{layer}", f"{ours}.{name}")
    return layout.take(names)


def crn_from_authors(state: Mapping[str, Any]) -> State:
    """Return the state of `CRN` from ``gmberton/deep-visual-geo-localization-benchmark``: ``crn``, ``conv``, centroids.

    Its layer that adds the filters up is fixed at weight 1 and bias 0, and is not part of ours.

    Raises:
        ValueError: names the tensors that are missing, unexpected or of a shape that cannot be, or the sum is weighted.
    """
    layout = Layout("CRN (gmberton/deep-visual-geo-localization-benchmark)", state)
    names = {"conv.weight": "assignment_weight", "centroids": "centroids"}
    for size in (3, 5, 7):
        names |= pair(f"crn.filter_{size}_{size}", f"context.{size}")
    fixed = pair("crn.acc_w", "sum")
    taken = layout.take(names | fixed, as_matrix=("conv.weight",))
    weight, bias = taken.pop("sum.weight"), taken.pop("sum.bias")
    if not torch.equal(weight, torch.ones_like(weight)) or bias.any():
        raise ValueError("state: crn.acc_w is not the plain sum (weight 1, bias 0) that CRN computes")
    return taken
