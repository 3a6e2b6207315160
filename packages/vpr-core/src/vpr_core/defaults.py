"""Defaults that JSON cannot write, such as a path: a run file is validated as JSON, which knows no `Path`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import PydanticUndefined, core_schema

__all__ = ["admit_defaults"]


def admit_defaults(config: type[BaseModel]) -> None:
    """Let ``config`` take its own defaults when it is validated from a run file.

    Strict validation of JSON takes text for a path and refuses a `Path`, also where that is the field's default. The
    default is checked here, once, as Python value; from then on the field lets it pass. The field's validators still
    see it.

    Raises:
        ValueError: a default that the field itself refuses (pydantic's ``ValidationError``).
    """
    odd = [
        field
        for field in config.model_fields.values()
        if not _is_json(field.default) and not any(isinstance(item, _Admit) for item in field.metadata)
    ]
    for field in odd:
        whole: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
        field.default = TypeAdapter(whole).validate_python(field.default)
        field.metadata = [*field.metadata, _Admit(field.default)]
    if odd:
        config.model_rebuild(force=True)


class _Admit:
    """Annotation of a field: one value passes, all others take the field's own way (as JSON: no function sees them)."""

    def __init__(self, default: object) -> None:
        self.default = default

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        choices = {"default": core_schema.any_schema(), "other": handler(source)}
        return core_schema.tagged_union_schema(choices, discriminator=self._tag)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        whole = handler(schema)
        options: list[dict[str, Any]] = whole.get("oneOf", [whole])
        return options[-1]

    def _tag(self, value: object) -> str:
        return "default" if type(value) is type(self.default) and value == self.default else "other"


def _is_json(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_json, value))
    if isinstance(value, dict):
        return all(map(_is_json, value.values()))
    return value is None or value is PydanticUndefined or isinstance(value, (str, bool, int, float, BaseModel))
