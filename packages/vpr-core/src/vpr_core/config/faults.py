"""From pydantic's errors to faults a person can act on: path, value, what would be accepted, where it stands."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vpr_core.config.model import DEFAULT_COMPONENTS
from vpr_core.config.run import COMPONENT_FIELDS
from vpr_core.config.strict_yaml import YamlDocument
from vpr_core.errors import ConfigFault

if TYPE_CHECKING:
    from vpr_core.registry import Registry

__all__ = ["faults_of"]

_TAG_ERRORS = ("union_tag_invalid", "union_tag_not_found")
_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "finite_number": "a finite number",
    "path_type": "a path",
    "none_required": "null",
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number not less than {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number not greater than {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} items",
    "too_long": "at most {max_length} items",
}

Loc = tuple[str | int, ...]


def faults_of(
    error: ValidationError,
    data: Mapping[str, Any],
    registry: Registry,
    document: YamlDocument,
    overrides: Mapping[str, str],
) -> list[ConfigFault]:
    """Every fault of a validation, with dotted paths of the run file.

    Args:
        error: what pydantic said.
        data: the validated data.
        registry: what is installed.
        document: where the data came from, for line numbers.
        overrides: which ``--set`` set which path.
    """
    faults: dict[tuple[str, str], ConfigFault] = {}
    for details in error.errors(include_url=False):
        loc = _plain_loc(details, data)
        message = _message(details, loc, registry, data)
        if details["type"] in _TAG_ERRORS:
            loc = (*loc, "type")
        fault = ConfigFault(_dotted(loc), message, _where(loc, document, overrides))
        faults.setdefault((fault.path, fault.message), fault)
    return list(faults.values())


def _plain_loc(details: ErrorDetails, data: Any) -> Loc:
    """The location without pydantic's labels of union members, which name no place in the file."""
    keep_last = details["type"] in ("missing", "extra_forbidden")
    raw = details["loc"]
    loc: list[str | int] = []
    here = data
    for number, step in enumerate(raw):
        last = number == len(raw) - 1
        if isinstance(here, Mapping) and step in here:
            here = here[str(step)]
        elif isinstance(here, Sequence) and not isinstance(here, str) and isinstance(step, int) and step < len(here):
            here = here[step]
        elif not (last and keep_last):
            continue
        loc.append(step)
    return tuple(loc)


def _dotted(loc: Loc) -> str:
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _where(loc: Loc, document: YamlDocument, overrides: Mapping[str, str]) -> str:
    for length in range(len(loc), 0, -1):
        override = overrides.get(".".join(map(str, loc[:length])))
        if override is not None:
            return f"--set {override}"
    return document.where(loc)


def _message(details: ErrorDetails, loc: Loc, registry: Registry, data: Mapping[str, Any]) -> str:
    kind = details["type"]
    block = str(loc[0]) if len(loc) == 1 and loc[0] in COMPONENT_FIELDS else None
    if block is not None:
        said = _block_message(kind, details["input"], block, registry)
        if said is not None:
            return said
    if kind == "missing":
        return "missing"
    if kind == "extra_forbidden":
        return _unknown_field(str(loc[-1]), _fields_at(registry.run_config_model(), loc[:-1], data))
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind in _EXPECTED:
        return f"{_shown(details['input'])}: expected {_EXPECTED[kind].format(**details.get('ctx', {}))}"
    said = details["msg"].removeprefix("Input should be ")
    return f"{_shown(details['input'])}: expected {said}"


def _block_message(error: str, value: Any, kind: str, registry: Registry) -> str | None:
    """What to say of a component block that names no component."""
    installed = [spec.name for spec in registry.specs(kind)]
    names = ", ".join(installed) or "none"
    if error == "missing":
        default = DEFAULT_COMPONENTS.get(kind)
        why = f" (the default, {default}, is not usable here)" if default else ""
        return f"missing{why}; write {kind}: {{type: <name>}}. Installed: {names}."
    if error == "union_tag_not_found":
        return f"missing; installed: {names}."
    if error == "union_tag_invalid" and isinstance(value, Mapping):
        name = value.get("type")
        return (
            registry.explain_unknown(kind, name)
            if isinstance(name, str)
            else f"{_shown(name)}: expected a name; installed: {names}."
        )
    if error in ("dict_type", "model_type", "model_attributes_type"):
        name = value if value in installed else "<name>"
        return f"{_shown(value)}: expected a mapping, {{type: {name}}}; installed: {names}."
    return None


def _unknown_field(name: str, fields: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, fields, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"no such field{hint}{'' if close else ';'} Fields: {', '.join(fields) or 'none'}"


def _fields_at(model: type[BaseModel], loc: Loc, data: Any) -> list[str]:
    """Names of the fields of the block at ``loc``, following the union by the block's ``type``."""
    current: list[type[BaseModel]] = [model]
    for step in loc:
        data = data[step]
        found: list[type[BaseModel]] = []
        for candidate in current:
            field = candidate.model_fields.get(str(step))
            if field is not None:
                found.extend(_models_in(field.annotation))
        tag = data.get("type") if isinstance(data, Mapping) else None
        tagged = [item for item in found if "type" in item.model_fields and item.model_fields["type"].default == tag]
        current = tagged or found
    return [name for candidate in current for name in candidate.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]


def _shown(value: Any) -> str:
    """The value as a run file would write it, cut to a line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
