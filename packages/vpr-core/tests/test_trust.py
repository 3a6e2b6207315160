"""What an artefact may choose, and what it may not."""

from __future__ import annotations

import shlex
import textwrap

import pytest

from vpr_core import UsageError
from vpr_core.config import parse_run
from vpr_core.trust import ForeignChoiceError, foreign_choices, refuse_foreign_choices

HEAD = """
from __future__ import annotations
from typing import Literal
from pydantic import Field
from vpr_core import (
    BackboneSpec, ComponentConfig, DatasetSpec, EngineSpec, IndexSpec, LoggerSpec, LossSpec, MinerSpec, PoolingSpec,
    hookimpl,
)
def made(*args): return args
def model(name, **fields):
    space = {"__annotations__": {"type": Literal[name]}, "type": name, "__module__": __name__}
    for key, (kind, value) in fields.items():
        space["__annotations__"][key] = kind
        space[key] = Field(default=value, description=key)
    return type(name, (ComponentConfig,), space)
"""
CODE = """
Inner = model("inner", url=(str, ""))
@hookimpl
def vpr_datasets():
    yield DatasetSpec(name="folder", config=model("folder"), build=made, summary="x")
@hookimpl
def vpr_backbones():
    yield BackboneSpec(name="pure", config=model("pure"), build=made, summary="x")
    yield BackboneSpec(
        name="hub", config=model("hub", commit=(str, "abc")), build=made, summary="x", runs_foreign_code=True,
        reaches_network=True,
    )
    yield BackboneSpec(
        name="timm", config=model("timm", weights=(str, "imagenet")), build=made, summary="x", reaches_network=True,
        capabilities=lambda config: () if config.weights == "none" else ("reaches_network",),
    )
    yield BackboneSpec(
        name="raises", config=model("raises"), build=made, summary="x", reads_environment=True,
        capabilities=lambda config: 1 / 0,
    )
    yield BackboneSpec(
        name="sly", config=model("sly"), build=made, summary="x", reads_environment=True,
        capabilities=lambda config: ("starts_processes",),
    )
@hookimpl
def vpr_poolings():
    yield PoolingSpec(name="gem", config=model("gem"), build=made, summary="x")
@hookimpl
def vpr_losses():
    yield LossSpec(name="weakly_supervised_ranking", config=model("weakly_supervised_ranking"), build=made, summary="x")
    yield LossSpec(name="inner", config=Inner, build=made, summary="x", reaches_network=True)
    yield LossSpec(
        name="outer", config=model("outer", losses=(tuple[Inner, ...], (Inner(),))), build=made, summary="x"
    )
@hookimpl
def vpr_miners():
    yield MinerSpec(name="hard_negatives", config=model("hard_negatives"), build=made, summary="x")
@hookimpl
def vpr_indexes():
    yield IndexSpec(name="flat", config=model("flat"), build=made, summary="x")
    yield IndexSpec(
        name="server", config=model("server", url=(str, "http://x"), variable=(str, "KEY")), build=made, summary="x",
        reaches_network=True, reads_environment=True,
    )
@hookimpl
def vpr_engines():
    yield EngineSpec(name="local", config=model("local"), build=made, summary="x")
    yield EngineSpec(name="cluster", config=model("cluster"), build=made, summary="x", starts_processes=True)
@hookimpl
def vpr_loggers():
    yield LoggerSpec(name="csv", config=model("csv"), build=made, summary="x")
    yield LoggerSpec(name="cloud", config=model("cloud", key=(str, "")), build=made, summary="x", reaches_network=True)
"""
RUN = "dataset: {type: folder}\nbackbone: {type: pure}\npooling: {type: gem}\n"


@pytest.fixture
def known(site):
    site.install("vpr-some", CODE, head=HEAD)
    return site.registry(strict=True)


def chosen(known, overrides=(), **options):
    return [item.path for item in foreign_choices(parse_run(RUN, known, overrides), known, **options)]


def test_pure_components_may_be_chosen(known) -> None:
    assert chosen(known) == []
    refuse_foreign_choices(parse_run(RUN, known), known, source="model")
    assert chosen(known, ["backbone={type: timm, weights: none}", "loggers=[{type: csv}]"]) == []


@pytest.mark.parametrize(
    ("override", "path"),
    {
        "backbone={type: hub}": "backbone",
        "backbone={type: timm}": "backbone",
        "backbone={type: raises}": "backbone",
        "backbone={type: sly}": "backbone",
        "index={type: server}": "index",
        "engine={type: cluster}": "engine",
        "loss={type: outer}": "loss",
        "loggers=[{type: csv}, {type: cloud}]": "loggers[1]",
        "plugins=[idea.py]": "plugins[0]",
    }.items(),
)
def test_what_does_more_than_compute_may_not(known, override: str, path: str) -> None:
    assert chosen(known, [override]) == [path]
    raw = parse_run(RUN, known, [override]).model_dump(mode="json")
    assert [item.path for item in foreign_choices(raw, known)] == [path]


def test_all_of_it_is_said_at_once_with_the_reason_and_what_to_write(known) -> None:
    overrides = [
        "backbone={type: hub, commit: 1f2e}",
        "index={type: server, url: 'http://evil'}",
        "plugins=[a/idea.py]",
    ]
    with pytest.raises(ForeignChoiceError) as caught:
        refuse_foreign_choices(parse_run(RUN, known, overrides), known, source="model.safetensors")
    assert isinstance(caught.value, UsageError)
    assert str(caught.value) == (
        "model.safetensors: backbone: backbone 'hub' runs code that is no part of an installed distribution and "
        "reaches the network, which nothing that comes with a file may choose. If you trust it, say so yourself: "
        """--set 'backbone={"type": "hub", "commit": "1f2e"}'\n"""
        "index: index 'server' reaches the network and reads environment variables, which nothing that comes with a "
        "file may choose. If you trust it, say so yourself: "
        """--set 'index={"type": "server", "url": "http://evil"}'\n"""
        "plugins[0]: Python file 'a/idea.py' runs code that is no part of an installed distribution, which nothing "
        "that comes with a file may choose. If you trust it, say so yourself: --plugin a/idea.py, after a look at it"
    )


def test_what_is_to_be_written_is_what_the_artefact_says(known) -> None:
    overrides = ["backbone={type: hub, commit: 1f2e}", "loggers=[{type: cloud, key: k}]"]
    run = parse_run(RUN, known, overrides)
    written = [shlex.split(item.instead)[1] for item in foreign_choices(run, known)]
    assert parse_run(RUN, known, written) == run


def test_the_user_may_choose_the_same(known) -> None:
    theirs = [
        "backbone={type: hub, commit: 1f2e}",
        "index={type: server}",
        "loggers=[{type: cloud}, {type: cloud, key: a}]",
    ]
    same = parse_run(RUN, known, theirs)
    assert chosen(known, theirs, said=same) == []
    assert chosen(known, theirs, said=same.model_dump(mode="json")) == []
    assert chosen(known, theirs, said={"backbone": {"type": "hub", "commit": "another"}}) == [
        "backbone",
        "index",
        "loggers[0]",
        "loggers[1]",
    ]
    assert chosen(known, theirs, said=parse_run(RUN, known, ["loggers=[{type: cloud}]"])) == [
        "backbone",
        "index",
        "loggers[1]",
    ]


def test_only_what_is_going_to_be_built_is_asked_about(known) -> None:
    theirs = ["backbone={type: hub}", "index={type: server}", "plugins=[idea.py]"]
    assert chosen(known, theirs, kinds=("pooling", "backbone")) == ["backbone"]
    assert chosen(known, theirs, kinds=("pooling",)) == []
    assert chosen(known, theirs, kinds=("plugin",)) == ["plugins[0]"]


def test_a_local_plugin_that_the_user_loaded_is_installed(site, known, tmp_path) -> None:
    file = tmp_path / "idea.py"
    code = """
    class Idea(ComponentConfig):
        type: Literal["idea"] = "idea"

    @hookimpl
    def vpr_poolings():
        yield PoolingSpec(name="idea", config=Idea, build=made, summary="x")
    """
    file.write_text(HEAD + textwrap.dedent(code))
    registry = site.registry(plugin_files=[file], strict=True)
    run = parse_run(RUN, registry, ["pooling={type: idea}", "plugins=['/their/folder/idea.py', 'C:\\their\\other.py']"])
    assert [item.name for item in foreign_choices(run, registry)] == ["C:\\their\\other.py"]


def test_nothing_of_it_can_steer_a_terminal_or_a_shell(known) -> None:
    nasty = "a'; rm -rf ~; echo '\x1b[31m\u202e\n"
    raw = {"backbone": {"type": "hub", "commit": nasty}, "plugins": [nasty]}
    for item in foreign_choices(raw, known):
        assert str(item).isprintable()
        assert str(item).isascii()
        words = shlex.split(item.instead)
        assert words[0] in ("--set", "--plugin")
        assert "rm" not in words


def test_what_is_damaged_or_unknown_is_left_to_the_reader(known) -> None:
    assert foreign_choices({"backbone": {"type": "nobody"}, "loggers": 3, "plugins": "x", "compute": []}, known) == ()
    assert foreign_choices({"backbone": 7, "pooling": {"type": 3}, "index": None}, known) == ()
    (choice,) = foreign_choices({"backbone": {"type": "timm", "weights": 3}}, known)  # invalid: the flags hold
    assert choice.capabilities == ("reaches_network",)


def test_a_long_block_is_named_and_not_repeated(known) -> None:
    (choice,) = foreign_choices({"backbone": {"type": "hub", "commit": "a" * 5000}}, known)
    assert choice.instead == "its block under backbone of a run file of your own"
    assert len(str(choice)) < 400


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("reaches_network=True", "reaches_network='no'", "reaches_network must be True or False, got 'no'"),
        ("reaches_network=True", "capabilities=('x',)", "capabilities must be a function of the config, or None"),
    ],
)
def test_a_spec_that_cannot_be_understood_is_refused(site, pooling_code, old: str, new: str, said: str) -> None:
    site.install("vpr-a", pooling_code("a").replace('summary="a layer"', f'summary="a layer", {new}'))
    (failure,) = site.registry().failures
    assert said in failure.error
    site.install("vpr-b", pooling_code("a").replace('summary="a layer"', f'summary="a layer", {old}'))
    assert site.registry().get("pooling", "a").declared == {"reaches_network"}
