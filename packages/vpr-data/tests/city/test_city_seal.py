"""A cached city is what was rendered, or it is rendered again: no flipped bit gives another picture or place."""

from __future__ import annotations

import json
import logging
import shutil

import numpy as np
import pytest

from vpr_data.city import CityDataset, CitySize
from vpr_data.city.seal import SEAL_FILE, set_damaged_aside

TINY = CitySize(name="tiny", height=24, width=32, stations=(3, 2, 3), queries=(4, 2, 8), directions=2, supersample=1)


def opened(root, **more):
    return CityDataset(size=TINY, root=root, seed=3, workers=1, progress=False, **more)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    return opened(tmp_path_factory.mktemp("city"), same_visit=True)


@pytest.fixture
def copy(rendered, tmp_path):
    """A copy of a rendered city, and its bytes."""
    folder = tmp_path / "city" / rendered.folder.name
    shutil.copytree(rendered.folder, folder)
    return folder, bytes_of(folder)


def bytes_of(folder):
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def flipped(content, offset):
    changed = bytearray(content)
    changed[offset] ^= 1 << int(offset % 8)
    return bytes(changed)


@pytest.mark.fault
@pytest.mark.parametrize("kind", ["images.csv", "manifest.json", SEAL_FILE, "picture"])
def test_two_hundred_flipped_bits_are_named_and_set_aside(copy, kind, caplog):
    folder, whole = copy
    name = kind if kind in whole else next(file for file in whole if file.endswith(".jpg"))
    file = folder / name
    for offset in np.random.default_rng(1).choice(len(whole[name]), 200):
        file.write_bytes(flipped(whole[name], offset))
        caplog.clear()
        as_sealed = set_damaged_aside(folder, kind="city")
        if as_sealed:
            assert name == SEAL_FILE  # a blank between two entries
        else:
            assert as_sealed is (None if name == SEAL_FILE else False)
            assert f"{file} is damaged" in caplog.text
            assert not file.exists()
            (aside,) = file.parent.glob(f"{file.name}.damaged-1")
            aside.rename(file)


@pytest.mark.fault
def test_what_is_damaged_is_rendered_again_and_the_city_is_the_same(copy, rendered, tmp_path, caplog):
    folder, whole = copy
    pictures = [name for name in whole if name.endswith(".jpg")]
    companions = [name for name in pictures if name not in (folder / SEAL_FILE).read_text()]
    assert companions
    for name in ("images.csv", "manifest.json", SEAL_FILE, "companions.csv", pictures[0], companions[-1]):
        (folder / name).write_bytes(flipped(whole[name], len(whole[name]) // 3))
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            again = opened(tmp_path, same_visit=True)
        assert again.folder == folder
        assert f"{folder / name} is damaged" in caplog.text
        assert again.fingerprint() == rendered.fingerprint()
        aside = folder / f"{name}.damaged-1"
        assert aside.read_bytes() != whole[name]
        aside.unlink()
        assert bytes_of(folder) == whole
    (folder / pictures[1]).unlink()
    opened(tmp_path, same_visit=True)
    assert bytes_of(folder) == whole


@pytest.mark.parametrize("damaged", [False, True])
def test_a_city_from_before_there_were_seals_is_compared_with_its_one_digest(copy, rendered, tmp_path, caplog, damaged):
    folder, whole = copy
    (folder / SEAL_FILE).unlink()
    picture = next(name for name in whole if name.endswith(".jpg") and name in whole[SEAL_FILE].decode())
    if damaged:
        (folder / picture).write_bytes(flipped(whole[picture], len(whole[picture]) // 3))
    before = (folder / picture).stat().st_mtime_ns
    assert opened(tmp_path, same_visit=True).fingerprint() == rendered.fingerprint()
    assert ("all are rendered again" in caplog.text) == damaged
    assert ((folder / picture).stat().st_mtime_ns != before) == damaged
    assert bytes_of(folder) == whole


def test_the_seal_lists_what_the_city_consists_of(rendered):
    content = json.loads((rendered.folder / SEAL_FILE).read_text())
    names = {row["name"] for row in rendered._rows if row["name"].endswith(".jpg")}
    assert content["kind"] == "city"
    assert {"images.csv", "manifest.json"} <= set(content["files"])
    assert set(content["files"]) - {"images.csv", "manifest.json"} < names
    assert len(content["files"]) == TINY.images + 2
