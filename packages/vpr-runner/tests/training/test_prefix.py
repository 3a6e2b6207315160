"""The frozen-prefix cache: the same training, computed once, never taken for another."""

from __future__ import annotations

import csv
import errno
import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from vpr_runner import assemble, train
from vpr_runner.data import split_of
from vpr_runner.encoding import cache
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.source import JoinedImages
from vpr_runner.training import prefix
from vpr_runner.training.prefix import frozen_activation_source, frozen_key
from vpr_runner.training.prefix_marks import Marks

LIMIT = 2**30


@pytest.fixture
def setting(make_config, engine_registry):
    """Return a function from a run file's blocks to (retriever, joined images, compute)."""

    def make(**blocks):
        config = make_config(**{"backbone": {"train_from": "conv4"}, **blocks})
        split = split_of(config.dataset, engine_registry, name=config.eval.split)
        return (
            assemble(config, engine_registry),
            JoinedImages(split.queries, split.database),
            Compute.of(config.compute, config.image),
        )

    return make


def source_of(setting, folder: Path, *, limit: int = LIMIT):
    retriever, images, compute = setting
    return frozen_activation_source(retriever, images, compute=compute, folder=folder, limit=limit)


def test_descriptors_are_those_of_the_images(setting, tmp_path: Path) -> None:
    retriever, images, compute = made = setting()
    source = source_of(made, tmp_path)
    assert source is not None
    assert source.size == sum(path.stat().st_size for path in tmp_path.glob("*.f16"))
    from vpr_runner.encoding.encode import encode_all
    from vpr_runner.encoding.source import ImageSource

    kept, _ = encode_all(retriever, source, compute=compute)
    plain, _ = encode_all(retriever, ImageSource(images), compute=compute)
    np.testing.assert_allclose(kept, plain, atol=1e-3)
    assert not np.array_equal(kept, np.zeros_like(kept))


def test_training_with_it_has_the_same_losses(make_config, engine_registry, tmp_path: Path) -> None:
    losses = {}
    for gib in (0, 1):
        config = make_config(
            backbone={"train_from": "conv4"}, train={"frozen_cache_gib": gib, "epochs": 1, "max_queries": 6}
        )
        train(config, engine_registry, run_directory=tmp_path / str(gib), progress=False)
        lines = [json.loads(line) for line in (tmp_path / str(gib) / "metrics.jsonl").read_text().splitlines()]
        losses[gib] = [line["loss"] for line in lines if line["kind"] == "part"]
    assert losses[1] == pytest.approx(losses[0], abs=1e-3)
    assert not (tmp_path / "1" / "cache").exists()


@pytest.mark.shared
def test_netvlad_on_real_weights_and_photographs_has_the_same_losses(shared_data, engine_registry, tmp_path) -> None:
    """Half precision flips NetVLAD's assignments where random weights make them sharp; real ones do not."""
    walks = shared_data / "tower_walks"
    with (walks / "positions.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    clips = ("f06_hallway_alt", "f08_hallway_main", "f11_hallway_right")
    (tmp_path / "images").symlink_to(walks / "images")
    with (tmp_path / "positions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(row for row in table if row["clip"] in clips and int(row["frame_1hz"]) <= 20)
    losses = {}
    for gib in (0, 1):
        content = {
            "dataset": {
                "type": "folder",
                "root": str(tmp_path),
                "table": "positions.csv",
                "columns": {
                    "x": "pseudo_east_m",
                    "y": "pseudo_north_m",
                    "role": "upstream_split",
                    "split": "partition",
                    "place": "floor",
                },
                "radius": 10,
                "negatives_exclude_same_place": True,
            },
            "backbone": {
                "type": "resnet18",
                "weights": str(shared_data / "weights" / "resnet18_layer3" / "resnet18_to_layer3_bnfolded.pth"),
                "cut": "layer3",
                "train_from": "layer3",
            },
            "pooling": {"type": "netvlad", "num_clusters": 64},
            "loss": {"type": "weakly_supervised_ranking"},
            "image": {"size": [96, 160]},
            "init": {"images": 30, "locations": 50},
            "train": {"epochs": 2, "frozen_cache_gib": gib, "optimizer": "adam", "lr": 0.0001},
            "compute": {"device": "cpu", "threads": torch.get_num_threads()},
        }
        config = engine_registry.run_config_model().model_validate(content)
        train(config, engine_registry, run_directory=tmp_path / str(gib), progress=False)
        lines = [json.loads(line) for line in (tmp_path / str(gib) / "metrics.jsonl").read_text().splitlines()]
        # The sum over a query's tuples: their mean jumps where one just ceases to violate the margin.
        losses[gib] = [line["loss"] * line["violating"] / line["samples"] for line in lines if line["kind"] == "part"]
    assert losses[1] == pytest.approx(losses[0], abs=1e-3)
    assert losses[0][0] > 0.05
    assert losses[1] != losses[0]  # the cache took part


def test_the_name_depends_on_weights_preprocessing_and_bytes(setting, tmp_path: Path) -> None:
    retriever, images, compute = setting()
    key = frozen_key(retriever, images, compute)
    assert frozen_key(*setting()) == key
    assert frozen_key(*setting(image={"size": [40, 40]})) != key
    assert frozen_key(*setting(backbone={"train_from": "conv3"})) != key
    assert frozen_key(*setting(compute={"precision": "bfloat16"})) != key
    assert frozen_key(*setting(dataset={"root": str(tmp_path), "noise": 0.3})) != key
    with torch.no_grad():
        retriever.backbone.layers["conv5"][0].weight.add_(1)  # trained: does not matter
    assert frozen_key(retriever, images, compute) == key
    with torch.no_grad():
        retriever.backbone.layers["conv1"][0].weight.flatten()[0].add_(1e-6)
    assert frozen_key(retriever, images, compute) != key


def test_filling_goes_on_where_it_was_stopped(setting, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(prefix, "_CHUNK", 5)
    made = setting()
    whole = source_of(made, tmp_path / "whole")
    calls = 0
    original = prefix.encode

    def stopped(*arguments, **settings):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return original(*arguments, **settings)

    monkeypatch.setattr(prefix, "encode", stopped)
    with pytest.raises(KeyboardInterrupt):
        source_of(made, tmp_path / "stopped")
    again = source_of(made, tmp_path / "stopped")
    assert calls == 3 + 3  # 24 images are 5 chunks; 2 were done
    assert whole is not None
    assert again is not None
    assert np.array_equal(again._activations, whole._activations)
    source_of(made, tmp_path / "stopped")
    assert calls == 6


@pytest.mark.fault
def test_every_flipped_bit_is_named(setting, tmp_path: Path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(prefix, "_CHUNK", 5)
    rows = np.array(source_of(setting(), tmp_path)._activations)
    (file,), (marks,) = tmp_path.glob("*.f16"), tmp_path.glob("*.json")
    chunks = range(0, len(rows), 5)
    for victim in (file, marks):
        content = victim.read_bytes()
        for offset in np.random.default_rng(2).choice(len(content), 200):
            changed = bytearray(content)
            changed[offset] ^= 1 << int(offset % 8)
            victim.write_bytes(bytes(changed))
            caplog.clear()
            read = np.fromfile(file, dtype=np.float16).reshape(rows.shape)
            said = Marks.read(marks)
            damaged = [start for start in chunks if not said.hold(start, read[start : start + 5])]
            assert damaged or victim == marks  # a blank between two entries
            assert (f"{victim} is damaged" in caplog.text) == bool(damaged)
            if victim == file:
                assert damaged == [offset // (len(content) // len(rows)) // 5 * 5]
        victim.write_bytes(content)


@pytest.mark.fault
@pytest.mark.parametrize(("suffix", "chunks"), [(".f16", 1), (".json", 5)])
def test_what_is_damaged_is_computed_again(setting, tmp_path: Path, monkeypatch, suffix: str, chunks: int) -> None:
    monkeypatch.setattr(prefix, "_CHUNK", 5)
    made = setting()
    source_of(made, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    (victim,) = tmp_path.glob(f"*{suffix}")
    changed = bytearray(before[victim])
    changed[len(changed) // 2] ^= 1
    victim.write_bytes(bytes(changed))
    computed = []
    original = prefix.encode
    monkeypatch.setattr(prefix, "encode", lambda *a, **more: computed.append(a) or original(*a, **more))
    source_of(made, tmp_path)
    assert len(computed) == chunks
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_rows_of_unreadable_images_follow_their_chunk(setting, tmp_path: Path, monkeypatch) -> None:
    """A damaged chunk forgets what it said of its images, the others do not."""
    monkeypatch.setattr(prefix, "_CHUNK", 5)
    made = setting(dataset={"root": str(tmp_path / "d")}, compute={"on_bad_image": "skip"})
    for position in (3, 20):
        made[1].path(position).write_bytes(b"")
    folder = tmp_path / "cache"
    assert sorted(source_of(made, folder).failures) == [3, 20]
    (file,) = folder.glob("*.f16")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    assert sorted(source_of(made, folder).failures) == [3, 20]


def test_it_is_announced_and_too_large_a_one_is_not_begun(setting, tmp_path: Path, caplog) -> None:
    with caplog.at_level(logging.INFO):
        assert source_of(setting(), tmp_path, limit=1000) is None
    assert "24 images x " in caplog.text
    assert "is more than train.frozen_cache_gib leaves" in caplog.text
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_noticed_before_the_first_byte(setting, tmp_path: Path, monkeypatch, caplog) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.os, "posix_fallocate", full)
    assert source_of(setting(), tmp_path) is None
    assert "no room on the disk (No space left on device)" in caplog.text
    assert not list(tmp_path.iterdir())


def test_nothing_frozen_nothing_kept(setting, tmp_path: Path) -> None:
    assert source_of(setting(backbone={"train_from": "all"}), tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_activations_that_overflow_half_precision_are_not_kept(setting, tmp_path: Path, caplog) -> None:
    retriever, _, _ = made = setting()
    with torch.no_grad():
        retriever.backbone.layers["conv3"][1].weight.fill_(1e6)
    assert source_of(made, tmp_path) is None
    assert "overflow half precision" in caplog.text
    assert not list(tmp_path.iterdir())


def test_images_of_one_native_size_need_no_resizing(setting, tmp_path: Path) -> None:
    assert source_of(setting(image={"size": None}), tmp_path) is not None


def test_images_of_different_sizes_are_not_kept(setting, tmp_path: Path, caplog) -> None:
    from PIL import Image

    made = setting(image={"size": None}, dataset={"root": str(tmp_path / "d")})
    Image.new("RGB", (64, 64)).save(made[1].path(20))
    assert source_of(made, tmp_path / "cache") is None
    assert "images differ in size" in caplog.text
    assert not list((tmp_path / "cache").iterdir())


def test_unreadable_images_stay_unreadable(setting, tmp_path: Path) -> None:
    retriever, images, compute = made = setting(dataset={"root": str(tmp_path / "d")}, compute={"on_bad_image": "skip"})
    images.path(20).write_bytes(b"")
    from vpr_runner.encoding.encode import encode_all

    for _ in range(2):  # made, then read again
        source = source_of(made, tmp_path / "cache")
        assert source is not None
        rows, encoded = encode_all(retriever, source, compute=compute)
        assert list(encoded.failures) == [20]
        assert "is empty" in encoded.failures[20]
        assert np.isnan(rows[20]).all()


def test_descriptor_rows_are_memory_or_a_map_with_its_space_taken(tmp_path: Path) -> None:
    small = cache.descriptor_rows(3, 4, file=tmp_path / "x", in_memory=48)
    assert (small.dtype, (tmp_path / "x").exists()) == (np.float32, False)
    large = cache.descriptor_rows(3, 4, file=tmp_path / "x", in_memory=47)
    assert isinstance(large, np.memmap)
    assert large.dtype == np.float16
    status = (tmp_path / "x").stat()
    assert status.st_size == 24
    assert status.st_blocks > 0
