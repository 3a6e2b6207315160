"""How many input pixels a location of the feature map sees."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

__all__ = ["receptive_field"]

_WINDOWS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
_POINTWISE = (nn.ReLU, nn.GELU, nn.SiLU, nn.Identity, nn.Dropout, nn.BatchNorm2d, nn.LocalResponseNorm, nn.GroupNorm)
_CONTAINERS = (nn.Sequential, nn.ModuleDict, nn.ModuleList)


def receptive_field(backbone: nn.Module) -> int:
    """Return the side in pixels of what one location of the map of a plain chain of layers sees.

    ``r = 1 + sum_l (k_l - 1) d_l s_1 ... s_{l-1}`` over convolutions and poolings of kernel ``k``, dilation ``d`` and
    stride ``s``. Normalisations do not count, whatever they average over. VGG-16 up to conv5 sees 196 pixels, AlexNet
    163 (NetVLAD, arXiv 1511.07247, cuts queries by half of these).

    Raises:
        ValueError: the backbone branches (a ResNet, a transformer); names the layer.
    """
    field, step = 1, 1
    for layer in _chain(backbone, top=True):
        kernel, stride, dilation = _side(layer.kernel_size), _side(layer.stride), _side(getattr(layer, "dilation", 1))
        field += (kernel - 1) * dilation * step
        step *= stride
    return field


def _chain(module: nn.Module, *, top: bool = False) -> Iterator[nn.Module]:
    if isinstance(module, _WINDOWS):
        yield module
    elif top or isinstance(module, _CONTAINERS):
        for child in module.children():
            yield from _chain(child)
    elif not isinstance(module, _POINTWISE):
        raise ValueError(
            f"backbone: {type(module).__name__} is no layer of a plain chain, so its receptive field cannot be counted "
            "up; state it"
        )


def _side(value: object) -> int:
    """The larger of two sides, or the one that stands for both."""
    return max(value) if isinstance(value, tuple) else int(value)  # type: ignore[call-overload, no-any-return]
