"""What identifies data: the contents of its images, whatever the data set says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpr_core import UsageError
from vpr_data import FolderDataset, RetrievalSet, Rows
from vpr_runner.bench.cell import data_of
from vpr_runner.bench.data import DataSets
from vpr_runner.bench.plan import plan
from vpr_runner.bench.store import CellStore
from vpr_runner.bench.suite import Suite
from vpr_runner.distributed import ONE_PROCESS
from vpr_runner.evaluation.data_fingerprint import fingerprint_of_benchmark, fingerprint_of_data
from vpr_runner.training.run_directory import RunDirectory


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Bitmaps, all of one length, with positions in their names."""
    generator = np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for role in ("database", "queries"):
            folder = tmp_path / "data" / split / role
            folder.mkdir(parents=True)
            for place in range(4):
                pixels = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"@{1000 + 60 * place}.00@{5000}.00@.bmp")
    return tmp_path / "data"


def swap(folder: Path) -> None:
    one, other = sorted(folder.iterdir())[:2]
    contents = one.read_bytes(), other.read_bytes()
    assert len(contents[0]) == len(contents[1])
    one.write_bytes(contents[1])
    other.write_bytes(contents[0])


@pytest.mark.parametrize("changed", ["train/database", "val/queries", "test/queries"])
def test_images_of_one_length_that_change_places_are_other_data(root: Path, changed: str) -> None:
    dataset = FolderDataset(root=root)
    before, said = fingerprint_of_data(dataset), dataset.fingerprint()
    swap(root / changed)
    assert dataset.fingerprint() == said  # it looks at lengths
    assert fingerprint_of_data(dataset) != before
    swap(root / changed)
    assert fingerprint_of_data(FolderDataset(root=root)) == before


def test_a_benchmark_is_told_apart_by_its_images_too(root: Path) -> None:
    folder = root / "test" / "database"
    names = tuple(path.name for path in sorted(folder.iterdir()))
    none = Rows.from_rows([[]])
    images = RetrievalSet(
        name="x", root=folder, names=names, queries=np.array([0]), good=Rows.from_rows([[1]]), ok=none, junk=none
    )
    before = fingerprint_of_benchmark(images.fingerprint(), images)
    swap(folder)
    assert fingerprint_of_benchmark(images.fingerprint(), images) != before


def test_a_data_set_that_says_nothing_is_not_identified_and_a_split_that_is_not_there_counts(root: Path) -> None:
    class Silent:
        split_names = ("train",)

    assert fingerprint_of_data(Silent()) is None

    class Half(FolderDataset):
        def split(self, name: str) -> Any:
            if name == "train":
                raise FileNotFoundError(name)
            return super().split(name)

    assert fingerprint_of_data(Half(root=root)) not in (None, fingerprint_of_data(FolderDataset(root=root)))


def test_a_run_does_not_go_on_with_other_images(root: Path, make_config: Any, engine_registry: Any) -> None:
    config = make_config(dataset={"type": "folder", "root": str(root)})
    folder = root.parent / "run"
    for expected in ("", "the data set has changed since this run began"):
        with RunDirectory.hold(folder, config, ranks=ONE_PROCESS, resume=True) as run:
            dataset = FolderDataset(root=root)
            if expected:
                with pytest.raises(UsageError, match=expected):
                    run.describe_data(dataset, dataset.split("train"))
            else:
                run.describe_data(dataset, dataset.split("train"))
                swap(root / "train" / "database")


@pytest.mark.parametrize(
    ("stage", "changed", "same"),
    [("untrained", "test/database", False), ("trained", "train/queries", False), ("trained", None, True)],
)
def test_a_cell_is_not_taken_for_one_of_other_images(
    root: Path, make_config: Any, engine_registry: Any, stage: str, changed: str | None, same: bool
) -> None:
    from vpr_runner.bench.runner import _found

    base = make_config(dataset={"type": "folder", "root": str(root)}).model_dump(mode="json")
    suite = Suite(name="s", title="S", base=base, methods={"m": {"stages": [stage]}}, seeds=[0])
    (cell,) = plan(suite, engine_registry)
    store, known = CellStore(root.parent), data_of(cell, DataSets(engine_registry))
    tests = {label: {"fingerprint": found} for label, found in known["tests"].items()}
    store.keep(cell, {"tests": tests, "trained_on": known["trained_on"]})
    if changed is not None:
        swap(root / changed)
    assert (_found(store, cell, DataSets(engine_registry)) is not None) == same
