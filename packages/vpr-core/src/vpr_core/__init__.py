"""Hooks, registry, run-file model, errors and contract tests of the vpr toolkit; never imports torch.

What reads run files is loaded when first asked for: neither a plug-in nor a list of components needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vpr_core.components import (
    CAPABILITIES,
    KINDS,
    AdoptedPooling,
    BackboneSpec,
    Capability,
    ComponentConfig,
    ComponentSpec,
    DatasetSpec,
    EngineSpec,
    IndexSpec,
    LoggerSpec,
    LossSpec,
    MinerSpec,
    PoolingSpec,
    RerankerConfig,
    RerankerSpec,
    RuntimeSpec,
    SequenceSpec,
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
from vpr_core.image_needs import ImageNeeds
from vpr_core.models import ModelSpec
from vpr_core.origin import LoadedPlugin, PluginFailure, PluginOrigin
from vpr_core.registry import Registry, build_registry
from vpr_core.types import FeatureSpec

if TYPE_CHECKING:
    from vpr_core.config import RunConfig, load_run_file, plugins_of_run_file

__all__ = [
    "CAPABILITIES",
    "KINDS",
    "AdoptedPooling",
    "BackboneSpec",
    "Capability",
    "ComponentConfig",
    "ComponentSpec",
    "ConfigError",
    "ConfigFault",
    "DatasetSpec",
    "EngineSpec",
    "FeatureSpec",
    "ImageNeeds",
    "IndexSpec",
    "LoadedPlugin",
    "LoggerSpec",
    "LossSpec",
    "MinerSpec",
    "ModelSpec",
    "PluginError",
    "PluginFailure",
    "PluginOrigin",
    "PoolingSpec",
    "Registry",
    "RerankerConfig",
    "RerankerSpec",
    "RunConfig",
    "RuntimeSpec",
    "SequenceSpec",
    "UnknownComponentError",
    "UsageError",
    "VPRError",
    "build_registry",
    "hookimpl",
    "load_run_file",
    "plugins_of_run_file",
]
__version__ = "0.1.0"

_OF_RUN_FILES = ("RunConfig", "load_run_file", "plugins_of_run_file")


def __getattr__(name: str) -> Any:
    if name not in _OF_RUN_FILES:
        raise AttributeError(f"module 'vpr_core' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module("vpr_core.config"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
