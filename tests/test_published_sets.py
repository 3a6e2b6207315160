"""Published sets at the command line, on the small trees of vpr-data's tests."""

from __future__ import annotations

import shutil
import sys
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from vpr_runner.cli import main

TREES = Path(__file__).parents[1] / "packages" / "vpr-data" / "tests" / "published" / "trees.py"
RUN = """\
dataset: {{type: msls, root: {root}}}
backbone: {{type: tiny}}
pooling: {{type: avg}}
image: {{size: [24, 32]}}
eval: {{split: val, recall_at: [1, 2]}}
"""


@pytest.fixture(scope="module")
def trees() -> Any:
    spec = spec_from_file_location("vpr_data_trees_at_the_command_line", TREES)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_counts_stand_beside_the_published_ones(tmp_path: Path, trees: Any, capsys: pytest.CaptureFixture[str]) -> None:
    trees.sf_xl(tmp_path)
    assert main(["data", "info", "sf_xl", "--root", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "sf_xl-test-v1+v2+night+occlusion@25m" in out
    assert "10         published 2805840" in out
    assert "4 queries night, 466 are published (as remembered" in out


def test_what_is_missing_is_listed(tmp_path: Path, trees: Any, capsys: pytest.CaptureFixture[str]) -> None:
    trees.svox(tmp_path)
    assert main(["data", "check", "svox", "--root", str(tmp_path)]) == 0
    shutil.rmtree(tmp_path / "images/test/queries_rain")
    assert main(["data", "check", "svox", "--root", str(tmp_path)]) == 1
    assert "queries_rain\n" in capsys.readouterr().out
    trees.st_lucia(tmp_path / "lucia")
    assert main(["data", "check", "st_lucia", "--root", str(tmp_path / "lucia")]) == 1
    assert "test: 15 images, 1,549 are published" in capsys.readouterr().out


def test_a_bare_nordland_is_refused_with_both_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "info", "nordland", "--root", str(tmp_path)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "patchnetvlad: database summer, queries winter, 27,592 each, 10 frames" in said
    assert "vprbench: database winter, 27,592, queries summer, every tenth, 2,760, 1 frame" in said


def test_the_challenges_file(tmp_path: Path, trees: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Answers of the city alone, and no recall, which only the server can count."""
    trees.msls(tmp_path / "msls")
    run = tmp_path / "run.yaml"
    run.write_text(RUN.format(root=tmp_path / "msls"))
    file = tmp_path / "answers.zip"
    assert main(["eval", str(run), "--split", "test", "--predictions", str(file), "--quiet"]) == 0
    assert "12 queries answered, hand in" in capsys.readouterr().out
    with zipfile.ZipFile(file) as archive:
        lines = [line.split() for line in archive.read("predictions.csv").decode().splitlines()]
    assert len(lines) == 12
    for query, *answers in lines:
        city = query.partition("-")[0]
        assert sorted(answers) == [f"{city}-database0", f"{city}-database1"]
    assert main(["eval", str(run), "--split", "test", "--quiet"]) == 2
    assert "known to the benchmark's server alone; --predictions answers.zip" in capsys.readouterr().err
    # The same file form of the split that is public goes in and comes back.
    own = tmp_path / "val.zip"
    assert main(["eval", str(run), "--predictions", str(own), "--json", "--quiet"]) == 0
    ours = capsys.readouterr().out
    assert main(["eval", str(run), "--from-predictions", str(own), "--json", "--quiet"]) == 0
    theirs = capsys.readouterr().out
    assert (
        ours[ours.index('"recall"') : ours.index('"intervals"')]
        == theirs[theirs.index('"recall"') : theirs.index('"intervals"')]
    )
