from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("fastapi", reason="needs vpr-runner[serve]")
pytest.importorskip("httpx", reason="Starlette's TestClient needs httpx")

from starlette.testclient import TestClient

from vpr_core.runtimes import InputContract
from vpr_runner.encoding.execution import Execution
from vpr_runner.locate.locator import Locator
from vpr_runner.maps.adding import Added
from vpr_runner.maps.opened import open_map
from vpr_runner.serving import additions
from vpr_runner.serving.application import application

Take = Callable[..., bytes]


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".lock"))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def form(photos: dict[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("photos", (name, content)) for name, content in photos.items()]


def test_photos_are_added_and_the_map_is_that_of_all(
    album: Path, take_photo: Take, make_map: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    (tmp_path / "sent").mkdir()
    sent = {f"{n:02}.jpg": take_photo(tmp_path / "sent" / f"{n:02}.jpg", n) for n in range(5, 9)}
    where = Locator.open(album / "map")
    app = application(where, photos=album / "photos")
    with TestClient(app) as client, ThreadPoolExecutor(4) as pool:
        searches = [pool.submit(client.post, "/search", content=sent["05.jpg"]) for _ in range(6)]
        two = form({name: sent[name] for name in ("05.jpg", "06.jpg")})
        adding = [pool.submit(client.post, "/images", files=two) for _ in range(2)]  # whoever is second adds nothing
        assert [one.result().status_code for one in (*searches, *adding)] == [200] * 6 + [201] * 2
        found = client.post("/images", files=form({name: sent[name] for name in ("06.jpg", "07.jpg", "08.jpg")}))
        assert found.status_code == 201, found.text
        said = found.json()
        assert said["images"] == 9
        assert [photo["added"] for photo in said["photos"]] == [False, True, True]
        assert said["photos"][2]["lat"] == pytest.approx(48.2 + (12.0 + 8 * 0.3) / 3600, abs=1e-9)
        assert client.get("/healthz").json()["images"] == 9
        assert "<dd>9</dd>" in client.get("/").text
        answer = client.post("/search", content=sent["07.jpg"]).json()["answers"][0]
        assert answer["image"] == "07.jpg"
        assert answer["distance"] < 1e-3
        assert 'path="/images",status="201"} 3' in client.get("/metrics").text
    assert contents(album / "map") == contents(make_map(album / "photos", tmp_path / "fresh"))
    open_map(album / "map")


def test_searches_keep_their_execution_while_photos_are_added(
    album: Path, take_photo: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = Locator.open(album / "map")
    where.retriever.execution = own = lambda images: torch.ones(len(images), where.retriever.out_dim)
    seen: list[Any] = []

    def add(folder: Path, photos: Path, registry: Any, *, retriever: Any, device: str) -> Added:
        retriever.execution = None
        seen.append((where.retriever.execution, retriever.backbone is where.retriever.backbone))
        return Added(images=6, new=("05.jpg",))

    monkeypatch.setattr(additions, "add_photos", add)
    sent = {"05.jpg": take_photo(tmp_path / "05.jpg", 5)}
    now, _ = additions.Additions(photos=album / "photos", pixels=10**6)(where, sent)
    assert seen == [(own, True)]  # no second copy of the weights
    assert now is not where
    assert now.retriever is where.retriever
    assert now._lock is where._lock  # one network, one at a time


@pytest.mark.fault
def test_a_photo_that_the_network_does_not_take_is_not_kept(album: Path, take_photo: Take, tmp_path: Path) -> None:
    """Neither one that a graph refuses by its contract nor one that is too small for a layer."""
    good = take_photo(tmp_path / "a.jpg", 7)
    before = contents(album)
    where = Locator.open(album / "map")
    inputs = InputContract(dtype="uint8", out_dim=2, least=(999, 999))
    graph = Execution(runtime=None, precision="float32", identity="none", inputs=inputs)
    with TestClient(application(where, photos=album / "photos")) as client:
        for network, why in ((graph, "at least (999, 999)"), (layers_that_are_larger, "too small for the network's")):
            where.retriever.execution = network
            found = client.post("/images", files=form({"small.jpg": good, "too.jpg": good}))
            assert (found.status_code, why in found.text) == (422, True), found.text
            assert client.post("/search", content=good).status_code == 422
            assert contents(album) == before
        where.retriever.execution = None
        assert client.post("/images", files=form({"small.jpg": good})).status_code == 201


def layers_that_are_larger(images: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.max_pool2d(images[..., :1].float(), 2)


def test_other_modes_and_moving_pictures_are_added_and_an_origin_is_remarked_on(album: Path) -> None:
    """What `/search` reads is added, too; 0, 0 is what a receiver without a fix writes."""
    sent = {}
    for name, mode in (("cmyk.jpg", "CMYK"), ("palette.png", "P"), ("two.webp", "RGB"), ("bit.png", "1")):
        exif = Image.Exif()
        exif[0x8825] = {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}
        frames = [Image.fromarray(np.full((32, 40, 3), 60 * n, dtype=np.uint8)).convert(mode) for n in (1, 2)]
        more = {"save_all": True, "append_images": frames[1:]} if name == "two.webp" else {}
        stream = io.BytesIO()
        frames[0].save(
            stream, {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[name.rpartition(".")[2]], exif=exif, **more
        )
        sent[name] = stream.getvalue()
    with TestClient(application(Locator.open(album / "map"), photos=album / "photos")) as client:
        found = client.post("/images", files=form(sent))
        assert found.status_code == 201, found.text
        assert found.json()["images"] == 9
        assert any("exactly 0, 0" in note for note in found.json()["notes"])


@pytest.mark.fault
def test_what_cannot_be_added_is_told_why_and_leaves_nothing(album: Path, take_photo: Take, tmp_path: Path) -> None:
    good, lost = take_photo(tmp_path / "a.jpg", 7), take_photo(tmp_path / "b.jpg", 8, located=False)
    before = contents(album)
    with TestClient(application(Locator.open(album / "map"), photos=album / "photos")) as client:
        for photos, status, why in (
            ({"new.jpg": lost}, 422, "new.jpg: no position"),
            ({"new.jpg": good, "other.jpg": lost}, 422, "other.jpg: no position"),
            ({"new.jpg": good[:500]}, 422, "new.jpg: the photo cannot be read"),
            ({"new.jpg": b"{}"}, 422, "new.jpg: the photo cannot be read"),
            ({"00.jpg": good}, 409, "00.jpg: the map has another photo of this name"),
            ({"../up.jpg": good}, 422, "cannot be the name of a photo"),
            ({"a/b.jpg": good}, 422, "cannot be the name of a photo"),
            ({".hidden.jpg": good}, 422, "cannot be the name of a photo"),
            ({"<b>.jpg": good}, 422, "cannot be the name of a photo"),
            ({"x" * 300 + ".jpg": good}, 422, "cannot be the name of a photo"),
            ({"run.py": good}, 422, "run.py: no image by its name"),
        ):
            found = client.post("/images", files=form(photos))
            assert (found.status_code, why in found.text) == (status, True), found.text
        twice = client.post("/images", files=[*form({"n.jpg": good}), *form({"n.jpg": good})])
        assert twice.status_code == 422
        foreign = client.post("/images", files=form({"n.jpg": good}), headers={"Origin": "http://elsewhere.example"})
        assert foreign.status_code == 403
    with TestClient(application(Locator.open(album / "map"))) as client:
        assert client.post("/images", files=form({"n.jpg": good})).status_code == 404  # not asked for
    assert contents(album) == before
