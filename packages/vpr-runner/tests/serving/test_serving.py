from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpr_core.runtimes import InputContract
from vpr_data import Frame, ImageSet
from vpr_runner import assemble
from vpr_runner.cli import main
from vpr_runner.encoding.execution import Execution
from vpr_runner.locate.locator import Locator
from vpr_runner.maps.write import write_map
from vpr_runner.serving.limits import Limits

pytest.importorskip("fastapi", reason="needs vpr-runner[serve]")
pytest.importorskip("httpx", reason="Starlette's TestClient needs httpx")

from starlette.testclient import TestClient

from vpr_runner.serving.application import application

DEGREES = np.array([[48.2, 16.37], [48.2001, 16.37], [48.2, 16.3702]])


@pytest.fixture
def photos(tmp_path: Path) -> list[bytes]:
    generator = np.random.default_rng(0)
    contents = []
    for number in range(3):
        file = io.BytesIO()
        Image.fromarray(generator.integers(0, 256, (48, 60, 3), dtype=np.uint8)).save(file, "PNG")
        contents.append(file.getvalue())
        (tmp_path / f"{number}.png").write_bytes(contents[-1])
    return contents


@pytest.fixture
def where(make_config: Any, engine_registry: Any, photos: list[bytes], tmp_path: Path) -> Locator:
    frame = Frame.local(latitude=48.2, longitude=16.37)
    names = [f"{number}.png" for number in range(3)]
    images = ImageSet(root=tmp_path, names=names, xy=frame.to_metres(DEGREES), degrees=DEGREES, frame=frame)
    config = make_config()
    write_map(assemble(config, engine_registry).eval(), images, output=tmp_path / "map", config=config, progress=False)
    return Locator.open(tmp_path / "map")


def test_a_photo_of_a_size_that_the_network_refuses_ends_nothing(where: Locator, photos: list[bytes]) -> None:
    inputs = InputContract(dtype="uint8", out_dim=2, least=(999, 999))
    where.retriever.execution = Execution(runtime=None, precision="float32", identity="none", inputs=inputs)
    with TestClient(application(where)) as client:
        found = client.post("/search", content=photos[1])
        assert found.status_code == 422
        assert found.json()["detail"].startswith("height and width of images must be at least (999, 999), got (")
        where.retriever.execution = None
        assert client.post("/search", content=photos[1]).status_code == 200


def test_a_photo_is_located_over_http(where: Locator, photos: list[bytes], tmp_path: Path) -> None:
    with TestClient(application(where)) as client:
        found = client.post("/search?k=2", content=photos[1])
        assert found.status_code == 200
        said = where(tmp_path / "1.png", count=2)
        assert found.json()["answers"] == [answer.as_dict() for answer in said.answers]
        assert found.json()["estimate"] == said.estimate()
        files = [("photos", (f"{number}.png", photo)) for number, photo in enumerate(photos)]
        several = client.post("/search/batch", files=files).json()
        assert [one["answers"][0]["image"] for one in several] == ["0.png", "1.png", "2.png"]
        assert client.get("/healthz").json() == {"status": "ok", "images": 3, "calibrated": False}
        assert 'vpr_requests_total{path="/search",status="200"} 1' in client.get("/metrics").text
        assert "vpr_search_seconds_count 4" in client.get("/metrics").text
        assert set(client.get("/openapi.json").json()["paths"]) >= {"/search", "/search/batch", "/healthz"}
        page = client.get("/")
        assert "Drop a photo" in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.fault
def test_bad_requests_are_told_why(where: Locator, photos: list[bytes]) -> None:
    limits = Limits(upload=20_000, pixels=3_000, photos=2, answers=10)
    with TestClient(application(where, limits=limits)) as client:
        large = io.BytesIO()
        Image.new("RGB", (100, 100)).save(large, "PNG")
        for content, query, status, why in (
            (b"", "", 400, "the body is empty"),
            (b"no image at all", "", 422, "cannot be read"),
            (photos[0][:300], "", 422, "cannot be read"),
            (large.getvalue(), "", 422, "pixels"),
            (b"x" * 20_001, "", 413, "at most 20000"),
            (photos[0], "?k=0", 422, "greater than or equal to 1"),
            (photos[0], "?k=11", 422, "less than or equal to 10"),
            (photos[0], "?k=many", 422, "valid integer"),
        ):
            found = client.post(f"/search{query}", content=content)
            assert (found.status_code, why in found.text) == (status, True), found.text
        streamed = client.post("/search", content=(b"x" * 1000 for _ in range(30)))
        assert streamed.status_code == 413
        files = [("photos", (f"{number}.png", photo)) for number, photo in enumerate(photos)]
        assert client.post("/search/batch", files=files).status_code == 413
        assert client.post("/search/batch", files=[("other", ("a", b"b"))]).status_code == 422
        assert client.get("/search").status_code == 405
        assert client.get("/nothing").status_code == 404
        assert client.post("/search", content=photos[0]).status_code == 200


def test_a_token_is_asked_for(where: Locator, photos: list[bytes]) -> None:
    with TestClient(application(where, token="sesame")) as client:
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "sesame"},
            {"Authorization": "Bearer ü"},
        ):
            encoded = {name: value.encode() for name, value in headers.items()}
            assert client.post("/search", content=photos[0], headers=encoded).status_code == 401
        assert client.get("/metrics").status_code == 401
        assert client.get("/healthz").status_code == 200
        good = client.post("/search", content=photos[0], headers={"Authorization": "Bearer sesame"})
        assert good.status_code == 200


def test_too_many_at_once_are_told_to_come_again(where: Locator, photos: list[bytes]) -> None:
    with TestClient(application(where, limits=Limits(waiting=1))) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/search", content=photos[0]), range(16)))
    codes = {answer.status_code for answer in answers}
    assert codes <= {200, 503}
    assert 200 in codes
    assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 503)


@pytest.mark.fault
def test_others_are_not_served_without_a_token(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(tmp_path), "--host", "0.0.0.0"]) == 2
    assert "set a token" in capsys.readouterr().err
    assert main(["serve", str(tmp_path / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err
