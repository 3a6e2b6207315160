from __future__ import annotations

import pickle
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vpr_data import ImageDecodeError, UnreadableImagesError, check_images, image_batches, load_image, resize_image
from vpr_data.images.read_ahead import ReadAhead


@pytest.fixture
def paths(photo):
    return [photo(f"{i}.png", size=(24, 32), seed=i) for i in range(11)]


def collect(batches):
    return [(batch.positions.tolist(), batch.images) for batch in batches]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_follow_the_list_and_hold_the_images(paths, workers):
    batches = collect(image_batches(paths, size=(12, 16), batch_size=4, workers=workers))
    assert [positions for positions, _ in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    for positions, images in batches:
        assert images.dtype == torch.uint8
        assert images.shape == (len(positions), 3, 12, 16)
        assert images.is_contiguous()
        for position, image in zip(positions, images, strict=True):
            whole = torch.from_numpy(load_image(paths[position])).permute(2, 0, 1)
            assert torch.equal(image, resize_image(whole, (12, 16)))


def test_images_of_their_own_size_are_collected_by_shape(photo):
    shapes = [(8, 8), (8, 9), (8, 8), (8, 9), (8, 9), (9, 8), (8, 8)]
    paths = [photo(f"{i}.png", size=shape, seed=i) for i, shape in enumerate(shapes)]
    batches = collect(image_batches(paths, size=None, batch_size=2))
    assert [positions for positions, _ in batches] == [[0, 2], [1, 3], [4], [5], [6]]
    for positions, images in batches:
        for position, image in zip(positions, images, strict=True):
            assert np.array_equal(image.permute(1, 2, 0).numpy(), load_image(paths[position]))


def test_single_images_keep_their_order_whatever_their_size(photo):
    paths = [photo(f"{i}.png", size=(8 + i % 3, 8), seed=i) for i in range(9)]
    assert [positions for positions, _ in collect(image_batches(paths, size=None, batch_size=1))] == [
        [i] for i in range(9)
    ]


def test_many_shapes_do_not_pile_up(photo):
    paths = [photo(f"{i}.png", size=(2, 2 + i), seed=i) for i in range(40)]
    most, seen = 0, 0
    for batch in image_batches(paths, size=None, batch_size=2, workers=0):
        seen += len(batch)
        most = max(most, int(batch.positions.max()) + 1 - seen + len(batch))
    assert seen == 40
    assert 1 <= most <= 8 * 2 + 1


def test_the_read_ahead_is_bounded_and_works_ahead():
    started: list[int] = []

    def call(number):
        started.append(number)
        return number

    results = iter(ReadAhead(call, count=1000, workers=2, depth=6))
    assert next(results) == 0
    deadline = time.monotonic() + 5
    while len(started) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert 6 <= len(started) <= 7
    assert [next(results) for _ in range(5)] == [1, 2, 3, 4, 5]
    results.close()
    assert len(started) < 20


def test_threads_end_with_the_iterator(paths):
    before = threading.active_count()
    batches = image_batches(paths, size=(4, 4), batch_size=2, workers=3)
    next(batches)
    batches.close()
    assert list(batches) == []
    collect(image_batches(paths, size=(4, 4), batch_size=2, workers=3))
    for thread in threading.enumerate():  # they finish what they are at
        if thread.name.startswith("vpr-decode"):
            thread.join(10)
    assert threading.active_count() == before


def test_an_exception_that_is_no_bad_image_comes_through(paths):
    class Broken:
        def __call__(self, image, key):
            raise RuntimeError("broken augmentation")

    with pytest.raises(RuntimeError, match="broken augmentation"):
        collect(image_batches(paths, size=(4, 4), batch_size=2, augment=Broken()))


@pytest.fixture
def spoilt(paths):
    paths[2].write_bytes(b"")
    paths[3].write_bytes(b"<html>")
    paths[9].unlink()
    return paths


@pytest.mark.parametrize("workers", [0, 2])
def test_skip_leaves_out_counts_and_lists(spoilt, workers):
    batches = image_batches(spoilt, size=(4, 4), batch_size=4, workers=workers, on_error="skip")
    assert [positions for positions, _ in collect(batches)] == [[0, 1, 4, 5], [6, 7, 8, 10]]
    assert batches.failed_positions == [2, 3, 9]
    assert [failure.path for failure in batches.failures] == [spoilt[2], spoilt[3], spoilt[9]]


def test_error_names_all_that_was_read_already(spoilt):
    batches = image_batches(spoilt, size=(4, 4), batch_size=2)
    assert next(batches).positions.tolist() == [0, 1]
    with pytest.raises(UnreadableImagesError) as caught:
        next(batches)
    error = caught.value
    assert isinstance(error, ImageDecodeError)
    assert error.path == spoilt[2]
    assert [failure.path for failure in error.failures][:2] == [spoilt[2], spoilt[3]]
    message = str(error)
    assert "images cannot be read (later ones were not tried); replace or remove them, or skip" in message
    assert f"\n  {spoilt[2]}: is empty (0 bytes)" in message
    assert f"\n  {spoilt[3]}: is a web page" in message
    assert str(pickle.loads(pickle.dumps(error))) == message
    assert list(batches) == []


def test_one_failure_is_told_in_the_singular(paths):
    paths[0].write_bytes(b"")
    with pytest.raises(UnreadableImagesError, match=r"^1 image cannot be read .*; replace or remove it, or skip"):
        collect(image_batches(paths[:1], size=(4, 4), batch_size=2))


def test_all_images_bad_or_none_given(spoilt):
    batches = image_batches([spoilt[2], spoilt[9]], size=(4, 4), batch_size=4, on_error="skip")
    assert list(batches) == []
    assert len(batches.failures) == 2
    assert list(image_batches([], size=None, batch_size=4)) == []


def test_check_images_finds_every_failure_before_a_run(spoilt):
    assert [error.path for error in check_images(spoilt)] == [spoilt[2], spoilt[3], spoilt[9]]


def test_augmentation_is_given_the_key_of_the_image(paths):
    keys = []

    def augment(image, key):
        keys.append(key)
        return image

    collect(image_batches(paths[:3], size=None, batch_size=2, workers=0, augment=augment))
    collect(image_batches(paths[:3], size=None, batch_size=2, workers=0, augment=augment, keys=[70, 80, 90]))
    assert keys == [0, 1, 2, 70, 80, 90]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": (0, 4)}, r"size must be \(height, width\), both at least 1, or None, got \(0, 4\)"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"workers": -1}, "workers must be at least 0, got -1"),
        ({"on_error": "zero"}, "on_error must be 'error' or 'skip', got 'zero'"),
        ({"keys": [1]}, r"keys must have one entry a path \(2\), got 1"),
    ],
)
def test_bad_arguments(fields, message):
    with pytest.raises(ValueError, match=message):
        image_batches([Path("a"), Path("b")], **{"size": None, "batch_size": 2, **fields})


@pytest.mark.parametrize("size", [(20, 30), (7, 200), (64, 64), (1, 1)])
def test_resizing_is_pillow_s_within_a_level(photo, size):
    path = photo("x.png", size=(40, 60))
    mine = resize_image(torch.from_numpy(load_image(path)).permute(2, 0, 1), size).permute(1, 2, 0).numpy()
    theirs = np.array(Image.open(path).resize(size[::-1], Image.Resampling.BILINEAR))
    assert np.abs(mine.astype(int) - theirs).max() <= 1


def test_resizing_refuses_other_tensors():
    with pytest.raises(ValueError, match=r"image must be uint8 of shape \(3, H, W\), got torch.float32 \(3, 4, 4\)"):
        resize_image(torch.zeros(3, 4, 4), (2, 2))


def test_scaled_decoding_changes_little(tmp_path):
    y, x = np.mgrid[0:240, 0:320] / 25.0
    picture = np.stack([128 + 90 * np.sin(x + k) * np.cos(y) for k in range(3)], axis=2).astype(np.uint8)
    path = tmp_path / "x.jpg"
    Image.fromarray(picture).save(path, quality=95)
    scaled = next(image_batches([path], size=(56, 56), batch_size=1)).images[0]
    whole = resize_image(torch.from_numpy(load_image(path)).permute(2, 0, 1), (56, 56))
    assert (scaled.float() - whole.float()).abs().mean() < 2


def test_an_abandoned_read_ahead_waits_for_no_thread():
    """It may be dropped where joining a thread can never end: by the garbage collector, while a thread starts."""
    release, begun = threading.Event(), threading.Event()

    def call(number):
        if number:
            begun.set()
            assert release.wait(30)
        return number

    results = iter(ReadAhead(call, count=10, workers=1, depth=4))
    assert next(results) == 0
    assert begun.wait(30)
    closing = threading.Thread(target=results.close, daemon=True)
    closing.start()
    closing.join(10)
    ended = not closing.is_alive()
    release.set()
    assert ended


def test_large_images_make_smaller_batches(paths):
    """12 x 16 pixels are 192: a limit of 600 holds three of them, of 100 none, so one."""
    sizes = [len(batch) for batch in image_batches(paths, size=(12, 16), batch_size=8, batch_pixels=600)]
    assert sizes == [3, 3, 3, 2]
    assert [len(batch) for batch in image_batches(paths[:3], size=(12, 16), batch_size=8, batch_pixels=100)] == [
        1,
        1,
        1,
    ]
    together = torch.cat([b.images for b in image_batches(paths, size=(12, 16), batch_size=8, batch_pixels=600)])
    assert torch.equal(together, torch.cat([b.images for b in image_batches(paths, size=(12, 16), batch_size=8)]))


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("size", [(300, 400), (400, 300), (30, 40)])
def test_an_image_that_is_too_long_is_shrunk_in_its_shape(tmp_path, suffix, size):
    y, x = np.mgrid[0 : size[0], 0 : size[1]] / 40.0
    smooth = np.stack([128 + 100 * np.sin(x + k) * np.cos(y) for k in range(3)], axis=2).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / f"a.{suffix}", quality=95)
    (batch,) = image_batches([tmp_path / f"a.{suffix}"], size=None, longest=100, batch_size=2)
    height, width = (size[0] * 100 // max(size), size[1] * 100 // max(size)) if max(size) > 100 else size
    assert batch.images.shape == (1, 3, height, width)
    whole = torch.from_numpy(smooth).permute(2, 0, 1)
    assert (batch.images[0].int() - resize_image(whole, (height, width)).int()).abs().float().mean() < 2


def test_what_waits_is_bounded_in_bytes(tmp_path, monkeypatch):
    """Images of many heights, each alone in its shape: WAITING bytes of them wait, and as many ahead of the reader."""
    monkeypatch.setattr("vpr_data.images.batches.WAITING", 20_000)
    paths = []
    for number in range(40):
        Image.new("RGB", (40, 20 + number)).save(tmp_path / f"{number}.png")
        paths.append(tmp_path / f"{number}.png")
    loaded, given, most = 0, 0, 0
    original = load_image

    def counted(*arguments, **options):
        nonlocal loaded
        image = original(*arguments, **options)
        loaded += image.size
        return image

    monkeypatch.setattr("vpr_data.images.batches.load_image", counted)
    for batch in image_batches(paths, size=None, batch_size=16, workers=2):
        most = max(most, loaded - given)
        given += batch.images.numel()
    assert given == sum(40 * (20 + number) * 3 for number in range(40))
    assert most <= 2 * 20_000 + 4 * 40 * 60 * 3  # both budgets, and one image for each thread and bucket in hand


def test_a_heavy_result_is_let_through_alone():
    reader = ReadAhead(lambda number: number, count=6, workers=2, depth=6, weigh=lambda _: 100, budget=1)
    assert list(reader) == list(range(6))


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_what_is_known_takes_no_call_and_its_place_in_the_order(workers):
    called = []
    reader = ReadAhead(
        lambda number: called.append(number) or number,
        count=40,
        workers=workers,
        depth=6,
        weigh=lambda _: 100,
        budget=350,
        known=lambda number: None if number % 3 else -number,
    )
    assert list(reader) == [number if number % 3 else -number for number in range(40)]
    assert sorted(called) == [number for number in range(40) if number % 3]


def test_the_budget_is_given_back_as_results_are_taken():
    held, most = [], 0

    def call(number):
        held.append(number)
        return number

    reader = ReadAhead(call, count=200, workers=2, depth=64, weigh=lambda _: 10, budget=80)
    for number, result in enumerate(reader):
        assert result == number
        most = max(most, len(held) - number)
    assert 4 < most <= 8 + 2 + 1


def test_before_the_first_result_each_thread_has_one_call():
    """Slow calls: the reader must not be given more than it can afford just because nothing has been weighed yet."""
    release, begun = threading.Event(), []

    def slow(number):
        begun.append(number)
        release.wait(30)
        return number

    reader = ReadAhead(slow, count=40, workers=2, depth=40, weigh=lambda _: 100, budget=300)
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.extend(reader))
    thread.start()
    time.sleep(0.05)
    assert len(reader._ahead) <= 2
    release.set()
    thread.join(30)
    assert results == list(range(40))
