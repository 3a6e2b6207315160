"""All components of an environment and the run files they allow: made once per process by the host and handed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core.catalogue import Catalogue
from vpr_core.errors import PluginError
from vpr_core.loader import load_plugins

if TYPE_CHECKING:
    from vpr_core.config import RunConfig

__all__ = ["Registry", "build_registry"]


class Registry(Catalogue):
    """A `vpr_core.catalogue.Catalogue` that can also be asked for its run files.

    Neither of the two knows the other: the components are found without the run model, and the run model is made of any
    catalogue. What reads run files is imported when first asked for, as a list of components needs none of it.
    """

    def run_config_model(self, names: Mapping[str, Sequence[str]] | None = None) -> type[RunConfig]:
        """The run-file model that knows every installed component, or those of ``names`` (names for each kind)."""
        from vpr_core.config.model import run_config_model

        return run_config_model(self, names)

    def json_schema(self) -> dict[str, Any]:
        """JSON schema of a run file, for an editor."""
        from vpr_core.config.schema import json_schema

        return json_schema(self)


def build_registry(
    *,
    plugin_files: Sequence[str | Path] = (),
    disabled: Iterable[str] | None = None,
    strict: bool = False,
) -> Registry:
    """Load all plug-ins and make the registry.

    Args:
        plugin_files: local plug-ins, ``["./idea.py"]``.
        disabled: distributions to leave out; None reads the environment variable ``VPR_DISABLE_PLUGINS``.
        strict: a plug-in that fails is an error instead of an entry in ``registry.failures``.

    Raises:
        PluginError: two plug-ins use one name; or ``strict`` and a plug-in failed.
        UsageError: a file of ``plugin_files`` cannot be read.
    """
    report = load_plugins(plugin_files=plugin_files, disabled=disabled)
    if strict and report.failures:
        raise PluginError("plug-ins failed to load: " + "; ".join(map(str, report.failures)))
    return Registry(report)
