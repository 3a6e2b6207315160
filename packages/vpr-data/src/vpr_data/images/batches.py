"""Image files to batches: decoded by threads ahead of the consumer, in order, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from vpr_data.images.decode import MAX_PIXELS, ImageDecodeError, load_image
from vpr_data.images.read_ahead import ReadAhead
from vpr_data.images.sizing import Sizing

__all__ = ["ImageBatch", "ImageBatches", "UnreadableImagesError", "check_images", "full_batch", "image_batches"]

Augment = Callable[[Tensor, int], Tensor]
BUCKETS = 8
"""Decoded images of unequal size that may wait for their batches to fill, in batches."""
WAITING = 256 * 2**20
"""Bytes of decoded images that may wait for their batches to fill, and as many that may wait to be asked for."""


@dataclass(frozen=True)
class ImageBatch:
    """``B`` images of one shape.

    Attributes:
        positions: int64 ``(B,)``, where each image stands in the list of paths.
        images: uint8 ``(B, 3, H, W)``, contiguous.
    """

    positions: Tensor
    images: Tensor

    def __len__(self) -> int:
        return len(self.positions)


class UnreadableImagesError(ImageDecodeError):
    """Images that cannot be read, under ``on_error="error"``.

    Attributes:
        failures: those found so far; ``path`` and ``reason`` are the first one's.
    """

    def __init__(self, failures: Sequence[ImageDecodeError]) -> None:
        super().__init__(failures[0].path, failures[0].reason)
        self.failures = tuple(failures)

    def __reduce__(self) -> tuple[type[UnreadableImagesError], tuple[tuple[ImageDecodeError, ...]]]:
        return type(self), (self.failures,)

    def __str__(self) -> str:
        count = len(self.failures)
        what, them = ("image", "it") if count == 1 else ("images", "them")
        lines = "".join(f"\n  {failure}" for failure in self.failures)
        return (
            f"{count} {what} cannot be read (later ones were not tried); replace or remove {them}, or skip what "
            f"cannot be read (on_error='skip'):{lines}"
        )


class ImageBatches(Iterator[ImageBatch]):
    """The iterator that `image_batches` returns.

    Attributes:
        failures: images skipped so far, and
        failed_positions: where they stand in the list of paths.
    """

    def __init__(
        self,
        reader: ReadAhead[Tensor | ImageDecodeError],
        *,
        batch_size: int,
        batch_pixels: int | None,
        in_order: bool,
        skip: bool,
    ) -> None:
        self.failures: list[ImageDecodeError] = []
        self.failed_positions: list[int] = []
        self._reader = reader
        self._skip, self._batch_size, self._batch_pixels = skip, batch_size, batch_pixels
        self._batches = self._in_order() if in_order else self._by_shape()

    def __iter__(self) -> ImageBatches:
        return self

    def __next__(self) -> ImageBatch:
        return next(self._batches)

    def close(self) -> None:
        """Stop the threads; the iterator ends."""
        self._reader.close()

    def _readable(self) -> Iterator[tuple[int, Tensor]]:
        for position, loaded in enumerate(self._reader):
            if isinstance(loaded, Tensor):
                yield position, loaded
                continue
            if not self._skip:
                # What the threads have read ahead is looked at too, so that one error tells of several images.
                late = [other for other in self._reader.drain() if isinstance(other, ImageDecodeError)]
                raise UnreadableImagesError([loaded, *late])
            self.failures.append(loaded)
            self.failed_positions.append(position)

    def _full(self, image: Tensor) -> int:
        return full_batch(image, batch_size=self._batch_size, batch_pixels=self._batch_pixels)

    def _in_order(self) -> Iterator[ImageBatch]:
        waiting: list[tuple[int, Tensor]] = []
        for item in self._readable():
            waiting.append(item)
            if len(waiting) == self._full(item[1]):
                yield _stack(waiting)
                waiting = []
        if waiting:
            yield _stack(waiting)

    def _by_shape(self) -> Iterator[ImageBatch]:
        """Fill one batch a shape; where shapes are many, give the largest away early rather than keep them all."""
        buckets: dict[torch.Size, list[tuple[int, Tensor]]] = {}
        count, held = 0, 0
        for item in self._readable():
            bucket = buckets.setdefault(item[1].shape, [])
            bucket.append(item)
            count, held = count + 1, held + item[1].numel()
            if len(bucket) < self._full(item[1]):
                if held >= WAITING:
                    bucket = max(buckets.values(), key=lambda images: len(images) * images[0][1].numel())
                elif count >= BUCKETS * self._batch_size:
                    bucket = max(buckets.values(), key=len)
                else:
                    continue
            count, held = count - len(bucket), held - len(bucket) * bucket[0][1].numel()
            del buckets[bucket[0][1].shape]
            yield _stack(bucket)
        for bucket in buckets.values():
            yield _stack(bucket)


def full_batch(image: Tensor, *, batch_size: int, batch_pixels: int | None) -> int:
    """Return how many images of the size of ``image (3, H, W)`` make a batch of `image_batches`."""
    if batch_pixels is None:
        return batch_size
    return max(1, min(batch_size, batch_pixels // (image.shape[1] * image.shape[2])))


def image_batches(
    paths: Sequence[Path],
    *,
    size: tuple[int, int] | None,
    batch_size: int,
    batch_pixels: int | None = None,
    longest: int | None = None,
    max_pixels: int | None = None,
    sizing: Sizing | None = None,
    workers: int = 2,
    on_error: Literal["error", "skip"] = "error",
    augment: Augment | None = None,
    keys: Sequence[int] | None = None,
    known: Callable[[int], Tensor | None] | None = None,
) -> ImageBatches:
    """Read image files as uint8 batches, decoding ahead of the consumer in threads.

    The batches are a function of the arguments: threads change the time, never the order or a pixel. At most
    ``2 * batch_size + workers`` decoded images wait for the consumer, and with ``size=None`` as many again as `BUCKETS`
    batches, however long the list is; of large images fewer, `WAITING` bytes each and one image a thread.

    Args:
        paths: image files; positions in the batches count from 0 along this list.
        size: ``(h, w)`` every image is resized to (`vpr_data.resize_image`); the batches then follow the list. None:
            images keep their size and are collected by shape, so only images of one shape stay in order.
        batch_size: images a batch, at least 1; the last of a list or shape may be smaller.
        batch_pixels: pixels a batch, at most: large images make smaller batches, of one image at least. None: no limit.
        longest: with ``size=None``: an image whose longer side is longer is shrunk to this, in its shape. None: never.
        max_pixels: most pixels of one image that are decoded (`vpr_data.load_image`).
        sizing: another rule, in the place of ``size`` and ``longest``; batches follow the list where it makes all
            images of one size.
        workers: decoding threads; 0 decodes in the caller's thread.
        on_error: ``error`` raises at the first image that cannot be read, with the list of those already found;
            ``skip`` leaves them out and lists them in ``failures``.
        augment: called with (uint8 ``(3, H, W)``, key) before resizing (`vpr_data.Augmentation`).
        keys: what ``augment`` is given for each path; None: its position.
        known: position to the image as it would be read here, for those that need not be; None for the others.

    Raises:
        ValueError: an argument is out of range.
        UnreadableImagesError: while iterating, under ``on_error="error"``.
    """
    if sizing is None:
        sizing = Sizing(size=size, longest=longest)
    elif size is not None or longest is not None:
        raise ValueError(f"sizing says the size; got size {size!r} and longest {longest!r} too")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    for what, value in (("batch_pixels", batch_pixels), ("max_pixels", max_pixels)):
        if value is not None and value < 1:
            raise ValueError(f"{what} must be at least 1 or None, got {value}")
    if workers < 0:
        raise ValueError(f"workers must be at least 0, got {workers}")
    if on_error not in ("error", "skip"):
        raise ValueError(f"on_error must be 'error' or 'skip', got {on_error!r}")
    if keys is not None and len(keys) != len(paths):
        raise ValueError(f"keys must have one entry a path ({len(paths)}), got {len(keys)}")
    reader = ReadAhead(
        _Load(paths, sizing=sizing, max_pixels=max_pixels, augment=augment, keys=keys),
        count=len(paths),
        workers=workers,
        depth=2 * batch_size + workers,
        weigh=_bytes,
        budget=WAITING,
        known=known,
    )
    return ImageBatches(
        reader,
        batch_size=batch_size,
        batch_pixels=batch_pixels,
        in_order=sizing.fixed is not None,
        skip=on_error == "skip",
    )


def check_images(paths: Sequence[Path], *, workers: int = 2) -> list[ImageDecodeError]:
    """Decode every image and return the failures: the whole list, before anything long begins.

    A JPEG is decoded at an eighth of its size, which reads all of the file.
    """
    return [found for found in ReadAhead(_Check(paths), count=len(paths), workers=workers, depth=16) if found]


class _Load:
    """Read one image: decode, augment, resize."""

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        sizing: Sizing,
        max_pixels: int | None,
        augment: Augment | None,
        keys: Sequence[int] | None,
    ) -> None:
        self._paths, self._sizing, self._augment, self._keys = paths, sizing, augment, keys
        self._max_pixels = max_pixels

    def __call__(self, position: int) -> Tensor | ImageDecodeError:
        try:
            # An augmented image is cut before it is resized, so it is wanted at full resolution.
            reduced = self._augment is None
            pixels = load_image(
                self._paths[position], needed=self._sizing.resized if reduced else None, max_pixels=self._max_pixels
            )
        except ImageDecodeError as error:
            return error
        image = torch.from_numpy(pixels).permute(2, 0, 1)
        height, width = self._sizing.resized(image.shape[1], image.shape[2])
        most = self._max_pixels or MAX_PIXELS
        if self._sizing.size is None and height * width > most:
            reason = f"would become {height} x {width} pixels, more than {most:,}; leave it out, or take another size"
            return ImageDecodeError(self._paths[position], reason)
        # What keeps an image's shape makes less to change; what does not would be changed by the change.
        last = self._sizing.size is not None
        if not last:
            image = self._sizing(image)
        if self._augment is not None:
            image = self._augment(image, position if self._keys is None else int(self._keys[position]))
        if last:
            image = self._sizing(image)
        return image.contiguous()


class _Check:
    """Decode one image and keep only what went wrong."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __call__(self, position: int) -> ImageDecodeError | None:
        try:
            load_image(self._paths[position], at_least=(1, 1))
        except ImageDecodeError as error:
            return error.with_traceback(None)
        return None


def _bytes(loaded: Tensor | ImageDecodeError) -> int:
    return loaded.numel() if isinstance(loaded, Tensor) else 0


def _stack(items: Sequence[tuple[int, Tensor]]) -> ImageBatch:
    positions = torch.tensor([position for position, _ in items], dtype=torch.int64)
    return ImageBatch(positions=positions, images=torch.stack([image for _, image in items]))
