"""What is remembered of decoded images is what would be read again, in the same batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vpr_data import ImageSet
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.pixels import PixelMemory
from vpr_runner.encoding.source import ImageSource

COUNT = 11


def images_of(folder: Path, *, odd: bool = False) -> ImageSet:
    generator = np.random.default_rng(0)
    names = [f"{number:02d}.png" for number in range(COUNT)]
    for number, name in enumerate(names):
        height = 8 if odd and number % 4 == 2 else 6
        pixels = generator.integers(0, 255, size=(height, 9, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return ImageSet(root=folder, names=names, xy=np.zeros((COUNT, 2)))


def compute(*, size: tuple[int, int] | None, workers: int) -> Compute:
    return Compute(device=torch.device("cpu"), size=size, batch=4, batch_pixels=3 * 54, workers=workers)


ASKED = [np.array([3, 1, 7, 9, 0]), np.arange(COUNT), np.array([7, 2, 1]), np.array([5]), np.arange(COUNT)[::-1].copy()]


@pytest.mark.parametrize("most", [0, 2 * 162, 7 * 162, 2**20])
@pytest.mark.parametrize("odd", [False, True])
@pytest.mark.parametrize(("size", "workers"), [(None, 2), (None, 0), ((6, 9), 2), ((5, 4), 1)])
def test_the_same_batches_however_much_is_remembered(
    tmp_path: Path, most: int, odd: bool, size: tuple[int, int] | None, workers: int
) -> None:
    images, settings = images_of(tmp_path, odd=odd), compute(size=size, workers=workers)
    plain, source = ImageSource(images), ImageSource(images, memory=PixelMemory(COUNT, most=most))
    for positions in ASKED:
        pairs = list(zip(source.batches(positions, settings), plain.batches(positions, settings), strict=True))
        for found, expected in pairs:
            assert np.array_equal(found.rows, expected.rows)
            assert torch.equal(found.values, expected.values)
            assert found.values.stride() == expected.values.stride()
        groups = [positions[:2], positions[:0], positions[2:], positions[:1]]
        for some, others in zip(source.groups(groups, settings), plain.groups(groups, settings), strict=True):
            assert len(some) == len(others)
            for found, expected in zip(some, others, strict=True):
                assert np.array_equal(found.rows, expected.rows)
                assert torch.equal(found.values, expected.values)
                assert found.values.stride() == expected.values.stride()


def test_an_image_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vpr_data.images import batches

    images, read, original = images_of(tmp_path), [], batches.load_image
    monkeypatch.setattr(
        batches, "load_image", lambda path, **options: read.append(path.name) or original(path, **options)
    )
    source, settings = ImageSource(images, memory=PixelMemory(COUNT)), compute(size=None, workers=2)
    for positions in ASKED:
        for batch in source.batches(positions, settings):
            batch.values.fill_(0)  # what is handed out is a copy
    list(source.groups(ASKED, settings))
    assert sorted(read) == sorted(images.names)


def test_images_that_are_changed_at_random_are_not_remembered(tmp_path: Path) -> None:
    images, settings = images_of(tmp_path), compute(size=None, workers=0)
    memory = PixelMemory(COUNT)
    source = ImageSource(images, augment=lambda epoch: lambda image, key: image + epoch, memory=memory)
    for epoch in (0, 5):
        ((batch,),) = source.groups([np.array([1])], settings, epoch=epoch)
        assert memory.one(1) is None
    first = ImageSource(images)
    ((plain,),) = first.groups([np.array([1])], settings)
    assert torch.equal(batch.values, plain.values + 5)


def test_an_unreadable_image_is_no_memory(tmp_path: Path) -> None:
    images = images_of(tmp_path)
    (tmp_path / "03.png").write_bytes(b"no image")
    settings = Compute(device=torch.device("cpu"), batch=4, on_bad_image="skip")
    memory = PixelMemory(COUNT)
    source = ImageSource(images, memory=memory)
    for _ in range(2):
        rows = np.concatenate([batch.rows for batch in source.batches(np.arange(COUNT), settings)])
        assert rows.tolist() == [0, 1, 2, *range(4, COUNT)]
        assert list(source.failures) == [3]
    assert memory.one(3) is None


def test_memory_is_bounded_and_keeps_the_first() -> None:
    memory = PixelMemory(100, most=10 * 12)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 255, (100, 3, 2, 2), dtype=torch.uint8, generator=generator)
    memory.remember(np.array([4, 4, 90]), pixels[[4, 4, 90]])
    memory.remember(np.arange(50), pixels[:50])
    kept = [4, 90, 0, 1, 2, 3, 5, 6, 7, 8]
    assert [position for position in range(100) if memory.one(position) is not None] == sorted(kept)
    assert memory.holds(np.array(kept))
    assert not memory.holds(np.array([*kept, 9]))
    assert torch.equal(memory.take(np.array(kept)), pixels[kept])
    other = PixelMemory(3)
    other.remember(np.array([0]), pixels[:1])
    other.remember(np.array([1]), torch.zeros(1, 3, 4, 4, dtype=torch.uint8))
    assert other.one(1) is None


def test_what_is_first_seen_while_encoding_is_added_to_while_training() -> None:
    memory = PixelMemory(4)
    images = torch.arange(2 * 3 * 2 * 2, dtype=torch.uint8).view(2, 3, 2, 2)
    with torch.inference_mode():
        memory.remember(np.array([0, 1]), images.clone())
    memory.remember(np.array([2, 3]), images + 100)
    assert memory.holds(np.array([0, 1, 2, 3]))
    assert torch.equal(memory.take(np.array([3, 0])), torch.stack([images[1] + 100, images[0]]))
