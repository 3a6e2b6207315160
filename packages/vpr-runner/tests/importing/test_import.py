"""``vpr import``: files of the structure that other projects write, made here, answered as those projects would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from vpr_runner import load_descriptors
from vpr_runner.cli import main

K, D, OUT = 3, 256, 5
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1.0)


def draw(*shape: int, seed: int, scale: float = 1.0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scale


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for number, (height, width) in enumerate([(96, 128), (96, 128), (113, 97)]):
        pixels = generator.integers(0, 256, size=(height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR).save(folder / f"{number}.png")
    return folder


def trunk(convolutions: tuple[tuple[int, int, int], ...], seed: int = 1) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases of ``(out, in per group, size)``, such that activations keep their size."""
    return [
        (draw(out, into, size, size, seed=seed + n, scale=(2 / (into * size * size)) ** 0.5), draw(out, seed=90 + n))
        for n, (out, into, size) in enumerate(convolutions)
    ]


CAFFE = trunk(((96, 3, 11), (256, 48, 5), (384, 256, 3), (384, 192, 3), (256, 192, 3)))
TORCH = trunk(((64, 3, 11), (192, 64, 5), (384, 192, 3), (256, 384, 3), (256, 256, 3)))


def caffe_features(image: Tensor) -> Tensor:
    """Caffe's AlexNet up to conv5 before its ReLU, in float64: pooling before normalisation, groups of two."""
    x = image
    for number, (weight, bias) in enumerate(CAFFE):
        options: dict[str, Any] = {"stride": 4} if number == 0 else {"padding": 2 if number == 1 else 1}
        x = functional.conv2d(x, weight.double(), bias.double(), groups=2 if number in (1, 3, 4) else 1, **options)
        if number < 4:
            x = x.clamp(min=0)
        if number < 2:
            x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
            square = functional.pad(x.square(), (0, 0, 0, 0, 2, 2))
            x = x / (1 + 1e-4 / 5 * sum(square[:, n : n + x.shape[1]] for n in range(5))) ** 0.75
    return x


def torch_features(image: Tensor) -> Tensor:
    """torchvision's AlexNet up to conv5 before its ReLU, in float64."""
    x = image
    for number, (weight, bias) in enumerate(TORCH):
        options: dict[str, Any] = {"stride": 4, "padding": 2} if number == 0 else {"padding": 2 if number == 1 else 1}
        x = functional.conv2d(x, weight.double(), bias.double(), **options)
        if number < 4:
            x = x.clamp(min=0)
        if number < 2:
            x = functional.max_pool2d(x, 3, 2)
    return x


def vlad(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """NetVLAD of local features ``x (N, D)``; ``weight`` and ``centres`` are ``(K, D)``; returns ``(K, D)``."""
    result = np.zeros_like(centres)
    for descriptor in x / np.linalg.norm(x, axis=1, keepdims=True):
        scores = np.exp(weight @ descriptor + bias - (weight @ descriptor + bias).max())
        for k, share in enumerate(scores / scores.sum()):
            result[k] += share * (descriptor - centres[k])
    return result / np.linalg.norm(result, axis=1, keepdims=True)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def pixels(path: Path) -> Tensor:
    return torch.from_numpy(np.asarray(Image.open(path), dtype=np.float64)).permute(2, 0, 1)[None]


def cell(*values: Any) -> np.ndarray:
    """A MATLAB cell array."""
    array = np.empty((1, len(values)), dtype=object)
    for index, value in enumerate(values):
        array[0, index] = value
    return array


SCORES, MINUS_CENTRES = draw(D, K, seed=4, scale=4.0).numpy(), draw(D, K, seed=5, scale=0.1).numpy()
WHITE, SHIFT = draw(1, 1, D * K, OUT, seed=7).numpy(), draw(1, OUT, seed=8, scale=0.1).numpy()
MEAN = (121.5, 117.25, 104.0)  # of nobody's networks: it has to come from the file


def matlab_file(path: Path) -> Path:
    """A network as the authors keep it: centres negated, WPCA for descriptors whose cluster varies fastest."""
    io = pytest.importorskip("scipy.io", reason="scipy is not installed (extra matlab)")
    layers: list[dict[str, Any]] = []
    for number, (weight, bias) in enumerate(CAFFE):
        arrays = cell(weight.permute(2, 3, 1, 0).numpy(), bias.numpy()[None])
        layers.append({"type": "conv", "name": f"conv{number + 1}", "weights": arrays})
    layers.append({"type": "normalize", "name": "preL2", "param": [512, 1e-12, 1, 0.5]})
    layers.append({"type": "custom", "name": "vlad:core", "weights": cell(SCORES, MINUS_CENTRES)})
    layers.append({"type": "normalize", "name": "vlad:intranorm", "param": [512, 1e-12, 1, 0.5]})
    layers.append({"type": "custom", "name": "postL2"})
    layers.append({"type": "conv", "name": "WPCA", "weights": cell(WHITE, SHIFT)})
    layers.append({"type": "custom", "name": "finalL2"})
    image = np.array(MEAN).reshape(1, 1, 3)
    io.savemat(path, {"net": {"layers": cell(*layers), "meta": {"normalization": {"averageImage": image}}}})
    return path


def matlab_descriptor(path: Path) -> np.ndarray:
    features = caffe_features(pixels(path) - torch.tensor(MEAN).double().view(1, 3, 1, 1))[0].flatten(1).T.numpy()
    parts = vlad(features, SCORES.T.astype(float), np.zeros(K), -MINUS_CENTRES.T.astype(float))
    by_column = unit(parts.reshape(-1, order="F"))
    return unit(WHITE[0, 0].T.astype(float) @ by_column + SHIFT[0])


POOL = {
    "pool.conv.weight": draw(K, D, 1, 1, seed=14, scale=4.0),
    "pool.conv.bias": draw(K, seed=16),
    "pool.centroids": draw(K, D, seed=15, scale=0.1),
}


def checkpoint(path: Path) -> Path:
    """Nanne/pytorch-NetVlad's ``model_best.pth.tar`` with vladv2."""
    where = (0, 3, 6, 8, 10)
    state = {f"encoder.{n}.weight": weight for n, (weight, _) in zip(where, TORCH, strict=True)}
    state |= {f"encoder.{n}.bias": bias for n, (_, bias) in zip(where, TORCH, strict=True)}
    torch.save({"epoch": 3, "state_dict": state | POOL, "best_score": 0.8, "parallel": False}, path)
    return path


def checkpoint_descriptor(path: Path) -> np.ndarray:
    mean, std = (torch.tensor(values).double().view(1, 3, 1, 1) for values in IMAGENET[:2])
    features = torch_features((pixels(path) / 255 - mean) / std)[0].flatten(1).T.numpy()
    weight, bias, centres = (POOL[name].double().numpy() for name in POOL)
    return unit(vlad(features, weight.reshape(K, D), bias, centres).reshape(-1))


@pytest.mark.parametrize(
    ("make", "expected", "kind"),
    [(matlab_file, matlab_descriptor, "caffe_alexnet"), (checkpoint, checkpoint_descriptor, "alexnet")],
    ids=["the authors' MATLAB network", "pytorch-NetVlad"],
)
def test_descriptors_are_those_of_the_project_it_comes_from(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str], make: Any, expected: Any, kind: str
) -> None:
    file = make(tmp_path / "theirs")
    run = tmp_path / "run"
    assert main(["import", str(file), "--into", str(run)]) == 0
    said = capsys.readouterr().out
    assert kind in said
    assert main(["extract", str(run), str(photos), "-o", str(tmp_path / "map"), "-q"]) == 0
    rows = load_descriptors(tmp_path / "map")
    assert list(rows.names) == ["0.png", "1.png", "2.png"]
    for name, row in zip(rows.names, rows[:], strict=True):
        wanted = expected(photos / name)
        assert row.shape == wanted.shape
        assert np.abs(row - wanted).max() < 1e-5
    origin = json.loads((run / "import.json").read_text())
    assert origin["network"] == kind
    assert len(origin["sha256"]) == 64
    assert main(["search", str(tmp_path / "map"), str(photos / "1.png"), "-k", "1", "--json", "-q"]) == 0
    capsys_out = json.loads(capsys.readouterr().out.split("\n", 1)[1])
    assert capsys_out[0]["answers"][0]["image"] == "1.png"


def test_an_import_validates_trains_nothing_and_keeps_the_input_of_the_file(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main(["import", str(matlab_file(tmp_path / "net.mat")), "--into", str(run)]) == 0
    assert main(["validate", str(run / "config.yaml")]) == 0
    from vpr_core import build_registry
    from vpr_runner import load_retriever

    retriever, config = load_retriever(run, build_registry())
    assert retriever.backbone.mean == MEAN
    assert retriever.backbone.input_scale == 255
    assert not any(parameter.requires_grad for parameter in retriever.backbone.parameters())
    assert config.whiten is not None
    assert config.whiten.dim == retriever.out_dim == OUT


def test_blocks_of_a_run_file_and_settings_come_along(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (tmp_path / "mine.yaml").write_text(
        "dataset: {type: city, size: small}\nbackbone: {type: tiny}\npooling: {type: max}\nimage: {size: [64, 96]}\n"
    )
    file = checkpoint(tmp_path / "x.pth")
    mine = ["--run", str(tmp_path / "mine.yaml"), "--set", "eval.recall_at=[1, 3]"]
    assert main(["import", str(file), "--into", str(run), *mine]) == 0
    content = json.loads((run / "model" / "model.json").read_text())["config"]
    assert content["dataset"]["size"] == "small"
    assert content["image"]["size"] == [64, 96]
    assert content["eval"]["recall_at"] == [1, 3]
    assert content["pooling"] == {
        "type": "netvlad", "num_clusters": K, "form": "v2", "normalize_input": True, "intra_normalize": True,
    }  # fmt: skip


class Opaque:
    """What a careless ``torch.save(model)`` leaves behind: an object of a class of the file's author."""


def test_what_is_refused_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*arguments: object) -> str:
        capsys.readouterr()
        assert main(["import", *map(str, arguments)]) == 2
        return capsys.readouterr().err

    torch.save({"state_dict": POOL, "args": Opaque()}, tmp_path / "pickled.pth")
    said = refused(tmp_path / "pickled.pth", "--into", tmp_path / "a")
    assert "is refused: it is not a plain file of tensors" in said
    assert "would run code" in said
    assert "torch.save(model.state_dict(), 'weights.pth')" in said
    assert not (tmp_path / "a").exists()
    file = checkpoint(tmp_path / "x.pth")
    assert "--into: name the run directory" in refused(file)
    assert "there is no file" in refused(tmp_path / "none.pth", "--into", tmp_path / "a")
    other = ["--set", "pooling.num_clusters=7"]
    assert "leave these two blocks as the file says" in refused(file, "--into", tmp_path / "a", *other)
    assert main(["import", str(file), "--into", str(tmp_path / "a")]) == 0
    assert "not empty; name a new folder; --force replaces it" in refused(file, "--into", tmp_path / "a")
    assert main(["import", str(file), "--into", str(tmp_path / "a"), "--force"]) == 0
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").write_text("keep")
    assert "--force" not in refused(file, "--into", tmp_path / "b", "--force")


def test_max_and_average_pooling_need_no_parameters(tmp_path: Path, photos: Path) -> None:
    from vpr_backbones import NORMALIZATIONS, ImportedRetriever
    from vpr_core import build_registry
    from vpr_runner.importing.imported import adopt

    where = (0, 3, 6, 8, 10)
    state = {f"features.{n}.weight": weight for n, (weight, _) in zip(where, TORCH, strict=True)}
    state |= {f"features.{n}.bias": bias for n, (_, bias) in zip(where, TORCH, strict=True)}
    imported = ImportedRetriever(
        source="test", sha256="0" * 64, network="alexnet", cut="conv5", backbone_state=state, method="max",
        pooling=None, whitening=None, normalization=NORMALIZATIONS["none"],
    )  # fmt: skip
    retriever, config = adopt(imported, build_registry(), base={"dataset": {"type": "city"}})
    assert config.pooling.type == "max"
    image = pixels(photos / "0.png")
    wanted = unit(torch_features(image / 255)[0].flatten(1).amax(1).numpy())
    with torch.inference_mode():
        got = retriever(image.to(torch.uint8))[0].numpy()
    assert isinstance(retriever, nn.Module)
    assert np.abs(got - wanted).max() < 1e-5
