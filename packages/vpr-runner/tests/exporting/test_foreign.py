"""An ONNX file from anywhere: data, or refused before a library that executes graphs sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vpr_core import UsageError
from vpr_runner.exporting.onnx_file import described

onnx = pytest.importorskip("onnx", reason="needs the extra vpr-runner[onnx]")


@pytest.fixture
def changed(exported: Any, tmp_path: Path) -> Callable[[Callable[[Any], None]], Path]:
    """Return a function that writes the exported model after a change."""

    def write(change: Callable[[Any], None]) -> Path:
        model = onnx.load_model(str(exported.file))
        change(model)
        file = tmp_path / "foreign.onnx"
        file.write_bytes(model.SerializeToString())
        return file

    return write


def outside(tensor: Any) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def test_the_file_as_it_was_written_is_taken(changed: Any) -> None:
    assert described(changed(lambda model: None)).precision == "float32"


def test_weights_elsewhere_are_refused(changed: Any) -> None:
    with pytest.raises(UsageError, match=r"lies in another file \('../../etc/passwd'\)"):
        described(changed(lambda model: outside(model.graph.initializer[0])))


def test_so_are_they_in_a_constant_a_subgraph_and_a_function(changed: Any) -> None:
    def constant() -> Any:
        tensor = onnx.helper.make_tensor("t", onnx.TensorProto.FLOAT, [1], [1.0])
        outside(tensor)
        return onnx.helper.make_node("Constant", [], ["c"], value=tensor)

    def in_node(model: Any) -> None:
        model.graph.node.append(constant())

    def in_subgraph(model: Any) -> None:
        body = onnx.helper.make_graph([constant()], "g", [], [])
        model.graph.node.append(onnx.helper.make_node("If", ["x"], ["y"], then_branch=body, else_branch=body))

    def in_function(model: Any) -> None:
        opset = [onnx.helper.make_opsetid("", 18)]
        model.functions.append(onnx.helper.make_function("own", "f", [], ["c"], [constant()], opset))

    for change in (in_node, in_subgraph, in_function):
        with pytest.raises(UsageError, match="lies in another file"):
            described(changed(change))


@pytest.mark.parametrize(("domain", "operator"), [("evil.example", "Run"), ("com.microsoft", "EPContext")])
def test_operators_of_others_are_refused(changed: Any, domain: str, operator: str) -> None:
    def change(model: Any) -> None:
        model.graph.node.append(onnx.helper.make_node(operator, ["images"], ["z"], domain=domain))

    with pytest.raises(UsageError, match="not ONNX's own"):
        described(changed(change))


def test_another_onnx_file_is_told_apart(changed: Any) -> None:
    def no_entry(model: Any) -> None:
        del model.metadata_props[:]

    with pytest.raises(UsageError, match="not one of `vpr export`"):
        described(changed(no_entry))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("format",), 7, "format 1"),
        (("input", "dtype"), "float64", "input.dtype is 'float64'"),
        (("input", "least"), [0, 4], "input.least is 0"),
        (("input", "size"), "all", "input.size is 'all'"),
        (("output", "dim"), 5, r"output is not \(B, 5\)"),
        (("precision",), "int1", "precision is 'int1'"),
        (("network",), [], "network is"),
    ],
)
def test_a_false_description_is_refused(changed: Any, path: tuple[str, ...], value: Any, said: str) -> None:
    def change(model: Any) -> None:
        (entry,) = model.metadata_props
        content = json.loads(entry.value)
        block = content
        for name in path[:-1]:
            block = block[name]
        block[path[-1]] = value
        entry.value = json.dumps(content)

    with pytest.raises(UsageError, match=said):
        described(changed(change))


@pytest.mark.parametrize("content", [b"", b"not onnx at all", b"\x08\x07" + b"\xff" * 400])
def test_no_onnx_is_no_traceback(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.onnx"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="ONNX file"):
        described(file)


def test_a_file_that_is_cut_off_is_refused(exported: Any, tmp_path: Path) -> None:
    file = tmp_path / "cut.onnx"
    content = exported.file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(UsageError, match="take another copy"):
        described(file)
