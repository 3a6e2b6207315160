"""What one field of a model accepts, in the words of JSON schema.

pydantic says it too, but first makes a validator and the whole schema of the model: two milliseconds a component, more
than all the rest of ``vpr plugins``.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from pydantic.fields import FieldInfo

__all__ = ["field_schema"]

_PLAIN: dict[Any, dict[str, Any]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    Path: {"type": "string", "format": "path"},
    type(None): {"type": "null"},
}
_BOUNDS = ((Ge, "ge", "minimum"), (Gt, "gt", "exclusiveMinimum"), (Le, "le", "maximum"), (Lt, "lt", "exclusiveMaximum"))


def field_schema(field: FieldInfo) -> dict[str, Any]:
    """Return the JSON schema of the field's values: ``type``, bounds, ``enum``, ``items``, ``anyOf``; a block is a
    ``$ref``. What has no schema is ``{}``.
    """
    return _schema(field.annotation, field.metadata)


def _schema(annotation: Any, metadata: Sequence[Any]) -> dict[str, Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner, *more = arguments
        expanded = [part for item in more for part in (item.metadata if isinstance(item, FieldInfo) else [item])]
        return _schema(inner, [*expanded, *metadata])
    if annotation in _PLAIN:
        return {**_PLAIN[annotation], **(_bounds(metadata) if annotation in (int, float) else {})}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        options = [_schema(option, metadata) for option in arguments]
        return {"anyOf": [part for option in options for part in option.get("anyOf", [option])]}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], ())}
    if origin is tuple and len(arguments) == 2 and arguments[1] is ...:
        return {"type": "array", "items": _schema(arguments[0], ())}
    if origin is tuple:
        items = [_schema(item, ()) for item in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if origin is dict:
        return {"type": "object"}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        tag = annotation.model_fields.get("type")
        if tag is not None and get_origin(tag.annotation) is Literal:
            return {"$ref": annotation.__name__, "x-type": tag.default}
        return {"$ref": annotation.__name__, "x-fields": list(annotation.model_fields)}
    return _by_pydantic(annotation, metadata)


def _bounds(metadata: Sequence[Any]) -> dict[str, Any]:
    return {word: getattr(item, at) for item in metadata for kind, at, word in _BOUNDS if isinstance(item, kind)}


def _by_pydantic(annotation: Any, metadata: Sequence[Any]) -> dict[str, Any]:
    """Types that are rare in a config: dates, sets, enums."""
    whole: Any = Annotated[(annotation, *metadata)] if metadata else annotation
    try:
        schema = TypeAdapter(whole).json_schema()
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
        return {}
    reference = str(schema.get("$ref", "")).rpartition("/")[2]
    return dict(schema["$defs"][reference]) if reference else schema
