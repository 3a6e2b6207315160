"""``vpr init``: a short run file, with the schema that an editor reads beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vpr_core import RunConfig, build_registry, load_run_file
from vpr_runner.cli import main


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("init") / "run.yaml"
    assert main(["init", str(path)]) == 0
    return path


def test_it_is_a_page_that_says_what_holds_anyhow(written: Path) -> None:
    lines = written.read_text().splitlines()
    assert lines[0] == "# yaml-language-server: $schema=./run.schema.json"
    assert len(lines) <= 15
    run = load_run_file(written, build_registry())
    assert (run.dataset.type, run.backbone.type, run.pooling.type) == ("city", "tiny", "netvlad")
    assert run.train.epochs == 5
    untouched = {"image", "init", "whiten", "eval", "compute", "sequence", "rerank", "loggers", "seed"}
    assert all(getattr(run, name) == _default(type(run), name) for name in untouched)


def _default(model: type[RunConfig], name: str) -> object:
    return model.model_fields[name].get_default(call_default_factory=True)


def test_the_schema_lies_where_the_first_line_says(written: Path) -> None:
    schema = json.loads(written.with_name("run.schema.json").read_text())
    assert schema["title"] == "vpr run file"
    assert "netvlad" in schema["properties"]["pooling"]["discriminator"]["mapping"]
    assert "17places" in schema["properties"]["dataset"]["discriminator"]["mapping"]


def test_a_schema_of_ours_is_made_anew_and_another_file_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = tmp_path / "run.schema.json"
    schema.write_text('{"title": "vpr run file", "old": 1}')
    assert main(["init", str(tmp_path / "a.yaml")]) == 0
    assert "old" not in json.loads(schema.read_text())
    for other in ('{"title": "somebody else\'s"}', "[" * 100_000, "[1]"):
        schema.write_text(other)
        assert main(["init", str(tmp_path / "a.yaml"), "--force"]) == 0
        assert schema.read_text() == other
        assert "is no schema of ours" in capsys.readouterr().err


def test_what_has_no_default_is_marked_and_authors_sizes_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "-", "--backbone", "timm", "--dataset", "folder", "--index", "hnsw"]) == 0
    said = capsys.readouterr().out
    assert "backbone: {type: timm, model: CHANGE_ME, weights: imagenet}" in said
    assert "dataset:  {type: folder, root: CHANGE_ME}" in said
    assert "index:    {type: hnsw}" in said
    assert main(["init", "-", "--backbone", "resnet99"]) == 2
    assert "no backbone named 'resnet99'" in capsys.readouterr().err


def test_validate_says_where_images_are_not_those_that_authors_recommend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run.yaml"
    vit = (
        "dataset: {type: city}\nbackbone: {type: timm, model: vit_small_patch14_dinov2.lvd142m}\npooling: {type: gem}\n"
    )
    run.write_text(vit)
    assert main(["validate", str(run)]) == 0
    assert "image.multiple: 14 cuts images to what this backbone takes" in capsys.readouterr().out
    run.write_text(f"{vit}image: {{short_side: 224, multiple: 14}}\n")
    assert main(["validate", str(run)]) == 0
    assert "image." not in capsys.readouterr().out
