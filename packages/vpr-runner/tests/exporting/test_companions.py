"""RTAB-Map's file and the ROS 2 node: what they do to a photo is what the toolkit does, through fakes of both hosts."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from vpr_data import Sizing, load_image
from vpr_runner.cli import main
from vpr_runner.exporting.companion_files import COMPANIONS, write_companions
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.storage import fingerprint


@pytest.fixture(scope="module")
def folder(exported: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("robot")
    (folder / "model.onnx").write_bytes(exported.file.read_bytes())
    for program in COMPANIONS:
        write_companions(folder, program, dim=exported.retriever.out_dim)
    return folder


@pytest.fixture
def load(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Return a function that imports one of the files as its host would."""
    monkeypatch.syspath_prepend(str(folder))

    def load(name: str) -> Any:
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield load
    sys.modules.pop("vpr_onnx", None)


def photo(seed: int = 0, size: tuple[int, int] = (50, 80)) -> Any:
    coarse = np.random.default_rng(seed).integers(0, 256, size=(4, 5, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((size[0] // 4, size[1] // 5, 1), np.uint8))


def by_the_toolkit(exported: Any, rgb: Any) -> Any:
    image = Sizing(size=(48, 64))(torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1).contiguous())
    with torch.inference_mode():
        return exported.retriever(image[None].contiguous()).numpy()[0]


def test_rtabmap_hands_over_signed_bytes_blue_first(exported: Any, load: Callable[[str], Any]) -> None:
    module, rgb = load("rtabmap_vpr"), photo()
    module.init(exported.retriever.out_dim)
    frame = np.ascontiguousarray(rgb[:, :, ::-1]).view(np.int8)  # PyArray_SimpleNewFromData(..., NPY_BYTE, ...)
    found = module.extract(frame)
    assert (found.dtype, found.shape, found.flags.c_contiguous) == (np.float32, (1, exported.retriever.out_dim), True)
    assert float(found[0] @ by_the_toolkit(exported, rgb)) > 0.999
    grey = module.extract(np.ascontiguousarray(rgb[:, :, :1]).view(np.int8))
    assert float(grey[0] @ by_the_toolkit(exported, np.repeat(rgb[:, :, :1], 3, axis=2))) > 0.999


def test_a_dimension_that_cannot_be_cut_is_refused(load: Callable[[str], Any]) -> None:
    with pytest.raises(ValueError, match=r"PyDescriptor/Dim is 3; this network gives \d+ numbers"):
        load("rtabmap_vpr").init(3)


@pytest.mark.parametrize(
    "rule", [{"short_side": 30}, {"max_side": 70}, {"longest": 40}, {"size": [40, 60], "multiple": 7}, {}]
)
def test_photos_are_brought_to_the_size_that_the_toolkit_brings_them_to(
    load: Callable[[str], Any], folder: Path, rule: dict[str, Any]
) -> None:
    describer = load("vpr_onnx").Describer(folder / "model.onnx", threads=1)
    describer.about["input"]["resize"] = {
        "size": None,
        "longest": None,
        "interpolation": "bilinear, antialiased",
        **rule,
    }
    for size in ((52, 80), (80, 50), (24, 25)):
        rgb = photo(1, size)
        wanted = Sizing(**{name: tuple(v) if isinstance(v, list) else v for name, v in rule.items()})(
            torch.from_numpy(rgb).permute(2, 0, 1).contiguous()
        )
        found = describer.prepared(rgb)
        assert found.shape[:2] == tuple(wanted.shape[1:])
        assert np.abs(found.astype(int) - wanted.permute(1, 2, 0).numpy().astype(int)).max() <= 1


class _Node:
    """As much of rclpy.node.Node as the node uses."""

    parameters: dict[str, Any] = {}  # noqa: RUF012  set by the test

    def __init__(self, name: str) -> None:
        self.published: dict[str, list[Any]] = {}
        self.warnings: list[str] = []

    def declare_parameter(self, name: str, default: Any) -> Any:
        return SimpleNamespace(value=self.parameters.get(name, default))

    def create_publisher(self, kind: Any, topic: str, depth: int) -> Any:
        return SimpleNamespace(publish=self.published.setdefault(topic, []).append)

    def create_subscription(self, kind: Any, topic: str, callback: Any, depth: int) -> None:
        assert (topic, depth) == ("image", 1)

    def get_logger(self) -> Any:
        return SimpleNamespace(warning=self.warnings.append)


@pytest.fixture
def ros(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fakes of rclpy and of the messages; a message of the real ones refuses a field of another type."""

    class Float32MultiArray(SimpleNamespace):
        pass

    class String(SimpleNamespace):
        def __init__(self, data: str) -> None:
            assert isinstance(data, str)
            super().__init__(data=data)

    for name, contents in {
        "rclpy": {},
        "rclpy.node": {"Node": _Node},
        "sensor_msgs": {},
        "sensor_msgs.msg": {"Image": SimpleNamespace},
        "std_msgs": {},
        "std_msgs.msg": {"Float32MultiArray": Float32MultiArray, "String": String},
    }.items():
        module = ModuleType(name)
        module.__dict__.update(contents)
        monkeypatch.setitem(sys.modules, name, module)


def message(rgb: Any, *, encoding: str = "rgb8", padding: int = 0) -> Any:
    height, width = rgb.shape[:2]
    pixels = {"rgb8": rgb, "bgr8": rgb[:, :, ::-1], "mono8": rgb[:, :, :1]}[encoding]
    rows = np.pad(pixels.reshape(height, -1), ((0, 0), (0, padding)))
    stamp = SimpleNamespace(sec=7, nanosec=11)
    return SimpleNamespace(
        height=height,
        width=width,
        step=rows.shape[1],
        encoding=encoding,
        data=rows.tobytes(),
        header=SimpleNamespace(stamp=stamp),
    )


@pytest.mark.usefixtures("ros")
def test_the_node_publishes_a_descriptor_of_every_encoding(exported: Any, load: Callable[[str], Any]) -> None:
    module, rgb = load("vpr_node"), photo(3)
    node = module.VprNode()
    for encoding, padding in (("rgb8", 0), ("bgr8", 5)):
        node.on_image(message(rgb, encoding=encoding, padding=padding))
        found = np.array(node.published["descriptor"][-1].data)
        assert float(found @ by_the_toolkit(exported, rgb)) > 0.999
    node.on_image(message(rgb, encoding="mono8"))
    assert node.published["places"] == []
    node.on_image(SimpleNamespace(encoding="yuv422", height=1, width=1, step=1, data=b"x"))
    assert "encoding 'yuv422' is none of" in node.warnings[0]
    assert len(node.published["descriptor"]) == 3


@pytest.mark.usefixtures("ros")
def test_the_node_answers_with_places_of_a_map(
    exported: Any, load: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "onnxruntime" not in {spec.name for spec in exported.registry.specs("runtime")}:
        pytest.skip("vpr-onnxruntime is not installed")
    photos = exported.photos[0].parent
    assert main(["extract", str(exported.file), str(photos), "-o", str(tmp_path / "map"), "-q"]) == 0
    monkeypatch.setattr(_Node, "parameters", {"map": str(tmp_path / "map"), "count": 2})
    node = load("vpr_node").VprNode()
    node.on_image(message(load_image(exported.photos[4])))
    said = json.loads(node.published["places"][0].data)
    assert said["stamp"] == {"sec": 7, "nanosec": 11}
    assert said["answers"][0]["name"] == exported.photos[4].name
    assert said["answers"][0]["similarity"] > 0.999
    assert len(said["answers"]) == 2


@pytest.mark.usefixtures("ros")
def test_the_node_refuses_a_map_of_another_model(
    exported: Any, folder: Path, load: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, own = load("vpr_node"), tmp_path / "model" / "model.onnx"
    np.save(tmp_path / "chunk.npy", np.zeros((1, exported.retriever.out_dim), np.float32))
    (tmp_path / "images.csv").write_text("name\na.jpg\n")
    monkeypatch.setattr(_Node, "parameters", {"map": str(tmp_path)})
    right = fingerprint(exported.retriever, Architecture.of(exported.config))
    own.parent.mkdir()
    for said, content, refused in (
        (right, None, False),
        ("0" * 64, None, True),
        ("0" * 64, b"another", True),
        ("0" * 64, exported.file.read_bytes(), False),
    ):
        (tmp_path / "manifest.json").write_text(json.dumps({"fingerprint": said}))
        if content is not None:
            own.write_bytes(content)
        if refused:
            with pytest.raises(ValueError, match="another model") as caught:
                module.VprNode()
            assert str(tmp_path) in str(caught.value)
            assert str(folder / "model.onnx") in str(caught.value)
        else:
            module.VprNode()


def test_export_writes_the_folder_or_says_why_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path / "run"), "--for", "ros2"]) == 2
    assert "with -o DIR" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "run"), "--for", "ros2", "-o", str(tmp_path), "--onnx", "other.onnx"]) == 2
    assert "leave out --onnx" in capsys.readouterr().err
