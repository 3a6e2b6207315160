"""Where a timm network may be cut: its chain of stages, found from what timm says of its features and then proved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from vpr_backbones.normalization import Normalization
from vpr_backbones.tokens import ClassTokenBackbone, TokenBackbone, TransformerBlock, TransformerEmbedding

__all__ = ["cut_convolutional", "cut_transformer", "is_transformer", "probe_size"]


def is_transformer(network: nn.Module) -> bool:
    """A plain vision transformer: an embedding, then blocks over one sequence of tokens."""
    return isinstance(network, VisionTransformer | Eva) and not getattr(network, "rope_mixed", False)


def probe_size(network: nn.Module) -> tuple[int, int]:
    """An image size the network takes: small, unless it takes one size only."""
    published: Any = network.pretrained_cfg
    height, width = published["input_size"][1:]
    if published.get("fixed_input_size"):
        return height, width
    least = published.get("min_input_size") or (3, 128, 96)
    return max(128, least[1]), max(96, least[2])


def cut_convolutional(network: nn.Module, cut: str | int | None) -> dict[str, nn.Module]:
    """Return name -> stage up to ``cut``; one stage, ``features``, where the network is no chain of its modules.

    Raises:
        ValueError: ``cut`` is neither a stage nor a feature index; lists what there is.
    """
    features: Any = network.feature_info
    names = {_stage_name(feature["module"]): index for index, feature in enumerate(features)}
    chain = _chain(network, [feature["module"] for feature in features])
    sound = chain is not None and _is_the_network(network, chain, names)
    last = _resolve(cut, tuple(chain) if sound and chain else tuple(names), names, _usual(features))
    if not sound or chain is None:
        return {"features": _Whole(network=network, position=names[last])}
    kept = list(chain)[: list(chain).index(last) + 1]
    stages: dict[str, nn.Module] = {name: chain[name] for name in kept}
    if _channels_last(network):
        stages[last] = nn.Sequential(stages[last], _ChannelsFirst())
    return stages


def cut_transformer(
    network: nn.Module, cut: str | int | None, final_norm: bool, normalization: Normalization, train_from: str
) -> TokenBackbone:
    """Return the embedding and the blocks up to ``cut`` as a backbone, with its class token where it has one.

    Raises:
        ValueError: ``cut`` or ``train_from`` is no stage; lists the stages.
    """
    net: Any = network
    blocks = {f"blocks_{index}": block for index, block in enumerate(net.blocks)}
    last = _resolve(cut, tuple(blocks), {name: index for index, name in enumerate(blocks)}, f"blocks_{len(blocks) - 1}")
    norm = net.norm if final_norm else None
    net.blocks, net.norm, net.fc_norm, net.attn_pool = nn.ModuleList(), nn.Identity(), nn.Identity(), None
    net.head = nn.Identity()
    if hasattr(net, "head_dist"):
        net.head_dist = nn.Identity()
    stages: dict[str, nn.Module] = {"embed": TransformerEmbedding(transformer=network)}
    for name, block in blocks.items():
        stages[name] = TransformerBlock(block=block, norm=norm if name == last else None)
        if name == last:
            break
    patch = int(net.patch_embed.patch_size[0])
    has_class_token = getattr(net, "cls_token", None) is not None
    return (ClassTokenBackbone if has_class_token else TokenBackbone)(
        stages=stages,
        prefix_tokens=int(net.num_prefix_tokens),
        patch=patch,
        out_channels=int(net.embed_dim),
        stride=patch,
        normalization=normalization,
        train_from=train_from,
    )


class _Whole(nn.Module):
    """A network that only timm itself knows how to run, up to one of its features."""

    def __init__(self, *, network: nn.Module, position: int) -> None:
        super().__init__()
        self.network = network
        self.position = position
        if hasattr(network, "prune_intermediate_layers"):
            prune: Any = network.prune_intermediate_layers
            prune([position], prune_norm=True)

    def forward(self, images: Tensor) -> Tensor:
        return _intermediates(self.network, images, [self.position])[0]


class _ChannelsFirst(nn.Module):
    """``(B, h, w, C)`` to ``(B, C, h, w)``."""

    def forward(self, features: Tensor) -> Tensor:
        return features.permute(0, 3, 1, 2)


def _resolve(cut: str | int | None, stages: tuple[str, ...], indices: dict[str, int], usual: str) -> str:
    """The name of the last stage that is kept."""
    if cut is None:
        return usual
    if isinstance(cut, int):
        by_index = {index: name for name, index in indices.items()}
        if cut in by_index:
            return by_index[cut]
    elif _stage_name(cut) in stages:
        return _stage_name(cut)
    last = len(indices) - 1
    raise ValueError(
        f"cut must be one of the stages {', '.join(stages)} or a feature index from 0 to {last}, got {cut!r}"
    )


def _usual(features: Any) -> str:
    """The deepest feature of stride 16 or less: the field's choice of ResNets' layer3."""
    fine = [feature for feature in features if feature["reduction"] <= 16] or list(features)[:1]
    return _stage_name(fine[-1]["module"])


def _stage_name(path: str) -> str:
    """A module's path as a name that a `torch.nn.ModuleDict` accepts."""
    return path.replace(".", "_")


def _chain(network: nn.Module, ends: list[str]) -> dict[str, nn.Sequential] | None:
    """Group the network's modules, in the order of registration, into stages that end at ``ends``.

    Of a sequence that holds sequences (EfficientNet's ``blocks``) every member ends a stage. None: an end is no module.
    """
    stages: dict[str, nn.Sequential] = {}
    waiting: list[nn.Module] = []
    left = set(ends)
    for path, module in _units(network, ends):
        waiting.append(module)
        if path in left or ("." in path and isinstance(module, nn.Sequential)):
            stages[_stage_name(path)] = nn.Sequential(*waiting)
            _keep_input(waiting[0])
            waiting = []
        left.discard(path)
        if not left:
            return stages
    return None


def _units(network: nn.Module, ends: list[str], prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Modules in order, going into a sequence where an end lies inside it."""
    for name, module in network.named_children():
        path = prefix + name
        if path not in ends and isinstance(module, nn.Sequential) and any(end.startswith(f"{path}.") for end in ends):
            yield from _units(module, ends, f"{path}.")
        else:
            yield path, module


def _keep_input(first: nn.Module) -> None:
    """A stage must not write to what it is given: it may be kept (see `StagedBackbone`)."""
    module: Any = first
    while isinstance(module, nn.Sequential) and len(module):
        module = module[0]
    if getattr(module, "inplace", False) is True:
        module.inplace = False


@torch.inference_mode()
def _is_the_network(network: nn.Module, chain: dict[str, nn.Sequential], names: dict[str, int]) -> bool:
    """Whether the chain computes timm's own features, all of them, on a random image."""
    network.eval()
    image = torch.rand(1, 3, *probe_size(network), generator=torch.Generator().manual_seed(0))
    expected = _intermediates(network, image, list(names.values()))
    features = image
    try:
        for name, stage in chain.items():
            features = stage(features)
            if name in names:
                got = features.permute(0, 3, 1, 2) if _channels_last(network) else features
                torch.testing.assert_close(got, expected[names[name]], rtol=1e-3, atol=1e-4)
    except (AssertionError, RuntimeError, TypeError, ValueError, AttributeError, NotImplementedError):
        return False
    return True


def _intermediates(network: Any, images: Tensor, indices: list[int]) -> list[Tensor]:
    features: list[Tensor] = network.forward_intermediates(
        images, indices=indices, intermediates_only=True, output_fmt="NCHW"
    )
    return features


def _channels_last(network: nn.Module) -> bool:
    return getattr(network, "output_fmt", "NCHW") == "NHWC"
