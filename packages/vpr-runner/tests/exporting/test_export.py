"""What is written is the network, says what it takes, and nothing else is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from vpr_core import UsageError
from vpr_runner.exporting.description import Description
from vpr_runner.exporting.onnx_file import described
from vpr_runner.exporting.parity import compare
from vpr_runner.exporting.whole import export_whole
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.storage import fingerprint


def images(count: int, height: int, width: int) -> Any:
    return np.random.default_rng(0).integers(0, 255, size=(count, 3, height, width), dtype=np.uint8)


@pytest.mark.parametrize("size", [(48, 64), (37, 91), (130, 40)])
@pytest.mark.parametrize("count", [1, 3])
def test_another_program_gets_the_networks_descriptors(exported: Any, size: tuple[int, int], count: int) -> None:
    """onnxruntime, told nothing of us; sizes that were not exported, and batches."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(exported.file), providers=["CPUExecutionProvider"])
    given = images(count, *size)
    (found,) = session.run(None, {"images": given})
    with torch.inference_mode():
        wanted = exported.retriever(torch.from_numpy(given)).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_the_program_of_torch_is_the_network_too(exported: Any) -> None:
    extra = {"vpr.json": ""}
    module = torch.export.load(exported.program, extra_files=extra).module()
    given = torch.from_numpy(images(2, 61, 53))
    with torch.inference_mode():
        torch.testing.assert_close(module(given), exported.retriever(given), atol=1e-5, rtol=0)
    assert json.loads(extra["vpr.json"])["output"]["dim"] == exported.retriever.out_dim


def test_the_file_says_what_it_is(exported: Any) -> None:
    found = described(exported.file)
    assert found.fingerprint == fingerprint(exported.retriever, Architecture.of(exported.config))
    assert (found.precision, found.inputs.dtype, found.inputs.size) == ("float32", "uint8", None)
    assert (found.size, found.inputs.out_dim) == ((48, 64), exported.retriever.out_dim)
    assert found.licence == ("test, CC0-1.0",)
    assert found.parity["real"] == 8
    assert len(found.parity["sizes"]) > 8
    assert [48, 64] in found.parity["sizes"]
    assert str(Path.home()).encode() not in exported.file.read_bytes()
    assert b"vpr_runner" not in exported.file.read_bytes(), "stack traces of the maker"
    assert "weights" not in found.network["backbone"], "a path of the maker's machine"
    assert Description.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_the_smallest_size_is_said_and_checked(exported: Any) -> None:
    least = described(exported.file).inputs.least
    inputs = described(exported.file).inputs
    inputs.check(images(1, *least))
    with pytest.raises(ValueError, match="at least"):
        inputs.check(images(1, least[0] - 1, least[1]))


def test_a_size_that_is_built_in_is_noticed() -> None:
    """ConvAP through a naive exporter: other numbers at another size, no error."""

    def baked(given: Any) -> Any:
        pooled = given[:, :, :24, :32].astype(np.float64).mean(axis=(2, 3))
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

    def right(given: Any) -> Any:
        pooled = given.astype(np.float64).mean(axis=(2, 3))
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

    found = compare(right, baked, [(images(2, 24, 32), False), (images(2, 60, 32), False)])
    with pytest.raises(UsageError, match="gives other descriptors than the network"):
        found.check("float32", what="m.onnx: the exported network")
    compare(right, right, [(images(2, 60, 32), True)]).check("float32", what="it")


def test_not_a_number_stays_the_worst_difference() -> None:
    def once(given: Any) -> Any:
        return np.full((len(given), 2), np.nan if len(given) == 2 else 1.0)

    ones = [(images(count, 9, 9), False) for count in (1, 2, 3)]
    assert np.isnan(compare(lambda x: np.ones((len(x), 2)), once, ones).worst)


def test_a_program_of_another_name_is_refused_before_anything_is_written(
    made: Callable[..., Any], engine_registry: Any, tmp_path: Path
) -> None:
    from vpr_runner.exporting.write import export

    retriever, config = made()
    with pytest.raises(UsageError, match=r"wants a name that ends in \.pt2"):
        export(retriever, Architecture.of(config), engine_registry, onnx=tmp_path / "a.onnx", program=tmp_path / "a.pt")
    assert list(tmp_path.iterdir()) == []


def test_not_a_number_is_no_match() -> None:
    found = compare(lambda x: np.ones((len(x), 2)), lambda x: np.full((len(x), 2), np.nan), [(images(1, 9, 9), False)])
    with pytest.raises(UsageError, match="gives other descriptors"):
        found.check("int8", what="it")


def test_nothing_is_written_that_differs(exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vpr_runner.exporting import write

    def off(model: Any) -> Any:
        return lambda given: exported.retriever(torch.from_numpy(given)).detach().numpy()[::-1]

    whole = write.Whole(program=None, inputs=exported.found.description.inputs, example=exported.found.example)
    monkeypatch.setattr(write, "export_whole", lambda *_, **__: whole)
    monkeypatch.setattr(write, "onnx_model", lambda _: exported.found.model)
    monkeypatch.setattr(write, "run_onnx", off)
    with pytest.raises(UsageError, match="so it is not used"):
        write.export(
            exported.retriever, Architecture.of(exported.config), exported.registry, onnx=tmp_path / "wrong.onnx"
        )
    assert list(tmp_path.iterdir()) == []


class _OneSize(nn.Module):
    """Weights that belong to locations, as MixVPR's."""

    out_dim = 6

    def __init__(self) -> None:
        super().__init__()
        self.uses_global_token = False
        self.places = nn.Parameter(torch.rand(48 * 64, 2))

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        if given.shape[-2:] != (48, 64):
            raise ValueError(f"made for 48 x 64, got {tuple(given.shape[-2:])}")
        return nn.functional.normalize((given.float().flatten(2) @ self.places).flatten(1), dim=1)


def test_a_network_for_one_size_is_exported_for_it() -> None:
    whole = export_whole(_OneSize().eval(), size=(48, 64))  # type: ignore[arg-type]
    assert whole.inputs.size == (48, 64)
    assert whole.inputs.fault((48, 65))
    with pytest.raises(UsageError, match=r"one size only, say which: --set image.size"):
        export_whole(_OneSize().eval(), size=None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="does not take images of 50 x 64: made for"):
        export_whole(_OneSize().eval(), size=(50, 64))  # type: ignore[arg-type]


def test_half_precision_is_near_and_half_as_large(exported: Any) -> None:
    from vpr_runner.exporting.half import in_half
    from vpr_runner.exporting.onnx_file import run_onnx

    model = exported.found.model
    half = in_half(model)
    assert {tensor.data_type for tensor in half.graph.initializer if tensor.name.endswith("_half")} == {10}
    assert half.ByteSize() < 0.75 * model.ByteSize()
    given = images(3, 40, 70)
    with torch.inference_mode():
        wanted = exported.retriever(torch.from_numpy(given)).numpy()
    found = run_onnx(half)(given)
    assert 0 < np.abs(found - wanted).max() < 2e-2
    assert (found * wanted).sum(axis=1).min() > 0.999


def test_a_weight_that_half_precision_cannot_hold_is_refused(exported: Any) -> None:
    from onnx import numpy_helper

    from vpr_runner.exporting.half import in_half

    model = type(exported.found.model).FromString(exported.found.model.SerializeToString())
    name = next(node.input[1] for node in model.graph.node if node.op_type == "Conv")
    tensor = next(one for one in model.graph.initializer if one.name == name)
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1e9), name))
    with pytest.raises(UsageError, match="float16 ends at 65504"):
        in_half(model)


def test_float_images_are_taken_where_asked(made: Callable[..., Any]) -> None:
    retriever, _ = made(pooling={"type": "gem"})
    whole = export_whole(retriever, size=(48, 64), dtype="float32")
    given = images(2, 53, 71).astype(np.float32) / 255
    whole.inputs.check(given)
    with torch.inference_mode():
        wanted = retriever(torch.from_numpy(given))
        torch.testing.assert_close(whole.program.module()(torch.from_numpy(given)), wanted, atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="must be float32"):
        whole.inputs.check(images(2, 53, 71))
