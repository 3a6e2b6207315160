"""What a network is known by is what a run file says of it, whoever asks and whatever else the run file holds."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from vpr_core.config import components_of
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.assembly import assemble
from vpr_runner.network.storage import fingerprint, tensor_digest


@pytest.mark.parametrize("kind", ["backbone", "pooling"])
def test_blocks_are_those_of_the_run_file_without_the_origin_of_the_weights(
    kind: str, make_config: Any, engine_registry: Any
) -> None:
    """Of every installed component: digests and exported files were made of the whole run's dump before."""
    specs = [
        spec
        for spec in engine_registry.specs(kind)
        if not any(field.is_required() for name, field in spec.config.model_fields.items() if name != "type")
    ]
    assert len(specs) > 3
    for spec in specs:
        config = make_config().model_copy(update={kind: spec.config(type=spec.name)})
        expected = config.model_dump(mode="json", include={"backbone", "pooling"})
        expected["backbone"].pop("weights", None)
        found = Architecture.of(config).blocks()
        assert found == expected, spec.name
        assert list(found) == list(expected)


def test_the_fingerprint_is_the_published_formula(make_config: Any, engine_registry: Any) -> None:
    config = make_config(image={"size": [32, 40], "interpolation": "bicubic"}, pooling={"type": "gem"})
    network = assemble(config, engine_registry)
    dump = json.loads(config.model_dump_json())
    del dump["backbone"]["weights"]
    said = {
        "backbone": dump["backbone"],
        "pooling": dump["pooling"],
        "image": {"size": [32, 40], "interpolation": "bicubic"},
    }
    text = json.dumps(said, sort_keys=True) + tensor_digest(network.state_dict())
    assert fingerprint(network, Architecture.of(config)) == hashlib.sha256(text.encode()).hexdigest()


def test_components_of_a_run_are_found_in_sections_and_lists_too(make_config: Any, engine_registry: Any) -> None:
    config = make_config(compute={"runtime": {"type": "torch"}}, rerank=None)
    found = [(kind, component.type) for kind, component in components_of(config, ("pooling", "runtime", "reranker"))]
    assert found == [("pooling", config.pooling.type), ("runtime", "torch")]
    assert list(Architecture.of(config).components) == list(components_of(config, ("backbone", "pooling")))
