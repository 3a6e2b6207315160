"""JSON schema of a suite, for completion and checking in an editor.

A suite holds parts of run files. The schema of such a part is that of a run file in which nothing has to be there, and
in which a block of a component may also do without its ``type``: it then changes fields of the block that it is laid
over, of whichever component that is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vpr_core.config import BLOCKS
from vpr_runner.bench.suite import SETTINGS_KEY, STAGES, STAGES_KEY, Suite

if TYPE_CHECKING:
    from vpr_core import Registry

__all__ = ["suite_schema"]

Schema = dict[str, Any]
_STAGES: Schema = {
    "type": "array",
    "items": {"enum": list(STAGES)},
    "minItems": 1,
    "description": "Stages that make sense for it; default: the suite's.",
}
_SETTINGS: Schema = {
    "type": "array",
    "items": {"type": "string"},
    "minItems": 1,
    "description": "Labels of the settings that it makes sense in; default: all.",
}


def suite_schema(registry: Registry) -> Schema:
    """Return the JSON schema (draft 2020-12) of the suites that ``vpr bench`` runs with what ``registry`` holds.

    What lies between several parts (a label that is no method, a field that the component laid over does not have) is
    for `vpr validate`, which reads a suite whole.

    Raises:
        PluginError: a component's config holds what no schema can say.
    """
    run = registry.json_schema()
    definitions: Schema = run.pop("$defs")
    definitions |= {
        "part": _part(run, definitions, more={}),
        "setting": _part(run, definitions, more={STAGES_KEY: _STAGES}),
        "method": _part(run, definitions, more={STAGES_KEY: _STAGES, SETTINGS_KEY: _SETTINGS}),
        "base": _part(run, definitions, more={"plugins": run["properties"]["plugins"]}),
    }
    schema = Suite.model_json_schema()
    for name, part in (("methods", "method"), ("settings", "setting"), ("tests", "part")):
        place = schema["properties"][name]
        for pattern in place.pop("patternProperties", {}):  # where pydantic writes the pattern of a label
            place.setdefault("propertyNames", {})["pattern"] = pattern
        place["additionalProperties"] = _reference(part)
    schema["properties"]["pretraining"]["anyOf"] = [_reference("part"), {"type": "null"}]
    schema["properties"]["base"]["anyOf"] = [{"type": "string"}, _reference("base")]
    head = {"$schema": run["$schema"]}
    return head | schema | {"title": "vpr suite", "$defs": schema.get("$defs", {}) | definitions}


def _part(run: Schema, definitions: Mapping[str, Schema], *, more: Schema) -> Schema:
    """Part of a run file, with ``more`` keys; plug-ins are the whole suite's."""
    properties = {name: place for name, place in run["properties"].items() if name != "plugins"}
    for block in BLOCKS.values():
        if len(block.path) == 1 and not block.many:
            properties[block.path[0]] = _laid_over(properties[block.path[0]], definitions)
    return {"type": "object", "additionalProperties": False, "properties": properties | more}


def _laid_over(place: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """A component's block: one with its ``type``, or fields of any that may stand there."""
    options = place.get("oneOf") or next((each["oneOf"] for each in place.get("anyOf", ()) if "oneOf" in each), [place])
    fields: dict[str, list[Schema]] = {}
    for option in options:
        for name, field in _at(option, definitions).get("properties", {}).items():
            if name != "type" and field not in fields.setdefault(name, []):
                fields[name].append(field)
    changed = {
        "type": "object",
        "not": {"required": ["type"]},
        "additionalProperties": False,
        "properties": {name: found[0] if len(found) == 1 else {"anyOf": found} for name, found in fields.items()},
        "description": "Changes fields of the block that it is laid over.",
    }
    whole = {key: value for key, value in place.items() if key not in ("default", "description")}
    return {"anyOf": [whole, changed], **({"description": place["description"]} if "description" in place else {})}


def _at(option: Schema, definitions: Mapping[str, Schema]) -> Schema:
    return definitions[option["$ref"].rpartition("/")[2]] if "$ref" in option else option


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
