"""Any network of timm: convolutional ones cut at a stage, vision transformers at a block."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from typing import Any

import timm
from torch import Tensor, nn

from vpr_backbones.assembly import measure
from vpr_backbones.download import fetch_timm
from vpr_backbones.loading import Weights, default_batch_norm, fill, find_weights
from vpr_backbones.normalization import Normalization
from vpr_backbones.seeding import seeded
from vpr_backbones.staged import BatchNormMode, StagedBackbone
from vpr_backbones.timm_stages import cut_convolutional, cut_transformer, is_transformer, probe_size

__all__ = ["build_timm"]


def build_timm(
    *,
    model: str,
    weights: Weights = "imagenet",
    cut: str | int | None = None,
    train_from: str = "all",
    final_norm: bool = True,
    batch_norm: BatchNormMode | None = None,
    normalization: Normalization | None = None,
    padding: str | None = None,
    batch_norm_eps: float | None = None,
    seed: int = 0,
) -> StagedBackbone:
    """Build a network of timm, cut after a stage.

    The stages of a convolutional network are those timm publishes features of, named by their module
    (``layer3``, ``stages_2``, ``blocks_4``); those of a vision transformer are ``embed``, ``blocks_0``, ``blocks_1``
    and so on. A network that is no chain of modules gets the single stage ``features``. Transformers take images of any
    size in multiples of the patch, and give their class token by ``forward_with_token`` where they have one.

    Args:
        model: timm's name, ``"convnext_tiny.fb_in1k"``; ``timm.list_models()`` has them all.
        weights: ``"imagenet"`` (the model's published weights, whatever they were trained on), ``"none"``, a file, or
            tensors. Files with the names of the original authors are converted as timm does it.
        cut: last stage kept, by name or as timm's feature index; None: the deepest stage of stride 16 or less
            (convolutional), the last block (transformer).
        train_from: lowest stage that is trained, ``"all"`` or ``"none"``.
        final_norm: a transformer's last normalisation follows the block it is cut at.
        batch_norm: ``"frozen"``, ``"train"``; None: frozen when there are weights.
        normalization: None: as timm states it for these weights.
        padding: timm's ``pad_type``, for models that have one: ``"same"`` for weights from TensorFlow.
        batch_norm_eps: for models that have it; 1e-3 for weights from TensorFlow.
        seed: of random weights; the global generators are not touched.

    Raises:
        ValueError: unknown model or stage, unfit weights, an option the model does not have.
        FileNotFoundError: no such weights file.
        ConnectionError: published weights cannot be downloaded.
    """
    if model not in _names():
        raise ValueError(f"model must be one of timm's, got {model!r}{_suggest(model)}; timm.list_models() lists them")
    network = _create(model, padding, batch_norm_eps, seed)
    origin, tensors = find_weights(weights, seed=seed, fetch=lambda: fetch_timm(model, network.pretrained_cfg))
    state = network.state_dict(keep_vars=True)
    tensors = _convert(tensors, network, state)
    normalization = normalization or _published_normalization(network)
    batch_norm = default_batch_norm(weights, batch_norm)
    backbone: StagedBackbone
    if is_transformer(network):
        backbone = cut_transformer(network, cut, final_norm, normalization, train_from)
    else:
        if not final_norm:
            raise ValueError(f"final_norm must stay true for {model!r}: it belongs to plain vision transformers")
        stages = cut_convolutional(network, cut)
        channels, stride = measure(stages, size=probe_size(network))
        backbone = StagedBackbone(
            stages=stages,
            out_channels=channels,
            stride=stride,
            normalization=normalization,
            train_from=train_from,
            batch_norm=batch_norm,
        )
    fill(backbone, origin, tensors, network=state)
    return backbone


def _create(model: str, padding: str | None, batch_norm_eps: float | None, seed: int) -> nn.Module:
    """Make timm's model with random weights; a transformer so that it takes images of any size."""
    options: dict[str, Any] = {"pad_type": padding, "bn_eps": batch_norm_eps}
    options = {name: value for name, value in options.items() if value is not None}
    attempts: list[dict[str, Any]] = [{"dynamic_img_size": True}, {}]
    for more in attempts:
        try:
            with seeded(seed):
                network: nn.Module = timm.create_model(model, pretrained=False, **options, **more)
        except TypeError as error:  # timm hands options to the class, which refuses those it does not have
            refused = error
        else:
            return network
    raise ValueError(f"padding and batch_norm_eps are not options of timm's {model!r}: {refused}") from refused


def _published_normalization(network: nn.Module) -> Normalization:
    published: Any = network.pretrained_cfg
    mean, std = ((float(r), float(g), float(b)) for r, g, b in (published["mean"], published["std"]))
    return Normalization(mean=mean, std=std)


def _convert(tensors: Mapping[str, Tensor], network: nn.Module, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Use timm's own renaming of the original authors' files, where most of the names are foreign."""
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    endings = tuple(tensors)
    known = sum(any(name.endswith(known) for name in endings) for known in list(state)[:20])
    if not tensors or convert is None or known >= min(len(state), 20) // 2:
        return tensors
    converted: Mapping[str, Tensor] = convert(dict(tensors), network)
    return converted


def _names() -> set[str]:
    return {*timm.list_models(), *timm.list_models(pretrained=True)}


def _suggest(model: str) -> str:
    close = difflib.get_close_matches(model, sorted(_names()), n=3)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
