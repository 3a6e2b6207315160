"""Places in a run file: from pydantic's locations to dotted paths, and to the model field that stands there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from vpr_core.config.blocks import Loc, block_at

__all__ = ["Loc", "dotted", "field_at", "fields_at", "plain_loc"]


def dotted(loc: Loc) -> str:
    """``("eval", "recall_at", 0)`` as ``eval.recall_at[0]``."""
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def plain_loc(raw: Loc, data: Any, model: type[BaseModel], *, keep_last: bool) -> Loc:
    """``raw`` without pydantic's labels of union members, which name no place in the file.

    Args:
        raw: location of an error; ``("pooling", "netvlad", "p")`` has the label ``netvlad``.
        data: what was validated.
        model: what it was validated against.
        keep_last: the last step names a field whether or not ``data`` has it.
    """
    loc: Loc = ()
    here = data
    labelled = False  # of the block at loc, the label was there
    for number, step in enumerate(raw):
        if not labelled and block_at(loc) is not None and isinstance(here, Mapping) and here.get("type") == step:
            labelled = True
            continue
        if isinstance(here, Mapping) and step in here:
            here = here[str(step)]
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        elif (keep_last and number == len(raw) - 1) or step in fields_at(model, loc, data):
            here = None
        else:
            continue
        loc = (*loc, step)
        labelled = False
    return loc


def fields_at(model: type[BaseModel], loc: Loc, data: Any) -> list[str]:
    """Names of the fields of the block at ``loc``."""
    return [name for block in _blocks_at(model, loc, data) for name in block.model_fields]


def field_at(model: type[BaseModel], loc: Loc, data: Any) -> FieldInfo | None:
    """The field at ``loc``, if it is one."""
    for block in _blocks_at(model, loc[:-1], data) if loc else ():
        if loc[-1] in block.model_fields:
            return block.model_fields[str(loc[-1])]
    return None


def _blocks_at(model: type[BaseModel], loc: Loc, data: Any) -> Sequence[type[BaseModel]]:
    """The models that may stand at ``loc``; of a union of components the one that the data's ``type`` names."""
    current: list[type[BaseModel]] = [model]
    for step in loc:
        try:
            data = data[step]
        except (LookupError, TypeError):
            data = None
        tag = data.get("type") if isinstance(data, Mapping) else None
        found: list[type[BaseModel]] = []
        for block in current:
            field = block.model_fields.get(str(step))
            if field is not None:
                found.extend(_models_in(field.annotation))
        tagged = [
            block for block in found if "type" in block.model_fields and block.model_fields["type"].default == tag
        ]
        current = tagged or found
    return current


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
