"""The documents say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from vpr_core.hookspecs import HOOK_OF_KIND

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")


def test_every_hook_has_its_section() -> None:
    assert re.findall(r"^### (vpr_\w+)$", PLUGINS, re.MULTILINE) == list(HOOK_OF_KIND.values())


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
    tests = {path.name for path in ROOT.glob("packages/*/tests/test_*.py")}
    assert set(re.findall(r"`(test_\w+\.py)`", page)) <= tests
    written = {
        name
        for path in ROOT.glob("packages/*/tests/test_*.py")
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


def code_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_tutorials_file_is_a_working_plugin(tmp_path: Path) -> None:
    (tmp_path / "idea.py").write_text(code_blocks(PLUGINS, "python")[0], encoding="utf-8")
    from vpr_core.registry import build_registry
    from vpr_core.testing import PoolingContract, breaches

    registry = build_registry(plugin_files=[tmp_path / "idea.py"], strict=True)
    assert breaches(PoolingContract, registry.get("pooling", "power_mean")) == {}


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
