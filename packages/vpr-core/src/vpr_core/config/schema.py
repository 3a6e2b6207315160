"""JSON schema of a run file, for completion and documentation in an editor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

from vpr_core.config.blocks import BLOCKS, Block
from vpr_core.config.model import run_config_model
from vpr_core.errors import PluginError

if TYPE_CHECKING:
    from vpr_core.catalogue import Catalogue

__all__ = ["json_schema"]


def json_schema(registry: Catalogue) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the run files that ``registry`` accepts.

    Every block of a component demands its ``type`` and says in its description what the component is, so that an editor
    completes the names and shows the paper.

    Raises:
        PluginError: a component's config holds what no schema can say; names the component and its distribution.
    """
    try:
        schema: dict[str, Any] = run_config_model(registry).model_json_schema(schema_generator=_Generator)
    except Exception:
        _blame(registry)
        raise
    _check_nothing_is_left_out(registry, schema)
    definitions: dict[str, Any] = schema.get("$defs", {})
    for block in BLOCKS.values():
        place = _property(block, schema)
        mapping = _mapping(place)
        for spec in registry.specs(block.kind):
            definition = definitions[mapping[spec.name].rpartition("/")[2]]
            description = f"{spec.summary.rstrip('.')}."
            if spec.paper:
                description += f" {spec.paper.rstrip('.')}."
            definition["title"] = f"{block.kind} {spec.name}"
            definition["description"] = description
            definition["required"] = ["type", *(name for name in definition.get("required", ()) if name != "type")]
            definition["properties"]["type"]["description"] = description
        place["description"] = f"{place.get('description', block.kind)} Installed: {', '.join(mapping) or 'none'}."
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return head | schema | {"title": "vpr run file"}


class _Generator(GenerateJsonSchema):
    """Writes a default as it stands where JSON can: pydantic makes a serialiser for each of them."""

    def encode_default(self, dft: Any) -> Any:
        """Return ``dft`` as JSON holds it."""
        finite = type(dft) is float and math.isfinite(dft)
        return dft if finite or type(dft) in (type(None), bool, int, str) else super().encode_default(dft)


def _check_nothing_is_left_out(registry: Catalogue, schema: dict[str, Any]) -> None:
    """pydantic leaves out the member of a union that has no schema, as long as another one has."""
    for block in BLOCKS.values():
        mapping = _mapping(_property(block, schema))
        if any(spec.name not in mapping for spec in registry.specs(block.kind)):
            _blame(registry)


def _property(block: Block, schema: dict[str, Any]) -> dict[str, Any]:
    """The property at which a block stands."""
    place: dict[str, Any] = schema
    for key in block.path:
        if "$ref" in place:
            place = schema["$defs"][place["$ref"].rpartition("/")[2]]
        place = place["properties"][key]
    return place


def _mapping(place: dict[str, Any]) -> dict[str, str]:
    """Names of the components that may stand there, and where each is defined; of a list those of its items."""
    options = [place, place.get("items", {}), *place.get("anyOf", ())]
    found: list[dict[str, str]] = [
        option["discriminator"]["mapping"] for option in options if "discriminator" in option
    ]
    return {name: target for name, target in (found[0] if found else {}).items() if name[:1] != "("}


def _blame(registry: Catalogue) -> None:
    """Find the component to blame when the whole schema fails for a reason that names nobody."""
    for kind in BLOCKS:
        for spec in registry.specs(kind):
            try:
                spec.config.model_json_schema()
            except Exception as error:
                origin = registry.origin(kind, spec.name)
                raise PluginError(
                    f"{kind} {spec.name!r} of {origin}: its config has no JSON schema ({error}); "
                    "use plain types, or give the field's type a __get_pydantic_json_schema__"
                ) from error
