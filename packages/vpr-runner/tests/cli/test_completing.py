"""What TAB is answered: the completer is asked as each shell asks it, bash itself included."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vpr_runner.cli import main

Ask = Callable[..., list[str]]
ASKED_BY: dict[str, dict[str, str]] = {"zsh": {}, "fish": {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}}


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Return what asks for candidates after a line that ends at the cursor."""

    def asked(line: str, shell: str = "fish") -> list[str]:
        for name, value in {"_VPR_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line}.items():
            monkeypatch.setenv(name, value)
        for name, value in ASKED_BY[shell].items():
            monkeypatch.setenv(name, value)
        assert main([]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out.split("\n")[:-1] if captured.out.strip() else []

    return asked


def names(lines: list[str]) -> list[str]:
    return [line.partition("\t")[0] for line in lines]


def test_names_of_components_suites_and_kinds(ask: Ask) -> None:
    assert names(ask("vpr init --pooling netv")) == ["netvlad"]
    assert names(ask("vpr plugins show hard_n")) == ["hard_negatives"]
    assert names(ask("vpr plugins --kind back")) == ["backbone"]
    assert names(ask("vpr data check pitts")) == ["pitts250k", "pitts30k"]
    assert ask("vpr init --pooling netv") == ["netvlad\tVLAD with trained soft assignment, started ..."]
    assert names(ask("vpr init --loss netv")) == []


def test_suites_of_the_folder(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bench" / "suites").mkdir(parents=True)
    (tmp_path / "bench" / "suites" / "zebra.yaml").write_text("never read\n")
    monkeypatch.chdir(tmp_path)
    assert names(ask("vpr bench ze")) == ["zebra"]


def test_networks_by_name_beside_what_lies_here(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet18-mine").mkdir()
    found = names(ask("vpr extract resnet18-"))
    assert "resnet18-netvlad" in found
    assert "resnet18-mine" in found
    assert names(ask("vpr models resnet18-netv")) == ["resnet18-netvlad"]
    assert names(ask("vpr eval nothing-of-that-n")) == []


def test_keys_and_values_of_set(ask: Ask) -> None:
    assert {"train.", "pooling.", "compute.", "seed"} <= set(names(ask("vpr train r.yaml --set ")))
    assert names(ask("vpr train r.yaml --set train.lr")) == ["train.lr=", "train.lr_halve_every="]
    assert names(ask("vpr train r.yaml --set train.optimizer=")) == [
        f"train.optimizer={n}" for n in ("sgd", "adam", "adamw")
    ]
    assert names(ask("vpr train r.yaml --set train.momentum")) == ["train.momentum=", "train.momentum=0.9"]
    assert names(ask("vpr eval r --set pooling.type=netv")) == ["pooling.type=netvlad"]
    assert names(ask("vpr eval r --set compute.runtime.type=tor")) == ["compute.runtime.type=torch"]
    assert names(ask("vpr data info city --set size=")) == [f"size={size}" for size in ("small", "bench", "large")]
    assert names(ask("vpr plugins show timm --with final_norm=")) == ["final_norm=true", "final_norm=false"]


def test_keys_are_those_of_the_run_file_s_components(ask: Ask, tmp_path: Path) -> None:
    run = tmp_path / "run.yaml"
    run.write_text("pooling: {type: gem}\n")
    found = names(ask(f"vpr train {run} --set pooling."))
    assert "pooling.p=" in found
    assert "pooling.num_clusters=" not in found
    assert "pooling.num_clusters=" in names(ask("vpr train missing.yaml --set pooling."))
    run.write_text("pooling: [a, {]\n")
    assert "pooling.num_clusters=" in names(ask(f"vpr train {run} --set pooling."))


def test_a_local_plugin_is_not_run_by_a_tab(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "idea.py").write_text("raise SystemExit('it ran')\n")
    run = tmp_path / "run.yaml"
    run.write_text("plugins: [./idea.py]\npooling: {type: gem}\n")
    assert ask(f"vpr train {run} --plugin {tmp_path / 'idea.py'} --set pooling.p")


def test_zsh(ask: Ask) -> None:
    assert ask("vpr init --pooling netv", "zsh")[0].startswith('_arguments \'*: :(("netvlad":')


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_gets_the_part_of_a_word_that_it_replaces(tmp_path: Path) -> None:
    """Bash itself, its words cut at ``=`` as it cuts them."""
    (tmp_path / "bench" / "suites").mkdir(parents=True)
    (tmp_path / "bench" / "suites" / "zebra.yaml").write_text("never read\n")
    lines = ["vpr train r.yaml --set pooling.type = netv", "vpr bench zeb", "vpr train --set train.optimizer ="]
    questions = "".join(
        f"COMP_WORDS=({line}); COMP_CWORD={len(line.split()) - 1}; _vpr_completion vpr; "
        "printf '%s ' \"${COMPREPLY[@]}\"; echo\n"
        for line in lines
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = f'eval "$(vpr --show-completion bash)"\n{questions}'
    environment = {**os.environ, "PATH": path, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, env=environment, check=True, cwd=tmp_path
    )
    assert [line.split() for line in done.stdout.splitlines()] == [["netvlad"], ["zebra"], ["sgd", "adam", "adamw"]]


def test_nothing_heavy_is_imported_for_an_answer() -> None:
    code = (
        "import sys\nfrom vpr_runner.cli import main\nmain([])\n"
        "heavy = sorted({'torch', 'numpy', 'matplotlib', 'torchvision', 'faiss', 'scipy'} & set(sys.modules))\n"
        "print('HEAVY', heavy)\n"
    )
    environment = {**os.environ, "_VPR_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "vpr train --set pooling."}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"
    assert "pooling.num_clusters=" in done.stdout
