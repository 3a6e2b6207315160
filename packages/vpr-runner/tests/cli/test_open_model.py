"""A network from disk: its file is read once, and what the user says of it is compared part by part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vpr_core import UsageError, build_registry
from vpr_core.config import parse_run
from vpr_runner.cli.model import open_model
from vpr_runner.network import storage
from vpr_runner.network.assembly import assemble
from vpr_runner.network.storage import load_retriever, save_retriever

RUN = "dataset: {type: none}\nbackbone: {type: tiny}\npooling: {type: gem}\nimage: {size: [32, 40]}\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    registry = build_registry()
    config = parse_run(RUN, registry)
    return save_retriever(assemble(config, registry), tmp_path / "model", config)


def test_a_model_file_is_opened_and_parsed_once(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("safe_open", "parse_run"):
        real = getattr(storage, name)
        monkeypatch.setattr(storage, name, lambda *a, real=real, name=name, **k: (done.append(name), real(*a, **k))[1])
    retriever, config, _ = open_model(model, settings=["image.size=[48, 64]"])
    assert done == ["safe_open", "parse_run"]
    assert config.image.size == (48, 64)
    assert not retriever.training


def test_what_the_user_says_is_the_parts_alone_without_weights_however_it_is_given(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, asked = build_registry(), []
    monkeypatch.setattr(storage, "refuse_foreign_choices", lambda *_, said, **__: asked.append(said))
    config = parse_run(RUN.replace("{type: tiny}", "{type: tiny, weights: some.pth}"), registry)
    parts: dict[str, Any] = {"backbone": config.backbone, "pooling": config.pooling}
    for said in (config, parts, config.model_dump(mode="json", include=set(parts))):
        load_retriever(model, registry, said=said)
    expected = {name: part.model_dump(mode="json") for name, part in parts.items()}
    expected["backbone"]["weights"] = "none"
    assert asked == [expected] * 3


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("pooling.p=2.5", r"--set pooling: .*model\.safetensors.* 'p': 3\.0.*, not .*'p': 2\.5"),
        ("pooling={type: avg}", "--set pooling: .*'gem'.*, not .*'avg'"),
        ("backbone.width=0.5", "--set backbone: .*'width': 1.0.*, not .*'width': 0.5"),
        ("whiten={dim: 16}", "--set whiten: .* its whiten is null, not .*'dim': 16"),
    ],
)
def test_a_setting_that_would_make_it_another_network_is_refused(model: Path, setting: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        open_model(model, settings=[setting])


@pytest.mark.parametrize("setting", ["pooling={type: gem}", "backbone.weights=some.pth", "backbone={type: tiny}"])
def test_what_the_network_is_already_may_be_said(model: Path, setting: str) -> None:
    retriever, _, _ = open_model(model, settings=[setting])
    assert retriever.out_dim == 128
