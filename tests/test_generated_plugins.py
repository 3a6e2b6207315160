"""What `vpr plugins new` writes installs, is listed, passes its own tests and runs in a bench."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from vpr_core import KINDS
from vpr_runner.cli import main
from vpr_runner.scaffold.new_plugin import kinds

NAMES = {kind: f"vpr-trial-{kind}" for kind in kinds()}
SMALL = [
    "--set",
    "init.images=20",
    "--set",
    "init.locations=30",
    "--set",
    "train.epochs=1",
    "--set",
    "eval.bootstrap=50",
]


@dataclass(frozen=True)
class Installed:
    """Generated packages, and the folder in which they are installed."""

    packages: Path
    site: Path

    def run(self, *command: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run Python where they are installed beside everything else."""
        environment = {**os.environ, "PYTHONPATH": str(self.site), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        return subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=cwd or self.packages,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """One package of every kind, its wheel built by the backend that its pyproject names, and unpacked."""
    pytest.importorskip("hatchling", reason="the generated packages are built with hatchling")
    folder = tmp_path_factory.mktemp("generated")
    packages, site = folder / "packages", folder / "site"
    installed = Installed(packages, site)
    for kind, name in NAMES.items():
        assert main(["plugins", "new", name, "--kind", kind, "--into", str(packages)]) == 0
        built = installed.run("-m", "hatchling", "build", "-t", "wheel", "-d", folder / "wheels", cwd=packages / name)
        assert built.returncode == 0, built.stderr
    for wheel in sorted((folder / "wheels").glob("*.whl")):
        zipfile.ZipFile(wheel).extractall(site)
    return installed


def test_there_is_a_template_for_every_kind() -> None:
    assert set(kinds()) == set(KINDS)


def test_they_are_listed_with_their_distribution_and_parameters(installed: Installed) -> None:
    listed = json.loads(installed.run("-m", "vpr_runner.cli", "plugins", "--json").stdout)
    found = {item["kind"]: item for item in listed["components"] if item["distribution"].startswith("vpr-trial-")}
    assert {kind: (item["name"], item["distribution"], item["version"]) for kind, item in found.items()} == {
        kind: (f"trial_{kind}", name, "0.1.0") for kind, name in NAMES.items()
    }
    assert not [item for item in listed["failures"] if item["distribution"].startswith("vpr-trial-")]
    bare = [item["name"] for item in found.values() for part in item["parameters"] if not part["description"]]
    assert not bare


@pytest.fixture(scope="module")
def outcomes(installed: Installed) -> dict[str, dict[str, str]]:
    """Outcome of every test that the packages come with, by package: one process, as torch takes seconds to import."""
    report = installed.packages / "report.xml"
    options = ("-q", "-p", "no:cacheprovider", "--import-mode=importlib", f"--rootdir={installed.packages}")
    folders = [f"{name}/tests" for name in NAMES.values()]
    done = installed.run("-m", "pytest", *options, "-c", os.devnull, "-W", "error", f"--junitxml={report}", *folders)
    assert report.is_file(), done.stdout + done.stderr
    found: dict[str, dict[str, str]] = {name: {} for name in NAMES.values()}
    for case in ET.parse(report).iter("testcase"):
        name = case.attrib["classname"].split(".")[0]
        parts = [part for part in case if part.tag in ("failure", "error", "skipped")]
        text = "".join(f"{part.tag}: {part.attrib.get('message', '')}\n{part.text or ''}" for part in parts)
        found[name][f"{case.attrib['classname']}.{case.attrib['name']}"] = text
    return found


@pytest.mark.parametrize("kind", NAMES)
def test_its_own_tests_pass(outcomes: dict[str, dict[str, str]], kind: str) -> None:
    results = outcomes[NAMES[kind]]
    if kind == "runtime":
        pytest.importorskip("onnxruntime", reason="the runtime that is generated is onnxruntime's")
    assert any("Contract" in name for name in results)
    assert not {name: text for name, text in results.items() if text.startswith(("failure", "error"))}
    assert sum(not text for text in results.values()) >= 5


def test_their_suites_are_valid(installed: Installed) -> None:
    suites = [installed.packages / name / "bench.yaml" for name in NAMES.values()]
    done = installed.run("-m", "vpr_runner.cli", "validate", *suites, "--data", installed.packages)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": ok (suite: ") == len(NAMES)


def test_it_is_benched_beside_netvlad(installed: Installed) -> None:
    folder = installed.packages / NAMES["pooling"]
    done = installed.run("-m", "vpr_runner.cli", "bench", "bench.yaml", "-o", "out", *SMALL, "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    table = (folder / "out" / "table.md").read_text(encoding="utf-8")
    for method in ("NetVLAD", "GeM", "TrialPooling"):
        assert method in table
    result = (folder / "out" / "result.json").read_text(encoding="utf-8")
    assert '"vpr-trial-pooling' in result, "the result does not say which plug-in it rests on"
