"""``examples/``: the files for other programs are those that `vpr export --for` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpr_runner.exporting.companion_files import COMPANIONS, write_companions

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
DIM = 4096
"""Of the network that docs/how-to/deployment.md exports."""


@pytest.mark.parametrize("program", COMPANIONS)
def test_examples_are_what_export_writes(program: str, tmp_path: Path) -> None:
    written = {file.name: file.read_text(encoding="utf-8") for file in write_companions(tmp_path, program, dim=DIM)}
    kept = {file.name: file.read_text(encoding="utf-8") for file in (EXAMPLES / program).glob("*.py")}
    assert kept == written, f"vpr export RUN --for {program} -o DIR of a network of {DIM} numbers; copy what it writes"


def test_every_program_has_an_example() -> None:
    assert {folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()} == set(COMPANIONS)
