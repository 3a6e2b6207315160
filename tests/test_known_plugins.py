"""What vpr-core says of a component whose plug-in is missing is what the plug-ins yield."""

from __future__ import annotations

import pytest

from vpr_core import build_registry
from vpr_core.known_plugins import KNOWN


@pytest.mark.parametrize("distribution", KNOWN)
def test_names_are_those_that_the_plugin_yields(distribution: str) -> None:
    yielded: dict[str, set[str]] = {}
    for plugin in build_registry().plugins:
        if plugin.origin.distribution == distribution:
            for spec in plugin.specs:
                yielded.setdefault(spec.kind, set()).add(spec.name)
            if models := plugin.models():
                yielded["model"] = {model.name for model in models}
    if not yielded:
        pytest.skip(f"{distribution} is not installed")
    assert yielded == {kind: set(names) for kind, names in KNOWN[distribution].items()}


@pytest.mark.parametrize(
    ("kind", "name", "distribution"),
    [
        ("backbone", "hub_megaloc", "vpr-torchhub"),
        ("index", "qdrant", "vpr-qdrant"),
        ("pooling", "salad", "vpr-modern-pooling"),
    ],
)
def test_a_missing_plugin_is_named(kind: str, name: str, distribution: str) -> None:
    registry = build_registry(disabled=list(KNOWN))
    said = registry.explain_unknown(kind, name)
    assert f"no {kind} named {name!r}" in said
    assert f"it comes with {distribution}, which is not installed here" in said
    assert "comes with" not in registry.explain_unknown(kind, "of_nobody")
