from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from vpr_core import ConfigError, PluginError, RunConfig, load_run_file, plugins_of_run_file
from vpr_core.config import config_hash, make_run, parse_run, to_yaml
from vpr_core.config.dump import dump_yaml
from vpr_core.config.sections import TrainConfig
from vpr_core.config.strict_yaml import parse_yaml

MINIMAL = """\
dataset: {type: folder, root: data}
backbone: {type: tiny}
pooling: {type: netvlad}
"""


def faults(registry, text: str, overrides: tuple[str, ...] = ()) -> dict[str, str]:
    """Message of each fault by path."""
    with pytest.raises(ConfigError) as caught:
        parse_run(text, registry, overrides, source="run.yaml")
    return {fault.path: f"{fault.message} ({fault.where})" for fault in caught.value.faults}


# --- what is accepted -------------------------------------------------------------------------------------------------


def test_defaults(registry) -> None:
    config = parse_run(MINIMAL, registry)
    assert config.pooling.num_clusters == 64
    assert config.dataset.root == Path("data")
    assert (config.loss.type, config.miner.type, config.index.type) == (
        "weakly_supervised_ranking",
        "hard_negatives",
        "flat",
    )
    assert config.train == TrainConfig()
    assert (config.train.lr, config.train.batch, config.train.cache_every) == (0.001, 4, 1000)
    assert config.whiten is None
    assert config.eval.recall_at == (1, 5, 10, 20)


def test_precedence_is_defaults_then_file_then_overrides(registry) -> None:
    text = MINIMAL + "train: {lr: 1e-4, batch: 8}\n"
    config = parse_run(text, registry, ["train.batch=2", "train.batch=3"])
    assert (config.train.lr, config.train.batch, config.train.epochs) == (1e-4, 3, 30)


def test_overrides_take_yaml_values_and_make_blocks(registry) -> None:
    config = parse_run(
        MINIMAL,
        registry,
        [
            "pooling={type: gem, p: 2}",
            "whiten.dim=128",
            "eval.recall_at=[1, 3]",
            "image.size=[60, 80]",
            "train.positives.within=7.5",
            "name=a-b",
            "compute.compile=true",
            "train.patience=null",
            "dataset.root=/x=y",
        ],
    )
    assert (config.pooling.type, config.pooling.p, config.whiten.dim) == ("gem", 2.0, 128)
    assert (config.eval.recall_at, config.image.size, config.name) == ((1, 3), (60, 80), "a-b")
    assert config.compute.compile is True
    assert config.dataset.root == Path("/x=y")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["pooling.type=gem"], {"type": "gem", "p": 3.0}),
        (["pooling.type=gem", "pooling.p=4"], {"type": "gem", "p": 4.0}),
        (["pooling.p=4", "pooling.type=gem"], {"type": "gem", "p": 4.0}),
        (["pooling.type=netvlad"], {"type": "netvlad", "num_clusters": 5}),
        (["pooling.num_clusters=7", "pooling.type=netvlad"], {"type": "netvlad", "num_clusters": 7}),
        (["pooling={type: gem, p: 2}", "pooling.type=netvlad"], {"type": "netvlad", "num_clusters": 64}),
    ],
)
def test_another_component_by_its_name_alone_begins_its_block_anew(registry, overrides: list, expected: dict) -> None:
    """`vpr search map --set index.type=qdrant`: the parameters that stand there are those of another component."""
    text = MINIMAL.replace("netvlad", "netvlad, num_clusters: 5")
    found = parse_run(text, registry, overrides).pooling.model_dump()
    assert {name: found[name] for name in expected} == expected


def test_a_parameter_that_the_new_component_needs_is_named(registry) -> None:
    with pytest.raises(ConfigError, match=r"dataset\.(root|n\w+): missing"):
        parse_run("dataset: {type: none}\n" + MINIMAL.partition("\n")[2], registry, ["dataset.type=folder"])


def test_overrides_leave_the_data_in_hand_alone(registry) -> None:
    data = parse_yaml(MINIMAL).data
    assert make_run(data, registry, ["pooling.num_clusters=3", "train.lr=1"]).pooling.num_clusters == 3
    assert data == parse_yaml(MINIMAL).data


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.lr", "write it as section.field=value"),
        ("=3", "write it as section.field=value"),
        ("train..lr=3", "write it as section.field=value"),
        ("train.lr=[1", "is not YAML"),
        ("train.lr=*x", "alias"),
        ("pooling.num_clusters.x=3", "pooling.num_clusters is 5, which has no fields"),
        ("eval.recall_at.x=3", "eval.recall_at is a list; set it whole"),
    ],
)
def test_a_bad_override_says_how_to_write_it(registry, override: str, said: str) -> None:
    text = MINIMAL.replace("netvlad", "netvlad, num_clusters: 5") + "eval: {recall_at: [1]}\n"
    with pytest.raises(ConfigError) as caught:
        parse_run(text, registry, [override, "also bad"])
    assert len(caught.value.faults) == 2
    assert f"--set {override!r}" in str(caught.value)
    assert said in str(caught.value)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_all_faults_at_once_each_with_path_value_and_line(registry) -> None:
    text = """\
dataset: {type: folder, root: 3, pair: [1, true]}
backbone: {type: tiny}
pooling:
  type: netvlad
  num_cluster: 3
  num_clusters: 0
  normalize: yes
  gem: {type: gem, p: -1, from: c}
train: {lr: .nan, epochs: true, optimizer: sdg, batch: 2.0, positives: {within: '10'}}
whitn: {dim: 3}
"""
    found = faults(registry, text, ("train.keep=0",))
    assert found == {
        "dataset.root": "got 3, expected text (run.yaml:1)",
        "dataset.pair[1]": "got true, expected a whole number (run.yaml:1)",
        "pooling.num_cluster": "no such field; did you mean 'num_clusters'? "
        "Fields: type, num_clusters, normalize, gem (run.yaml:5)",
        "pooling.num_clusters": "got 0, expected a number not less than 1 (run.yaml:6)",
        "pooling.normalize": "got 'yes', expected true or false (run.yaml:7)",
        "pooling.gem.p": "got -1, expected a number greater than 0 (run.yaml:8)",
        "pooling.gem.from": "no such field; did you mean 'form'? Fields: type, p, form (run.yaml:8)",
        "train.lr": "got nan, expected a finite number (run.yaml:9)",
        "train.epochs": "got true, expected a whole number (run.yaml:9)",
        "train.optimizer": "got 'sdg', expected 'sgd', 'adam' or 'adamw' (run.yaml:9)",
        "train.batch": "got 2.0, expected a whole number (run.yaml:9)",
        "train.positives.within": "got '10', expected a number (run.yaml:9)",
        "train.keep": "got 0, expected a number not less than 1 (--set train.keep=0)",
        "whitn": "no such field; did you mean 'whiten'? Fields: name, seed, plugins, dataset, backbone, pooling, loss, "
        "miner, index, engine, image, init, train, whiten, eval, sequence, rerank, compute, loggers (run.yaml:10)",
    }


BLOCKS = {
    "{type: netvald}": ("pooling.type", "no pooling named 'netvald'; did you mean 'netvlad'? Installed: gem, netvlad."),
    "{type: vpr_pooling.NetVLAD}": ("pooling.type", "no pooling named 'vpr_pooling.NetVLAD'"),
    "{p: 3}": ("pooling.type", "missing; installed: gem, netvlad."),
    "{type: 3}": ("pooling.type", "got 3, expected a name; installed: gem, netvlad."),
    "{type: null}": ("pooling.type", "got null, expected a name; installed: gem, netvlad."),
    "{type: [gem]}": ("pooling.type", "got ['gem'], expected a name; installed: gem, netvlad."),
    "gem": ("pooling", "got 'gem', expected a mapping, {type: gem}; installed: gem, netvlad."),
    "[gem]": ("pooling", "got ['gem'], expected a mapping, {type: <name>}; installed: gem, netvlad."),
    "": ("pooling", "got null, expected a mapping, {type: <name>}; installed: gem, netvlad."),
}


@pytest.mark.parametrize(("block", "expected"), BLOCKS.items())
def test_a_block_without_a_known_type(registry, block: str, expected: tuple[str, str]) -> None:
    path, said = expected
    found = faults(registry, MINIMAL.replace("{type: netvlad}", block))
    assert list(found) == [path]
    assert found[path].startswith(said)


@pytest.mark.parametrize(
    ("block", "said"), [("{}", "missing; installed: tiny."), ("{type: big}", "no backbone named 'big'")]
)
def test_a_union_of_one_still_wants_its_type(registry, block: str, said: str) -> None:
    found = faults(registry, MINIMAL.replace("{type: tiny}", block))
    assert found["backbone.type"].startswith(said)


def test_a_missing_block_says_what_to_write(registry) -> None:
    found = faults(registry, "backbone: {type: tiny}\n")
    assert found["dataset"].startswith("missing; write dataset: {type: <name>}. Installed: folder.")
    assert set(found) == {"dataset", "pooling"}


def test_nothing_installed(site) -> None:
    registry = site.registry()
    found = faults(registry, MINIMAL)
    assert found["pooling.type"].startswith("no pooling named 'netvlad'. Installed: none.")
    assert found["loss"].startswith("missing (the default, weakly_supervised_ranking, is not usable here)")
    sneaky = faults(registry, MINIMAL.replace("netvlad", "(nothing installed)"))
    assert any(path.startswith("pooling") for path in sneaky)
    assert "properties" in registry.json_schema()


def test_a_failed_plugin_is_named_where_its_component_is_missed(registry, site) -> None:
    site.install("vpr-foo", "import not_there_at_all", version="0.2")
    found = faults(site.registry(), MINIMAL.replace("netvlad", "foo"))
    assert (
        "failed to load: vpr-foo 0.2 (ModuleNotFoundError: No module named 'not_there_at_all')" in found["pooling.type"]
    )


@pytest.mark.parametrize(
    ("text", "path", "said"),
    [
        ("train: {positives: {within: 5, beyond: 5}}", "train.positives", "beyond (5) must be less than within (5)"),
        ("train: {positives: {within: 9}, negatives_beyond: 8}", "train", "negatives_beyond (8) must not be less"),
        ("whiten: {dim: 100, images: 100}", "whiten", "images (100) must be more than dim (100)"),
        ("eval: {recall_at: [5, 1]}", "eval", "recall_at must rise without repeats, got [5, 1]"),
        ("eval: {recall_at: []}", "eval.recall_at", "got [], expected at least 1 items"),
        ("image: {size: [480]}", "image.size[1]", "missing"),
        ("image: {size: 480}", "image.size", "got 480, expected a list"),
        ("compute: {device: gpu}", "compute.device", "(auto (an accelerator when there is one), cpu, cuda"),
        ("name: ../x", "name", "got '../x', expected text that matches"),
        ("seed: -1", "seed", "got -1, expected a number not less than 0"),
        ("seed: 9223372036854775808", "seed", "expected a number not greater than 9223372036854775807"),
        ("train: {lr: 1e999}", "train.lr", "got inf, expected a finite number"),
        ("train:", "train", "got null, expected a mapping"),
        ("name: '\\ud800'", "name", "got"),
    ],
)
def test_bounds_and_relations(registry, text: str, path: str, said: str) -> None:
    found = faults(registry, MINIMAL + text)
    assert path in found
    assert said in found[path]


@pytest.mark.parametrize(("text", "said"), [("", "is empty"), ("[1]", "holds list, not a mapping"), ("x", "holds str")])
def test_a_file_that_is_no_mapping(registry, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_run(text, registry)


def test_a_validator_that_crashes_is_the_plugins_fault(site) -> None:
    site.install(
        "vpr-crash",
        """
        from pydantic import field_validator
        class Config(ComponentConfig):
            type: Literal["crash"] = "crash"
            x: int = 3
            @field_validator("x")
            @classmethod
            def check(cls, value):
                raise RuntimeError("boom")
        @hookimpl
        def vpr_poolings():
            yield PoolingSpec(name="crash", config=Config, build=lambda c, f: c, summary="x")
        """,
    )
    with pytest.raises(PluginError, match=r"config model failed to validate \(RuntimeError: boom\)"):
        parse_run("pooling: {type: crash, x: 4}", site.registry())


def test_unknown_fields_and_changes_are_refused_in_python_too(registry) -> None:
    config = parse_run(MINIMAL, registry)
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 3  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        TrainConfig(lrr=3)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="finite"):
        TrainConfig(lr=float("nan"))


# --- files ------------------------------------------------------------------------------------------------------------


def test_plugins_of_a_run_file_are_relative_to_it(site, pooling_code, tmp_path, monkeypatch) -> None:
    module = site.install("vpr-x", pooling_code("idea"))
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "idea.py").write_text((site.folder / f"{module}.py").read_text())
    run = folder / "run.yaml"
    run.write_text("plugins: [./idea.py]\npooling: {type: idea}\nbackbone: {type: tiny}\n")
    site.names.clear()
    monkeypatch.chdir(tmp_path)
    assert plugins_of_run_file("runs/run.yaml") == (folder / "idea.py",)
    assert plugins_of_run_file(run, ["plugins=[]"]) == ()
    registry = site.registry(plugin_files=plugins_of_run_file(run))
    assert registry.get("pooling", "idea").name == "idea"


def test_loaded_plugins_are_absolute(registry, tmp_path) -> None:
    run = tmp_path / "run.yaml"
    run.write_text(MINIMAL + "plugins: [./idea.py]\n")
    assert load_run_file(run, registry).plugins == (str(tmp_path / "idea.py"),)


def test_plugins_must_be_a_list(tmp_path) -> None:
    run = tmp_path / "run.yaml"
    run.write_text("seed: 1\nplugins: idea.py\n")
    with pytest.raises(ConfigError, match=r"plugins: got 'idea.py', expected a list of Python files.*run\.yaml:2"):
        plugins_of_run_file(run)


# --- dump, hash, schema -----------------------------------------------------------------------------------------------


def test_the_dump_is_whole_and_reads_back_the_same(registry) -> None:
    config = parse_run(MINIMAL + "name: 'no'\ntrain: {lr: 1e-05, weight_decay: 1e-300}\n", registry, ["whiten.dim=16"])
    text = to_yaml(config)
    assert parse_run(text, registry) == config
    assert to_yaml(parse_run(text, registry)) == text
    assert "num_clusters: 64" in text  # the trap: a field typed by the base class dumps its type alone
    assert "margin: 0.1" in text


def test_a_config_typed_by_the_base_class_dumps_whole(registry) -> None:
    config = parse_run(MINIMAL, registry)
    plain = RunConfig.model_construct(**{name: getattr(config, name) for name in RunConfig.model_fields})
    assert plain.model_dump()["pooling"]["num_clusters"] == 64


TREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, derandomize=True, database=None)
@given(TREE)
def test_whatever_is_dumped_reads_back_to_the_same(value: object) -> None:
    data = parse_yaml(dump_yaml({"x": value})).data["x"]
    assert data == value
    assert repr(data) == repr(value)  # 1, 1.0 and True are equal, and -0.0 and 0.0


def test_hash(registry) -> None:
    config = parse_run(MINIMAL, registry)
    same = parse_run(
        "pooling: {num_clusters: 64, type: netvlad}\nseed: 0\n" + MINIMAL.replace("pooling: {type: netvlad}", ""),
        registry,
    )
    other = parse_run(MINIMAL, registry, ["train.lr=1e-4"])
    named = parse_run(MINIMAL, registry, ["name=other"])
    assert config_hash(config) == config_hash(same)
    assert len(config_hash(config)) == 64
    assert config_hash(config) != config_hash(other)
    assert config_hash(config) != config_hash(named)
    elsewhere = config.model_copy(update={"engine": None})
    assert config_hash(config) == config_hash(elsewhere)  # where the work is done changes nothing of it
    assert config_hash(config, leave_out=("name",)) == config_hash(named, leave_out=("name",))
    with pytest.raises(ValueError, match="leave_out must name fields of a run, got nam"):
        config_hash(config, leave_out=("nam",))


def test_json_schema_serves_an_editor(registry) -> None:
    schema = registry.json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"dataset", "backbone", "pooling"}
    pooling = schema["properties"]["pooling"]
    assert pooling["description"].endswith("Installed: gem, netvlad.")
    gem = schema["$defs"][pooling["discriminator"]["mapping"]["gem"].rpartition("/")[2]]
    assert gem["required"] == ["type"]
    assert gem["description"] == "power mean. Radenovic 2018."
    assert gem["properties"]["p"] == {
        "default": 3.0,
        "description": "exponent",
        "exclusiveMinimum": 0,
        "title": "P",
        "type": "number",
    }
    missing = [
        f"{name}.{field}"
        for name, definition in schema["$defs"].items()
        for field, body in definition["properties"].items()
        if "description" not in body
    ]
    assert missing == []


def test_json_schema_holds_every_default_as_pydantic_writes_it(site) -> None:
    site.install(
        "defaults",
        """
        import datetime

        class Config(ComponentConfig):
            type: Literal["odd"] = "odd"
            nothing: int | None = None
            yes: bool = True
            number: float = 1e-7
            whole: int = 2**40
            endless: float = Field(default=float("inf"), allow_inf_nan=True)
            text: str = "\u00e9"
            path: Path = Path("a/b")
            pair: tuple[float, int] = (0.5, 3)
            day: datetime.date = datetime.date(2016, 6, 27)

        @hookimpl
        def vpr_poolings():
            yield PoolingSpec(name="odd", config=Config, build=lambda c, f: c, summary="x")
        """,
    )
    registry = site.registry()
    ours = registry.json_schema()["$defs"]["Config"]["properties"]
    theirs = registry.get("pooling", "odd").config.model_json_schema()["properties"]
    assert {name: field["default"] for name, field in ours.items()} == {
        name: field["default"] for name, field in theirs.items()
    }
    assert ours["day"]["default"] == "2016-06-27"
    assert ours["path"]["default"] == "a/b"


def test_json_schema_names_the_component_it_cannot_describe(site) -> None:
    site.install(
        "vpr-odd",
        """
        from typing import Callable
        class Config(ComponentConfig):
            type: Literal["odd"] = "odd"
            f: Callable[[int], int] = Field(default=abs, description="a function")
        @hookimpl
        def vpr_poolings():
            yield PoolingSpec(name="odd", config=Config, build=lambda c, f: c, summary="x")
        """,
        version="0.3",
    )
    with pytest.raises(PluginError, match=r"pooling 'odd' of vpr-odd 0\.3: its config has no JSON schema"):
        site.registry().json_schema()


# --- defaults that JSON cannot write ----------------------------------------------------------------------------------

FILED = """
from typing import Annotated
from pydantic import AfterValidator
class Config(ComponentConfig):
    type: Literal["filed"] = "filed"
    file: Path = Field(default=Path("a/b"), description="a file")
    files: tuple[Path, ...] = Field(default=(Path("c"), Path("d")), min_length=1, description="files")
    text: Path = Field(default="e/f", description="a file, its default as text")
    home: Annotated[Path, AfterValidator(lambda path: path / "seen")] = Field(default=Path("h"), description="a file")
@hookimpl
def vpr_poolings():
    yield PoolingSpec(name="filed", config=Config, build=lambda c, f: c, summary="x")
"""


def test_a_path_may_be_a_default(registry, site) -> None:
    site.install("vpr-filed", FILED)
    registry = site.registry()
    plain = parse_run(MINIMAL.replace("netvlad", "filed"), registry).pooling
    assert (plain.file, plain.files, plain.text) == (Path("a/b"), (Path("c"), Path("d")), Path("e/f"))
    assert plain.home.name == "seen"  # the field's own validators see the default too
    said = parse_run(MINIMAL.replace("netvlad", "filed, file: x, files: [y], text: z"), registry).pooling
    assert (said.file, said.files, said.text) == (Path("x"), (Path("y"),), Path("z"))
    found = faults(registry, MINIMAL.replace("netvlad", "filed, file: 3, files: []"))
    assert found["pooling.file"].startswith("got 3, expected text")
    assert found["pooling.files"].startswith("got [], expected at least 1 items")
    properties = registry.json_schema()["$defs"]["Config"]["properties"]
    assert properties["file"]["default"] == "a/b"
    assert properties["file"]["format"] == "path"


def test_a_default_that_its_field_refuses_costs_its_plugin(site) -> None:
    site.install("vpr-filed", FILED.replace('(Path("c"), Path("d"))', '(Path("c"), 3)'))
    registry = site.registry()
    assert registry.specs("pooling") == ()
    (failure,) = registry.failures
    assert "files" in failure.traceback or "1" in failure.error
    assert "not a valid path" in failure.error


def test_runs_are_equal_whatever_was_needed_to_read_them(registry) -> None:
    first, second = parse_run(MINIMAL, registry), parse_run(MINIMAL + "index: {type: flat}\n", registry)
    assert type(first) is type(second) is registry.run_config_model()
    assert first == second
    assert "index" in second.model_fields_set
    assert "index" not in first.model_fields_set
    assert registry.run_config_model().model_validate_json(json.dumps(parse_yaml(MINIMAL).data)) == first
