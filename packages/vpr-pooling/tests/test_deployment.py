"""The layers under `torch.compile`, `torch.export` and ONNX, with batch and map size left open."""

from __future__ import annotations

import functools
import io
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from vpr_pooling import VLAD, AveragePooling, GeM, MaxPooling, NetVLAD

CHANNELS = 6
LAYERS = {
    "netvlad-v1": lambda: NetVLAD(in_channels=CHANNELS, num_clusters=5),
    "netvlad-v2": lambda: NetVLAD(in_channels=CHANNELS, num_clusters=5, form="v2", normalize_input=False),
    "vlad": lambda: VLAD(in_channels=CHANNELS, num_clusters=5),
    "gem": lambda: GeM(in_channels=CHANNELS),
    "gem-channels": lambda: GeM(in_channels=CHANNELS, per_channel=True, normalize_input=True),
    "max": lambda: MaxPooling(in_channels=CHANNELS),
    "avg": lambda: AveragePooling(in_channels=CHANNELS, normalize_input=True),
}
each_layer = pytest.mark.parametrize("name", LAYERS)
each_kind = pytest.mark.parametrize("name", ["netvlad-v1", "vlad", "gem", "max"])
SHAPES = [(3, CHANNELS, 4, 5), (1, CHANNELS, 9, 2), (5, CHANNELS, 1, 1)]
DYNAMIC = ({0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC},)


def make(name: str) -> nn.Module:
    torch.manual_seed(0)
    layer: nn.Module = LAYERS[name]().eval()
    if hasattr(layer, "init_from_features"):
        layer.init_from_features(torch.randn(200, CHANNELS), generator=torch.Generator().manual_seed(0))
    return layer


@functools.cache
def exported(name: str) -> ExportedProgram:
    """Made once for both of the tests that read it."""
    return torch.export.export(make(name), (maps(SHAPES[0]),), dynamic_shapes=DYNAMIC)


def maps(shape: tuple[int, ...]) -> Tensor:
    features = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
    features[0, :, 0, 0] = 0.0
    return features


@pytest.mark.slow
@each_kind
def test_compiles_in_one_graph_with_the_same_gradient(name: str) -> None:
    layer = make(name)
    compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend="aot_eager")
    for shape in SHAPES[:2]:
        ours, expected = maps(shape).requires_grad_(), maps(shape).requires_grad_()
        seed = torch.randn(shape[0], layer.out_dim, generator=torch.Generator().manual_seed(2))
        torch.testing.assert_close(compiled(ours), layer(expected), atol=1e-6, rtol=0)
        compiled(ours).backward(seed)
        layer(expected).backward(seed)
        torch.testing.assert_close(ours.grad, expected.grad, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
@each_kind
def test_compiles_in_one_graph_under_autocast(name: str) -> None:
    layer = make(name)
    features = maps(SHAPES[0]).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")(features)
    assert compiled.dtype == torch.float32
    torch.testing.assert_close(compiled, layer(features.float()).detach(), atol=1e-6, rtol=0)


@pytest.mark.slow
def test_inductor_compiles_training() -> None:
    layer = make("netvlad-v1")
    features = maps(SHAPES[0])
    torch.testing.assert_close(torch.compile(layer, fullgraph=True)(features), layer(features), atol=1e-6, rtol=0)


@pytest.mark.slow
@pytest.mark.filterwarnings(  # torch 2.10 reads its own archive through a bytes object
    "ignore:The given buffer is not writable:UserWarning:torch.export.pt2_archive._package"
)
@each_layer
def test_exports_with_open_batch_height_and_width(name: str) -> None:
    layer = make(name)
    file = io.BytesIO()
    torch.export.save(exported(name), file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    for shape in SHAPES:
        torch.testing.assert_close(loaded(maps(shape)), layer(maps(shape)), atol=1e-6, rtol=0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the exporter's own deprecations
@each_layer
def test_runs_in_onnxruntime_with_open_batch_height_and_width(name: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra vpr-pooling[onnx]")
    pytest.importorskip("onnxscript", reason="needs the extra vpr-pooling[onnx]")
    layer = make(name)
    path = tmp_path / "layer.onnx"
    torch.onnx.export(
        exported(name),
        f=str(path),
        dynamo=True,
        external_data=False,
        input_names=["features"],
        output_names=["descriptors"],
        verbose=False,
    )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for shape in SHAPES:
        for features in (maps(shape), torch.zeros(shape), 6e4 * maps(shape)):
            (result,) = session.run(None, {"features": features.numpy()})
            torch.testing.assert_close(torch.from_numpy(result), layer(features).detach(), atol=2e-6, rtol=0)
