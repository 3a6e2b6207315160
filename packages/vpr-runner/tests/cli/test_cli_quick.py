"""Commands that answer at once: help, plugins, schema, validate, init."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from vpr_core import RunConfig, build_registry, load_run_file
from vpr_core.config.sections import ComputeConfig
from vpr_core.loader import discover
from vpr_runner import __version__
from vpr_runner.cli import main
from vpr_runner.cli.app import COMMANDS as COMMAND_LINES
from vpr_runner.cli.app import app_of
from vpr_runner.cli.remarks import of_training

STUBS = Path(__file__).parents[1] / "stub_components.py"
RUN = """
name: stub
dataset: {type: stub_set}
backbone: {type: stub_net}
pooling: {type: stub_pool}
loss: {type: stub_loss}
miner: {type: stub_miner}
index: {type: stub_index}
"""
OTHERS = ",".join({origin.distribution for origin in discover()} - {"vpr-runner"})
COMMANDS = (
    "train",
    "eval",
    "extract",
    "search",
    "bench",
    "init",
    "validate",
    "schema",
    "plugins",
    "data",
    "import",
    "explain",
    "export",
    "pairs",
)


@pytest.fixture
def run_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VPR_DISABLE_PLUGINS", OTHERS)
    path = tmp_path / "run.yaml"
    path.write_text(RUN)
    return path


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"vpr {__version__}\n"


def test_help_lists_every_command_and_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for command in COMMANDS:
        assert f"\n  {command} " in said
    assert "vpr train run.yaml" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert "Examples:" in said
    assert f"vpr {command}" in said


def test_help_keeps_tables_and_lines_to_copy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--help"]) == 0
    assert "\n    assignment/*.png  how much" in capsys.readouterr().out
    assert main(["schema", "--help"]) == 0
    assert "\n    # yaml-language-server: $schema=./run.schema.json\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        *([command, "--help"] for command in COMMANDS),
        ["plugins"],
        ["plugins", "--json"],
        ["schema"],
        ["init", "-"],
        ["validate", "run.yaml"],
        ["bench", "suite.yaml", "--plan"],
    ],
    ids=" ".join,
)
def test_quick_commands_import_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("dataset: {type: city}\nbackbone: {type: tiny}\npooling: {type: netvlad}\n")
    (tmp_path / "suite.yaml").write_text("name: s\ntitle: S\nbase: run.yaml\nmethods: {a: {}}\n")
    code = (
        "import sys\nfrom vpr_runner.cli import main\n"
        f"code = main({arguments!r})\n"
        "heavy = sorted({'torch', 'numpy', 'matplotlib', 'torchvision', 'faiss', 'scipy'} & set(sys.modules))\n"
        "print('HEAVY', heavy, code, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stderr.splitlines()[-1] == "HEAVY [] 0", done.stderr


HOST = {"vpr_core", "pydantic", "pluggy", "yaml"}
ROOMS = {f"vpr_runner.{room}" for room in ("bench", "evaluation", "locate", "maps", "network", "pages", "training")}


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], HOST | ROOMS),
        (["eval", "--help"], HOST - {"pydantic"} | ROOMS | {"vpr_runner.cli.serve", "vpr_runner.cli.validate"}),
        (["validate", "run.yaml"], ROOMS | {f"vpr_runner.cli.{name}" for name in COMMAND_LINES if name != "validate"}),
    ],
    ids=["help", "help of a command", "validate"],
)
def test_what_a_command_line_does_not_need_is_not_imported(
    arguments: list[str], unwanted: set[str], tmp_path: Path
) -> None:
    """A start is nearly all imports: ``vpr COMMAND`` brings no other, and help brings Typer (and pydantic, its own)."""
    (tmp_path / "run.yaml").write_text("dataset: {type: city}\nbackbone: {type: tiny}\npooling: {type: netvlad}\n")
    code = (
        "import sys\nfrom vpr_runner.cli import main\n"
        f"code = main({arguments!r})\n"
        f"print('UNWANTED', sorted(set({sorted(unwanted)!r}) & sys.modules.keys()), code, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stderr.splitlines()[-1] == "UNWANTED [] 0", done.stderr


def test_every_command_is_there_by_itself_and_among_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(COMMANDS) <= set(COMMAND_LINES)
    assert main(["validte", "run.yaml"]) == 2
    assert "Did you mean 'validate'" in capsys.readouterr().err
    names = [command.name or command.callback.__name__ for command in app_of(COMMAND_LINES).registered_commands]
    assert {*names, "plugins", "data"} == set(COMMAND_LINES)


def test_plugins_tells_source_parameters_bounds_default_and_paper(
    run_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plugins", "--plugin", str(STUBS)]) == 0
    said = capsys.readouterr().out
    assert "stub_net  [stub_components.py" in said
    assert "Nobody 2020" in said
    width = next(line for line in said.splitlines() if line.strip().startswith("width"))
    assert width.split() == ["width", "=", "4", "int,", "1", "..", "64", "Channels."]
    clusters = next(line for line in said.splitlines() if line.strip().startswith("clusters"))
    assert "required" in clusters
    assert "left out by VPR_DISABLE_PLUGINS" in said
    assert said.isascii()


def test_plugins_as_json(run_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--json", "--plugin", str(STUBS), "--kind", "pooling"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [item["name"] for item in found["components"]] == ["stub_other", "stub_pool"]
    assert found["components"][1]["parameters"] == [
        {"name": "power", "kind": "float", "bounds": "0 < x <= 10", "default": "3.0", "description": "Exponent."}
    ]
    assert found["failures"] == []


def test_plugins_names_what_failed_and_why(tmp_path: Path, run_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import no_such_module_anywhere\n")
    assert main(["plugins", "--plugin", str(broken), "--plugin", str(STUBS)]) == 0
    said = capsys.readouterr().out
    assert "broken.py" in said
    assert "No module named 'no_such_module_anywhere'" in said
    assert "stub_pool" in said


def test_plugins_of_an_unknown_name(run_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--plugin", str(STUBS), "--kind", "pooling", "--name", "stub_poll"]) == 2
    assert "did you mean 'stub_pool'" in capsys.readouterr().err
    assert main(["plugins", "--kind", "poolings"]) == 2
    assert "backbone, pooling, loss, miner, dataset, index" in capsys.readouterr().err


def test_schema_to_a_file(run_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out" / "schema.json"
    assert main(["schema", "-o", str(file), "--plugin", str(STUBS)]) == 0
    assert "stub_pool" in json.dumps(json.loads(file.read_text()))
    assert main(["schema", "--plugin", str(STUBS)]) == 0
    assert json.loads(capsys.readouterr().out.split("\n", 1)[1]) == json.loads(file.read_text())


def test_validate_accepts_and_prints_a_file_that_reads_back_the_same(
    run_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--plugin", str(STUBS), "--set", "pooling.power=2"]
    assert main(["validate", str(run_file), *arguments]) == 0
    assert capsys.readouterr().out == f"{run_file}: ok\n"
    assert main(["validate", str(run_file), *arguments, "--print"]) == 0
    copy = tmp_path / "copy.yaml"
    copy.write_text(capsys.readouterr().out)
    registry = build_registry(plugin_files=[STUBS])
    assert load_run_file(copy, registry) == load_run_file(run_file, registry, ["pooling.power=2"])


def test_validate_says_that_training_takes_torch_whatever_executes_the_network(
    run_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(run_file), "--plugin", str(STUBS), "--set", "compute.runtime={type: torch}"]) == 0
    assert capsys.readouterr().out == f"{run_file}: ok\n"
    other = ComputeConfig.model_construct(runtime=SimpleNamespace(type="openvino"))
    (said,) = of_training(other)
    assert said.startswith("compute.runtime: openvino executes the finished network")
    assert list(of_training(ComputeConfig())) == []


def test_validate_reports_every_fault_of_every_file(
    run_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(RUN.replace("stub_pool", "stub_pol") + "train: {epochs: -1, lr: fast}\n")
    assert main(["validate", str(wrong), str(run_file), "--plugin", str(STUBS)]) == 2
    captured = capsys.readouterr()
    assert captured.out == f"{run_file}: ok\n"
    for part in ("3 faults", "pooling.type", "did you mean 'stub_pool'", "train.epochs", "train.lr", "Traceback"):
        assert (part in captured.err) == (part != "Traceback")


def test_validate_reads_suites(run_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text("name: s\ntitle: S\nbase: run.yaml\nmethods: {a: {}, b: {seed: 3}}\nseeds: [0, 1]\n")
    assert main(["validate", str(suite), "--plugin", str(STUBS)]) == 0
    assert capsys.readouterr().out == f"{suite}: ok (suite: 8 cells)\n"


@pytest.mark.parametrize("path", ["nothing.yaml", "."])
def test_a_file_that_cannot_be_read_is_named(
    run_file: Path, path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(run_file.parent)
    assert main(["validate", path]) == 2
    said = capsys.readouterr().err
    assert path in said
    assert "Traceback" not in said


def test_init_writes_what_validates_to_the_defaults(
    run_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = [f"--{kind}={name}" for kind, name in _STUB_NAMES.items()]
    path = tmp_path / "new.yaml"
    assert main(["init", "--full", str(path), *chosen, "--plugin", str(STUBS)]) == 0
    registry = build_registry(plugin_files=[STUBS])
    fresh = load_run_file(path, registry)
    expected = load_run_file(run_file, registry, ["train.epochs=5", "name=run"])
    assert fresh.model_copy(update={"plugins": ()}) == expected
    assert fresh.plugins == (str(STUBS),)
    text = path.read_text()
    for section in ("image", "init", "train", "whiten", "eval", "compute"):
        model = RunConfig.model_fields[section]
        assert str(model.description) in text
    assert "\n#   power: 3.0 " in text
    assert "0 < x <= 10" in text

    assert main(["init", "--full", str(path), *chosen, "--plugin", str(STUBS)]) == 2
    assert "--force" in capsys.readouterr().err


def test_every_line_that_init_comments_out_is_a_default(run_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Taking away every ``# `` in front of a value changes nothing: the lines say what holds without them."""
    chosen = [f"--{kind}={name}" for kind, name in _STUB_NAMES.items()]
    assert main(["init", "--full", "-", *chosen, "--plugin", str(STUBS)]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("dataset:"))
    live = []
    for number, line in enumerate(lines):
        prose = line.startswith("# ") and (number < first or lines[number - 1] == "")
        live.append(line if prose else line.replace("# ", "", 1) if line.lstrip().startswith("# ") else line)
    everything = "\n".join(line for line in live).replace("whiten:\n", "whiten: null\n")
    kept = [line for line in everything.splitlines() if not line.startswith(("  dim:", "  images: 10000"))]
    registry = build_registry(plugin_files=[STUBS])
    path = run_file.with_name("everything.yaml")
    path.write_text("\n".join(kept))
    assert load_run_file(path, registry).model_copy(update={"plugins": ()}) == load_run_file(
        run_file, registry, ["train.epochs=5", "name=run"]
    )


def test_init_marks_what_has_no_default(run_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = [f"--{kind}={name}" for kind, name in {**_STUB_NAMES, "pooling": "stub_other"}.items()]
    assert main(["init", "--full", "-", *chosen, "--plugin", str(STUBS)]) == 0
    assert "\n  clusters: CHANGE_ME" in capsys.readouterr().out


_STUB_NAMES = {
    "dataset": "stub_set",
    "backbone": "stub_net",
    "pooling": "stub_pool",
    "loss": "stub_loss",
    "miner": "stub_miner",
    "index": "stub_index",
}


def test_show_says_how_a_run_file_writes_it(run_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "show", "stub_pool", "--plugin", str(STUBS)]) == 0
    assert "pooling: {type: stub_pool, power: 3.0}" in capsys.readouterr().out
    assert main(["plugins", "show", "stub_other", "--plugin", str(STUBS)]) == 0
    assert "pooling: {type: stub_other, clusters: CHANGE_ME}" in capsys.readouterr().out
    assert main(["plugins", "show", "stub_poll", "--plugin", str(STUBS)]) == 2
    assert "did you mean 'stub_pool' (pooling)" in capsys.readouterr().err
    assert main(["plugins", "show", "xyzzy", "--plugin", str(STUBS)]) == 2
    assert "no component of that name; `vpr plugins --brief` lists all" in capsys.readouterr().err


def test_reference_of_some_distributions(run_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "reference", "--plugin", str(STUBS), "--of", "stub_components.py"]) == 0
    said = capsys.readouterr().out
    assert "### backbone `stub_net`\n\nno network.\nNobody 2020.\n" in said
    assert "| `width` | int, 1 .. 64 | `4` | Channels. |" in said
    assert "| `clusters` | int | (required) | Has no default. |" in said
    assert "local" not in said
    assert main(["plugins", "reference", "--of", "vpr-nothing"]) == 2
    assert "--of vpr-nothing: no installed component" in capsys.readouterr().err


def test_plugins_say_what_a_component_does_beyond_computing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "show", "resnet18"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "may do more than compute, depending on its settings: reaches the network, reads environment" in shown
    assert main(["plugins", "show", "netvlad"]) == 0
    assert "more than compute" not in capsys.readouterr().out
    assert main(["plugins", "--json", "--kind", "backbone", "--name", "timm"]) == 0
    (timm,) = json.loads(capsys.readouterr().out)["components"]
    assert (timm["may"], timm["may_depends"]) == (["reaches_network", "reads_environment"], True)


@pytest.mark.parametrize(
    ("name", "block"),
    [("torch", "compute: {runtime: {type: torch}}"), ("csv", 'loggers: [{type: csv, file: "metrics.csv"}]')],
)
def test_plugins_show_writes_the_block_where_it_belongs(
    name: str, block: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plugins", "show", name]) == 0
    assert block in capsys.readouterr().out
