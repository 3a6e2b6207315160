"""What a run file's components say of themselves before they are used: weights, licences, recommended images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_core.config.sections import ComputeConfig, ImageConfig

__all__ = ["departures", "of_training", "remarks", "remarks_of"]


def remarks(blocks: Mapping[str, ComponentConfig], image: ImageConfig, registry: Registry) -> Iterator[str]:
    """Yield a line for each remark: ``backbone: weights: imagenet takes timm's ...``. Imports no torch."""
    for kind, block in blocks.items():
        for said in registry.remarks(kind, block):
            yield f"{kind}: {said}"
    yield from departures(blocks["backbone"], image, registry)
    needs = registry.image_needs(blocks["backbone"])
    if needs is None or image.size is not None or needs.departure(image.model_dump()):
        return
    if needs.only or needs.square:
        yield f"image.size: null keeps the shape of images, and this backbone takes: {needs.said}"
    elif image.multiple % needs.multiple:
        yield f"image.multiple: {needs.multiple} cuts images to what this backbone takes: {needs.said}"
    elif needs.patches > 1:
        yield f"this backbone takes: {needs.said}"


def departures(backbone: ComponentConfig, image: ImageConfig, registry: Registry) -> Iterator[str]:
    """Yield where the images of a run are not those that the backbone's authors recommend, and the block that is."""
    needs = registry.image_needs(backbone)
    if needs is not None and (said := needs.departure(image.model_dump())):
        yield said


def of_training(compute: ComputeConfig) -> Iterator[str]:
    """Yield what of ``compute`` training does not take: gradients are torch's alone.

    Mining's cache and the frozen prefix could be another's. But weights change with every step, and each refresh would
    export, compile, compare and calibrate a new network; what is cheaper than that is mined by torch too.
    """
    if compute.runtime is not None and compute.runtime.type != "torch":
        yield (
            f"compute.runtime: {compute.runtime.type} executes the finished network (extract, eval, search, serve); "
            "training computes with torch, what it mines and keeps included"
        )


def remarks_of(registry: Registry, kind: str, name: str, given: Sequence[str] = ()) -> list[str]:
    """Return what one component says of itself with its defaults and ``given``, ``["model=resnet18"]``.

    Empty where a parameter that it needs is not given.

    Raises:
        UsageError: ``given`` is not of the form ``field=value``, or the component does not take it.
    """
    import yaml
    from pydantic import ValidationError

    from vpr_core import UsageError

    values = {}
    for item in given:
        field, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"--with {item}: write FIELD=VALUE, such as model=resnet18")
        values[field] = yaml.safe_load(value)
    try:
        config = registry.get(kind, name).config.model_validate({"type": name, **values})
    except ValidationError as error:
        if not given:
            return []
        faults = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise UsageError(f"--with: {kind} {name} does not take {', '.join(given)} ({faults})") from error
    said = list(registry.remarks(kind, config))
    needs = registry.image_needs(config) if kind == "backbone" else None
    if needs is not None and needs.recommended:
        block = ", ".join(f"{key}: {value}" for key, value in needs.recommended.items())
        said.append(f"recommended: image: {{{block}}}")
    return said
