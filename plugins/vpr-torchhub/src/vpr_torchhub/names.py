"""The published models by name, for ``vpr extract megaloc photos/``: one name a variant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vpr_core import ImageNeeds, ModelSpec
from vpr_torchhub.models import MODELS
from vpr_torchhub.published import Published

__all__ = ["name_of", "named_models"]

_FILE = "weights"
_USUAL = (476, 630)
"""Height and width of images, about, where the authors recommend none: 480 x 640 in multiples of 14."""


def named_models() -> Iterator[ModelSpec]:
    """Yield every variant of every model."""
    for model in MODELS:
        for variant in model.variants:
            yield _named(model, variant)


def _named(model: Published, variant: Mapping[str, Any]) -> ModelSpec:
    network = model.network(model.config.model_construct(**variant))  # a validator takes longer to make than all names
    needs = ["network access once", _consent(model)] if model.runs_code else []
    if _FILE in variant:
        needs.append(f"the authors' file {variant[_FILE]}: --set backbone.weights=FILE")
    needs += [f"the package {name}" for name in model.packages]
    block = {key: value for key, value in variant.items() if key != _FILE}
    return ModelSpec(
        name=name_of(model, variant),
        run={
            "backbone": {"type": model.name, **block},
            "pooling": {"type": "finished"},
            "image": _image(network.images),
        },
        dim=int(network.dim or 0),
        summary=f"{model.title}, whole; {'trained on ' + model.trained_on if model.trained_on else 'not trained'}",
        weights=f"{model.terms.repository}'s",
        licence=model.terms.said,
        needs="; ".join(needs),
    )


def _consent(model: Published) -> str:
    return "your consent: --set backbone.accept_licence=true --set backbone.trust_repo=true"


def name_of(model: Published, variant: Mapping[str, Any]) -> str:
    """``hub_boq`` with ``backbone: dinov2`` is ``boq-dinov2``; what all variants share is left out."""
    words = [model.name.removeprefix("hub_")]
    for key in dict.fromkeys(key for each in model.variants for key in each if key != _FILE):
        values = [each.get(key) for each in model.variants]
        if len(set(values)) > 1 and variant.get(key) not in (None, False):
            word = key if variant[key] is True else str(variant[key])
            words.append(word.lower())
    return "-".join(words)


def _image(needs: ImageNeeds) -> dict[str, Any]:
    """The block ``image``: what the authors recommend, else a size that the network takes."""
    if needs.recommended:
        return dict(needs.recommended)
    return {"size": list(needs.only or _USUAL)}
