"""Runtimes where images are encoded: looked at before they are used, part of what is written, never mixed unasked."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vpr_core import UsageError, build_registry
from vpr_core.config import EvalConfig
from vpr_core.runtimes import InputContract
from vpr_data import ImageSet
from vpr_runner.cli import main
from vpr_runner.encoding import execution as execution_module
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import encode
from vpr_runner.encoding.execution import Execution, executing
from vpr_runner.encoding.refused import SizeRefusedError
from vpr_runner.encoding.samples import Samples
from vpr_runner.encoding.source import ImageSource
from vpr_runner.evaluation.answered import answered
from vpr_runner.extraction.descriptors import load_descriptors
from vpr_runner.locate.locator import Locator
from vpr_runner.loops.network import describer_of
from vpr_runner.maps.computed import check_computed
from vpr_runner.maps.opened import open_map
from vpr_runner.maps.write import write_map
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.assembly import assemble
from vpr_runner.network.storage import fingerprint

PLUGIN = Path(__file__).resolve().parents[1] / "runtime_components.py"
Make = Callable[..., Any]


@pytest.fixture(scope="module")
def registry() -> Any:
    return build_registry(plugin_files=[PLUGIN])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(4)
    names = [f"{number}.png" for number in range(6)]
    for name in names:
        small = generator.integers(0, 256, (5, 6, 3), dtype=np.uint8)
        Image.fromarray(small).resize((60, 50), Image.Resampling.BICUBIC).save(folder / name)
    return ImageSet(root=folder, names=names, xy=np.arange(12.0).reshape(6, 2))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPR_CACHE", str(tmp_path / "cache"))


def config_of(registry: Any, **compute: Any) -> Any:
    from vpr_core.config import parse_run

    content = {
        "dataset": {"type": "none"},
        "backbone": {"type": "tiny", "width": 0.34},
        "pooling": {"type": "gem"},
        "image": {"size": [32, 40]},
        "compute": {"device": "cpu", "workers": 1, "batch": 4, **compute},
    }
    return parse_run(json.dumps(content), registry, source="test")


def test_the_first_use_says_how_far_it_is(registry: Any, photos: ImageSet, caplog: pytest.LogCaptureFixture) -> None:
    config = config_of(registry, runtime={"type": "near"})
    retriever = assemble(config, registry).eval()
    for said in (1, 0):
        caplog.clear()
        with (
            caplog.at_level(logging.INFO),
            executing(retriever, Architecture.of(config), registry, compute=config.compute, images=photos) as execution,
        ):
            assert execution is not None
            assert execution.identity == "near float16"
            smallest, median = execution.cosine or (0.0, 0.0)
            assert 0.999 < smallest <= median < 1
            assert retriever.execution is execution
        assert retriever.execution is None
        lines = [record.getMessage() for record in caplog.records if "of your images" in record.getMessage()]
        assert len(lines) == said
    kept = config.model_copy(
        update={"compute": config.compute.model_copy(update={"runtime": registry.get("runtime", "torch").config()})}
    )
    with executing(retriever, Architecture.of(kept), registry, compute=kept.compute, images=photos) as execution:
        assert execution is None


def test_another_network_is_refused_before_anything_is_written(registry: Any, photos: ImageSet, tmp_path: Path) -> None:
    config = config_of(registry, runtime={"type": "near", "off": 0.5})
    with pytest.raises(UsageError, match=r"smallest cosine 0\.9.*In float16 at most 0.02") as caught:
        write_map(
            assemble(config, registry).eval(),
            photos,
            output=tmp_path / "map",
            config=config,
            progress=False,
            registry=registry,
        )
    assert "compute.runtime='{type: torch}'" in str(caught.value)
    assert not (tmp_path / "map" / "manifest.json").exists()


def test_a_map_says_what_computed_it_and_is_gone_on_with_by_that_only(
    registry: Any, photos: ImageSet, tmp_path: Path
) -> None:
    config, plain = config_of(registry, runtime={"type": "near"}), config_of(registry)
    retriever, folder = assemble(config, registry).eval(), tmp_path / "map"
    for _ in range(2):
        write_map(retriever, photos, output=folder, config=config, progress=False, registry=registry)
    assert load_descriptors(folder).computed == "near float16"
    said = json.loads((folder / "origin.json").read_text())["runtime"]
    assert (said["name"], said["version"]) == ("near", "1")
    with pytest.raises(UsageError, match=r"runtime \(was near float16, is torch\)"):
        write_map(retriever, photos, output=folder, config=plain, progress=False, registry=registry)
    write_map(retriever, photos, output=tmp_path / "plain", config=plain, progress=False, registry=registry)
    assert "runtime" not in json.loads((tmp_path / "plain" / "manifest.json").read_text())
    by_runtime, by_torch = (np.asarray(load_descriptors(each)[:]) for each in (folder, tmp_path / "plain"))
    wanted = by_torch.copy()
    wanted[:, 0] += 0.001
    np.testing.assert_allclose(by_runtime, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-6)


def test_a_map_is_asked_by_what_made_it(
    registry: Any, photos: ImageSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_of(registry, runtime={"type": "near"})
    retriever, folder = assemble(config, registry).eval(), tmp_path / "map"
    write_map(retriever, photos, output=folder, config=config, progress=False, registry=registry)
    found = Locator.open(folder, plugins=[PLUGIN])(photos.path(2), count=1)
    assert found.answers[0].distance < 1e-3
    describe, _ = describer_of(folder, device=None, plugins=[PLUGIN])  # of a loop detector
    np.testing.assert_allclose(describe(photos.path(2)), np.asarray(load_descriptors(folder)[2]), atol=1e-6)
    with caplog.at_level(logging.WARNING):
        Locator.open(folder)  # the runtime is not installed: torch, whose distance is known to be small
    assert "runtime 'near' is not installed here" in caplog.text
    assert "was computed by near float16, its queries are by torch float32: cosines down to " in caplog.text


def test_descriptors_far_apart_are_compared_only_when_asked(
    registry: Any, photos: ImageSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_of(registry)
    write_map(
        assemble(config, registry).eval(), photos, output=tmp_path / "map", config=config, progress=False, registry=None
    )
    opened, compute = open_map(tmp_path / "map"), Compute.of(config.compute, config.image)

    class Far:
        identity, cosine = "far int8 0123", (0.98, 0.99)

    check_computed(opened, None, compute)
    with pytest.raises(
        UsageError, match=r"by torch float32, its queries are by far int8 0123: cosines down to 0\.98"
    ) as caught:
        check_computed(opened, Far(), compute)  # type: ignore[arg-type]
    assert "--set" not in str(caught.value)  # a locator, a service: nobody could say it there
    with pytest.raises(UsageError, match=r"say by what: --set compute\.runtime='\{type: far\}'"):
        check_computed(opened, Far(), compute, asked=False)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        check_computed(opened, Far(), compute, asked=True)  # type: ignore[arg-type]
    assert "cosines down to 0.98" in caplog.text
    half = Compute.of(config.compute.model_copy(update={"precision": "bfloat16"}), config.image)
    with pytest.raises(UsageError, match="nobody has measured"):
        check_computed(opened, None, half)


@pytest.mark.parametrize(
    ("said", "found"),
    [([], "or, to compare them nonetheless"), (["--set", "compute.runtime={type: torch}"], "6 photos whose place is")],
)
def test_a_map_is_calibrated_by_what_the_user_says(
    registry: Any,
    photos: ImageSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    said: list[str],
    found: str,
) -> None:
    config, folder = config_of(registry), tmp_path / "map"
    write_map(assemble(config, registry).eval(), photos, output=folder, config=config, progress=False)
    monkeypatch.setattr("vpr_runner.cli.calibrate._asked_for", lambda *_: (photos, "photos"))
    assert main(["calibrate", str(folder), "-q", "--set", "compute.precision=bfloat16", *said]) == 2
    assert found in " ".join(capsys.readouterr().err.split())


def test_precision_of_torch_and_a_runtime_are_not_both(registry: Any, photos: ImageSet) -> None:
    config = config_of(registry, runtime={"type": "near"}, precision="bfloat16")
    with (
        pytest.raises(UsageError, match=r"compute.precision: bfloat16 is of torch; the runtime 'near' has its own"),
        executing(assemble(config, registry), Architecture.of(config), registry, compute=config.compute, images=photos),
    ):
        pass


class Fed:
    """A runtime that keeps what it is given, and gives one direction."""

    name, precision = "fed", "float32"

    def run(self, images: Any) -> Any:
        self.given = images
        return np.tile(np.array([1, 0], dtype=np.float32), (len(images), 1))


def fed(**contract: Any) -> Execution:
    inputs = InputContract(**{"dtype": "uint8", "out_dim": 2, "least": (32, 32), **contract})
    return Execution(runtime=Fed(), precision="float32", identity="fed float32", inputs=inputs)


def test_a_graph_of_float_images_gets_them_in_0_to_1() -> None:
    execution, images = fed(dtype="float32"), torch.full((1, 3, 32, 40), 51, dtype=torch.uint8)
    execution(images)
    execution.inputs.check(execution.runtime.given)  # type: ignore[union-attr]
    np.testing.assert_allclose(execution.runtime.given, 0.2, rtol=1e-6)
    execution = fed()
    execution(images)
    assert execution.runtime.given.dtype == np.uint8


def test_an_image_that_is_too_small_for_the_graph_is_left_out_or_named(photos: ImageSet) -> None:
    Image.new("RGB", (20, 20)).save(photos.path(5).with_name("small.png"))
    images = ImageSet(root=photos.root, names=["0.png", "small.png", "2.png"], xy=np.zeros((3, 2)))
    compute, out = Compute(device=torch.device("cpu"), workers=1), np.zeros((3, 2), dtype=np.float32)
    said = r"height and width of images must be at least \(32, 32\), got \(20, 20\)"
    with pytest.raises(SizeRefusedError, match=rf"^small\.png: {said}$"):
        encode(fed(), ImageSource(images), range(3), out=out, compute=compute)
    skipping = replace(compute, on_bad_image="skip")
    encoded = encode(fed(), ImageSource(images), range(3), out=out, compute=skipping)
    assert list(encoded.failures) == [1]
    assert re.fullmatch(said, encoded.failures[1])
    np.testing.assert_array_equal(out, [[1, 0], [np.nan, np.nan], [1, 0]])


def test_samples_prepared_otherwise_are_other_samples(photos: ImageSet) -> None:
    compute, inputs = Compute(device=torch.device("cpu")), InputContract(dtype="uint8", out_dim=2)
    rules: list[dict[str, Any]] = [{}, {"short_side": 40}, {"max_side": 40}, {"multiple": 8}, {"size": (40, 40)}]
    rules += [{"interpolation": "bicubic"}, {"longest": 40}]
    assert len({Samples(photos, replace(compute, **rule), inputs).digest(4) for rule in rules}) == len(rules)


def test_whatever_a_runtime_raises_is_a_sentence(
    registry: Any, photos: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FailError(Exception):  # as those of onnxruntime
        pass

    def build(*_: Any) -> Any:
        raise FailError("this is no graph")

    config = config_of(registry, runtime={"type": "near"})
    retriever = assemble(config, registry).eval()
    contract = InputContract(dtype="uint8", out_dim=2)
    monkeypatch.setattr(execution_module, "kept_export", lambda *_, **__: (photos.root, "digest", contract))
    monkeypatch.setattr(type(registry), "build", build)
    with (
        pytest.raises(UsageError, match="'near' cannot execute this network: this is no graph"),
        executing(retriever, Architecture.of(config), registry, compute=config.compute, images=photos),
    ):
        pass


def test_answers_without_a_count_are_computed_by_the_runtime_too(
    registry: Any, photos: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is handed in to a benchmark's server goes the way of `evaluate`, to the same fingerprint."""
    contract = InputContract(dtype="uint8", out_dim=2)
    monkeypatch.setattr(execution_module, "kept_export", lambda *_, **__: (photos.root, "digest", contract))
    config = config_of(registry, runtime={"type": "near"}).model_copy(update={"eval": EvalConfig(recall_at=(1, 3))})
    protocol = SimpleNamespace(group=None)
    split: Any = SimpleNamespace(name="secret", secret=True, queries=photos, database=photos, protocol=protocol)
    retriever = assemble(config, registry).eval()
    found = answered(retriever, split, config, registry=registry, progress=False)
    assert found.execution is not None
    assert found.execution.identity == "near float16"
    assert retriever.execution is None
    assert found.model == fingerprint(retriever, Architecture.of(config))
    assert found.answers.index.shape == (6, 3)


@pytest.mark.slow
def test_calibration_goes_with_the_map(photos: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """int8: on another machine, without cache and photos, queries are computed by the very network of the map."""
    pytest.importorskip("onnxscript", reason="needs the extra vpr-runner[onnx]")
    registry = build_registry()
    if "onnxruntime" not in {spec.name for spec in registry.specs("runtime")}:
        pytest.skip("vpr-onnxruntime is not installed")
    config = config_of(registry, runtime={"type": "onnxruntime", "precision": "int8"})
    folder = tmp_path / "map"
    write_map(
        assemble(config, registry).eval(), photos, output=folder, config=config, progress=False, registry=registry
    )
    opened = open_map(folder)
    assert opened.seal is not None
    assert "runtime.onnx" in opened.seal.files
    assert opened.descriptors.computed.startswith("onnxruntime int8 ")
    row = np.asarray(opened.descriptors[3])
    shutil.rmtree(tmp_path / "cache" / "runtimes")
    where = Locator.open(folder)
    found = where(photos.path(3), count=1)
    assert found.answers[0].image == "3.png"
    assert found.answers[0].distance < 1e-3
    assert np.isfinite(row).all()
    content = bytearray((folder / "runtime.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "runtime.onnx").write_bytes(content)
    with pytest.raises(UsageError, match=r"runtime\.onnx"):
        Locator.open(folder)
