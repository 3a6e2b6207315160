"""A file of `vpr export` in the place of a run: extracted with, searched with, carried away in a map."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vpr_core import UsageError
from vpr_runner.cli import main
from vpr_runner.exporting.stored import exported_network
from vpr_runner.extraction.descriptors import load_descriptors


@pytest.fixture(scope="module")
def mapped(exported: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if "onnxruntime" not in {spec.name for spec in exported.registry.specs("runtime")}:
        pytest.skip("vpr-onnxruntime is not installed")
    folder = tmp_path_factory.mktemp("mapped") / "map"
    photos = exported.photos[0].parent
    assert main(["extract", str(exported.file), str(photos), "-o", str(folder), "-q"]) == 0
    return folder


def test_its_rows_are_the_networks(mapped: Path, exported: Any) -> None:
    from vpr_runner.encoding.compute import Compute
    from vpr_runner.encoding.encode import encode_all
    from vpr_runner.encoding.source import ImageSource

    class Photos:
        names = tuple(path.name for path in exported.photos)

        def __len__(self) -> int:
            return len(self.names)

        def path(self, position: int) -> Path:
            return exported.photos[position]

    found = load_descriptors(mapped)
    assert found.computed == "onnxruntime float32"
    compute = Compute(device=torch.device("cpu"), size=(48, 64), batch=4, workers=1)
    wanted, _ = encode_all(exported.retriever, ImageSource(Photos()), compute=compute)  # type: ignore[arg-type]
    np.testing.assert_allclose(found[:], wanted, atol=1e-5)


def test_the_map_is_searched_by_the_file_in_it(
    mapped: Path, exported: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    carried = mapped.rename(mapped.with_name("carried"))
    try:
        assert (carried / "model" / "model.onnx").read_bytes() == exported.file.read_bytes()
        assert main(["search", str(carried), str(exported.photos[5]), "-k", "1", "--json", "-q"]) == 0
        (answer,) = json.loads(capsys.readouterr().out)[0]["answers"]
        assert (answer["image"], answer["distance"] < 1e-3) == (exported.photos[5].name, True)
    finally:
        carried.rename(mapped)


def test_another_file_does_not_search_it(mapped: Path, exported: Any, capsys: pytest.CaptureFixture[str]) -> None:
    changed = ["search", str(mapped), str(exported.photos[5]), "--set", "image.size=[64, 64]", "-q"]
    assert main(changed) == 2
    assert "another image size" in capsys.readouterr().err


def test_what_is_in_the_file_is_fixed(exported: Any) -> None:
    network, config = exported_network(exported.file, exported.registry, ["compute.batch=3"])
    assert (config.image.size, config.compute.batch) == ((48, 64), 3)
    assert network.out_dim == exported.retriever.out_dim
    with pytest.raises(UsageError, match="what it computes is fixed"):
        exported_network(exported.file, exported.registry, ["pooling.type=avg"])
    with pytest.raises(UsageError, match="takes the run that it came from"):
        network.normalize(torch.zeros(1, 3, 9, 9))
    with pytest.raises(UsageError, match="writes one"):
        exported_network(exported.file.with_name("none.onnx"), exported.registry)


def test_the_longest_side_is_kept_beside_other_settings(
    exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from vpr_runner.exporting import stored

    (tmp_path / "model.onnx").write_bytes(b"")
    for sizing, longest in (({"multiple": 14, "interpolation": "bicubic"}, 512), ({"multiple": 14}, None)):
        found = replace(exported.found.description, size=None, longest=longest, sizing=sizing)
        monkeypatch.setattr(stored, "described", lambda _, found=found: found)
        _, config = exported_network(tmp_path / "model.onnx", exported.registry)
        assert config.image.in_force() == {"size": None, **({"longest": longest} if longest else {}), **sizing}


def test_a_flipped_bit_of_the_file_in_a_map_is_noticed(mapped: Path, exported: Any, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(mapped / "model", folder)
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(UsageError, match="is damaged"):
        exported_network(folder, exported.registry)


def test_it_is_evaluated_like_a_run(mapped: Path, exported: Any, dots_root: Path, engine_registry: Any) -> None:
    from vpr_runner.data import split_of
    from vpr_runner.evaluation.evaluate import evaluate

    block = engine_registry.get("dataset", "dots").config(root=str(dots_root))
    split = split_of(block, engine_registry, name="test")
    network, config = exported_network(exported.file, engine_registry, ["eval.bootstrap=0", "eval.recall_at=[1, 5]"])
    found = evaluate(network, split, config, registry=engine_registry, progress=False)
    plain = exported.config.model_copy(update={"eval": config.eval})
    wanted = evaluate(exported.retriever, split, plain, registry=engine_registry, progress=False)
    assert found.recall == wanted.recall
    assert found.provenance["runtime"]["identity"] == "onnxruntime float32"
    assert "runtime" not in wanted.provenance
