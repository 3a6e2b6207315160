"""Encoding: rows in their places, whatever the batch; unreadable and non-finite images by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vpr_data import ImageDecodeError, ImageSet
from vpr_runner import assemble
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import NonFiniteDescriptorError, encode, encode_all, evaluating
from vpr_runner.encoding.source import ActivationSource, ImageSource, JoinedImages

SIZES = [(24, 32), (32, 24), (24, 32), (40, 40), (32, 24), (24, 32), (24, 32)]


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    names = []
    for number, (height, width) in enumerate(SIZES):
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        names.append(f"{number}.png")
        Image.fromarray(pixels).save(tmp_path / names[-1])
    return ImageSet(root=tmp_path, names=names, xy=np.zeros((len(names), 2)))


def compute(**settings) -> Compute:
    return Compute(device=torch.device("cpu"), **{"workers": 1, **settings})


@pytest.fixture
def retriever(make_config, engine_registry):
    return assemble(make_config(), engine_registry).eval()


def one_by_one(retriever, images: ImageSet) -> np.ndarray:
    rows = []
    for position in range(len(images)):
        pixels = np.array(Image.open(images.path(position)))
        with torch.no_grad():
            rows.append(retriever(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0].numpy())
    return np.stack(rows)


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
@pytest.mark.parametrize("workers", [0, 2])
def test_images_of_different_shapes_land_in_their_rows(retriever, images, batch: int, workers: int) -> None:
    rows, encoded = encode_all(retriever, ImageSource(images), compute=compute(batch=batch, workers=workers))
    np.testing.assert_allclose(rows, one_by_one(retriever, images), atol=1e-6)
    assert encoded.images == len(images)
    assert encoded.images_per_second > 0


def test_any_positions_in_any_order_also_repeated(retriever, images) -> None:
    where = [5, 0, 5, 3]
    rows, _ = encode_all(retriever, ImageSource(images), where, compute=compute(batch=2))
    np.testing.assert_allclose(rows, one_by_one(retriever, images)[where], atol=1e-6)


def test_on_a_cpu_images_lie_channels_last_and_hold_the_same_pixels(images) -> None:
    batch = next(ImageSource(images).batches([0, 2, 5], compute(size=(24, 32))))
    assert batch.values.is_contiguous(memory_format=torch.channels_last)
    for row, pixels in zip((0, 2, 5), batch.values, strict=True):
        assert np.array_equal(pixels.permute(1, 2, 0).numpy(), np.array(Image.open(images.path(row))))


def test_rows_go_where_they_are_wanted(retriever, images, tmp_path: Path) -> None:
    out = np.memmap(tmp_path / "rows", dtype=np.float16, mode="w+", shape=(len(images), retriever.out_dim))
    rows, _ = encode_all(retriever, ImageSource(images), compute=compute(), out=out)
    assert rows is out
    np.testing.assert_allclose(rows, one_by_one(retriever, images), atol=1e-3)
    with pytest.raises(ValueError, match="out has 7 rows; 2 images"):
        encode(retriever, ImageSource(images), [0, 1], out=out, compute=compute())


def test_the_network_keeps_its_mode_part_by_part(retriever, images) -> None:
    retriever.train()
    retriever.backbone.layers["conv1"].eval()
    with evaluating(retriever):
        assert not any(part.training for part in retriever.modules())
    assert retriever.pooling.training
    assert not retriever.backbone.layers["conv1"].training


def test_an_image_that_is_skipped_is_nan_and_says_why(retriever, images) -> None:
    images.path(2).write_bytes(b"<html>404</html>")
    images.path(6).unlink()
    with pytest.raises(ImageDecodeError, match=r"2\.png: is a web page"):
        encode_all(retriever, ImageSource(images), compute=compute())
    rows, encoded = encode_all(
        retriever, ImageSource(images), [6, 0, 2], compute=compute(on_bad_image="skip", size=(24, 32))
    )
    assert np.isnan(rows).all(axis=1).tolist() == [True, False, True]
    assert set(encoded.failures) == {0, 2}
    assert "does not exist" in encoded.failures[0]
    assert "is a web page" in encoded.failures[2]
    assert encoded.images == 1


def test_a_descriptor_that_is_not_finite_names_its_image(retriever, images) -> None:
    def poisoned(values: torch.Tensor) -> torch.Tensor:
        rows = retriever(values)
        rows[values.flatten(1).float().mean(1) == poison] = float("nan")
        return rows

    poison = torch.from_numpy(np.array(Image.open(images.path(3)))).float().mean()
    out = np.empty((len(images), retriever.out_dim), dtype=np.float32)
    with pytest.raises(NonFiniteDescriptorError, match=r"descriptor of 3\.png is not finite.*precision: float32"):
        encode(poisoned, ImageSource(images), range(len(images)), out=out, compute=compute())


def test_too_large_for_half_precision_is_not_finite(images) -> None:
    out = np.empty((len(images), 1), dtype=np.float16)
    with pytest.raises(NonFiniteDescriptorError):
        encode(
            lambda values: torch.full((len(values), 1), 1e6),
            ImageSource(images),
            range(len(images)),
            out=out,
            compute=compute(),
        )


def test_half_precision_holds_its_largest_numbers_and_rounds_as_numpy_does(images) -> None:
    random = np.random.default_rng(0)
    values = random.standard_normal((len(images), 40), dtype=np.float32) * np.float32(10.0) ** random.integers(
        -9, 4, 40
    )
    values[:, 0], values[:, 1] = 65_504, -65_504
    out = np.empty(values.shape, dtype=np.float16)
    batch = len(images)
    encode(
        lambda _: torch.from_numpy(values),
        ImageSource(images),
        range(batch),
        out=out,
        compute=compute(batch=batch, size=(16, 16)),
    )
    assert np.array_equal(out, values.astype(np.float16))


def test_training_groups_are_what_was_asked_for(images) -> None:
    wanted = [np.array([3, 1, 4]), np.array([], dtype=np.int64), np.array([0]), np.array([6, 2, 1, 1])]
    for size in (None, (16, 16)):
        groups = list(ImageSource(images).groups(wanted, compute(size=size, batch=3)))
        assert len(groups) == len(wanted)
        for positions, batches in zip(wanted, groups, strict=True):
            assert sorted(np.concatenate([np.zeros(0), *(batch.rows for batch in batches)]).tolist()) == list(
                range(len(positions))
            )
            if size is None:
                for batch in batches:
                    for row, values in zip(batch.rows, batch.values, strict=True):
                        expected = np.array(Image.open(images.path(int(positions[row])))).transpose(2, 0, 1)
                        assert (values.numpy() == expected).all()
            else:
                assert len(batches) == (len(positions) > 0)


def test_activations_are_read_by_position() -> None:
    activations = np.arange(5 * 2, dtype=np.float16).reshape(5, 2, 1, 1)
    source = ActivationSource([str(number) for number in range(5)], activations)
    batches = list(source.batches([4, 0, 2], compute(batch=2)))
    assert [batch.rows.tolist() for batch in batches] == [[0, 1], [2]]
    assert torch.cat([batch.values for batch in batches]).flatten().tolist() == [8, 9, 0, 1, 4, 5]
    assert batches[0].values.dtype == torch.float32
    groups = list(source.groups([np.array([1]), np.array([], dtype=np.int64)], compute()))
    assert groups[0][0].values.flatten().tolist() == [2, 3]
    assert groups[1] == []
    with pytest.raises(ValueError, match="names has 1 entries; activations has 5 rows"):
        ActivationSource(["a"], activations)


def test_joined_sets_are_numbered_on(images) -> None:
    joined = JoinedImages(images.select([5, 6]), images.select([0, 1, 2]))
    assert len(joined) == 5
    assert list(joined.names) == ["5.png", "6.png", "0.png", "1.png", "2.png"]
    assert [joined.path(position).name for position in range(5)] == list(joined.names)
