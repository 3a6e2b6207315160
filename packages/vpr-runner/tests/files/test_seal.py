from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vpr_core import UsageError
from vpr_runner.files.seal import SEAL_FILE, DamagedFileError, Seal, set_aside, write_seal

REMEDY = "make it again"


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    (tmp_path / "inner").mkdir()
    (tmp_path / "table.csv").write_bytes(generator.bytes(300))
    (tmp_path / "inner" / "rows.npy").write_bytes(generator.bytes(500))
    write_seal(tmp_path, kind="map", files=["table.csv", "inner/rows.npy"])
    return tmp_path


def opened(folder: Path) -> Seal:
    seal = Seal.open(folder, kind="map", remedy=REMEDY)
    assert seal is not None
    return seal


def read_all(folder: Path) -> dict[str, bytes] | DamagedFileError:
    try:
        seal = opened(folder)
        return {name: seal.read(name) for name in ("table.csv", "inner/rows.npy")}
    except DamagedFileError as error:
        return error


def test_what_was_sealed_is_read_as_it_was(sealed: Path) -> None:
    seal = opened(sealed)
    assert sorted(seal.files) == ["inner/rows.npy", "table.csv"]
    assert seal.read("table.csv") == (sealed / "table.csv").read_bytes()
    seal.check()
    assert Seal.open(sealed / "inner", kind="map", remedy=REMEDY) is None


def test_every_flipped_bit_names_its_file_or_changes_nothing(sealed: Path) -> None:
    before = {name: (sealed / name).read_bytes() for name in ("table.csv", "inner/rows.npy", SEAL_FILE)}
    for name, content in before.items():
        for offset in np.random.default_rng(1).choice(len(content), 200):
            changed = bytearray(content)
            changed[offset] ^= 1 << int(offset % 8)
            (sealed / name).write_bytes(bytes(changed))
            found = read_all(sealed)
            if isinstance(found, DamagedFileError):
                assert found.file == sealed / name
                assert str(sealed / name) in str(found)
                assert REMEDY in str(found)
            else:
                assert name == SEAL_FILE  # a blank between two entries
                assert found == {each: before[each] for each in found}
        (sealed / name).write_bytes(content)


def test_missing_and_unknown_files_are_named(sealed: Path) -> None:
    seal = opened(sealed)
    (sealed / "more.txt").write_text("x")
    with pytest.raises(DamagedFileError, match=r"more\.txt is damaged \(seal\.json does not know it\)"):
        seal.read("more.txt")
    (sealed / "table.csv").unlink()
    with pytest.raises(DamagedFileError, match=r"table\.csv is damaged \(No such file"):
        seal.check()


def test_a_seal_of_something_else_or_that_points_elsewhere_is_refused(sealed: Path) -> None:
    with pytest.raises(UsageError, match="holds a map, not a city"):
        Seal.open(sealed, kind="city", remedy=REMEDY)
    for name in ("../secret", "/etc/passwd", "a/../b", "a\\b"):
        content = json.loads((sealed / SEAL_FILE).read_text())
        content["files"][name] = "0" * 64
        (sealed / SEAL_FILE).write_text(json.dumps(content))
        with pytest.raises(DamagedFileError, match="which lies elsewhere"):
            opened(sealed)


def test_known_digests_are_taken_and_damaged_files_set_aside(sealed: Path) -> None:
    write_seal(sealed, kind="map", files=["table.csv"], known={"table.csv": "a" * 64})
    with pytest.raises(DamagedFileError, match=r"table\.csv"):
        opened(sealed).check()
    assert set_aside(sealed / "table.csv").name == "table.csv.damaged-1"
    (sealed / "table.csv").write_text("again")
    assert set_aside(sealed / "table.csv").name == "table.csv.damaged-2"


def test_the_seal_of_a_rendered_city_is_the_same_seal(tmp_path: Path) -> None:
    """No leaf imports the runner, so `vpr_data.city.seal` writes by itself what is opened here."""
    from vpr_data.city import seal as of_a_city

    (tmp_path / "images.csv").write_bytes(b"x")
    of_a_city.write_seal(tmp_path, kind="city", files=["images.csv"])
    seal = Seal.open(tmp_path, kind="city", remedy=REMEDY)
    assert seal is not None
    assert seal.read("images.csv") == b"x"
    write_seal(tmp_path, kind="city", files=["images.csv"])
    assert of_a_city.set_damaged_aside(tmp_path, kind="city") is True
