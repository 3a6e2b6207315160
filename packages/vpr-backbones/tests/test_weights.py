from __future__ import annotations

import argparse
import hashlib
import os
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vpr_backbones import build_tiny, read_weights

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.0, 2.0])}


def same(tensors) -> bool:
    return set(tensors) == set(STATE) and all(torch.equal(tensors[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        OrderedDict(STATE),
        {"state_dict": STATE, "epoch": 3, "best_prec1": 0.5},
        {"model": {"state_dict": STATE}, "optimizer": {"lr": 0.1}},
        {"model_state_dict": STATE},
    ],
)
def test_state_dicts_and_their_wrappers(tmp_path, content):
    path = tmp_path / "x.pth"
    torch.save(content, path)
    file = read_weights(path)
    assert same(file.tensors)
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_old_torch_format(tmp_path):
    torch.save(STATE, tmp_path / "x.tar", _use_new_zipfile_serialization=False)
    assert same(read_weights(tmp_path / "x.tar").tensors)


@pytest.mark.parametrize("name", ["x.safetensors", "x.bin"])
def test_safetensors_by_content(tmp_path, name):
    save_file(STATE, tmp_path / name)
    assert same(read_weights(tmp_path / name).tensors)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    trace = tmp_path / "it_ran"
    torch.save({"state_dict": STATE, "hook": Evil(str(trace))}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"x\.pth is refused: .*would run code.*mkdir.*convert it once"):
        read_weights(tmp_path / "x.pth")
    assert not trace.exists()


def test_a_checkpoint_with_its_options_is_refused_with_the_way_out(tmp_path):
    torch.save({"state_dict": STATE, "opt": argparse.Namespace(lr=1)}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"Namespace.*torch\.save\("):
        read_weights(tmp_path / "x.pth")


@pytest.mark.parametrize("content", [b"name: run\nbackbone: {type: tiny}\n", b"\x80\x02}q\x00.", b"<html></html>"])
def test_no_message_repeats_the_advice_to_load_it_all_the_same(tmp_path, content):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"^weights: .*x\.pth ") as caught:
        read_weights(tmp_path / "x.pth")
    assert "weights_only" not in str(caught.value)
    if not content.startswith(b"\x80"):
        assert "cannot be read as a torch or safetensors file" in str(caught.value)


@pytest.mark.parametrize("core", ["core", "_core"])
def test_numbers_and_arrays_of_numpy_beside_the_tensors_are_fine(tmp_path, core):
    """pytorch-NetVlad keeps ``best_score`` and ``recalls`` so; numpy 1 wrote another module name."""
    beside = {
        "best_score": np.float64(0.85), "recalls": {1: np.float32(0.5)}, "epoch": np.int64(3), "flag": np.bool_(True),
        "all": np.array([0.1, 0.2]), "seen": np.zeros((2, 3), dtype=np.uint8),
    }  # fmt: skip
    torch.save({"state_dict": STATE, **beside}, tmp_path / "x.pth")
    repacked(tmp_path / "x.pth", b"numpy._core.multiarray", f"numpy.{core}.multiarray".encode())
    found = read_weights(tmp_path / "x.pth")
    assert set(found.tensors) == set(STATE)


def test_an_array_of_objects_is_refused(tmp_path):
    torch.save(
        {"state_dict": STATE, "args": np.array([Evil(str(tmp_path / "trace"))], dtype=object)}, tmp_path / "x.pth"
    )
    with pytest.raises(ValueError, match="is refused"):
        read_weights(tmp_path / "x.pth")
    torch.save({"state_dict": STATE, "args": np.array([None], dtype=object)}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match="is refused"):
        read_weights(tmp_path / "x.pth")
    assert not (tmp_path / "trace").exists()


def repacked(path, old, new):
    """Change the pickle inside a torch file; names in it end with a line break, so their length may change."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            changed = content.replace(old, new) if name.endswith("data.pkl") else content
            assert old == new or not name.endswith("data.pkl") or changed != content
            archive.writestr(name, changed)


def test_torchscript_is_refused(tmp_path):
    with pytest.warns((DeprecationWarning, FutureWarning), match="jit"):
        torch.jit.script(torch.nn.Linear(1, 1)).save(str(tmp_path / "x.pt"))
    with pytest.raises(ValueError, match="is a TorchScript program"):
        read_weights(tmp_path / "x.pt")


@pytest.mark.parametrize("size", [0, 1, 100, 500])
@pytest.mark.parametrize("kind", ["torch", "safetensors"])
def test_damaged_files(tmp_path, kind, size):
    path = tmp_path / "x"
    (torch.save if kind == "torch" else save_file)(STATE, path)
    path.write_bytes(path.read_bytes()[:size] if size < path.stat().st_size else path.read_bytes() + b"x")
    if kind == "torch" and size == 500:
        path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"^weights: .*x "):
        read_weights(path)


def test_what_is_no_weights_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*gone\.pth; give an existing file, 'imagenet' or"):
        read_weights(tmp_path / "gone.pth")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_weights(tmp_path)
    (tmp_path / "page.pth").write_text("<html>not found</html>")
    with pytest.raises(ValueError, match=r"page\.pth"):
        read_weights(tmp_path / "page.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="holds a list, not a mapping"):
        read_weights(tmp_path / "list.pth")
    torch.save({"epoch": 1, "lr": 0.1}, tmp_path / "none.pth")
    with pytest.raises(ValueError, match=r"holds no state dict, .*its keys: epoch, lr"):
        read_weights(tmp_path / "none.pth")


def test_a_missing_file_reaches_the_user_by_the_builder(tmp_path):
    from vpr_backbones import build_torchvision

    with pytest.raises(FileNotFoundError, match="there is no file"):
        build_torchvision(name="squeezenet1_1", weights=tmp_path / "gone.pth")
    assert build_tiny().origin.kind == "none"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"it is empty \(0 bytes\): fetch it again"),
        (b"<!DOCTYPE html><html><title>Virus scan warning</title></html>", r"it is a web page \(HTML\)"),
        (b"\xef\xbb\xbf\n <HTML><body>quota exceeded</body>", r"it is a web page \(HTML\)"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", r"it is a Git LFS pointer.*lfs pull"),
        (b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "it is an XML document"),
        (b'{"error": "not found", "status": 404}', "it is a JSON text"),
        (b"name: run\nbackbone: {type: tiny}\n", "it is a text file"),
        (b"\x1f\x8b\x08\x00" + bytes(30), "it is a gzip archive: unpack it"),
        (b"\x89HDF\r\n\x1a\n" + bytes(30), "it is an HDF5 file"),
        (b"\x93NUMPY\x01\x00" + bytes(30), "it is an array of numpy"),
        (b"\xff\xd8\xff\xe0" + bytes(30), "it is an image"),
        (b"PK\x03\x04" + bytes(60), "it is cut short: .*end is missing after 64 bytes"),
        ((10**6).to_bytes(8, "little") + b'{"a":' + bytes(20), "it is cut short: a safetensors file whose header"),
        (b"x.pth".ljust(257, b"\0") + b"ustar" + bytes(250), "it is a tar archive"),
    ],
)
def test_a_file_that_is_something_else_is_called_that_in_one_line(tmp_path, content, said):
    for name in ("x.pth", "x.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"^weights: .*{name} cannot be read as .*: {said}") as caught:
            read_weights(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_an_archive_of_something_else_shows_what_is_inside(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        archive.writestr("release/model.pth", b"...")
    with pytest.raises(ValueError, match=r"is a zip archive of other files \(release/model\.pth\): unpack it"):
        read_weights(tmp_path / "x.pth")


@pytest.mark.parametrize("kind", ["torch", "safetensors"])
def test_what_torch_compile_adds_to_names_is_taken_off(tmp_path, kind):
    compiled = {"_orig_mod.a.weight": STATE["a.weight"], "a._orig_mod.bias": STATE["a.bias"]}
    (torch.save if kind == "torch" else save_file)(compiled, tmp_path / "x")
    assert same(read_weights(tmp_path / "x").tensors)
    (torch.save if kind == "torch" else save_file)({**compiled, "a.bias": STATE["a.bias"].clone()}, tmp_path / "y")
    with pytest.raises(ValueError, match="holds the same tensors twice"):
        read_weights(tmp_path / "y")


def whole(prefix, trunk):
    """A checkpoint of a trainer: the trunk, and a pooling layer that was trained with it."""
    state = {f"{prefix}{name}": value for name, value in trunk.items()}
    return {"epoch": 9, "state_dict": {**state, "aggregator.conv.weight": torch.ones(4, 8, 1, 1)}}


@pytest.mark.parametrize("prefix", ["backbone.model.", "model.backbone.", "module.backbone._orig_mod.", "net."])
def test_a_trained_head_is_not_dropped_in_silence(tmp_path, caplog, prefix):
    trained = build_tiny(seed=5, width=0.25)
    torch.save(whole(prefix, trained.state_dict()), tmp_path / "whole.ckpt")
    backbone = build_tiny(width=0.25, weights=str(tmp_path / "whole.ckpt"))
    assert all(map(torch.equal, backbone.parameters(), trained.parameters()))
    assert backbone.origin.foreign == ("aggregator.conv.weight",)
    (record,) = caplog.records
    assert "1 of its tensors are not used" in record.getMessage()
    assert "aggregator.conv.weight" in record.getMessage()
    assert "vpr import" in record.getMessage()


def test_a_classifier_above_the_cut_is_no_news(tmp_path, caplog):
    from torchvision.models import squeezenet1_0

    from vpr_backbones import build_torchvision

    torch.save(squeezenet1_0(weights=None).state_dict(), tmp_path / "x.pth")
    backbone = build_torchvision(name="squeezenet1_0", weights=str(tmp_path / "x.pth"), cut="fire4")
    assert "classifier.1.weight" in backbone.origin.ignored
    assert backbone.origin.foreign == ()
    assert not caplog.records
