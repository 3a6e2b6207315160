"""What pip is told when it installs from a checkout, and what a package index would be told: no network is asked."""

from __future__ import annotations

import email
import functools
import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tomllib
from email.message import Message
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlparse

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
SIBLINGS = ROOT / "packages" / "vpr-runner" / "siblings.py"
FOLDERS = [ROOT, *sorted(path.parent for path in ROOT.glob("p*/vpr-*/pyproject.toml"))]
PLUGINS = {path.name for path in FOLDERS if path.parent.name == "plugins"}
CALL = """
import importlib, pathlib, sys, tempfile, tomllib
system = tomllib.loads(pathlib.Path("pyproject.toml").read_text(encoding="utf-8"))["build-system"]
sys.path[:0] = system.get("backend-path", [])
backend = importlib.import_module(system["build-backend"])
with tempfile.TemporaryDirectory() as folder:
    name = getattr(backend, sys.argv[1])(sys.argv[2] if len(sys.argv) > 2 else folder)
    if len(sys.argv) == 2:
        print((pathlib.Path(folder) / name / "METADATA").read_text(encoding="utf-8"))
"""


def build(folder: Path, hook: str, *given: str) -> str:
    command = [sys.executable, "-c", CALL, hook, *given]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def metadata(folder: Path, kind: str = "wheel") -> Message:
    """What a front end is told of a distribution that it is about to install."""
    return email.message_from_string(build(folder, f"prepare_metadata_for_build_{kind}"))


def ours(said: Message) -> list[Requirement]:
    found = [Requirement(text) for text in said.get_all("Requires-Dist", [])]
    return [requirement for requirement in found if requirement.name.startswith("vpr-")]


def folder_of(requirement: Requirement) -> Path:
    assert requirement.url is not None, f"{requirement} would be looked up on a package index"
    return Path(unquote(urlparse(requirement.url).path))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name if path != ROOT else "vpr-toolkit")
def test_an_index_could_show_it(folder: Path) -> None:
    said = metadata(folder)
    assert said["License-Expression"] == "Apache-2.0"
    assert said["License-File"] == "LICENSE"
    assert said["Requires-Python"] == ">=3.11"
    assert said["Description-Content-Type"] == "text/markdown"
    assert len(str(said.get_payload()).splitlines()) >= 10
    assert 20 < len(said["Summary"]) < 200
    assert said["Project-URL"]
    assert "Programming Language :: Python :: 3" in said.get_all("Classifier", [])


@pytest.mark.parametrize("folder", [ROOT, SIBLINGS.parent], ids=["vpr-toolkit", "vpr-runner"])
def test_from_a_checkout_every_part_comes_from_there(folder: Path) -> None:
    for requirement in ours(metadata(folder)):
        place = folder_of(requirement)
        project = tomllib.loads((place / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert (project["name"], place.parents[1]) == (requirement.name, ROOT)


@pytest.mark.parametrize("folder", [ROOT, SIBLINGS.parent], ids=["vpr-toolkit", "vpr-runner"])
def test_editable_or_away_from_a_checkout_versions_are_named(folder: Path, tmp_path: Path) -> None:
    name = build(folder, "build_sdist", str(tmp_path)) or next(tmp_path.glob("*.tar.gz")).name
    with tarfile.open(tmp_path / name) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    in_the_archive = email.message_from_string((unpacked / "PKG-INFO").read_text(encoding="utf-8"))
    for said in (metadata(folder, "editable"), in_the_archive, metadata(unpacked)):
        found = ours(said)
        assert {str(requirement.specifier) for requirement in found} == {"==0.1.0"}
        assert [requirement.url for requirement in found if requirement.url] == []
        assert len(found) == len(ours(metadata(folder)))


def test_the_toolkit_brings_everything() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = project["tool"]["hatch"]["metadata"]["hooks"]["custom"]
    versions = {
        tomllib.loads((path / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] for path in FOLDERS
    }
    assert versions == {project["project"]["version"]}
    always = {Requirement(text).name for text in parts["dependencies"]}
    extras = {
        name: {Requirement(text).name for text in wanted} for name, wanted in parts["optional-dependencies"].items()
    }
    assert always >= {path.name for path in FOLDERS if path.parent.name == "packages"}
    assert always | extras["all"] >= PLUGINS
    for name in extras["all"]:
        assert extras[name.removeprefix("vpr-")] == {name}
    for extra, names in extras.items():
        assert f"[{extra}]" in project["project"]["readme"]["text"]
        if names <= always:  # an extra of a part
            (part,) = names
            own = tomllib.loads((ROOT / "packages" / part / "pyproject.toml").read_text(encoding="utf-8"))["project"]
            assert extra in own["optional-dependencies"]


def test_a_checkout_with_blanks_and_umlauts_and_a_folder_that_is_something_else(tmp_path: Path) -> None:
    checkout = tmp_path / "mein checkout ü%20"
    for path in FOLDERS[1:]:
        target = checkout / path.relative_to(ROOT)
        target.mkdir(parents=True)
        for name in ("pyproject.toml", "README.md", "LICENSE", "siblings.py"):
            if (path / name).is_file():
                shutil.copy(path / name, target)
    other = checkout / "packages" / "vpr-eval" / "pyproject.toml"
    other.write_text('[project]\nname = "another"\n', encoding="utf-8")
    found = {requirement.name: requirement for requirement in ours(metadata(checkout / "packages" / "vpr-runner"))}
    assert folder_of(found["vpr-core"]) == checkout / "packages" / "vpr-core"
    assert found["vpr-eval"].url is None


@pytest.fixture
def siblings() -> ModuleType:
    spec = importlib.util.spec_from_file_location("siblings", SIBLINGS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_extras_and_other_peoples_packages_stay_as_they_are(siblings: ModuleType) -> None:
    wanted = ["vpr-data[heif,video]==0.1.0", "torch>=2.10", 'tomli>=2; python_version < "3.11"', "vpr-elsewhere>=1"]
    packages = ROOT / "packages"
    assert list(siblings.located(wanted, [packages])) == [
        f"vpr-data[heif,video] @ {(packages / 'vpr-data').as_uri()}",
        "torch>=2.10",
        'tomli>=2; python_version < "3.11"',
        "vpr-elsewhere>=1",
    ]
    assert list(siblings.located(wanted, [])) == [str(Requirement(text)) for text in wanted]


def test_what_the_readme_says_to_install_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    install = readme.partition("## Install\n")[2].partition("\n## ")[0]
    parts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["metadata"]["hooks"]
    for extra in ("qdrant", "ray", "loggers", "onnxruntime", "openvino", "all"):
        assert f'".[{extra}]"' in install
        assert extra in parts["custom"]["optional-dependencies"]
    assert "may bring a stranger's code" in install
