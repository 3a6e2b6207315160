from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vpr_core import ConfigError, Registry, UsageError, build_registry
from vpr_runner.bench import find_suite, load_suite, plan
from vpr_runner.bench.installed import missing
from vpr_runner.bench.plan import Cell
from vpr_runner.bench.suite import plugins_of

SUITE = """
name: small
title: One against the other
base:
  dataset: {type: stub_set, root: "${data}/set"}
  backbone: {type: stub_net}
  pooling: {type: stub_pool}
  loss: {type: stub_loss}
  miner: {type: stub_miner}
  index: {type: stub_index}
  train: {epochs: 2}
table: pooling
methods:
  first: {pooling: {type: stub_other, clusters: 3}}
  second: {pooling: {power: 2.0}}
seeds: [4, 5]
"""

Write = Callable[[str], Path]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return build_registry(plugin_files=[Path(__file__).parents[1] / "stub_components.py"], disabled=())


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "suite.yaml"
        path.write_text(text)
        return path

    return written


def test_every_method_stage_and_seed_is_one_cell(write: Write, registry: Registry) -> None:
    cells = plan(load_suite(write(SUITE)), registry, placeholders={"data": "/sets"})
    assert [(cell.seed, cell.method, cell.stage) for cell in cells] == [
        (seed, method, stage) for seed in (4, 5) for method in ("first", "second") for stage in ("untrained", "trained")
    ]
    assert cells[0].config.pooling.model_dump() == {"type": "stub_other", "clusters": 3}
    assert cells[2].config.pooling.model_dump() == {"type": "stub_pool", "power": 2.0}
    assert {cell.config.seed for cell in cells} == {4, 5}
    assert cells[0].config.dataset.model_dump(mode="json")["root"] == "/sets/set"
    assert len({cell.file_name for cell in cells}) == len(cells)
    assert len({cell.key for cell in cells}) == len(cells)


def test_stages_of_a_method_and_of_a_setting(write: Write, registry: Registry) -> None:
    text = SUITE.replace("first: {", "first: {stages: [untrained], ") + (
        "settings:\n  one: {stages: [trained]}\n  two: {backbone: {width: 8}}\n"
    )
    cells = plan(load_suite(write(text)), registry, placeholders={"data": "/sets"})
    assert {(cell.setting, cell.method, cell.stage) for cell in cells} == {
        ("one", "second", "trained"),
        ("two", "first", "untrained"),
        ("two", "second", "untrained"),
        ("two", "second", "trained"),
    }
    widths = {cell.setting: cell.config.backbone.model_dump()["width"] for cell in cells}
    assert widths == {"one": 4, "two": 8}


def test_a_method_may_be_for_some_settings_only(write: Write, registry: Registry) -> None:
    text = SUITE.replace("first: {", "first: {settings: [two], ") + "settings: {one: {}, two: {}}\n"
    cells = plan(load_suite(write(text)), registry, placeholders={"data": "/sets"})
    assert {(cell.setting, cell.method) for cell in cells} == {("one", "second"), ("two", "first"), ("two", "second")}
    with pytest.raises(ConfigError, match=r"methods\.first\.settings: \['three'\] is no list of one, two"):
        load_suite(write(text.replace("[two]", "[three]")))


def test_tests_are_run_files_for_evaluation_only(write: Write, registry: Registry) -> None:
    text = SUITE + "tests:\n  same: {}\n  other: {dataset: {root: elsewhere}, image: {size: [32, 48]}}\n"
    cell = plan(load_suite(write(text)), registry, placeholders={"data": "/sets"})[0]
    assert cell.tests["same"] == cell.config
    assert cell.tests["other"].image.size == (32, 48)
    assert cell.config.image.size is None


def test_set_wins_over_the_method(write: Write, registry: Registry) -> None:
    cells = plan(
        load_suite(write(SUITE)),
        registry,
        placeholders={"data": "/s"},
        overrides=["pooling={type: stub_pool, power: 9}"],
    )
    assert {cell.config.pooling.model_dump()["power"] for cell in cells} == {9.0}


def test_keys_follow_what_decides_the_numbers(write: Write, registry: Registry) -> None:
    def first(*overrides: str) -> tuple[str, str]:
        cells = plan(load_suite(write(SUITE)), registry, placeholders={"data": "/s"}, overrides=overrides)
        return cells[1].key, cells[1].training_key

    key, training_key = first()
    assert first("compute.workers=7", "name=other") == (key, training_key)
    assert first("eval.bootstrap=10")[0] != key
    assert first("eval.bootstrap=10")[1] == training_key
    assert first("train.lr=0.5")[1] != training_key


def test_keys_follow_the_runtime_and_the_precision_of_each_test(write: Write) -> None:
    files = [Path(__file__).parents[1] / name for name in ("stub_components.py", "runtime_components.py")]
    registry = build_registry(plugin_files=files, disabled=())

    def first(block: str) -> tuple[str, str]:
        suite = load_suite(write(f"{SUITE}tests: {{a: {{}}, b: {{compute: {{{block}}}}}}}\n"))
        cell = plan(suite, registry, placeholders={"data": "/s"})[0]
        return cell.key, cell.training_key

    plain, near, far, half = (
        first(block)
        for block in ("", "runtime: {type: near}", "runtime: {type: near, off: 0.5}", "precision: bfloat16")
    )
    assert first("runtime: {type: torch}") == first("precision: float32") == plain
    assert len({plain[0], near[0], far[0], half[0]}) == 4
    assert {plain[1], near[1], far[1], half[1]} == {plain[1]}


def test_pretraining_decides_the_numbers_of_every_cell(write: Write, registry: Registry) -> None:
    def first(text: str) -> Cell:
        return plan(load_suite(write(text)), registry, placeholders={"data": "/s"})[1]

    plain = first(SUITE)
    once, twice = (first(f"{SUITE}pretraining: {{train: {{epochs: {n}}}}}\n") for n in (1, 2))
    assert plain.pretraining is None
    assert once.pretraining is not None
    assert once.pretraining.train.epochs == 1
    assert once.config == plain.config
    assert len({cell.key for cell in (plain, once, twice)}) == 3
    assert len({cell.training_key for cell in (plain, once, twice)}) == 3
    with pytest.raises(ConfigError, match=r"pretraining: backbone stub_bare takes no weights to start from"):
        first(f"{SUITE}pretraining: {{backbone: {{type: stub_bare}}}}\n")


def test_a_suite_names_the_plugins_that_it_requires(write: Write, registry: Registry) -> None:
    assert plan(load_suite(write(f"{SUITE}requires: [VPR_Runner]\n")), registry, placeholders={"data": "/s"})
    suite = load_suite(write(f"{SUITE}requires: [vpr-runner, vpr-of-nobody]\n"))
    with pytest.raises(UsageError, match="suite small: requires vpr-of-nobody, not installed here; pip install"):
        plan(suite, registry, placeholders={"data": "/s"})


def test_an_extra_is_there_when_all_that_it_brings_is(monkeypatch: pytest.MonkeyPatch) -> None:
    brings = [
        "numpy>=2.0",
        "vpr-core; extra == 'small'",
        'vpr-of-nobody>=3; extra == "large"',
        "vpr-core; extra == 'large'",
    ]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: brings if name == "vpr-eval" else None)
    asked = ["vpr-eval[small]", "vpr-eval[Small]", "vpr-eval[small, large]", "vpr-eval[none]", "vpr-data[x]", "a b", ""]
    assert missing(asked) == asked[2:]


def test_opencv_is_there_under_any_of_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if name == "cv2" else None)
    assert missing(["vpr-rerank[opencv]", "opencv-python", "vpr-backbones[sift]"]) == []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert missing(["vpr-rerank[opencv]"]) == ["vpr-rerank[opencv]"]


def test_methods_differ_in_the_named_table_only(write: Write) -> None:
    with pytest.raises(ConfigError, match=r"methods\.second: changes train, .* differ in pooling only"):
        load_suite(write(SUITE.replace("second: {", "second: {train: {epochs: 9}, ")))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: small", "name: Small Suite", "name"),
        ("seeds: [4, 5]", "seeds: [4, 4]", "names a seed twice"),
        ("seeds: [4, 5]", "seeds: []", "seeds"),
        ("seeds: [4, 5]", "seeds: [-1]", r"seeds\.0"),
        ("seeds: [4, 5]", "stages: [finished]", r"stages\.0"),
        ("seeds: [4, 5]", "baseline: third", "'third' is no method; one of first, second"),
        ("seeds: [4, 5]", "sedes: [1]", "sedes"),
        ("first: {", "first: {stages: soon, ", r"methods\.first\.stages: 'soon'"),
        ("title: One against the other\n", "", "title"),
    ],
)
def test_faults_of_a_suite_name_the_field(write: Write, old: str, new: str, message: str) -> None:
    assert old in SUITE
    with pytest.raises(ConfigError, match=message):
        load_suite(write(SUITE.replace(old, new)))


def test_faults_of_all_cells_come_at_once_with_their_method(write: Write, registry: Registry) -> None:
    text = SUITE.replace("clusters: 3", "klusters: 3").replace("power: 2.0", "power: 20.0")
    with pytest.raises(ConfigError) as caught:
        plan(load_suite(write(text)), registry, placeholders={"data": "/s"})
    said = str(caught.value)
    assert "pooling.klusters" in said
    assert "pooling.power" in said
    assert "first" in said
    assert "second" in said
    assert len(caught.value.faults) == 3  # klusters is unknown, clusters is missing, power is too large: each once


def test_a_placeholder_without_a_value_says_what_to_do(write: Write, registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"\$\{data\}.*--data DIR"):
        plan(load_suite(write(SUITE)), registry)


def test_only(write: Write, registry: Registry) -> None:
    suite = load_suite(write(SUITE))
    cells = plan(suite, registry, placeholders={"data": "/s"}, only=["second"])
    assert {cell.method for cell in cells} == {"second"}
    with pytest.raises(UsageError, match=r"third.*it has first, second"):
        plan(suite, registry, placeholders={"data": "/s"}, only=["third"])
    suite = load_suite(write(SUITE + "tests: {near: {}, far: {image: {size: [32, 48]}}}\n"))
    cells = plan(suite, registry, placeholders={"data": "/s"}, only=["far"])
    assert [list(cell.tests) for cell in cells] == [["far"]] * 8
    cells = plan(suite, registry, placeholders={"data": "/s"}, only=["far", "second"])
    assert {(cell.method, *cell.tests) for cell in cells} == {("second", "far")}


def test_base_may_be_a_run_file_and_plugins_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "base.yaml").write_text("plugins: [./mine.py]\npooling: {type: stub_pool}\n")
    path = tmp_path / "suite.yaml"
    path.write_text("name: x\ntitle: X\nbase: runs/base.yaml\nmethods: {a: {}}\n")
    suite = load_suite(path)
    assert suite.base["pooling"] == {"type": "stub_pool"}
    assert plugins_of(suite) == [(tmp_path / "runs" / "mine.py").resolve()]


def test_find_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bench" / "suites"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(SUITE)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    assert find_suite("mine").samefile(folder / "mine.yaml")
    with pytest.raises(UsageError, match=r"nothing: no such suite file; by name there are: .*mine"):
        find_suite("nothing")


def test_plugins_of_a_suite_lie_beside_it_and_are_known_to_every_cell(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "stubs.py").write_text((Path(__file__).parents[1] / "stub_components.py").read_text())
    (tmp_path / "runs" / "base.yaml").write_text("plugins: [../stubs.py]\n" + _indented_base(SUITE))
    path = tmp_path / "suite.yaml"
    path.write_text(
        "name: x\ntitle: X\nbase: runs/base.yaml\nplugins: [./stubs.py]\nmethods: {a: {pooling: {power: 3.0}}}\n"
    )
    suite = load_suite(path)
    assert plugins_of(suite) == [tmp_path / "stubs.py"]
    cells = plan(suite, build_registry(plugin_files=plugins_of(suite), disabled=()), placeholders={"data": "/s"})
    assert {cell.config.plugins for cell in cells} == {(str(tmp_path / "stubs.py"),)}
    assert cells[0].code  # an edited plug-in is another cell


def _indented_base(suite: str) -> str:
    lines = suite.split("base:\n")[1].split("table:")[0].splitlines()
    return "\n".join(line[2:] for line in lines) + "\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: small", "name: small\nplugins: ./idea.py", "plugins: .*list"),
        ("base:", "base:\n  plugins: [3]", r"base\.plugins: got \[3\], expected a list of Python files"),
        ("first: {", "first: {plugins: [./idea.py], ", r"methods\.first\.plugins: .* at the top of the suite"),
        ("seeds:", "tests: {far: {plugins: []}}\nseeds:", r"tests\.far\.plugins: "),
        ("seeds:", "pretraining: {plugins: []}\nseeds:", r"pretraining\.plugins: "),
    ],
)
def test_plugins_that_no_suite_can_have(write: Write, old: str, new: str, message: str) -> None:
    text = SUITE.replace("table: pooling\n", "").replace(old, new, 1)
    with pytest.raises(ConfigError, match=message):
        load_suite(write(text))
