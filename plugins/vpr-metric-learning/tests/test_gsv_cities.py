"""GSV-Cities on a small generated copy of its structure."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from vpr_core.testing import Case, DatasetContract, Trial
from vpr_core.testing.case import make_case
from vpr_metric_learning import GSVCities
from vpr_metric_learning.plugin import vpr_datasets

(SPEC,) = vpr_datasets()


class TestGSVCities(DatasetContract):
    @pytest.fixture
    def case(self, gsv: Path, tmp_path: Path) -> Case:
        trial = Trial(
            parameters={"root": gsv},
            other={"root": [shutil.copytree(gsv, tmp_path / "other")], "cities": [("PRS",)], "min_images": [3]},
            inert={
                "evaluate_on": "passes on the splits of another data set; tested below",
                "batches": "what a training batch is drawn from; tested below",
            },
        )
        (tmp_path / "other" / "Images" / "PRS" / self.first(gsv)).write_bytes(b"another picture")
        return make_case(SPEC, trial, tmp_path)

    @staticmethod
    def first(gsv: Path) -> str:
        return min(path.name for path in (gsv / "Images" / "PRS").iterdir())


@pytest.fixture
def copy(gsv: Path, tmp_path: Path) -> Path:
    return shutil.copytree(gsv, tmp_path / "copy")


def test_every_image_once_with_its_place(gsv: Path) -> None:
    split = GSVCities(root=gsv).split("train")
    names = [*split.queries.names, *split.database.names]
    labels = np.concatenate([split.queries.place, split.database.place])
    on_disk = {path.relative_to(gsv).as_posix() for path in (gsv / "Images").rglob("*.jpg")}
    short = {name for name in on_disk if "_0000012_" in name}  # three images, fewer than four
    assert len(short) == 6
    assert len(names) == len(set(names))
    assert set(names) == on_disk - short
    # A label is a city's place: one label a (city, number) and the other way round.
    pairs = {(tuple(Path(name).name.split("_")[:2]), int(label)) for name, label in zip(names, labels, strict=True)}
    assert len(pairs) == 10
    assert sorted(label for _, label in pairs) == list(range(10))
    assert Counter(labels.tolist()) == dict.fromkeys(range(10), 5)
    assert len(split.queries) == 10
    assert len(set(split.queries.place.tolist())) == 10


def test_positives_are_the_place(gsv: Path) -> None:
    split = GSVCities(root=gsv).split("train")
    for query, row in enumerate(split.positives()):
        wanted = [i for i in range(len(split.database)) if split.database.place[i] == split.queries.place[query]]
        assert row.tolist() == wanted
        assert set(wanted) <= set(split.never_negative(1.0)[query].tolist())
        assert set(split.within(500.0)[query].tolist()) <= set(split.never_negative(500.0)[query].tolist())
    assert str(split.protocol) == "gsv_cities-train@place"


def test_distances_are_metres_on_the_ground(gsv: Path) -> None:
    """Against the haversine formula, which is within 0.6 % of the ellipsoid."""
    split = GSVCities(root=gsv).split("train")

    def degrees(name: str) -> tuple[float, float]:
        parts = Path(name).stem.split("_")
        return float(parts[5]), float(parts[6])

    for a in range(0, len(split.queries), 3):
        for b in range(0, len(split.database), 5):
            one, two = degrees(split.queries.names[a]), degrees(split.database.names[b])
            if abs(one[0] - two[0]) > 1:
                continue  # another city
            lat = [math.radians(one[0]), math.radians(two[0])]
            lon = math.radians(two[1] - one[1])
            h = math.sin((lat[1] - lat[0]) / 2) ** 2 + math.cos(lat[0]) * math.cos(lat[1]) * math.sin(lon / 2) ** 2
            ground = 2 * 6_371_000 * math.asin(math.sqrt(h))
            found = np.linalg.norm(split.queries.points[a] - split.database.points[b])
            flat = np.linalg.norm(split.queries.xy[a] - split.database.xy[b])
            assert found == pytest.approx(ground, rel=6e-3, abs=0.01)
            assert flat == pytest.approx(found, rel=1e-4, abs=0.01)


def test_xy_points_east_and_north(gsv: Path) -> None:
    split = GSVCities(root=gsv, cities=["Boston"]).split("train")
    north = [split.queries.xy[i, 1] for i in range(5)]  # a place more is 0.002 degrees farther north
    assert np.diff(north) == pytest.approx([222.2] * 4, rel=0.01)
    mine = np.flatnonzero(split.database.place == 0)
    assert (np.diff(split.database.xy[mine, 0]) > 0).all()  # an image more is farther east


def test_a_batch_is_of_one_city_unless_of_all(gsv: Path) -> None:
    for split in (GSVCities(root=gsv).split("train"), SPEC.build(SPEC.config(root=gsv)).split("train")):
        for images in (split.queries, split.database):
            cities = [name.split("/")[1] for name in images.names]
            assert images.region.tolist() == [{"Boston": 0, "PRS": 1}[city] for city in cities]
    whole = SPEC.build(SPEC.config(root=gsv, batches="all")).split("train")
    assert whole.queries.region is None
    assert whole.database.region is None


def test_time_is_counted_in_months(gsv: Path) -> None:
    split = GSVCities(root=gsv).split("train")
    year, month = Path(split.queries.names[0]).name.split("_")[2:4]
    assert split.queries.time[0] == 12 * int(year) + int(month)


def test_degrees_may_be_written_otherwise_in_the_table(copy: Path, gsv: Path) -> None:
    table = copy / "Dataframes" / "PRS.csv"
    lines = table.read_text().splitlines()
    cells = lines[1].split(",")
    cells[6] = f"{float(cells[6]):.8f}"
    table.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]))
    assert cells[6] not in {name.split("_")[6] for name in GSVCities(root=copy).split("train").queries.names}
    assert GSVCities(root=copy).split("train").queries.names == GSVCities(root=gsv).split("train").queries.names


@dataclass
class Other:
    split_names: tuple[str, ...]

    def split(self, name: str) -> str:
        return f"the other's {name}"

    def fingerprint(self) -> str:
        return "other"


def test_val_and_test_of_another_set_are_passed_on(gsv: Path) -> None:
    data = GSVCities(root=gsv, evaluate_on=Other(("train", "val", "test")))
    assert data.split_names == ("train", "val", "test")
    assert data.split("val") == "the other's val"
    assert data.split("test") == "the other's test"
    assert data.split("train").name == "train"
    assert data.fingerprint() != GSVCities(root=gsv).fingerprint()
    only = GSVCities(root=gsv, evaluate_on=Other(("test",)))
    assert only.split_names == ("train", "test")
    with pytest.raises(ValueError, match="name must be one of train, test, got 'val'"):
        only.split("val")
    with pytest.raises(ValueError, match="must have a split named val or test, it has train"):
        GSVCities(root=gsv, evaluate_on=Other(("train",)))


def test_the_block_of_another_set_is_built_by_its_plugin(gsv: Path, tmp_path: Path) -> None:
    pytest.importorskip("vpr_data")
    rows = "".join(f"{part}{i},{i},0,{part},test\n" for part in ("database", "query") for i in range(3))
    (tmp_path / "t.csv").write_text("name,x,y,role,split\n" + rows)
    block = {"type": "folder", "root": str(tmp_path), "table": "t.csv"}
    data = SPEC.build(SPEC.config(root=gsv, evaluate_on=block))
    assert data.split_names == ("train", "test")
    assert len(data.split("test").queries) == 3


def test_a_wrong_block_says_what_there_is(gsv: Path) -> None:
    with pytest.raises(ValueError, match="must be a dataset block with a type"):
        SPEC.build(SPEC.config(root=gsv, evaluate_on={"root": "x"}))
    with pytest.raises(Exception, match=r"no dataset named 'pits'.*gsv_cities"):
        SPEC.build(SPEC.config(root=gsv, evaluate_on={"type": "pits"}))
    with pytest.raises(ValueError, match="must have a split named val or test"):
        SPEC.build(SPEC.config(root=gsv, evaluate_on={"type": "gsv_cities", "root": str(gsv)}))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no tables in .*Dataframes; download GSV-Cities from https"):
        GSVCities(root=tmp_path)


def test_a_missing_city_lists_those_there_are(gsv: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"Paris\.csv; there is Boston, PRS"):
        GSVCities(root=gsv, cities=["Paris"])


def test_a_missing_folder(copy: Path) -> None:
    shutil.rmtree(copy / "Images" / "PRS")
    with pytest.raises(FileNotFoundError, match=r"no folder .*Images/PRS; download GSV-Cities from https"):
        GSVCities(root=copy)


def test_missing_images_are_counted_and_the_first_named(copy: Path) -> None:
    for path in sorted((copy / "Images" / "PRS").iterdir())[:2]:
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"2 of 28 images are not there, first PRS_0000007_2008_01_007_\*_p_0"):
        GSVCities(root=copy).split("train")


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        (1, "twenty", r"line 2: year is 'twenty'; a number from 0 to 9999"),
        (2, "13", "line 2: month is '13'; a number from 1 to 12"),
        (0, "1.5", "line 2: place_id is '1.5'; a whole number"),
        (5, "nan", "line 2: lat is 'nan'; a number from -90 to 90"),
        (6, "200", "line 2: lon is '200'; a number from -180 to 180"),
        (7, "", "line 2: panoid is empty"),
    ],
)
def test_a_wrong_cell_is_named(copy: Path, column: int, text: str, message: str) -> None:
    table = copy / "Dataframes" / "PRS.csv"
    lines = table.read_text().splitlines()
    cells = lines[1].split(",")
    cells[column] = text
    table.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]))
    with pytest.raises(ValueError, match=message):
        GSVCities(root=copy).split("train")


def test_a_table_without_a_column(copy: Path) -> None:
    table = copy / "Dataframes" / "PRS.csv"
    table.write_text(table.read_text().replace("northdeg", "heading"))
    with pytest.raises(ValueError, match="no column northdeg; a table of GSV-Cities has place_id"):
        GSVCities(root=copy).split("train")


def test_an_image_listed_twice(copy: Path) -> None:
    table = copy / "Dataframes" / "PRS.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines, lines[1]]))
    with pytest.raises(ValueError, match=r"line 30 repeats line 2 \(panorama 'p_0-0_Q'\)"):
        GSVCities(root=copy).split("train")


def test_no_place_is_left(gsv: Path) -> None:
    with pytest.raises(ValueError, match="min_images is 6: no place of Boston, PRS has so many; lower it"):
        GSVCities(root=gsv, min_images=6).split("train")
    with pytest.raises(ValueError, match="min_images must be at least 2"):
        GSVCities(root=gsv, min_images=1)


def test_a_city_named_twice(gsv: Path) -> None:
    with pytest.raises(ValueError, match="cities names 'PRS' twice"):
        GSVCities(root=gsv, cities=["PRS", "PRS"])


def test_the_other_set_needs_no_table_read(copy: Path) -> None:
    """A run is evaluated without half a million lines being read for it."""
    (copy / "Dataframes" / "PRS.csv").write_text("nothing")
    data = GSVCities(root=copy, evaluate_on=Other(("test",)))
    assert data.split("test") == "the other's test"
    with pytest.raises(ValueError, match="no column place_id"):
        data.split("train")
