"""What is installed is found, comes in by the same door as a stranger's package, and costs nothing to list."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vpr_core import CAPABILITIES, KINDS, PluginError, UnknownComponentError, build_registry
from vpr_core.config import BLOCKS, parse_run, to_yaml
from vpr_core.hookspecs import HOOK_OF_KIND
from vpr_core.loader import discover

ROOT = Path(__file__).resolve().parents[1]
LEAVES = ("vpr-backbones", "vpr-data", "vpr-eval", "vpr-losses", "vpr-pooling", "vpr-rerank", "vpr-sequences")
PLUGINS = tuple(sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")))
RUN = """
dataset: {type: city, size: small}
backbone: {type: tiny}
pooling: {type: netvlad, num_clusters: 16}
"""
IDEA = '''
from typing import Literal

from pydantic import Field

from vpr_core import ComponentConfig, PoolingSpec, hookimpl


class IdeaConfig(ComponentConfig):
    """Parameters of the idea."""

    type: Literal["NAME"] = "NAME"
    power: float = Field(default=2.0, gt=0, description="Exponent.")


@hookimpl
def vpr_poolings():
    yield PoolingSpec(name="NAME", config=IdeaConfig, build=lambda config, features: config, summary="An idea.")
'''


def idea(folder: Path, name: str = "idea") -> Path:
    file = folder / "idea.py"
    file.write_text(IDEA.replace("NAME", name), encoding="utf-8")
    return file


def test_every_leaf_is_a_plugin_like_any_other() -> None:
    assert {origin.distribution for origin in discover()} >= set(LEAVES)
    registry = build_registry(strict=True)
    assert {plugin.origin.distribution for plugin in registry.plugins} >= set(LEAVES)
    for kind in KINDS:
        assert registry.specs(kind), f"nothing of kind {kind} is installed"


def test_the_kinds_are_those_of_the_hooks() -> None:
    assert list(HOOK_OF_KIND) == list(KINDS)


@pytest.mark.parametrize("leaf", [*LEAVES, *PLUGINS])
def test_any_of_them_can_be_left_out_and_the_rest_works(leaf: str) -> None:
    if leaf not in {origin.distribution for origin in discover()}:
        pytest.skip(f"{leaf} is not installed")
    whole, rest = build_registry(), build_registry(disabled=[leaf])
    assert rest.disabled == (leaf,)
    assert rest.failures == whole.failures
    gone = {
        (spec.kind, spec.name)
        for plugin in whole.plugins
        if plugin.origin.distribution == leaf
        for spec in plugin.specs
    }
    left = {(spec.kind, spec.name) for kind in KINDS for spec in rest.specs(kind)}
    assert gone
    assert not gone & left
    kind, name = sorted(gone)[0]
    with pytest.raises(UnknownComponentError, match=f"Plug-ins left out by request: {leaf}"):
        rest.get(kind, name)
    assert rest.json_schema()


def test_a_run_of_built_in_components_reads_back() -> None:
    registry = build_registry()
    config = parse_run(RUN, registry)
    assert config.pooling.num_clusters == 16  # type: ignore[attr-defined]
    assert parse_run(to_yaml(config), registry) == config


def test_a_local_file_stands_beside_the_built_in_ones(tmp_path: Path) -> None:
    registry = build_registry(plugin_files=[idea(tmp_path)])
    names = [spec.name for spec in registry.specs("pooling")]
    assert {"idea", "netvlad"} <= set(names)
    config = parse_run(RUN.replace("type: netvlad, num_clusters: 16", "type: idea, power: 3"), registry)
    assert registry.build("pooling", config.pooling, None).power == 3.0


def test_shadowing_a_built_in_component_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"pooling 'netvlad': vpr-pooling [0-9.]+ and idea\.py sha256:[0-9a-f]{12}"):
        build_registry(plugin_files=[idea(tmp_path, "netvlad")])


def place(schema: dict[str, Any], kind: str) -> dict[str, Any]:
    """What the schema says at the block of a kind."""
    here = schema
    for key in BLOCKS[kind].path:
        here = schema["$defs"][here["$ref"].rpartition("/")[2]] if "$ref" in here else here
        here = here["properties"][key]
    return here


def test_every_component_says_what_it_is() -> None:
    registry = build_registry()
    schema = registry.json_schema()
    for kind in KINDS:
        for spec in registry.specs(kind):
            assert spec.summary
            bare = [
                name for name, field in spec.config.model_fields.items() if name != "type" and not field.description
            ]
            assert not bare, f"{kind} {spec.name}: {bare} without description"
            assert f'"{spec.name}": "#/$defs/' in json.dumps(place(schema, kind))


def test_discovery_validation_and_schema_import_neither_torch_nor_numpy() -> None:
    script = f"""
import sys
from vpr_core import build_registry
from vpr_core.config import parse_run
registry = build_registry(strict=True)
parse_run({RUN!r}, registry)
registry.json_schema()
heavy = sorted({{"torch", "numpy", "scipy", "PIL", "faiss", "torchvision", "timm", "pytest"}} & set(sys.modules))
assert not heavy, heavy
"""
    environment = {name: value for name, value in os.environ.items() if name != "VPR_DISABLE_PLUGINS"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_assembling_and_running_and_training_a_network_does_not_import_the_compiler() -> None:
    code = (
        "import sys, torch; from vpr_core import build_registry; from vpr_core.config import parse_run\n"
        "from vpr_runner import assemble; from vpr_runner.training.state import make_optimizer\n"
        "registry = build_registry()\n"
        "text = 'dataset: {type: city}\\nbackbone: {type: resnet18, weights: none}\\npooling: {type: netvlad}'\n"
        "config = parse_run(text, registry)\n"
        "network = assemble(config, registry)\n"
        "optimizer = make_optimizer(network, config.train)\n"
        "network(torch.zeros(1, 3, 32, 48, dtype=torch.uint8)).sum().backward()\n"
        "optimizer.step(); optimizer.zero_grad(); optimizer.load_state_dict(optimizer.state_dict())\n"
        "sys.exit(', '.join(name for name in ('torch._dynamo', 'sympy') if name in sys.modules) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_component_may_do_is_declared() -> None:
    """All that reach beyond computing, by name: whoever adds one decides it here once more."""
    registry = build_registry(strict=True)
    declared = {(kind, spec.name): spec.declared for kind in KINDS for spec in registry.specs(kind) if spec.declared}
    weights = {spec.name for spec in registry.specs("backbone") if spec.capabilities is not None}
    for name in weights:
        spec = registry.get("backbone", name)
        model = {"model": "test_resnet"} if name == "timm" else {}
        assert spec.needed(spec.config(**model)) == {"reaches_network", "reads_environment"}
        for harmless in ("none", "file.safetensors"):
            assert spec.needed(spec.config(weights=harmless, **model)) == frozenset()
    assert {"timm", "resnet18", "vgg16", "alexnet"} <= weights
    hubs = {
        spec.name
        for spec in registry.specs("backbone")
        if registry.origin("backbone", spec.name).distribution == "vpr-torchhub"
    }
    of_files = {"hub_mixvpr", "hub_convap", "hub_patch_netvlad"}  # tensors of a file, into networks of ours
    assert all(declared[("backbone", name)] == set(CAPABILITIES) for name in hubs - of_files)
    assert not any(("backbone", name) in declared for name in of_files)
    others = {key for key in declared if key[1] not in weights | hubs}
    assert others <= {("index", "qdrant"), ("engine", "ray"), ("reranker", "vismatch")}
    assert all({"reaches_network", "reads_environment"} <= declared[key] for key in others)
