"""Hooks, registry, run-file model, errors and contract tests of the vpr toolkit; never imports torch."""

from __future__ import annotations

from vpr_core.components import (
    KINDS,
    BackboneSpec,
    ComponentConfig,
    ComponentSpec,
    DatasetSpec,
    EngineSpec,
    IndexSpec,
    LossSpec,
    MinerSpec,
    PoolingSpec,
)
from vpr_core.config import RunConfig, load_run_file, plugins_of_run_file
from vpr_core.errors import (
    ConfigError,
    ConfigFault,
    PluginError,
    UnknownComponentError,
    UsageError,
    VPRError,
)
from vpr_core.hookspecs import hookimpl
from vpr_core.origin import LoadedPlugin, PluginFailure, PluginOrigin
from vpr_core.registry import Registry, build_registry
from vpr_core.types import FeatureSpec

__all__ = [
    "KINDS",
    "BackboneSpec",
    "ComponentConfig",
    "ComponentSpec",
    "ConfigError",
    "ConfigFault",
    "DatasetSpec",
    "EngineSpec",
    "FeatureSpec",
    "IndexSpec",
    "LoadedPlugin",
    "LossSpec",
    "MinerSpec",
    "PluginError",
    "PluginFailure",
    "PluginOrigin",
    "PoolingSpec",
    "Registry",
    "RunConfig",
    "UnknownComponentError",
    "UsageError",
    "VPRError",
    "build_registry",
    "hookimpl",
    "load_run_file",
    "plugins_of_run_file",
]
__version__ = "0.1.0"
