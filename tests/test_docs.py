"""The documents say what the code does."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from vpr_core import KINDS, ComponentSpec, FeatureSpec, engines, hookspecs, loggers, matching, runtimes, types
from vpr_core.hookspecs import HOOK_OF_KIND, MODELS_HOOK
from vpr_runner.names import EXPECTED

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")


def test_every_hook_has_its_section() -> None:
    assert re.findall(r"^### (vpr_\w+)$", PLUGINS, re.MULTILINE) == list(HOOK_OF_KIND.values())


PROTOCOLS = {
    "backbone": (types.Backbone, types.SupportsGlobalToken),
    "pooling": (types.Pooling, types.SupportsFeatureInit, FeatureSpec),
    "loss": (types.TupleLoss, types.PlaceLoss),
    "miner": (types.Miner, types.MiningRequest, types.Tuples),
    "dataset": (types.Dataset, types.PlaceSplit, types.ImageSet),
    "index": (types.Index, types.Neighbours),
    "engine": (engines.Engine, engines.ChunkWork),
    "sequence": (matching.SequenceMatcher,),
    "reranker": (matching.DescriptorReranker, matching.LocalReranker, matching.SupportsEarlyStop),
    "runtime": (runtimes.Runtime, runtimes.RuntimeRequest, runtimes.InputContract),
    "logger": (loggers.TrainingLogger, loggers.LoggedRun),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_hooks_section_names_all_that_its_components_have(kind: str) -> None:
    section = PLUGINS.partition(f"### {HOOK_OF_KIND[kind]}\n")[2].partition("\n##")[0]
    spec = KINDS[kind]
    assert f"`{spec.__name__}`: `build(config" in section
    own = {field.name for field in dataclasses.fields(spec)} - {
        field.name for field in dataclasses.fields(ComponentSpec)
    }
    wanted = own | {name for protocol in PROTOCOLS[kind] for name in members(protocol)}
    assert not {name for name in wanted if not re.search(rf"\b{name}\b", section)}
    assert f"vpr plugins new my-{kind} --kind {kind}" in section


def members(protocol: type) -> set[str]:
    """Public attributes and methods that a protocol or data class asks for."""
    return {name for name in {**vars(protocol), **protocol.__annotations__} if not name.startswith("_")}


def test_the_live_hooks_are_those_of_the_kinds() -> None:
    live = {name for name, function in vars(hookspecs).items() if hasattr(function, "vpr_spec")}
    assert live == {*HOOK_OF_KIND.values(), MODELS_HOOK}
    assert list(HOOK_OF_KIND) == list(KINDS)
    for name in live:
        assert not inspect.signature(getattr(hookspecs, name)).parameters, "say in docs/plugins.md what the hook takes"


def test_what_is_expected_without_weights_was_measured() -> None:
    """`vpr extract` without a network connection says how many first answers to expect."""
    rows = json.loads((ROOT / "bench" / "results" / "offline.json").read_text(encoding="utf-8"))["rows"]
    found = {
        method: sorted(round(100 * row["recall"]["1"]["mean"]) for row in rows if row["method"] == method)
        for method in ("tiny, random", "ResNet-18, ImageNet")
    }
    said = [int(number) for number in re.findall(r"\d+", EXPECTED.replace("of 100", ""))]
    assert said == [*found["tiny, random"], *found["ResNet-18, ImageNet"]]


def test_every_module_that_the_paper_page_names_exists() -> None:
    named = re.findall(r"`(vpr_\w+/[\w/]+\.py)`", (ROOT / "docs" / "paper.md").read_text(encoding="utf-8"))
    assert named
    missing = [
        name for name in named if not (ROOT / "packages" / name.split("/")[0].replace("_", "-") / "src" / name).exists()
    ]
    assert not missing


def test_every_recipe_suite_and_test_that_the_paper_page_names_exists() -> None:
    page = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    recipes = re.findall(r"`(recipes/\w+\.yaml)`", page)
    suites = re.findall(r"`vpr bench (\w+)", page)
    assert recipes
    assert suites
    assert [name for name in recipes if not (ROOT / name).exists()] == []
    assert [name for name in suites if not (ROOT / "bench" / "suites" / f"{name}.yaml").exists()] == []
    tests = {path.name for path in ROOT.glob("packages/*/tests/**/test_*.py")}
    assert set(re.findall(r"`(test_\w+\.py)`", page)) <= tests
    written = {
        name
        for path in ROOT.glob("packages/*/tests/**/test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert set(re.findall(r"`(test_\w+)`", page)) <= written


def test_the_component_reference_is_current() -> None:
    from vpr_core.registry import build_registry
    from vpr_runner.cli.reference import BUILTIN, as_markdown

    written = (ROOT / "docs" / "components.md").read_text(encoding="utf-8")
    assert written == as_markdown(build_registry(), of=BUILTIN), (
        "run: vpr plugins reference --builtin -o docs/components.md"
    )


def test_every_test_that_the_reliability_page_names_exists() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w-]+)/(test_\w+\.py)::(test_\w+)`", text)
    assert len(named) > 100
    assert len(named) == text.count("::")  # none is written in another way

    def exists(where: str, file: str, test: str) -> bool:
        folders = (
            [ROOT / "tests"] if where == "tests" else [ROOT / top / where / "tests" for top in ("packages", "plugins")]
        )
        paths = [path for folder in folders for path in folder.rglob(file)]
        return any(re.search(rf"^def {test}\(", path.read_text(encoding="utf-8"), re.MULTILINE) for path in paths)

    assert [name for name in named if not exists(*name)] == []
    groups = [int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)]
    assert groups == list(range(1, 42))


def code_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_tutorial_runs_as_it_is_written(tmp_path: Path) -> None:
    """Files are written, commands are run, in the order of the document; every command must succeed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = []
    for language, name, text in BLOCK.findall(PLUGINS):
        if name:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        if language != "sh":
            continue
        for line in text.splitlines():
            command = line.replace("vpr ", "python -m vpr_runner.cli ", 1) if line.startswith("vpr ") else line
            program, *arguments = shlex.split(command)
            assert program == "python"
            done = subprocess.run(
                [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            ran.append(line)
    assert len(ran) >= 7
    assert (tmp_path / "runs" / "idea").is_dir()
    assert (tmp_path / "ring-pooling" / "pyproject.toml").is_file()
    schema = json.loads((tmp_path / "run.schema.json").read_text(encoding="utf-8"))
    assert "power_mean" in schema["properties"]["pooling"]["discriminator"]["mapping"]
    json.loads((tmp_path / ".vscode" / "settings.json").read_text(encoding="utf-8"))
    tomllib.loads((tmp_path / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_readmes_library_example_runs() -> None:
    torch = pytest.importorskip("torch")
    (example,) = [
        block
        for block in code_blocks((ROOT / "README.md").read_text(encoding="utf-8"), "python")
        if "NetVLAD(" in block
    ]
    small = example.replace("50_000", "2_000")
    names: dict[str, object] = {}
    exec(compile(small, "README.md", "exec"), names)
    similarity = names["similarity"]
    assert isinstance(similarity, torch.Tensor)
    torch.testing.assert_close(similarity.diagonal(), torch.ones(4))


def test_the_readmes_run_file_is_valid(tmp_path: Path) -> None:
    (run_file,) = [
        block for block in code_blocks((ROOT / "README.md").read_text(encoding="utf-8"), "yaml") if "dataset:" in block
    ]
    (tmp_path / "run.yaml").write_text(run_file, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "vpr_runner.cli", "validate", str(tmp_path / "run.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
