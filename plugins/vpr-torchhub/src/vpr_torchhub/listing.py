"""docs/models.md: the published models as a table. ``python -m vpr_torchhub.listing`` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vpr_core import ImageNeeds
from vpr_torchhub.models import MODELS
from vpr_torchhub.names import name_of
from vpr_torchhub.published import Published

__all__ = ["markdown"]

_DOCUMENT = Path(__file__).parents[4] / "docs" / "models.md"
_HEAD = """\
# Models by name

Published place recognition networks, whole and trained, as [vpr-torchhub](../plugins/vpr-torchhub/README.md) has them.
Written by `python -m vpr_torchhub.listing`; edit the models in `plugins/vpr-torchhub/src/vpr_torchhub/models`, then run
it again.

A name stands where a command takes a network, `vpr extract megaloc photos/ -o map/ --set backbone.accept_licence=true
--set backbone.trust_repo=true`; `vpr models NAME` says what it needs. In a run file a model is one block, followed by
`pooling: {type: finished}`:

```yaml
backbone: {type: hub_salad, accept_licence: true, trust_repo: true}
pooling: {type: finished}
image: {size: [322, 322]}
```

`vpr plugins show NAME` prints what is to be known of one of them, `vpr validate run.yaml` of the one in a run file, and
where its [images](how-to/image-sizes.md) are not those that its authors recommend.
Sizes and interpolation are those of the authors' own evaluation; where a column says nothing, nothing was found.
All take RGB with ImageNet's mean and deviation, but for SFRS, which has Caffe's scale. Licences are what we knew
when this was written: the repository is what counts, and where its authors leave a doubt it is a doubt here.
Weights are learnt from data with terms of its own.
"""


def markdown() -> str:
    """Return docs/models.md."""
    return "\n".join([_HEAD, *_variants(), "", *_terms(), ""])


def _variants() -> Iterator[str]:
    yield "## What they take and give\n"
    yield "| name | `backbone` | from | numbers | size | interpolation | takes |"
    yield "|---|---|---|---|---|---|---|"
    for model in MODELS:
        for variant in model.variants:
            network = model.network(model.config(**variant))
            where = f"`{model.terms.repository}` `{network.entry[0]}`" if network.entry else "the authors' file"
            block = ", ".join([f"type: {model.name}", *(f"{key}: {_value(value)}" for key, value in variant.items())])
            images = network.images
            asked = f"{network.dim:,} | {_size(images)} | {_interpolation(images)} | {_takes(images)}"
            yield f"| `{name_of(model, variant)}` | `{{{block}}}` | {where} | {asked} |"


def _terms() -> Iterator[str]:
    yield "## Whose they are\n"
    yield "| model | paper | licence of the code | of the weights | trained on | needs besides torch |"
    yield "|---|---|---|---|---|---|"
    for model in MODELS:
        terms = model.terms
        needs = ", ".join(f"`{name}`" for name in model.packages) or "-"
        data = model.trained_on or "nothing"
        yield f"| {model.title} | {model.paper} | {terms.code} | {terms.weights} | {data} | {needs} |"
    yield "\n## What else is to be known\n"
    for model in MODELS:
        yield from _remark(model)


def _remark(model: Published) -> Iterator[str]:
    said = [model.remark] if model.remark else []
    if model.network(model.config(**model.variants[0])).alone:
        said.append("a descriptor depends on the images of its batch, so every image is given to the network alone")
    if said:
        yield f"- **{model.title}**: {'; '.join(said)}."


def _size(images: ImageNeeds) -> str:
    """The rule of the block ``image``."""
    said = ", ".join(f"{key}: {_value(value)}" for key, value in images.recommended.items() if key != "interpolation")
    return f"`{said}`" if said else "-"


def _interpolation(images: ImageNeeds) -> str:
    return str(images.recommended.get("interpolation", "-"))


def _takes(images: ImageNeeds) -> str:
    return images.said or "any size"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    _DOCUMENT.write_text(markdown(), "utf-8")
