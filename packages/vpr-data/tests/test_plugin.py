from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("vpr_core", reason="the plug-in is for a host; the package alone has none")

from pydantic import ValidationError

from vpr_data import PUBLISHED
from vpr_data.plugin import FolderConfig, vpr_datasets

RETRIEVAL = ("oxford5k", "paris6k", "holidays")
SPECS = {spec.name: spec for spec in vpr_datasets()}


def test_neither_the_package_nor_its_plugin_imports_what_is_heavy():
    code = (
        "import sys, vpr_data.plugin; list(vpr_data.plugin.vpr_datasets());"
        "print([name for name in ('torch', 'scipy', 'numpy', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_registered_names():
    known = {"city", "folder", "pairs", "none", *(name for name in PUBLISHED if name not in RETRIEVAL)}
    assert set(SPECS) == known
    assert len(SPECS) == len(list(vpr_datasets()))
    for name, spec in SPECS.items():
        assert spec.config.model_fields["type"].default == name
        assert all(field.description for key, field in spec.config.model_fields.items() if key != "type")


def test_a_folder_is_built_from_its_block(tmp_path):
    (tmp_path / "t.csv").write_text("name,e,y,role,floor\na,0,0,db,1\nb,90,0,db,1\nc,4,0,query,1\n")
    config = FolderConfig.model_validate(
        {
            "root": str(tmp_path),
            "table": "t.csv",
            "columns": {"x": "e", "place": "floor"},
            "name": "tower",
            "radius": 5,
            "negatives_exclude_same_place": True,
        }
    )
    data = SPECS["folder"].build(config)
    split = data.split("test")
    assert str(split.protocol) == "tower@5m"
    assert (split.training.positive, split.training.negative) == (5, 25)
    assert [row.tolist() for row in split.never_negative()] == [[0, 1]]
    assert len(data.fingerprint()) == 64


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"table": "t", "database": "d", "queries": "q"}, "give either table, or database and queries"),
        ({"database": "d"}, "database and queries belong together"),
        ({"columns": {"easting": "x"}}, "Input should be 'name', 'x'"),
        ({"unit": "km"}, "Input should be 'm', 'frame' or 'place'"),
        ({"radius": -1}, "greater than or equal to 0"),
        ({"group": 0}, "greater than or equal to 1"),
        ({"colour": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_block_is_refused_before_anything_is_opened(block, message):
    with pytest.raises(ValidationError, match=message):
        FolderConfig.model_validate({"root": "/none", **block})


def test_a_tolerance_of_17_places_has_to_be_named(tmp_path):
    with pytest.raises(ValidationError, match=r"2 frames \(VPR-Bench's ground truth\), 15 frames \(AnyLoc"):
        SPECS["17places"].config.model_validate({"root": str(tmp_path)})


@pytest.mark.parametrize("name", ["pitts30k", "pitts250k", "tokyo247", "tokyo_tm"])
def test_published_sets_say_what_is_missing(name, tmp_path):
    config = SPECS[name].config.model_validate({"root": str(tmp_path)})
    with pytest.raises(FileNotFoundError, match=r"\.mat.* is in none of .*; the .mat files are public"):
        SPECS[name].build(config)
