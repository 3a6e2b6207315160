from __future__ import annotations

import subprocess
import sys

import pytest

from vpr_core import ComponentConfig, FeatureSpec, PluginError, UnknownComponentError, UsageError

SPEC = 'PoolingSpec(name="a", config=Config, build=lambda c, f: c, summary="x")'
RULES = {
    "upper case": ('"a"', '"A"', "name must match"),
    "path": ('name="a"', 'name="../a"', "name must match"),
    "trailing newline": ('name="a"', 'name="a\\n"', "name must match"),
    "control character": ('name="a"', 'name="\\x1b[31m"', "name must match"),
    "endless": ('name="a"', 'name="a" * 10000', "name must match"),
    "number": ('name="a"', "name=3", "name must match"),
    "other literal": ('Literal["a"] = "a"', 'Literal["b"] = "b"', 'give Config the field type: Literal["a"] = "a"'),
    "two literals": ('Literal["a"] = "a"', 'Literal["a", "b"] = "a"', "not the literal"),
    "plain text type": ('Literal["a"] = "a"', 'str = "a"', "not the literal"),
    "no default": ('Literal["a"] = "a"', 'Literal["a"]', "no default"),
    "alias": ('Literal["a"] = "a"', 'Literal["a"] = Field("a", alias="kind")', "no alias"),
    "config is no model": ("config=Config", "config=dict", "config must be a subclass of vpr_core.ComponentConfig"),
    "config is an instance": ("config=Config", "config=Config()", "config must be a subclass"),
    "config is a foreign model": (
        "(ComponentConfig)",
        "(__import__('pydantic').BaseModel)",
        "config must be a subclass",
    ),
    "no such annotation": ('= "a"', '= "a"\n    x: NotThere = 3', "NotThere"),
    "build is no function": ("build=lambda c, f: c", "build=None", "build must be a function"),
    "build is a class": ("build=lambda c, f: c", "build=dict", "build must be a function"),
    "empty summary": ('summary="x"', 'summary=" "', "summary is empty"),
    "summary of two lines": ('summary="x"', 'summary="x\\ny"', "one printable line"),
    "wrong hook": ("vpr_poolings", "vpr_losses", "vpr_losses must yield LossSpec"),
    "twice": (f"yield {SPEC}", f"yield {SPEC}; yield {SPEC}", "yields the pooling 'a' twice"),
}


@pytest.mark.parametrize(("old", "new", "said"), RULES.values(), ids=[name.replace(" ", "_") for name in RULES])
def test_a_spec_that_breaks_a_rule_is_refused_with_the_reason(site, old: str, new: str, said: str) -> None:
    code = f"""
class Config(ComponentConfig):
    type: Literal["a"] = "a"

@hookimpl
def vpr_poolings():
    yield {SPEC}
"""
    assert old in code
    site.install("vpr-a", code.replace(old, new))
    registry = site.registry()
    assert registry.specs("pooling") == ()
    (failure,) = registry.failures
    assert said in failure.error
    site.install("vpr-b", code)
    assert [spec.name for spec in site.registry().specs("pooling")] == ["a"]


def test_one_name_twice_names_both_distributions_and_versions(site, pooling_code) -> None:
    site.install("vpr-one", pooling_code("same"), version="1.2")
    site.install("vpr-two", pooling_code("same"), version="3.4")
    with pytest.raises(PluginError, match=r"pooling 'same': vpr-one 1\.2 and vpr-two 3\.4.*VPR_DISABLE_PLUGINS"):
        site.registry()


def test_one_name_in_two_kinds_is_fine(site, pooling_code) -> None:
    site.install("vpr-one", pooling_code("same"))
    site.install(
        "vpr-two", pooling_code("same").replace("vpr_poolings", "vpr_indexes").replace("PoolingSpec", "IndexSpec")
    )
    registry = site.registry()
    assert registry.get("pooling", "same") is not registry.get("index", "same")


def test_an_unknown_name_is_answered_with_everything_that_helps(registry, site) -> None:
    site.install("vpr-foo", "import not_there_at_all", version="0.2")
    with pytest.raises(UnknownComponentError) as caught:
        site.registry().get("pooling", "NetVLD")
    assert str(caught.value).startswith(
        "no pooling named 'NetVLD'; did you mean 'netvlad'? Installed: gem, netvlad. Plug-ins that failed to load: "
        "vpr-foo 0.2 (ModuleNotFoundError: No module named 'not_there_at_all')."
    )
    assert isinstance(caught.value, UsageError)
    with pytest.raises(UnknownComponentError, match=r"no index named 'quantum'\. Installed: flat\."):
        site.registry().get("index", "quantum")
    assert len(site.registry().explain_unknown("pooling", "\x1b[31m" * 100)) < 600
    assert "\x1b" not in site.registry().explain_unknown("pooling", "\x1b[31m")


def test_an_unknown_kind_is_a_mistake_of_the_host(registry) -> None:
    kinds = "backbone, pooling, loss, miner, dataset, index, engine, sequence, reranker, runtime, logger"
    with pytest.raises(ValueError, match=f"kind must be one of {kinds}, got 'pool'"):
        registry.specs("pool")


def test_build_hands_config_and_arguments_to_the_component(registry) -> None:
    config = registry.get("pooling", "gem").config(p=4)
    features = FeatureSpec(channels=8, stride=16)
    assert registry.build("pooling", config, features) == (config, features)
    assert registry.build("index", registry.get("index", "flat").config(), 128)[1] == 128


def test_build_refuses_a_config_of_another_component(registry) -> None:
    class Other(ComponentConfig):
        type: str = "gem"

    with pytest.raises(TypeError, match="config must be a Gem to build pooling 'gem', got Other"):
        registry.build("pooling", Other(), FeatureSpec(channels=8, stride=16))
    with pytest.raises(UnknownComponentError, match="no index named 'gem'"):
        registry.build("index", registry.get("pooling", "gem").config(), 3)


def test_an_exception_of_a_component_says_whose_it_is(site, pooling_code) -> None:
    site.install("vpr-bad", pooling_code("bad").replace('("bad", c.size, f)', "1 / 0"), version="0.7")
    registry = site.registry()
    with pytest.raises(ZeroDivisionError) as caught:
        registry.build("pooling", registry.get("pooling", "bad").config(), None)
    assert caught.value.__notes__ == ["while building pooling 'bad' of vpr-bad 0.7"]


def test_registries_are_independent(site, pooling_code) -> None:
    site.install("vpr-one", pooling_code("one"))
    first = site.registry()
    site.install("vpr-two", pooling_code("two"))
    second = site.registry()
    assert [spec.name for spec in first.specs("pooling")] == ["one"]
    assert [spec.name for spec in second.specs("pooling")] == ["one", "two"]
    assert first.run_config_model() is first.run_config_model()
    assert first.run_config_model() is not second.run_config_model()


def test_neither_torch_nor_numpy_is_imported(registry, site, tmp_path) -> None:
    """Help, validation and schema answer at once only as long as nothing heavy comes in."""
    run = tmp_path / "run.yaml"
    run.write_text("dataset: {type: folder, root: .}\nbackbone: {type: tiny}\npooling: {type: netvlad}\n")
    script = f"""
import sys
import vpr_core
registry = vpr_core.build_registry(disabled={site.others()!r})
read = sorted({{"yaml", "vpr_core.config"}} & set(sys.modules))
assert not read, f"only run files need {{read}}"
from vpr_core.config import to_yaml
to_yaml(vpr_core.load_run_file({str(run)!r}, registry))
registry.json_schema()
heavy = sorted({{"torch", "numpy", "pytest", "faiss", "PIL"}} & set(sys.modules))
assert not heavy, heavy
assert registry.failures == (), registry.failures
"""
    environment = {"PYTHONPATH": str(site.folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
