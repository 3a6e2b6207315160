"""JSON schema of a run file, for completion and documentation in an editor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_core.registry import Registry

__all__ = ["json_schema"]


def json_schema(registry: Registry) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the run files that ``registry`` accepts."""
    schema = registry.run_config_model().model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "vpr run file"} | schema
