"""What timm says of its models, as a table that is read without importing timm, which takes seconds.

``timm_models.txt`` has one model a line: its name, the side of its patch where it is a plain vision transformer
(else 0), and its published weights, ``tag=licence``, those that are taken by default first. ``python -m
vpr_backbones.timm_models`` writes it anew; a test compares it with the timm that is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

__all__ = ["TimmModel", "listing", "look_up"]

_FILE = "timm_models.txt"
_TRANSFORMERS = ("vision_transformer", "eva", "deit")
_UNSTATED = "unstated"


@dataclass(frozen=True, kw_only=True)
class TimmModel:
    """A model as a run file names it.

    Attributes:
        name: of the architecture, without a tag.
        tag: of the published weights that are taken; empty when there are none.
        licence: of these weights as timm states it; ``unstated`` when it states none.
        patch: side of a patch whose multiples image sides must be; 0 when the model is no plain vision transformer.
    """

    name: str
    tag: str
    licence: str
    patch: int


def look_up(model: str) -> TimmModel | None:
    """Return what the table says of ``model``, with or without a tag; None for a model or tag that it lacks.

    Example:
        >>> look_up("vit_small_patch14_dinov2")
        TimmModel(name='vit_small_patch14_dinov2', tag='lvd142m', licence='apache-2.0', patch=14)
        >>> look_up("resnet18.of_nobody") is None
        True
    """
    name, _, tag = model.partition(".")
    table = files("vpr_backbones").joinpath(_FILE).read_text("utf-8")
    found = re.search(rf"^{re.escape(name)} (\d+)(.*)$", table, re.MULTILINE)
    if found is None:
        return None
    weights = dict(item.split("=") for item in found[2].split())
    if tag and tag not in weights:
        return None
    tag = tag or next(iter(weights), "")
    return TimmModel(name=name, tag=tag, licence=weights.get(tag, ""), patch=int(found[1]))


def listing() -> Iterator[str]:
    """Yield the table's lines as the installed timm makes them."""
    import timm

    weights: dict[str, list[str]] = {name: [] for name in timm.list_models()}
    for full in timm.list_models(pretrained=True):
        name, _, tag = full.partition(".")
        usual, published = (timm.get_pretrained_cfg(item, allow_unregistered=False) for item in (name, full))
        if usual is None or published is None:
            continue
        licence = re.sub(r"\s+", "-", published.license or _UNSTATED)
        weights.setdefault(name, []).insert(0 if usual.tag == tag else len(weights[name]), f"{tag}={licence}")
    for name in sorted(weights):
        yield " ".join([name, str(_patch(name)), *weights[name]])


def _patch(name: str) -> int:
    """The patch by the name, of the models that `vpr_backbones.timm_stages.is_transformer` cuts at a block."""
    from timm.models import is_model_in_modules

    if "_rope_mixed_" in name or not is_model_in_modules(name, _TRANSFORMERS):
        return 0
    found = re.search(r"patch(\d+)", name)
    return int(found[1]) if found else 16


if __name__ == "__main__":
    Path(__file__).with_name(_FILE).write_text("\n".join(listing()) + "\n", "utf-8")
