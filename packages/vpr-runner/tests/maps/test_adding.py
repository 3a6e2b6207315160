from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vpr_runner.encoding.encode
from vpr_core import UsageError
from vpr_data.tables.photos import open_photos
from vpr_runner import assemble
from vpr_runner.extraction.manifest import Manifest
from vpr_runner.files import atomic
from vpr_runner.maps.adding import add_photos
from vpr_runner.maps.opened import open_map
from vpr_runner.maps.write import write_map


def photo(file: Path, number: int) -> None:
    """A photo of noise, taken about ten metres from the last."""
    pixels = np.random.default_rng(number).integers(0, 256, (32, 40, 3), dtype=np.uint8)
    exif = Image.Exif()
    seconds = 12.0 + number * 0.3
    exif[0x8825] = {1: "N", 2: (48.0, 12.0, seconds), 3: "E", 4: (16.0, 22.0, 7.5)}
    Image.fromarray(pixels).save(file, quality=95, exif=exif)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for number in range(21):
        photo(tmp_path / "photos" / f"{number:02}.jpg", number)
    return tmp_path / "photos"


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".lock"))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def made(make_config: Any, registry: Any, photos: Path, output: Path) -> Path:
    """A map of chunks of 16, computed 8 at a time."""
    config = make_config()
    network = assemble(config, registry).eval()
    images = open_photos(photos).images
    write_map(network, images, output=output, config=config, chunk=16, progress=False, registry=registry)
    return output


def test_a_map_that_was_added_to_is_the_map_of_all(
    make_config: Any, engine_registry: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made(make_config, engine_registry, photos, tmp_path / "map")
    before = contents(first)
    for number in range(21, 40):
        photo(photos / f"{number:02}.jpg", number)
    computed: list[int] = []
    honest = vpr_runner.extraction.chunks.encode
    monkeypatch.setattr(
        "vpr_runner.extraction.chunks.encode",
        lambda *given, **named: (computed.extend(given[2]), honest(*given, **named))[1],
    )
    added = add_photos(first, photos, engine_registry)
    assert added.images == 40
    assert added.new == tuple(f"{number:02}.jpg" for number in range(21, 40))
    assert computed == list(range(16, 40))  # one chunk kept; of the next one, five images are less than a batch
    now = contents(first)
    assert now == contents(made(make_config, engine_registry, photos, tmp_path / "fresh"))
    assert now["000000.npy"] == before["000000.npy"]
    open_map(first)

    photo(photos / "40.jpg", 40)
    computed.clear()
    add_photos(first, photos, engine_registry)
    assert computed == [40]  # full batches of a chunk are taken over
    assert contents(first) == contents(made(make_config, engine_registry, photos, tmp_path / "again"))
    assert add_photos(first, photos, engine_registry).new == ()


def test_killed_between_any_two_files_it_goes_on_to_the_same_bytes(
    make_config: Any, engine_registry: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made(make_config, engine_registry, photos, tmp_path / "map")
    photo(photos / "30.jpg", 30)
    wanted = contents(made(make_config, engine_registry, photos, tmp_path / "fresh"))
    kept, written = atomic.atomic_file, 0

    class Killed(BaseException):
        pass

    def dies(path: Path) -> Any:
        nonlocal written
        written += 1
        if written > allowed:
            raise Killed
        return kept(path)

    monkeypatch.setattr(atomic, "atomic_file", dies)
    died = 0
    for allowed in range(20):
        copy, written = tmp_path / f"copy{allowed}", 0
        shutil.copytree(first, copy)
        try:
            add_photos(copy, photos, engine_registry)
        except Killed:
            died += 1
            allowed = 10**6
            add_photos(copy, photos, engine_registry)
        assert contents(copy) == wanted
    assert 6 <= died < 20


@pytest.mark.fault
def test_a_map_of_something_else_is_not_added_to(
    make_config: Any, engine_registry: Any, photos: Path, tmp_path: Path
) -> None:
    first = made(make_config, engine_registry, photos, tmp_path / "map")
    before = contents(first)
    other = tmp_path / "other"
    shutil.copytree(photos, other)
    photo(other / "03.jpg", 99)
    with pytest.raises(UsageError, match=r"03\.jpg lies elsewhere in the map"):
        add_photos(first, other, engine_registry)
    (other / "03.jpg").unlink()
    with pytest.raises(UsageError, match=r"holds no 03\.jpg"):
        add_photos(first, other, engine_registry)
    with pytest.raises(UsageError, match="no map there"):
        add_photos(tmp_path, photos, engine_registry)
    assert contents(first) == before
    assert Manifest.read(first) is not None
