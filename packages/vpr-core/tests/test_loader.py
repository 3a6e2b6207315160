from __future__ import annotations

import sys
from textwrap import dedent

import pytest

from vpr_core import PluginError, UsageError, build_registry
from vpr_core.loader import canonical_name, disabled_distributions, discover

HOOKLESS = "x = 1"


def test_installed_plugins_are_found_sorted_and_named(site, pooling_code) -> None:
    site.install("Zoo_Pool", pooling_code("zebra"), version="0.2")
    site.install("ant.pool", pooling_code("ant"), version="1.5")
    registry = site.registry()
    assert [plugin.origin.identity for plugin in registry.plugins] == ["ant.pool:main", "Zoo_Pool:main"]
    assert [spec.name for spec in registry.specs("pooling")] == ["ant", "zebra"]
    assert str(registry.origin("pooling", "zebra")) == "Zoo_Pool 0.2"
    assert registry.failures == ()


def test_two_entry_points_of_one_name_both_load(site, pooling_code) -> None:
    """pluggy's own loader drops one of them."""
    site.install("vpr-a", pooling_code("a"), entry="pooling")
    site.install("vpr-b", pooling_code("b"), entry="pooling")
    assert [spec.name for spec in site.registry().specs("pooling")] == ["a", "b"]


def test_two_entry_points_of_one_distribution_both_load(site, pooling_code) -> None:
    site.install("vpr-a", pooling_code("a"), entry="one")
    site.install("vpr-a", pooling_code("b"), entry="two")
    assert [plugin.origin.identity for plugin in site.registry().plugins] == ["vpr-a:one", "vpr-a:two"]


BROKEN = {
    "import error": ("import not_there_at_all", "ModuleNotFoundError: No module named 'not_there_at_all'"),
    "syntax error": ("def f(:", "SyntaxError"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3"),
    "no hook": (HOOKLESS, "implements no hook; define at least one of vpr_backbones"),
    "misspelt hook": (
        "@hookimpl\ndef vpr_pooling():\n    return []",
        "unknown hook 'vpr_pooling' (did you mean 'vpr_poolings'?)",
    ),
    "hook without its mark": (
        "def vpr_poolings():\n    return []",
        "vpr_poolings is not marked as a hook; write @vpr_core.hookimpl above it",
    ),
    "unknown argument": ("@hookimpl\ndef vpr_poolings(registry):\n    return []", "registry"),
    "hook raises": ("@hookimpl\ndef vpr_poolings():\n    raise RuntimeError('boom')", "RuntimeError: boom"),
    "generator raises halfway": (
        """
class Config(ComponentConfig):
    type: Literal["half"] = "half"
@hookimpl
def vpr_poolings():
    yield PoolingSpec(name="half", config=Config, build=lambda c, f: c, summary="x")
    raise RuntimeError("halfway")
""",
        "RuntimeError: halfway",
    ),
    "returns nothing": ("@hookimpl\ndef vpr_poolings():\n    pass", "vpr_poolings returned None; yield specs"),
    "returns a number": (
        "@hookimpl\ndef vpr_poolings():\n    return 3",
        "must yield specs or return a list of them, got int",
    ),
    "returns text": ("@hookimpl\ndef vpr_poolings():\n    return 'abc'", "got str"),
    "yields a class": (
        "@hookimpl\ndef vpr_poolings():\n    yield PoolingSpec",
        "TypeError: vpr_poolings must yield PoolingSpec, got <class",
    ),
    "newer hooks": (
        "VPR_HOOK_API = 99\n" + HOOKLESS,
        "written for version 99 of the hooks, this vpr-core has 1; upgrade vpr-core",
    ),
    "older hooks": ("VPR_HOOK_API = 0\n" + HOOKLESS, "upgrade the plug-in"),
    "nonsense version": (
        "VPR_HOOK_API = 'one'\n" + HOOKLESS,
        "VPR_HOOK_API must be a whole number such as 1, got 'one'",
    ),
    "terminal control": ("raise ValueError('\\x1b[31mred\\x1b[0m\\n' + 'x' * 5000)", "ValueError: [31mred [0m xxx"),
}


@pytest.mark.parametrize(("code", "said"), BROKEN.values(), ids=[name.replace(" ", "_") for name in BROKEN])
def test_a_broken_plugin_costs_only_itself_and_is_named(site, pooling_code, code: str, said: str) -> None:
    site.install("vpr-broken", code, version="0.2")
    site.install("vpr-fine", pooling_code("fine"))
    registry = site.registry()
    assert [spec.name for spec in registry.specs("pooling")] == ["fine"]
    (failure,) = registry.failures
    assert (failure.distribution, failure.version, failure.entry) == ("vpr-broken", "0.2", "main")
    assert failure.identity == "vpr-broken:main"
    assert said in failure.error
    assert failure.error.isprintable()
    assert len(failure.error) < 1200
    assert "Traceback" in failure.traceback


def test_strict_makes_a_failure_an_error(site) -> None:
    site.install("vpr-broken", "import not_there_at_all", version="0.2")
    with pytest.raises(PluginError, match=r"plug-ins failed to load: vpr-broken 0\.2 \(ModuleNotFoundError"):
        site.registry(strict=True)


def test_discovery_imports_nothing(site) -> None:
    site.install("vpr-hangs", "raise AssertionError('imported')", version="3")
    (origin,) = site.found()
    assert (str(origin), origin.entry) == ("vpr-hangs 3", "main")


def test_interrupt_is_not_swallowed(site) -> None:
    site.install("vpr-slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        site.registry()


def test_disabled_by_environment_whatever_the_spelling(site, pooling_code, monkeypatch) -> None:
    site.install("Vpr.Loud_Plugin", "raise AssertionError('imported')")
    site.install("vpr-fine", pooling_code("fine"))
    monkeypatch.setenv("VPR_DISABLE_PLUGINS", ",".join([*site.others(), " vpr-loud-plugin ", "", "unknown"]))
    registry = build_registry()
    assert registry.failures == ()
    assert [spec.name for spec in registry.specs("pooling")] == ["fine"]
    assert "Vpr.Loud_Plugin" in registry.disabled
    assert "Plug-ins left out by request:" in registry.explain_unknown("pooling", "loud")


def test_names_are_compared_as_packaging_does(monkeypatch) -> None:
    assert canonical_name(" Vpr__Foo.-Bar ") == "vpr-foo-bar"
    monkeypatch.delenv("VPR_DISABLE_PLUGINS", raising=False)
    assert disabled_distributions() == frozenset()
    assert disabled_distributions(" A_b,,c ") == {"a-b", "c"}


def test_a_local_file_is_a_plugin(site, pooling_code, tmp_path) -> None:
    module = site.install("vpr-other", pooling_code("other"))
    text = (site.folder / f"{module}.py").read_text().replace('"other"', '"idea"')
    file = tmp_path / "my idea.py"
    file.write_text(dedent(text))
    registry = site.registry(plugin_files=[file, str(file)])
    assert registry.failures == ()
    origin = registry.origin("pooling", "idea")
    assert origin.distribution == "my idea.py"
    assert origin.entry == str(file)
    before = origin.version
    assert before.startswith("sha256:")
    file.write_text(dedent(text) + "\n# changed\n")
    assert site.registry(plugin_files=[file]).origin("pooling", "idea").version != before


def test_a_broken_local_file_is_a_failure_and_leaves_no_module(site, tmp_path) -> None:
    before = set(sys.modules)
    file = tmp_path / "idea.py"
    file.write_text("import not_there_at_all\n")
    registry = site.registry(plugin_files=[file])
    (failure,) = registry.failures
    assert failure.distribution == "idea.py"
    assert not [name for name in set(sys.modules) - before if "idea" in name]


@pytest.mark.parametrize(
    ("name", "said"), [("gone.py", "cannot be read"), ("folder.py", "cannot be read"), ("a.txt", "ends in .py")]
)
def test_a_local_file_that_is_no_python_file_is_a_usage_error(site, tmp_path, name: str, said: str) -> None:
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(UsageError, match=said) as caught:
        site.registry(plugin_files=[tmp_path / name])
    assert name in str(caught.value)


def test_the_real_environment_can_be_discovered() -> None:
    assert all(origin.distribution and origin.version and origin.entry for origin in discover())


UNBUILDABLE = {
    "a class that pydantic does not know": "x: Odd = Field(default=Odd(), description='x')",
    "a class it does not know, in a list": "x: list[Odd] = Field(default=[], description='x')",
    "a validator of no field": "y: int = 1\n    @field_validator('x')\n    @classmethod\n    def f(cls, v): return v",
    "a name that exists nowhere": "x: 'Nowhere' = Field(default=1, description='x')",
}


@pytest.mark.parametrize("field", UNBUILDABLE.values(), ids=UNBUILDABLE)
def test_a_config_without_validator_costs_its_plugin_only(site, pooling_code, field: str) -> None:
    """Validators are made late, but never so late that one plug-in's config breaks the run files of all."""
    site.install("vpr-good", pooling_code("good"))
    site.install(
        "vpr-odd",
        f"""
from typing import Literal
from pydantic import Field, field_validator
from vpr_core import ComponentConfig, PoolingSpec, hookimpl

class Odd:
    pass

class Config(ComponentConfig):
    type: Literal["odd"] = "odd"
    {field}

@hookimpl
def vpr_poolings():
    yield PoolingSpec(name="odd", config=Config, build=lambda c, f: c, summary="x")
""",
        head="",
    )
    registry = site.registry()
    assert [spec.name for spec in registry.specs("pooling")] == ["good"]
    assert [failure.distribution for failure in registry.failures] == ["vpr-odd"]


def test_a_plain_config_makes_its_validator_when_it_is_used(site, pooling_code) -> None:
    site.install("vpr-good", pooling_code("good"))
    config = site.registry(strict=True).get("pooling", "good").config
    assert not config.__pydantic_complete__
    assert config().type == "good"
    assert config.__pydantic_complete__
