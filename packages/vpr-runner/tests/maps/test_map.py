from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpr_core import UsageError
from vpr_data import Frame, ImageSet
from vpr_runner import assemble, extract, load_retriever
from vpr_runner.cli import main
from vpr_runner.files.seal import SEAL_FILE, DamagedFileError
from vpr_runner.maps.opened import open_map
from vpr_runner.maps.places import Places
from vpr_runner.maps.write import write_map

DEGREES = np.array([[-33.4500000, -70.6500000], [-33.4499123, -70.6499877], [-33.4498765, -70.6501234]])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for number in range(3):
        pixels = generator.integers(0, 256, (32, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def images(photos: Path) -> ImageSet:
    frame = Frame.local(latitude=DEGREES[:, 0].mean(), longitude=DEGREES[:, 1].mean())
    names = [f"{number}.png" for number in range(3)]
    return ImageSet(root=photos, names=names, xy=frame.to_metres(DEGREES), degrees=DEGREES, frame=frame)


@pytest.fixture
def made(make_config: Any, engine_registry: Any, images: ImageSet, tmp_path: Path) -> Path:
    config = make_config(pooling={"type": "netvlad", "num_clusters": 2})
    output = tmp_path / "map"
    write_map(assemble(config, engine_registry).eval(), images, output=output, config=config, chunk=2, progress=False)
    return output


def test_degrees_go_in_and_come_out(made: Path) -> None:
    opened = open_map(made)
    assert opened.places.degrees is not None
    assert np.array_equal(opened.places.degrees.round(7), DEGREES)
    assert opened.places.frame is not None
    assert opened.places.xy is not None
    assert np.allclose(opened.places.frame.to_degrees(opened.places.xy), DEGREES, atol=2e-8)
    with (made / "images.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["lat"], first["lon"]) == ("-33.4500000", "-70.6500000")


def test_a_map_is_moved_and_searched_elsewhere_by_itself(
    made: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its network, k-means centres included, is in it; neither run file nor data set are looked at again."""
    moved = tmp_path / "elsewhere"
    shutil.move(made, moved)
    assert main(["search", str(moved), str(photos / "1.png"), "-k", "1", "--json", "-q"]) == 0
    answers = json.loads(capsys.readouterr().out)[0]["answers"]
    assert answers[0]["image"] == "1.png"
    assert answers[0]["distance"] < 1e-3
    assert (round(answers[0]["lat"], 7), round(answers[0]["lon"], 7)) == tuple(DEGREES[1])
    assert main(["search", str(moved), str(photos / "1.png"), "-k", "1", "-q"]) == 0
    assert "1.png  -33.4499123, -70.6499877" in capsys.readouterr().out


@pytest.mark.fault
def test_a_photo_that_cannot_be_read_costs_its_own_answer(
    made: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes((photos / "2.png").read_bytes()[:200])
    assert main(["search", str(made), str(photos / "1.png"), str(broken), "-k", "1", "-q"]) == 1
    said = capsys.readouterr()
    assert "1.png  -33.4499123" in said.out
    assert "unreadable: " in said.out
    assert "1 of 2 photos could not be read" in said.err


@pytest.mark.fault
def test_flipped_bits_are_named(made: Path) -> None:
    """In every file of a map, at ten offsets each: the same map, or a sentence that names the file."""
    before = open_map(made)
    rows, names = np.asarray(before.descriptors[:]), [*(before.seal.files if before.seal else ()), SEAL_FILE]
    generator = np.random.default_rng(2)
    for name in names:
        content = (made / name).read_bytes()
        for offset in generator.choice(len(content), 10):
            changed = bytearray(content)
            changed[offset] ^= 1 << int(offset % 8)
            (made / name).write_bytes(bytes(changed))
            said = None
            try:
                opened = open_map(made)
                opened.descriptors.verify()
                assert opened.seal is not None
                opened.seal.check()
            except (DamagedFileError, UsageError) as error:
                said = str(error)
            if said is None:
                assert name == SEAL_FILE
                assert np.array_equal(opened.descriptors[:], rows)
            else:
                assert name in said or Path(name).with_suffix(".npy").name in said, (name, said)
        (made / name).write_bytes(content)
    open_map(made)


def test_places_of_any_kind() -> None:
    names = ("a.jpg", "b,c.jpg")
    nan = float("nan")
    utm = Frame.utm(33, north=False)
    for places in (
        Places(names=names),
        Places(names=names, xy=np.array([[1.5, 2.25], [3.0, -4.125]])),
        Places(names=names, xy=np.array([[500000.5, 1e6], [nan, nan]]), frame=utm),
        Places(names=names, degrees=np.array([[1.0, 2.0], [nan, nan]]), xy=np.array([[0.0, 1.0], [nan, nan]])),
    ):
        again = Places.from_csv(places.to_csv(), names=names, frame=places.frame)
        assert again.frame == places.frame
        for one, other in ((places.degrees, again.degrees), (places.xy, again.xy)):
            assert (one is None) == (other is None)
            assert one is None or np.array_equal(one, other, equal_nan=True)
        assert again.located.tolist() == places.located.tolist()
    assert Places(names=names).described(0) == {}


def test_a_long_table_comes_back_as_it_was() -> None:
    names = tuple(f"{number}.jpg" for number in range(9000))
    xy = np.round(np.random.default_rng(0).uniform(-1e6, 1e6, size=(9000, 2)), 3)
    xy[[4095, 8999]] = np.nan
    again = Places.from_csv(Places(names=names, xy=xy).to_csv(), names=names, frame=None)
    assert again.xy is not None
    assert np.array_equal(again.xy, xy, equal_nan=True)


def test_tables_that_fit_nothing_are_refused() -> None:
    for text, why in (
        ("name,x,y\nb.jpg,1,2\n", "does not list the 1 images"),
        ("name,x,y\na.jpg,1,\n", "one of x and y only"),
        ("name,x,y\na.jpg,1,inf\n", "y of 'a.jpg' is inf"),
        ("name,x,y\na.jpg,1\n", "the row of 'a.jpg' has no y"),
        ("name,x,y\na.jpg,1,two\n", "could not convert"),
        ("x,y\n1,2\n", "does not list the 1 images"),
        ("name,x,y\na.jpg,1,2\nb.jpg,1,2\n", "does not list the 1 images"),
        ("name,x,y\n", "does not list the 1 images"),
        ("", "does not list the 1 images"),
    ):
        with pytest.raises(ValueError, match=why):
            Places.from_csv(text, names=("a.jpg",), frame=None)


@pytest.mark.fault
def test_what_is_no_map_is_said(
    make_config: Any, engine_registry: Any, images: ImageSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=r"no such folder; `vpr extract MODEL IMAGES -o .*` makes a map"):
        open_map(tmp_path / "nowhere")
    config = make_config()
    extract(assemble(config, engine_registry).eval(), images, output=tmp_path / "bare", config=config, progress=False)
    assert open_map(tmp_path / "bare").places.degrees is None
    assert main(["search", str(tmp_path / "bare"), str(images.path(0)), "-q"]) == 2
    assert "holds no network" in capsys.readouterr().err


def test_images_are_added_to_a_map(
    made: Path, make_config: Any, engine_registry: Any, photos: Path, images: ImageSet, tmp_path: Path
) -> None:
    """What is there is kept; the result is that of a map made of all images in that order."""
    before = {file.name: file.stat().st_mtime_ns for file in made.glob("*.npy")}
    config = make_config(pooling={"type": "netvlad", "num_clusters": 2})
    network, _ = load_retriever(made / "model", engine_registry)
    folder = tmp_path / "more"
    shutil.copytree(photos, folder)
    shutil.copy(photos / "2.png", folder / "0a.png")  # sorts into the middle
    names = ["0.png", "0a.png", "1.png", "2.png"]
    xy = images.xy[[0, 2, 1, 2]]
    more = ImageSet(root=folder, names=names, xy=xy, degrees=DEGREES[[0, 2, 1, 2]], frame=images.frame)
    result = write_map(network, more, output=made, config=config, chunk=2, progress=False)
    assert (result.images, result.written) == (4, 2)  # the last chunk was not full
    opened = open_map(made)
    assert list(opened.places.names) == ["0.png", "1.png", "2.png", "0a.png"]
    assert opened.places.degrees is not None
    assert np.array_equal(opened.places.degrees.round(7), DEGREES[[0, 1, 2, 2]])
    assert (made / "000000.npy").stat().st_mtime_ns == before["000000.npy"]
    assert np.array_equal(opened.descriptors[2], opened.descriptors[3])
    fewer = more.select([0, 1])
    with pytest.raises(UsageError, match="differs in the images"):
        write_map(network, fewer, output=made, config=config, chunk=2, progress=False)
