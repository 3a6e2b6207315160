"""The scripts of findings/: what can be checked of them without a network."""

from __future__ import annotations

import ast
import re
import stat
import subprocess
from datetime import date
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "findings"
SCRIPTS = sorted(FOLDER.glob("*.sh"))
PARTS = ("Software", "Guess", "Seen", "Known", "For users", "Here")
PIN = re.compile(r'"([a-z0-9][a-z0-9-]*)==([0-9][0-9.]*)"')
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def header_and_body(script: Path) -> tuple[str, str]:
    head, found, body = script.read_text(encoding="utf-8").partition("set -euo pipefail\n")
    assert found, "the script must stop at the first error: set -euo pipefail"
    return head, body


def program(body: str) -> str:
    return body.split("<<'PY'\n", 1)[1].rsplit("PY\n", 1)[0]


def test_there_are_enough() -> None:
    assert len(SCRIPTS) >= 12


@each_script
def test_runs_as_a_command_and_cleans_up(script: Path) -> None:
    _, body = header_and_body(script)
    assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n# ")
    assert script.stat().st_mode & stat.S_IXUSR, "not executable: chmod +x"
    assert body.startswith("work=$(mktemp -d)\ntrap 'rm -rf \"$work\"' EXIT\n")
    subprocess.run(["bash", "-n", str(script)], check=True)


@each_script
def test_says_what_was_guessed_before_and_what_was_seen(script: Path) -> None:
    head, _ = header_and_body(script)
    places = [head.find(f"\n# {part}") for part in PARTS]
    assert -1 not in places, f"the header needs, each on a line of its own: {', '.join(PARTS)}"
    assert places == sorted(places), f"the header's order is {', '.join(PARTS)}"
    guessed = re.search(r"\n# Guess \((\d{4}-\d\d-\d\d), before the run\): ", head)
    assert guessed, "the guess must carry its date: Guess (2026-11-27, before the run): ..."
    date.fromisoformat(guessed[1])


@each_script
def test_pins_every_package_and_names_its_version(script: Path) -> None:
    head, body = header_and_body(script)
    said = " ".join(line.lstrip("# ") for line in head[head.index("# Software") : head.index("# Guess")].splitlines())
    installs = re.findall(r"-m pip install (?:[^\n]*\\\n)*[^\n]*", body)
    assert len(installs) == 1
    packages = [word for word in re.split(r"[\s\\]+", installs[0]) if word and not word.startswith("-")]
    pins = [PIN.fullmatch(word) for word in packages[2:]]  # after "pip install"
    assert pins, "installs nothing"
    assert all(pins), f"only exact versions, by name: {packages[2:]}"
    for pin in pins:
        assert pin is not None
        assert f"{pin[1]} {pin[2]}" in said, f"{pin[1]} {pin[2]} is installed, but not named under Software"
    assert "://" not in body, "packages come by name, from whatever registry the user has set"


@each_script
def test_runs_without_our_code_and_fails_on_change(script: Path) -> None:
    _, body = header_and_body(script)
    tree = ast.parse(program(body))
    roots = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    roots |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert not [root for root in roots if root.startswith("vpr")]
    exits = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "sys.exit" and not ast.unparse(node).endswith("(0)")
    ]
    assert exits, "nothing fails when the behaviour changes"
    assert "changed: " in program(body), "a change must be said in a sentence that starts with 'changed: '"


def test_the_table_lists_each_script_once() -> None:
    rows = [line for line in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| [")]
    listed = [re.match(r"\| \[([a-z0-9-]+)\]\(([a-z0-9-]+)\.sh\) \|", row) for row in rows]
    assert all(listed), "a row starts with | [name](name.sh) |"
    names = [match[1] for match in listed if match]
    assert names == [match[2] for match in listed if match]
    assert sorted(names) == [script.stem for script in SCRIPTS]
    assert {row.count(" | ") for row in rows} == {4}, "five cells a row"


@each_script
def test_the_row_names_versions_that_are_installed(script: Path) -> None:
    _, body = header_and_body(script)
    pinned = {version for _, version in PIN.findall(body)}
    table = (FOLDER / "README.md").read_text(encoding="utf-8")
    row = next(line for line in table.splitlines() if line.startswith(f"| [{script.stem}]"))
    versions = re.findall(r"\d+(?:\.\d+)+", row.split(" | ")[1])
    assert versions, "the second cell names software and versions"
    assert set(versions) <= pinned
