"""Names of new plug-ins, and what is refused; tests/test_generated_plugins.py installs and tries what is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpr_runner.cli import main
from vpr_runner.scaffold.new_plugin import FILES, Names, kinds


@pytest.mark.parametrize(
    ("name", "kind", "module", "component", "class_name"),
    [
        ("ring-pooling", "pooling", "ring_pooling", "ring_pooling", "RingPooling"),
        ("vpr-ring", "pooling", "vpr_ring", "ring", "Ring"),
        ("images", "dataset", "images", "images", "ImagesDataset"),  # the template has a class of that name
        ("none", "loss", "none", "none", "NoneLoss"),
        ("a2-b", "index", "a2_b", "a2_b", "A2B"),
    ],
)
def test_all_names_follow_from_one(name: str, kind: str, module: str, component: str, class_name: str) -> None:
    assert Names.of(name, kind=kind) == Names(
        distribution=name, module=module, component=component, class_name=class_name
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Ring_Pooling", "such as 'ring-pooling'"),
        ("2d-ring", "a letter first"),
        ("ring--pooling", "such as 'ring-pooling'"),
        ("../ring", "such as 'ring'"),
        ("", "such as 'my-pooling'"),
        ("r" * 61, "60 at most"),
        ("vpr-2d", "names a component '2d', which must begin with a letter"),
        ("json", "choose another, such as 'vpr-json'"),
        ("netvlad", "vpr-pooling 0.1.0 has a pooling named 'netvlad' already"),
        ("vpr-netvlad", "has a pooling named 'netvlad' already"),
        ("pluggy", "is installed already"),
        ("yaml", "there is a Python module yaml already"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_written(
    tmp_path: Path, name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plugins", "new", name, "--kind", "pooling", "--into", str(tmp_path / "new")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: NAME: ")
    assert said in message
    assert not (tmp_path / "new").exists()


def test_an_unknown_kind_names_those_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "new", "ring", "--kind", "poolings", "--into", str(tmp_path)]) == 2
    assert ", ".join(kinds()) in capsys.readouterr().err


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["plugins", "new", "vpr-ring", "--kind", "pooling", "--into", str(tmp_path / "a" / "b")]
    assert main(arguments) == 0
    written = capsys.readouterr().out.splitlines()
    folder = tmp_path / "a" / "b" / "vpr-ring"
    assert written[:-1] == [str(folder / name.format(module="vpr_ring")) for name in FILES]
    assert "{{" not in "".join(Path(name).read_text() for name in written[:-1])
    (folder / "README.md").write_text("mine")
    assert main(arguments) == 2
    assert "is there already" in capsys.readouterr().err
    assert (folder / "README.md").read_text() == "mine"
    assert [path.name for path in folder.parent.iterdir()] == ["vpr-ring"]
