"""From pydantic's errors to faults a person can act on: path, value, what would be accepted, where it stands."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vpr_core.config.blocks import Block, Loc, block_at
from vpr_core.config.locations import dotted, field_at, fields_at, plain_loc
from vpr_core.config.model import run_config_model
from vpr_core.config.strict_yaml import YamlDocument
from vpr_core.errors import ConfigFault

if TYPE_CHECKING:
    from vpr_core.catalogue import Catalogue

__all__ = ["faults_of", "where_of"]

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


def faults_of(
    error: ValidationError,
    data: Mapping[str, Any],
    catalogue: Catalogue,
    document: YamlDocument,
    overrides: Mapping[str, str],
) -> list[ConfigFault]:
    """Every fault of a validation, with dotted paths of the run file.

    Args:
        error: what pydantic said.
        data: the validated data.
        catalogue: what is installed.
        document: where the data came from, for line numbers.
        overrides: which ``--set`` set which path.
    """
    faults: dict[tuple[str, str], ConfigFault] = {}
    for details in error.errors(include_url=False):
        keep_last = details["type"] in ("missing", "extra_forbidden")
        loc = plain_loc(details["loc"], data, run_config_model(catalogue), keep_last=keep_last)
        message = _message(details, loc, catalogue, data)
        if details["type"] in _TAG_ERRORS:
            loc = (*loc, "type")
        fault = ConfigFault(dotted(loc), message, where_of(loc, document, overrides))
        faults.setdefault((fault.path, fault.message), fault)
    return list(faults.values())


def where_of(loc: Loc, document: YamlDocument, overrides: Mapping[str, str]) -> str:
    """The ``--set`` or the line that says the value at ``loc``."""
    for length in range(len(loc), 0, -1):
        override = overrides.get(".".join(map(str, loc[:length])))
        if override is not None:
            return f"--set {override}"
    return document.where(loc)


def _message(details: ErrorDetails, loc: Loc, catalogue: Catalogue, data: Mapping[str, Any]) -> str:
    kind = details["type"]
    block = block_at(loc)
    if block is not None:
        said = _block_message(kind, details["input"], block, catalogue)
        if said is not None:
            return said
    if kind == "missing":
        return "missing"
    if kind == "extra_forbidden":
        return _unknown_field(str(loc[-1]), fields_at(run_config_model(catalogue), loc[:-1], data))
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind in _EXPECTED:
        expected = _EXPECTED[kind].format(**{name: _number(value) for name, value in details.get("ctx", {}).items()})
        if kind == "string_pattern_mismatch":  # a pattern is for machines; the description says it for people
            field = field_at(run_config_model(catalogue), loc, data)
            expected += f" ({field.description.rstrip('.')})" if field is not None and field.description else ""
        return f"got {_shown(details['input'])}, expected {expected}"
    said = details["msg"].removeprefix("Input should be ")
    return f"got {_shown(details['input'])}, expected {said}"


def _block_message(error: str, value: Any, block: Block, catalogue: Catalogue) -> str | None:
    """What to say of a component block that names no component."""
    installed = [spec.name for spec in catalogue.specs(block.kind)]
    names = ", ".join(installed) or "none"
    if error == "missing":
        why = f" (the default, {block.default}, is not usable here)" if block.default else ""
        return f"missing{why}; write {block.shown}. Installed: {names}."
    if error == "union_tag_not_found":
        return f"missing; installed: {names}."
    if error == "union_tag_invalid" and isinstance(value, Mapping):
        name = value.get("type")
        return (
            catalogue.explain_unknown(block.kind, name)
            if isinstance(name, str)
            else f"got {_shown(name)}, expected a name; installed: {names}."
        )
    if error in ("dict_type", "model_type", "model_attributes_type"):
        name = value if value in installed else "<name>"
        return f"got {_shown(value)}, expected a mapping, {{type: {name}}}; installed: {names}."
    return None


def _unknown_field(name: str, fields: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, fields, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"no such field{hint}{'' if close else ';'} Fields: {', '.join(fields) or 'none'}"


def _number(value: Any) -> Any:
    """A bound as a person writes it: 0, not 0.0."""
    return f"{value:g}" if isinstance(value, float) else value


def _shown(value: Any) -> str:
    """The value as a run file would write it, cut to a line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
