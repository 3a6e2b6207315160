"""Networks by name: what a plug-in may yield, and what is said of a name that nobody has."""

from __future__ import annotations

import textwrap
from dataclasses import replace

import pytest

from vpr_core import ModelSpec, PluginError, UnknownComponentError
from vpr_core.models import check_model

GOOD = ModelSpec(name="a-b", run={"backbone": {"type": "a"}, "pooling": {"type": "b"}}, dim=4, summary="A and b.")
CODE = """
from vpr_core import ModelSpec, hookimpl

@hookimpl
def vpr_models():
    run = {{"backbone": {{"type": "tiny"}}, "pooling": {{"type": "gem"}}}}
    for name in {names!r}:
        yield ModelSpec(name=name, run=run, dim=4, summary="x")
"""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "Two Words"}, "lower-case words joined by dashes"),
        ({"name": "-a"}, "lower-case words"),
        ({"run": {"backbone": {"type": "a"}}}, "run must hold backbone and pooling"),
        ({"run": {**GOOD.run, "dataset": {"type": "city"}}}, "may hold image, init, whiten; got backbone"),
        ({"dim": 0}, "dim must be a whole number above 0"),
        ({"dim": True}, "dim must be"),
        ({"summary": " "}, "summary is empty"),
        ({"licence": "a\nb"}, "licence must be one printable line"),
    ],
)
def test_a_name_that_breaks_the_rules_is_refused(changed: dict, said: str) -> None:
    assert check_model(GOOD) is GOOD
    with pytest.raises(ValueError, match=said):
        check_model(replace(GOOD, **changed))
    with pytest.raises(TypeError, match="must yield ModelSpec"):
        check_model({"name": "a"})


def test_plugins_add_names_and_near_ones_are_suggested(site) -> None:
    site.install("vpr-names", textwrap.dedent(CODE.format(names=["rooms-gem", "rooms-netvlad"])))
    registry = site.registry(strict=True)
    assert list(registry.models) == ["rooms-gem", "rooms-netvlad"]
    assert registry.model("rooms-gem").dim == 4
    assert registry.models["rooms-gem"][1].distribution == "vpr-names"
    with pytest.raises(UnknownComponentError, match="no model named 'room-netvlad'; did you mean 'rooms-netvlad'"):
        registry.model("room-netvlad")
    with pytest.raises(UnknownComponentError, match="'megaloc'; it comes with vpr-torchhub, which is not installed"):
        registry.model("megaloc")


def test_one_name_for_two_networks_is_an_error(site) -> None:
    site.install("vpr-one", textwrap.dedent(CODE.format(names=["rooms-gem"])))
    site.install("vpr-two", textwrap.dedent(CODE.format(names=["rooms-gem"])))
    registry = site.registry(strict=True)  # nobody has asked for a name
    with pytest.raises(PluginError, match=r"model 'rooms-gem': vpr-one .* and vpr-two"):
        assert registry.models


def test_a_plugin_that_yields_a_name_twice_is_named(site) -> None:
    site.install("vpr-one", textwrap.dedent(CODE.format(names=["a", "a"])))
    with pytest.raises(PluginError, match=r"vpr-one .*: its hook vpr_models failed .*yields the model 'a' twice"):
        assert site.registry().models
