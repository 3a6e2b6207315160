"""A map of photos with positions, and the service of it on a real socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpr_data.tables.photos import open_photos
from vpr_runner import assemble
from vpr_runner.maps.write import write_map


@pytest.fixture(scope="session")
def take_photo() -> Callable[..., bytes]:
    """Write a photo of noise, taken about ten metres from the last one, and return its bytes."""

    def take(file: Path, number: int, *, located: bool = True) -> bytes:
        pixels = np.random.default_rng(number).integers(0, 256, (32, 40, 3), dtype=np.uint8)
        exif = Image.Exif()
        if located:
            exif[0x8825] = {1: "N", 2: (48.0, 12.0, 12.0 + number * 0.3), 3: "E", 4: (16.0, 22.0, 7.5)}
        Image.fromarray(pixels).save(file, quality=95, exif=exif)
        return file.read_bytes()

    return take


@pytest.fixture
def make_map(make_config: Any, engine_registry: Any) -> Callable[[Path, Path], Path]:
    """Return a function that makes a map of a folder of photos."""

    def make(photos: Path, output: Path) -> Path:
        config = make_config()
        images = open_photos(photos).images
        network = assemble(config, engine_registry).eval()
        write_map(network, images, output=output, config=config, progress=False)
        return output

    return make


@pytest.fixture
def album(take_photo: Callable[..., bytes], make_map: Callable[[Path, Path], Path], tmp_path: Path) -> Path:
    """A folder with photos in ``photos`` and a map of them in ``map``."""
    (tmp_path / "photos").mkdir()
    for number in range(5):
        take_photo(tmp_path / "photos" / f"{number:02}.jpg", number)
    make_map(tmp_path / "photos", tmp_path / "map")
    return tmp_path


@pytest.fixture
def on_a_socket() -> Callable[..., Any]:
    """Return a context manager that serves an application on loopback and gives its port."""

    @contextmanager
    def serving(app: Any, *, connections: int = 64) -> Iterator[int]:
        from vpr_runner.serving.listening import serve

        started, found = threading.Event(), []

        def ready(port: int, server: Any) -> None:
            found.extend((port, server))
            started.set()

        thread = threading.Thread(
            target=serve,
            args=(app,),
            kwargs={"host": "127.0.0.1", "port": 0, "connections": connections, "ready": ready},
        )
        thread.start()
        assert started.wait(20)
        try:
            yield found[0]
        finally:
            found[1].should_exit = True
            thread.join(20)
        assert not thread.is_alive()

    return serving
