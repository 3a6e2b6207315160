"""Run files: the model, the strict YAML loader, overrides, dump, hash and JSON schema."""

from __future__ import annotations

from vpr_core.config.blocks import BLOCKS, Block, components_of
from vpr_core.config.dump import config_hash, to_yaml
from vpr_core.config.files import load_run_file, make_run, parse_run, plugins_of_run_file
from vpr_core.config.model import DEFAULT_COMPONENTS, run_config_model
from vpr_core.config.run import COMPONENT_FIELDS, SCHEDULING_FIELDS, RunConfig
from vpr_core.config.schema import json_schema
from vpr_core.config.sections import (
    AugmentConfig,
    ComputeConfig,
    EvalConfig,
    ImageConfig,
    InitConfig,
    PositivesConfig,
    TrainConfig,
    WhitenConfig,
)
from vpr_core.config.strict_yaml import YamlDocument, parse_yaml, read_yaml

__all__ = [
    "BLOCKS",
    "COMPONENT_FIELDS",
    "DEFAULT_COMPONENTS",
    "SCHEDULING_FIELDS",
    "AugmentConfig",
    "Block",
    "ComputeConfig",
    "EvalConfig",
    "ImageConfig",
    "InitConfig",
    "PositivesConfig",
    "RunConfig",
    "TrainConfig",
    "WhitenConfig",
    "YamlDocument",
    "components_of",
    "config_hash",
    "json_schema",
    "load_run_file",
    "make_run",
    "parse_run",
    "parse_yaml",
    "plugins_of_run_file",
    "read_yaml",
    "run_config_model",
    "to_yaml",
]
