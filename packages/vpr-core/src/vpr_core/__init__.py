"""Hooks, registry, run-file model, errors and contract tests of the vpr toolkit; never imports torch."""

from __future__ import annotations

from vpr_core.components import (
    KINDS,
    BackboneSpec,
    ComponentConfig,
    ComponentSpec,
    DatasetSpec,
    IndexSpec,
    LossSpec,
    MinerSpec,
    PoolingSpec,
)
from vpr_core.errors import (
    ConfigError,
    ConfigFault,
    PluginError,
    UnknownComponentError,
    UsageError,
    VPRError,
)
from vpr_core.hookspecs import hookimpl
from vpr_core.types import FeatureSpec

__all__ = [
    "KINDS",
    "BackboneSpec",
    "ComponentConfig",
    "ComponentSpec",
    "ConfigError",
    "ConfigFault",
    "DatasetSpec",
    "FeatureSpec",
    "IndexSpec",
    "LossSpec",
    "MinerSpec",
    "PluginError",
    "PoolingSpec",
    "UnknownComponentError",
    "UsageError",
    "VPRError",
    "hookimpl",
]
__version__ = "0.1.0"
