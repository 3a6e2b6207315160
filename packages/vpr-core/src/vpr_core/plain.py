"""Which configs surely make a validator, so that it need not be made before somebody uses it."""

from __future__ import annotations

import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel

__all__ = ["is_plain"]

_SCALARS = (int, float, str, bool, Path, type(None))
_BOUNDS = {(Ge, Gt, Le, Lt): (int, float, type(None)), (MinLen, MaxLen): (str, tuple, list, dict, type(None))}
"""Bounds, and what they can be laid upon."""


def is_plain(config: type[BaseModel]) -> bool:
    """Whether every field of ``config`` is of a type, and has bounds, that pydantic can do nothing wrong with.

    A validator takes milliseconds to make, a host shows a hundred components and uses seven. But what pydantic cannot
    make, as of an annotation that it does not know, must be found when the plug-in is loaded: only there does it cost
    that plug-in alone. So what is not plain is built at once.
    """
    decorators = config.__pydantic_decorators__
    if not config.__pydantic_fields_complete__ or decorators.field_validators or decorators.validators:
        return False
    return all(
        _is_plain(field.annotation) and (not field.metadata or _may_have(field.annotation, field.metadata))
        for field in config.model_fields.values()
    )


def _is_plain(annotation: Any) -> bool:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _SCALARS or origin is Literal:
        return True
    if origin in (Union, types.UnionType, list, tuple, dict):
        return all(argument is ... or _is_plain(argument) for argument in arguments)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return bool(annotation.__pydantic_complete__) or is_plain(annotation)
    return False


def _may_have(annotation: Any, metadata: Sequence[Any]) -> bool:
    """Whether every bound can be laid upon every type that the annotation allows."""
    union = get_origin(annotation) in (Union, types.UnionType)
    kinds = [get_origin(option) or option for option in (get_args(annotation) if union else (annotation,))]
    return all(
        any(isinstance(item, bounds) and all(kind in allowed for kind in kinds) for bounds, allowed in _BOUNDS.items())
        for item in metadata
    )
