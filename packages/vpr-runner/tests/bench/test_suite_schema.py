"""``vpr schema --suite``: what an editor takes and refuses, asked of a validator of JSON schema."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from vpr_core import build_registry
from vpr_core.config import parse_yaml
from vpr_runner.bench.suite_schema import suite_schema

SUITE = """
name: small
title: One against the other
base:
  dataset: {type: stub_set, root: "${data}/set"}
  backbone: {type: stub_net}
  train: {epochs: 2}
pretraining: {loss: {type: stub_loss}}
methods:
  first: {pooling: {type: stub_other, clusters: 3}, stages: [trained]}
  second, of two: {pooling: {power: 2.0}, settings: [big]}
settings: {big: {backbone: {width: 8}, stages: [untrained]}}
tests: {far: {dataset: {root: elsewhere}}}
plugins: [./idea.py]
"""


@pytest.fixture(scope="module")
def validator() -> Any:
    registry = build_registry(plugin_files=[Path(__file__).parents[1] / "stub_components.py"], disabled=())
    schema = suite_schema(registry)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_a_suite_passes_with_parts_of_run_files(validator: Any) -> None:
    assert list(validator.iter_errors(parse_yaml(SUITE).data)) == []
    assert list(validator.iter_errors({**parse_yaml(SUITE).data, "base": "run.yaml", "pretraining": None})) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("methods/first/pooling/klusters", 3),
        ("methods/first/pooling/power", 3.0),  # a field, but not of this component
        ("methods/second, of two/pooling/power", "much"),
        ("methods/second, of two/poolin", {}),
        ("methods/first/stages", ["finished"]),
        ("methods/first/plugins", ["./other.py"]),
        ("settings/big/settings", ["big"]),
        ("tests/far/stages", ["trained"]),
        ("base/train/epoch", 1),
        ("base/backbone/type", "resnet999"),
        ("seeds", []),
        ("sedes", [1]),
        ("methods", {}),
        ("methods/a|b", {}),
    ],
)
def test_what_vpr_validate_refuses_an_editor_shows(validator: Any, path: str, value: object) -> None:
    suite = copy.deepcopy(parse_yaml(SUITE).data)
    *outer, last = path.split("/")
    here = suite
    for key in outer:
        here = here[key]
    here[last] = value
    assert list(validator.iter_errors(suite))
