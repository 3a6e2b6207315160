"""Extraction from JPEG files beside the bare backbone, and decoding beside the customary way to do it."""

from __future__ import annotations

import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import torch
from PIL import Image
from torchvision.io import decode_image, read_file

from bench.speed.measure import Effort, compare, peak_memory
from bench.speed.network import REGISTRY, images_below, make_config, write_photographs
from bench.speed.row import Row
from vpr_data import image_batches, load_image
from vpr_data.images import decode
from vpr_data.images.turbo import turbo
from vpr_runner import assemble, extract

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from vpr_data import ImageSet
    from vpr_runner import Retriever

__all__ = ["decoders", "decoding", "measure"]

FULL, TINY = (480, 640), (48, 64)


def one_by_one(paths: Sequence[Path], size: tuple[int, int]) -> list[Tensor]:
    """Decode fully, make floats, then resize the floats: how the field's data sets do it, in one thread."""
    images = []
    for path in paths:
        with Image.open(path) as file:
            pixels = np.asarray(file.convert("RGB"), dtype=np.float32) / 255
        image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        images.append(torch.nn.functional.interpolate(image, size=size, mode="bilinear", antialias=True)[0])
    return images


def in_turn(retriever: Retriever, images: ImageSet, *, size: tuple[int, int], batch: int, device: str) -> np.ndarray:
    """Read a batch, then run the network on it, then read the next; descriptors pile up in a list."""
    rows = []
    paths = [images.path(number) for number in range(len(images))]
    with torch.no_grad():
        for start in range(0, len(paths), batch):
            inputs = torch.stack(one_by_one(paths[start : start + batch], size)).to(device)
            rows.append(retriever(inputs).cpu().numpy())
    return np.concatenate(rows)


def measure(effort: Effort) -> list[Row]:
    """Extract ``count`` images to chunk files: ResNet-18, NetVLAD; the limit is the backbone on images in memory."""
    size, count = (TINY, 6) if effort.quick else (FULL, 256 if effort.device == "cuda" else 48)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        images = images_below(root / "images", count, size=size)
        compute = {"device": effort.device, "batch": effort.size(16, 4)}
        config = make_config(root, image={"size": size}, compute=compute)
        retriever = assemble(config, REGISTRY).to(effort.device).eval()
        folders = iter(range(10**6))

        def ours(of: ImageSet = images) -> None:
            extract(retriever, of, output=root / f"out{next(folders)}", config=config, progress=False)

        held = torch.stack(one_by_one([images.path(n) for n in range(min(count, 16))], size)).to(effort.device)
        if effort.device == "cpu":
            held = held.contiguous(memory_format=torch.channels_last)  # the faster layout, which ours has too
        prepared = retriever.normalize(held)

        def bare() -> None:
            with torch.inference_mode():
                for start in range(0, count, len(prepared)):
                    retriever.backbone(prepared[: count - start])

        contestants = {
            "ours": ours,
            "decode, resize, network in turn": lambda: in_turn(
                retriever, images, size=size, batch=config.compute.batch, device=effort.device
            ),
            "limit": bare,
        }
        comparison = compare(contestants, repeats=effort.rounds(0.6))
        many = images_below(root / "images", 4 * count, size=size)
        memory = {"ours": peak_memory(ours, warmup=False), "four times": peak_memory(lambda: ours(many), warmup=False)}
    note = (
        "JPEG files to chunk files, hashes and NetVLAD's 64 x 256 numbers included; the limit is the bare backbone on "
        f"images in memory. Peak memory of {count} and of {4 * count} images: {memory['ours'] / 2**20:.0f} and "
        f"{memory['four times'] / 2**20:.0f} MiB above what was held"
    )
    what = f"extraction of {count} images {size[0]}x{size[1]}, ResNet-18 to layer3 + NetVLAD"
    return [
        Row.from_comparison(
            what,
            comparison,
            reference="decode, resize, network in turn",
            limit="the bare backbone",
            memory={"ours": memory["ours"]},
            count=count,
            unit="images",
            target="95 % of the backbone",
            note=note,
        )
    ]


def decoding(effort: Effort) -> list[Row]:
    """Read large photographs at a smaller size: DCT scaling and uint8 resizing, in threads."""
    large, size = ((96, 128), (24, 32)) if effort.quick else ((960, 1280), (240, 320))
    count = effort.size(48, 4)
    with tempfile.TemporaryDirectory() as name:
        names = write_photographs(Path(name), count, size=large)
        paths = [Path(name) / file for file in names]

        def ours(asked: tuple[int, int] | None = size, workers: int = 2) -> None:
            for _ in image_batches(paths, size=asked, batch_size=16, workers=workers):
                pass

        comparison = compare(
            {
                "ours": ours,
                "in turn, resized as floats": lambda: one_by_one(paths, size),
                "ours, one thread": lambda: ours(size, 0),
            },
            repeats=effort.rounds(),
        )
        difference = _difference(paths[0], size)
    what = f"reading {count} JPEG {large[0]}x{large[1]} at {size[0]}x{size[1]}"
    note = f"DCT scaling (draft), uint8 resize, 2 threads; grey levels differ by {difference:.2f} on average"
    return [
        *(
            Row.from_comparison(what, comparison, reference=reference, count=count, unit="images", note=note)
            for reference in ("in turn, resized as floats", "ours, one thread")
        ),
        *decoders(effort),
    ]


def decoders(effort: Effort) -> list[Row]:
    """Read photographs as they are, in two threads: what decodes them, beside torchvision and the bare decoder."""
    size = (48, 64) if effort.quick else (480, 640)
    count = effort.size(96, 4)
    with tempfile.TemporaryDirectory() as name:
        paths = [Path(name) / file for file in write_photographs(Path(name), count, size=size)]

        def ours() -> None:
            for _ in image_batches(paths, size=None, batch_size=16, workers=2):
                pass

        def by_pillow() -> None:
            with mock.patch.object(decode, "decoded_by_turbo", return_value=None):
                ours()

        def by_torchvision(path: Path) -> object:
            return decode_image(read_file(str(path)))

        def in_threads(read: Callable[[Path], object]) -> None:
            with ThreadPoolExecutor(2) as pool:
                for _ in pool.map(read, paths):
                    pass

        contestants: dict[str, Callable[[], object]] = {
            "ours": ours,
            "ours, by Pillow": by_pillow,
            "torchvision, 2 threads": lambda: in_threads(by_torchvision),
        }
        bare = turbo()
        if bare is not None:
            contestants["simplejpeg alone, 2 threads"] = lambda: in_threads(lambda path: bare(path.read_bytes()))
        with warnings.catch_warnings():
            # torchvision 0.29 says at every image that torchcodec takes its place; people still use it.
            warnings.filterwarnings("ignore", "The image decoding and encoding capabilities", DeprecationWarning)
            comparison = compare(contestants, repeats=effort.rounds())
        same = all(torch.equal(*_both(path)) for path in paths)
    note = (
        f"headers, orientation and batches of 16 included; decoded by {'Pillow' if bare is None else 'simplejpeg'}; "
        f"pixels {'equal' if same else 'DIFFER from'} Pillow's"
    )
    what = f"decoding {count} JPEG {size[0]}x{size[1]}, 2 threads"
    return [
        Row.from_comparison(what, comparison, reference=reference, count=count, unit="images", note=note)
        for reference in list(contestants)[1:]
    ]


def _both(path: Path) -> tuple[Tensor, Tensor]:
    with Image.open(path) as image:
        return torch.from_numpy(load_image(path)), torch.from_numpy(np.array(image.convert("RGB")))


def _difference(path: Path, size: tuple[int, int]) -> float:
    ours = next(image_batches([path], size=size, batch_size=1, workers=0)).images[0].float()
    return float((ours - 255 * one_by_one([path], size)[0]).abs().mean())
