"""Rules of the repository that no other tool checks."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEAVES = ("backbones", "pooling", "losses", "data", "eval", "rerank", "sequences")
PACKAGES = sorted(path.parent for path in (ROOT / "packages").glob("*/pyproject.toml"))
DISTRIBUTIONS = PACKAGES + sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))
CEILING = 300
WHOLE_RUNS = 15
"""Functions of vpr-runner that may take a whole run file: assembling, storing and evaluating a network, a run's folder,
a map. Every other takes the section that it uses, or a `vpr_runner.network.architecture.Architecture`."""


def sources(folder: Path) -> list[Path]:
    return sorted(folder.glob("src/**/*.py"))


def imported_roots(path: Path) -> set[str]:
    """Top-level names that a file imports anywhere, except under ``if TYPE_CHECKING``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        for statement in node.body
        for inner in ast.walk(statement)
    }
    roots = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            roots.add(node.module.split(".")[0])
    return roots


def ours(roots: set[str]) -> set[str]:
    return {root for root in roots if root.startswith("vpr_")}


def test_all_packages_are_there() -> None:
    assert {path.name for path in PACKAGES} == {"vpr-core", "vpr-runner", *(f"vpr-{leaf}" for leaf in LEAVES)}


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda path: path.name)
def test_distribution_is_complete(folder: Path) -> None:
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module = folder / "src" / project["name"].replace("-", "_")
    assert project["name"] == folder.name
    assert project["license"] == "Apache-2.0"
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) >= 10, "README.md says too little"
    assert not re.findall(r"\]\((?!https?:|#)[^)]+\)", readme), (
        "a link into the checkout leads nowhere on a package index"
    )
    assert project["urls"]
    assert project["requires-python"] == ">=3.11"
    assert project["license-files"] == ["LICENSE"]
    assert 20 < len(project["description"]) < 200
    assert "Programming Language :: Python :: 3" in project["classifiers"]
    assert (module / "py.typed").exists()
    assert "__all__" in (module / "__init__.py").read_text(encoding="utf-8")


def test_packages_share_one_version() -> None:
    versions = {
        tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        for folder in PACKAGES
    }
    in_code = {
        match.group(1)
        for folder in PACKAGES
        for match in [
            re.search(
                r'^__version__ = "(.+)"$',
                (folder / "src" / folder.name.replace("-", "_") / "__init__.py").read_text(encoding="utf-8"),
                re.MULTILINE,
            )
        ]
        if match
    }
    assert len(versions) == 1
    assert in_code == versions


@pytest.mark.parametrize("leaf", LEAVES)
def test_leaf_imports_no_other_leaf_and_core_only_in_its_plugin(leaf: str) -> None:
    for path in sources(ROOT / "packages" / f"vpr-{leaf}"):
        allowed = {f"vpr_{leaf}"} | ({"vpr_core"} if path.name == "plugin.py" else set())
        foreign = ours(imported_roots(path)) - allowed
        assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"


def test_core_imports_nothing_heavy_outside_its_contract_kit() -> None:
    for path in sources(ROOT / "packages" / "vpr-core"):
        if "testing" not in path.parts:
            heavy = imported_roots(path) & {"torch", "numpy", "torchvision", "timm", "faiss"}
            assert not heavy, f"{path.relative_to(ROOT)} imports {heavy}"
            assert ours(imported_roots(path)) <= {"vpr_core"}


def test_no_package_knows_a_plugin() -> None:
    plugins = {path.name.replace("-", "_") for path in DISTRIBUTIONS if path.parent.name == "plugins"}
    for folder in PACKAGES:
        for path in sources(folder):
            assert not imported_roots(path) & plugins, path


def test_files_stay_under_the_ceiling() -> None:
    too_long = {}
    for folder in DISTRIBUTIONS:
        for path in sources(folder):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > CEILING:
                too_long[str(path.relative_to(ROOT))] = lines
    assert not too_long


def whole_runs(source: str) -> list[str]:
    """Parameters that are annotated with `RunConfig`, alone or within another type, as ``function(parameter)``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own = node.args
            every = [*own.posonlyargs, *own.args, own.vararg, *own.kwonlyargs, own.kwarg]
            annotated = [item for item in every if item is not None and item.annotation is not None]
            found += [f"{node.name}({item.arg})" for item in annotated if "RunConfig" in ast.unparse(item.annotation)]
    return found


def test_whole_runs_are_found_however_they_are_written() -> None:
    text = """
def one(self, a: RunConfig, /, *b: 'vpr_core.RunConfig', c: Callable[[RunConfig], int], **d: RunConfig | None): ...
async def two(config: Mapping[str, RunConfig], section: TrainConfig, plain): ...
"""
    assert whole_runs(text) == ["one(a)", "one(b)", "one(c)", "one(d)", "two(config)"]


def test_few_functions_take_the_whole_run_file() -> None:
    root = ROOT / "packages/vpr-runner/src/vpr_runner"
    texts = {path.relative_to(root): path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py"))}
    found = [f"{path}: {place}" for path, text in texts.items() for place in whole_runs(text)]
    renamed = [
        str(path) for path, text in texts.items() if re.search(r"\bRunConfig as \w|^\w+.*= RunConfig\b", text, re.M)
    ]
    assert not renamed, f"RunConfig under another name, which hides what a function depends on: {renamed}"
    assert len(found) <= WHOLE_RUNS, (
        f"{len(found)} parameters of vpr-runner take a whole run file (RunConfig), at most {WHOLE_RUNS} may. Take the "
        "section that is used (config.train), or an Architecture, which knows a network's blocks; or free one of "
        "these:\n" + "\n".join(found)
    )
    assert found, "none is found: this test looks in the wrong place"


def test_no_room_for_leftovers() -> None:
    assert not [path for folder in DISTRIBUTIONS for path in sources(folder) if path.name in {"utils.py", "helpers.py"}]


def test_no_pickle_and_no_unsafe_load() -> None:
    pattern = re.compile(
        r"weights_only\s*=\s*False|allow_pickle\s*=\s*True|pickle\.(loads?|dumps?|Unpickler)\b|yaml\.load\("
    )
    found = [
        str(path.relative_to(ROOT))
        for folder in DISTRIBUTIONS
        for path in sources(folder)
        if pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_no_fork_no_shell_and_no_evaluated_text() -> None:
    """A fork after OpenMP hangs; a shell or ``eval`` runs what a file name says. Workers are threads or new pythons."""
    pattern = re.compile(
        r"os\.fork|(import|from) multiprocessing|torch\.multiprocessing|ProcessPool"
        r"|shell\s*=\s*True|os\.(system|popen)\b|(?<![\w.])(eval|exec)\("
    )
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for folder in DISTRIBUTIONS
        for path in sources(folder)
        if (match := pattern.search(path.read_text(encoding="utf-8")))
    ]
    assert not found


def test_nothing_machine_specific() -> None:
    """No absolute path of a developer's machine in anything that ships."""
    pattern = re.compile(r"/(work|root|home|Users)/")
    suffixes = {".py", ".toml", ".yaml", ".md", ".cff", ".json"}
    found = [
        str(path.relative_to(ROOT))
        for top in ("packages", "plugins", "docs", "bench", "examples", "README.md", "noxfile.py", "pyproject.toml")
        for path in ([ROOT / top] if (ROOT / top).is_file() else sorted((ROOT / top).rglob("*")))
        if path.suffix in suffixes
        and "__pycache__" not in path.parts
        and pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_links_in_markdown_lead_somewhere() -> None:
    broken = []
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/*/README.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text(encoding="utf-8")):
            if not (path.parent / target).exists():
                broken.append(f"{path.relative_to(ROOT)} -> {target}")
    assert not broken
