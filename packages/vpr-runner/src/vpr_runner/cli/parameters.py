"""A component's parameters as a person reads them, taken from its pydantic model's fields."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from vpr_runner.cli.field_schema import field_schema

__all__ = ["Parameter", "parameters_of"]

_NAMES = {"integer": "int", "number": "float", "string": "text", "boolean": "true | false", "array": "list"}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One field of a run file.

    Attributes:
        name: dotted below its block when nested.
        kind: ``int``, ``float``, ``text``, ``list of int``, or the words that are accepted.
        bounds: ``1 .. 65536``, empty when there are none.
        default: as YAML; None when a value must be given.
        description: what it means.
    """

    name: str
    kind: str
    bounds: str
    default: str | None
    description: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def parameters_of(model: type[BaseModel]) -> list[Parameter]:
    """Return every parameter but ``type``, nested blocks flattened to dotted names."""
    return [item for item in _walk(model, "") if item.name != "type"]


def _walk(model: type[BaseModel], prefix: str) -> Iterator[Parameter]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _walk(field.annotation, f"{prefix}{name}.")
            continue
        schema = field_schema(field)
        options = schema.get("anyOf", schema.get("oneOf", [schema]))
        yield Parameter(
            name=f"{prefix}{name}",
            kind=" | ".join(dict.fromkeys(_kinds(options))),
            bounds="; ".join(dict.fromkeys(bound for option in options if (bound := _bounds(option)))),
            default=None if field.is_required() else _default(field),
            description=field.description or "",
        )


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    return json.dumps(to_jsonable_python(value, fallback=repr), ensure_ascii=False)


def _kinds(options: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What each option is; blocks that say their type are one: ``{type: circle | supcon, ...}``."""
    yield from (_kind(option) for option in options if "x-type" not in option)
    types = [str(option["x-type"]) for option in options if "x-type" in option]
    if types:
        yield f"{{type: {' | '.join(types)}, ...}}"


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    kind = schema.get("type")
    if kind == "array":
        inner = _item(schema)
        count = schema.get("minItems") if schema.get("minItems") == schema.get("maxItems") else None
        return f"list of {f'{count} ' if count else ''}{_kind(inner)}" if inner else "list"
    if kind == "null":
        return "null"
    if kind == "object" or "$ref" in schema:
        return f"{{{', '.join(schema['x-fields'])}}}" if "x-fields" in schema else "block"
    if kind == "string" and str(schema.get("format", "")).endswith("path"):
        return "path"
    return _NAMES.get(str(kind), str(kind or "any"))


def _item(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Schema of a list's items; empty when it says nothing of them."""
    return dict(schema.get("items") or next(iter(schema.get("prefixItems", ())), {}))


def _bounds(schema: Mapping[str, Any]) -> str:
    if schema.get("type") == "array":
        inner = _item(schema)
        return f"each {bounds}" if (bounds := _bounds(inner)) else ""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    left = f"{low:g} <=" if low is not None else f"{above:g} <" if above is not None else ""
    right = f"<= {high:g}" if high is not None else f"< {below:g}" if below is not None else ""
    if low is not None and high is not None:
        return f"{_number(low)} .. {_number(high)}"
    if left and right:
        return f"{left} x {right}"
    if left:
        return f">= {_number(low)}" if low is not None else f"> {_number(above)}"
    return right


def _number(value: Any) -> str:
    return f"{value:d}" if isinstance(value, int) else f"{value:g}"
