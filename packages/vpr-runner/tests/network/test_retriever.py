"""The network as a whole: normalisation, the frozen split, and its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from vpr_core import UsageError, build_registry
from vpr_runner import assemble, load_retriever, save_retriever
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.retriever import Retriever, WhiteningLayer
from vpr_runner.network.storage import fingerprint


class Caffe(nn.Module):
    """Hands its input on, with the normalisation of Caffe weights."""

    out_channels, stride, stages = 3, 1, ("all",)
    mean, std, input_scale = (123.0, 117.0, 104.0), (1.0, 2.0, 4.0), 255.0

    def forward(self, images):
        return images

    frozen = trainable = forward


class Flat(nn.Module):
    out_dim, orderless = 3, True

    def forward(self, features):
        return nn.functional.normalize(features.mean((2, 3)), dim=1)


@pytest.fixture
def images():
    return torch.randint(0, 256, (2, 3, 5, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_normalisation_of_bytes_and_of_fractions(images) -> None:
    retriever = Retriever(backbone=Caffe(), pooling=Flat())
    expected = torch.empty(2, 3, 5, 7, dtype=torch.float64)
    for channel in range(3):
        expected[:, channel] = (images[:, channel].double() - Caffe.mean[channel]) / Caffe.std[channel]
    kept = images.clone()
    torch.testing.assert_close(retriever.normalize(images).double(), expected, rtol=1e-5, atol=1e-4)
    fractions = images.float() / 255
    torch.testing.assert_close(retriever.normalize(fractions).double(), expected, rtol=1e-5, atol=1e-4)
    assert torch.equal(images, kept)
    torch.testing.assert_close(fractions, kept.float() / 255)


def test_descriptors_are_unit_and_the_split_makes_no_difference(make_config, engine_registry, images) -> None:
    config = make_config(backbone={"train_from": "conv4"}, image={"size": None})
    retriever = assemble(config, engine_registry).eval()
    images = torch.nn.functional.interpolate(images.float(), (32, 40)).to(torch.uint8)
    whole = retriever(images)
    assert whole.shape == (2, retriever.out_dim)
    torch.testing.assert_close(whole.norm(dim=1), torch.ones(2))
    assert torch.equal(retriever.from_activations(retriever.frozen_activations(images)), whole)
    assert torch.equal(retriever.pool(retriever.features(images)), whole)


def test_assembly_gives_the_same_weights_each_time_and_spares_the_global_generator(
    make_config, engine_registry
) -> None:
    config = make_config(pooling={"type": "netvlad", "num_clusters": 4})
    state = torch.get_rng_state()
    first, second = (assemble(config, engine_registry).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(torch.get_rng_state(), state)


def test_compile_is_asked_for_by_the_run_file_and_keeps_the_names_of_weights(
    make_config, engine_registry, monkeypatch
) -> None:
    compiled = []
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled.append(self))
    plain = assemble(make_config(), engine_registry)
    assert compiled == []
    retriever = assemble(make_config(compute={"compile": True}), engine_registry)
    assert compiled == [retriever]
    assert list(retriever.state_dict()) == list(plain.state_dict())


class Token(nn.Module):
    out_dim, orderless, uses_global_token = 6, True, True

    def forward(self, features, token):
        return nn.functional.normalize(torch.cat([features.mean((2, 3)), token], dim=1), dim=1)


class WithToken(Caffe):
    def forward_with_token(self, images):
        return images, images.amax((2, 3))

    trainable_with_token = forward_with_token


def test_a_pooling_layer_that_wants_the_token_gets_it(images) -> None:
    retriever = Retriever(backbone=WithToken(), pooling=Token())
    normal = retriever.normalize(images)
    expected = torch.cat([normal.mean((2, 3)), normal.amax((2, 3))], dim=1)
    torch.testing.assert_close(retriever(images), nn.functional.normalize(expected, dim=1))
    torch.testing.assert_close(retriever.from_activations(retriever.frozen_activations(images)), retriever(images))


def test_a_token_that_no_backbone_gives() -> None:
    with pytest.raises(ValueError, match="pooling: Token needs a backbone with a global token"):
        Retriever(backbone=Caffe(), pooling=Token())


def test_a_saved_network_comes_back_with_its_config_and_whitening(
    make_config, engine_registry, images, tmp_path: Path
) -> None:
    config = make_config(pooling={"type": "netvlad", "num_clusters": 4}, train={"lr": 1e-6})
    retriever = assemble(config, engine_registry).eval()
    generator = torch.Generator().manual_seed(1)
    retriever.whitening = WhiteningLayer(
        weight=torch.randn(5, retriever.pooling.out_dim, generator=generator), bias=torch.randn(5, generator=generator)
    )
    save_retriever(retriever, tmp_path / "my model", config)
    again, config_again = load_retriever(tmp_path / "my model", engine_registry)
    assert config_again == config
    assert again.out_dim == 5
    assert not again.training
    images = torch.nn.functional.interpolate(images.float(), (32, 40)).to(torch.uint8)
    assert torch.equal(again(images), retriever(images))
    assert fingerprint(again, Architecture.of(config_again)) == fingerprint(retriever, Architecture.of(config))


def test_the_fingerprint_changes_with_weights_structure_and_size_but_not_with_training_settings(
    make_config, engine_registry
) -> None:
    config = make_config()
    retriever = assemble(config, engine_registry)
    original = fingerprint(retriever, Architecture.of(config))
    assert fingerprint(retriever, Architecture.of(make_config(train={"lr": 0.7}, compute={"batch": 3}))) == original
    assert fingerprint(retriever, Architecture.of(make_config(image={"size": [64, 40]}))) != original
    assert fingerprint(retriever, Architecture.of(make_config(pooling={"normalize_input": True}))) != original
    with torch.no_grad():
        next(retriever.parameters()).flatten()[0].add_(1e-6)
    assert fingerprint(retriever, Architecture.of(config)) != original


def test_what_is_no_model_is_refused(make_config, engine_registry, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model there"):
        load_retriever(tmp_path, engine_registry)
    file = save_retriever(assemble(make_config(), engine_registry), tmp_path, make_config())
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(UsageError, match="not a whole safetensors file"):
        load_retriever(tmp_path, engine_registry)
    import safetensors.torch

    file.write_bytes(safetensors.torch.save({"conv.weight": torch.ones(2)}))
    with pytest.raises(UsageError, match=r"not a model of this toolkit.*backbone\.weights"):
        load_retriever(tmp_path, engine_registry)


def test_what_only_trained_a_network_need_not_be_installed_to_use_it(
    make_config, engine_registry, tmp_path: Path, caplog
) -> None:
    config = make_config(dataset={"type": "city"})
    save_retriever(assemble(config, engine_registry), tmp_path, config)
    _, loaded = load_retriever(tmp_path, build_registry())
    assert (loaded.loss.type, loaded.miner.type) == ("weakly_supervised_ranking", "hard_negatives")
    assert (loaded.pooling, loaded.index, loaded.engine) == (config.pooling, config.index, config.engine)
    assert "loss 'plain_ranking' is not installed here" in caplog.text
    config = make_config()
    save_retriever(assemble(config, engine_registry), tmp_path, config)
    with pytest.raises(UsageError, match="no dataset named 'dots'"):
        load_retriever(tmp_path, build_registry())


@pytest.mark.fault
def test_a_flipped_bit_in_weights_is_noticed(make_config, engine_registry, tmp_path: Path) -> None:
    file = save_retriever(assemble(make_config(), engine_registry), tmp_path, make_config())
    content = bytearray(file.read_bytes())
    content[-3] ^= 0x10
    file.write_bytes(content)
    with pytest.raises(UsageError, match="weights are damaged"):
        load_retriever(tmp_path, engine_registry)


def test_weights_of_another_structure_are_refused(make_config, engine_registry, tmp_path: Path) -> None:
    import safetensors
    import safetensors.torch

    file = save_retriever(assemble(make_config(), engine_registry), tmp_path, make_config())
    with safetensors.safe_open(file, framework="pt") as reader:
        about = json.loads(reader.metadata()["vpr"])
        tensors = {name: reader.get_tensor(name) for name in reader.keys()}  # noqa: SIM118
    about["config"]["backbone"]["width"] = 1.0
    about.pop("sha256")  # as the first versions wrote it
    file.write_bytes(safetensors.torch.save(tensors, {"vpr": json.dumps(about)}))
    with pytest.raises(UsageError, match="weights do not fit backbone and pooling"):
        load_retriever(tmp_path, engine_registry)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"whitening.bias": None}, r"its whitening must be a weight \(d, 40\) and a bias"),
        ({"whitening.weight": None}, "its whitening must be"),
        ({"whitening.weight": torch.ones(5, 7)}, "its whitening must be"),
        ({"whitening.weight": torch.ones(5)}, "its whitening must be"),
        ({"whitening.bias": torch.ones(5, 1)}, "its whitening must be"),
        ({"pooling.p": torch.ones((), dtype=torch.int8)}, "pooling.p is torch.int8, torch.float32 belongs there"),
        ({"pooling.p": torch.full((), float("nan"))}, "pooling.p holds NaN"),
        ({"pooling.p": torch.ones(3)}, "weights do not fit"),
        ({"pooling.p": None}, "weights do not fit"),
        ({"more": torch.ones(3)}, "weights do not fit"),
    ],
)
def test_tensors_of_another_kind_or_shape_are_refused(
    make_config, engine_registry, tmp_path: Path, damage, message: str
) -> None:
    import safetensors
    import safetensors.torch

    from vpr_runner.network.storage import tensor_digest

    retriever = assemble(make_config(), engine_registry)
    retriever.whitening = WhiteningLayer(weight=torch.ones(5, retriever.out_dim), bias=torch.zeros(5))
    file = save_retriever(retriever, tmp_path, make_config())
    with safetensors.safe_open(file, framework="pt") as reader:
        about = json.loads(reader.metadata()["vpr"])
        tensors = {name: reader.get_tensor(name) for name in reader.keys()}  # noqa: SIM118
    tensors = {name: tensor for name, tensor in {**tensors, **damage}.items() if tensor is not None}
    about["weights_sha256"] = tensor_digest(tensors)  # whoever writes such a file can write this, too
    about.pop("sha256")  # and leave this out, as the first versions did
    file.write_bytes(safetensors.torch.save(tensors, {"vpr": json.dumps(about)}))
    with pytest.raises(UsageError, match=message):
        load_retriever(tmp_path, engine_registry)


@pytest.mark.fault
def test_a_run_that_is_not_finished_says_so(make_config, engine_registry, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(UsageError, match=r"this run is not finished, so .* goes on$"):
        load_retriever(tmp_path, engine_registry)
    best = save_retriever(assemble(make_config(), engine_registry), tmp_path / "best", make_config())
    with pytest.raises(UsageError, match=rf"{best} is the best network so far"):
        load_retriever(tmp_path, engine_registry)


def test_a_truncated_whitening_is_the_first_numbers_at_unit_length() -> None:
    generator = torch.Generator().manual_seed(0)
    layer = WhiteningLayer(weight=torch.randn(6, 10, generator=generator), bias=torch.randn(6, generator=generator))
    rows = torch.randn(4, 10, generator=generator)
    whole = layer(rows).double()
    for dim in (1, 3, 6):
        expected = whole[:, :dim] / whole[:, :dim].square().sum(dim=1, keepdim=True).sqrt()
        torch.testing.assert_close(layer.truncated(dim)(rows).double(), expected, atol=1e-6, rtol=0)
    for dim in (0, 7):
        with pytest.raises(ValueError, match=rf"dim must be 1 \.\. 6, got {dim}"):
            layer.truncated(dim)
