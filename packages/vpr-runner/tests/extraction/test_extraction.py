"""Extraction: whole chunks or none, only what is missing, nothing mixed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from vpr_core import UsageError
from vpr_runner import assemble, extract, load_descriptors
from vpr_runner.data import split_of
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import encode_all
from vpr_runner.encoding.source import ImageSource
from vpr_runner.extraction import chunk_work
from vpr_runner.extraction import extract as extraction
from vpr_runner.extraction.manifest import chunk_path
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.storage import fingerprint


@pytest.fixture
def work(make_config, engine_registry, dots_root: Path, tmp_path: Path):
    """Return (retriever, images, config, output), on images of this test's own."""
    config = make_config()
    split_of(config.dataset, engine_registry, name=config.eval.split)  # writes the images
    root = tmp_path / "bilder ü"
    shutil.copytree(dots_root, root)
    config = make_config(dataset={"root": str(root)})
    images = split_of(config.dataset, engine_registry, name=config.eval.split).database
    return assemble(config, engine_registry).eval(), images, config, tmp_path / "out"


def run(work, **settings):
    retriever, images, config, output = work
    return extract(retriever, images, output=output, config=config, chunk=5, progress=False, **settings)


def test_rows_are_those_of_the_network_and_are_read_lazily(work) -> None:
    retriever, images, config, output = work
    result = run(work)
    expected, _ = encode_all(retriever, ImageSource(images), compute=Compute.of(config.compute, config.image))
    rows = load_descriptors(output)
    assert (result.images, result.written, result.failures) == (12, 12, {})
    assert rows.shape == expected.shape
    assert len(rows) == 12
    assert list(rows.names) == list(images.names)
    np.testing.assert_allclose(rows[:], expected, atol=1e-6)
    np.testing.assert_allclose(rows[-1], expected[-1], atol=1e-6)
    np.testing.assert_allclose(rows[[11, 0, 5, 0]], expected[[11, 0, 5, 0]], atol=1e-6)
    np.testing.assert_allclose(rows[3:9:2], expected[3:9:2], atol=1e-6)
    assert [len(block) for block in rows.blocks()] == [5, 5, 2]
    with pytest.raises(IndexError):
        rows[12]
    rows.verify()


def test_half_precision(work) -> None:
    run(work, dtype="float16")
    assert load_descriptors(work[3])[:].dtype == np.float16


class Stop(BaseException):
    pass


def test_a_restart_does_only_what_is_missing_and_gives_the_same_bytes(work, monkeypatch, tmp_path: Path) -> None:
    retriever, images, config, output = work
    extract(retriever, images, output=tmp_path / "undisturbed", config=config, chunk=5, progress=False)
    original = extraction.extract_chunk
    done: list[int] = []

    def counted(job, number, **settings):
        if number == 1 and not done.count(1):
            done.append(1)
            raise Stop
        done.append(number)
        return original(job, number, **settings)

    monkeypatch.setattr(chunk_work, "extract_chunk", counted)
    with pytest.raises(Stop):
        run(work)
    with pytest.raises(UsageError, match="chunk 1 of 3 is missing; run `vpr extract` again"):
        load_descriptors(output)
    assert run(work).written == 7
    assert done == [0, 1, 1, 2]
    assert run(work).written == 0
    for number in range(3):
        assert chunk_path(output, number).read_bytes() == chunk_path(tmp_path / "undisturbed", number).read_bytes()


@pytest.mark.parametrize("damage", ["bit", "short", "record", "rows"])
def test_a_damaged_chunk_is_found_and_done_again(work, damage: str) -> None:
    output = work[3]
    run(work)
    path = chunk_path(output, 1)
    good = path.read_bytes()
    if damage == "bit":
        path.write_bytes(good[:-3] + bytes([good[-3] ^ 1]) + good[-2:])
    elif damage == "short":
        path.write_bytes(good[:100])
    elif damage == "record":
        path.with_suffix(".json").write_text("{half")
    else:
        path.unlink()
    if damage == "bit":
        with pytest.raises(UsageError, match=r"000001\.npy is damaged"):
            load_descriptors(output).verify()
    assert run(work).written == 5
    assert path.read_bytes() == good


def test_another_model_other_images_or_settings_are_refused(work, make_config, engine_registry) -> None:
    retriever, images, config, output = work
    run(work)
    with pytest.raises(UsageError, match=r"differs in size \(was \(32, 40\), is \(64, 40\)\)|differs in the model"):
        extract(retriever, images, output=output, config=make_config(image={"size": [64, 40]}), chunk=5, progress=False)
    with pytest.raises(UsageError, match=r"differs in chunk \(was 5, is 6\)"):
        extract(retriever, images, output=output, config=config, chunk=6, progress=False)
    with pytest.raises(UsageError, match=r"differs in the images \(were 12, are 2; for one, test/database/000\.png\)"):
        extract(retriever, images.select([1, 2]), output=output, config=config, chunk=5, progress=False)
    with torch.no_grad():
        next(retriever.parameters()).add_(1)
    with pytest.raises(UsageError, match="differs in the model"):
        run(work)


def test_a_changed_image_is_noticed_by_length_or_content(work) -> None:
    images, output = work[1], work[3]
    run(work)
    path = images.path(7)
    content = path.read_bytes()
    times = path.stat()
    path.write_bytes(content + b"x")
    with pytest.raises(UsageError, match=r"differs in the images .*007\.png"):
        run(work)
    path.write_bytes(content[:-20] + bytes(20))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(UsageError, match=r"images of chunk 1 have changed since it was written"):
        run(work)
    assert run(work, verify=False).written == 0
    assert output.exists()


def test_unreadable_images_are_listed_and_nan(work, make_config) -> None:
    retriever, images, config, output = work
    images.path(3).write_bytes(b"")
    from vpr_data import ImageDecodeError

    with pytest.raises(ImageDecodeError, match=r"003\.png: is empty"):
        run(work)
    skipping = make_config(dataset={"root": config.dataset.root}, compute={"on_bad_image": "skip"})
    result = extract(retriever, images, output=output, config=skipping, chunk=5, progress=False)
    assert list(result.failures) == ["test/database/003.png"]
    assert "is empty" in result.failures["test/database/003.png"]
    rows = load_descriptors(output)
    assert np.isnan(rows[3]).all()
    assert np.isfinite(rows[4]).all()
    assert rows.failures == result.failures


def test_bad_requests(work, make_config) -> None:
    retriever, images, config, output = work
    for settings, said in (({"chunk": 0}, "at least 1"), ({"dtype": "int8"}, "one of float32, float16")):
        with pytest.raises(UsageError, match=said):
            extract(retriever, images, output=output, config=config, progress=False, **settings)
    with pytest.raises(UsageError, match="the set is empty"):
        extract(retriever, images.select([]), output=output, config=config, progress=False)
    with pytest.raises(UsageError, match=r"no manifest\.json; `vpr extract` writes one"):
        load_descriptors(output)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "names": 3}', '{"format": 9}'])
def test_a_broken_manifest_is_a_sentence(work, text: str) -> None:
    output = work[3]
    run(work)
    (output / "manifest.json").write_text(text)
    with pytest.raises(UsageError, match=r"manifest\.json: (not a manifest|format 9)"):
        load_descriptors(output)


def test_a_chunk_of_another_shape_is_refused(work) -> None:
    output = work[3]
    run(work)
    np.save(chunk_path(output, 0), np.zeros((5, 2), dtype=np.float32))
    with pytest.raises(UsageError, match=r"shape \(5, 2\), the manifest says"):
        load_descriptors(output)


def test_an_engine_may_do_a_chunk_twice(work) -> None:
    retriever, images, config, output = work
    output.mkdir()
    job = extraction.plan_extraction(
        retriever,
        images,
        output=output,
        compute=Compute.of(config.compute, config.image),
        model=fingerprint(retriever, Architecture.of(config)),
        chunk=5,
    )
    assert job.missing(verify=True) == [0, 1, 2]
    for number in (2, 0, 1, 0):
        extraction.extract_chunk(job, number)
    assert job.missing(verify=True) == []
    assert json.loads((output / "000000.json").read_text())["rows"] == 5
    with pytest.raises(ValueError, match="chunks are 0 to 2"):
        job.manifest.rows_of(3)
