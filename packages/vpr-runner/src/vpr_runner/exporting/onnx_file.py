"""ONNX files of whole networks: written with a description of themselves, and read as a stranger's."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core import UsageError
from vpr_runner.exporting.description import KEY, Description
from vpr_runner.exporting.foreign import messages, read_as_data
from vpr_runner.exporting.whole import quiet_exporters
from vpr_runner.files import atomic
from vpr_runner.files.documents import parsed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from vpr_runner.exporting.whole import Whole

__all__ = ["INPUT", "OUTPUT", "described", "onnx_model", "run_onnx", "write_model"]

INPUT, OUTPUT = "images", "descriptors"
_AXES = {0: "batch", 2: "height", 3: "width"}


def onnx_model(whole: Whole) -> Any:
    """Return an exported network as ``onnx.ModelProto``, its weights inside and its open dimensions named.

    Raises:
        UsageError: the packages that write ONNX are not installed, or one of them does not know an operator.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401  torch.onnx says less clearly that it is missing
        import torch
    except ImportError as error:
        raise UsageError(
            f"{error.name} is not installed, which writing ONNX takes; in a checkout: pip install "
            "'./packages/vpr-runner[onnx]'"
        ) from error
    with tempfile.TemporaryDirectory(prefix="vpr-export-") as folder, quiet_exporters():
        file = Path(folder) / "model.onnx"
        try:
            torch.onnx.export(
                whole.program, f=str(file), dynamo=True, external_data=False, verbose=False, output_names=[OUTPUT]
            )
        except torch.onnx.errors.OnnxExporterError as error:
            lines = str(error).strip().splitlines()
            raise UsageError(f"torch.onnx cannot write this network: {lines[0][:300] if lines else error}") from error
        model = onnx.load_model(str(file), load_external_data=False)
    _forget_the_maker(model)
    _name_axes(model, open_sizes=whole.inputs.size is None)
    return model


def _forget_the_maker(model: Any) -> None:
    """Leave out where in whose files each operator came from: paths of this machine, and a third of a small file."""
    for message in messages(model):
        for field in ("metadata_props", "doc_string"):
            if field in message.DESCRIPTOR.fields_by_name:
                message.ClearField(field)


def _name_axes(model: Any, *, open_sizes: bool) -> None:
    """Call the open dimensions of input and output what they are; sizes in between follow from them."""
    graph = model.graph
    del graph.value_info[:]  # in terms of the old names
    (given,), (found,) = graph.input, graph.output
    for value, axes in ((given, _AXES), (found, {0: "batch"})):
        for axis, name in axes.items():
            if axis == 0 or open_sizes:
                value.type.tensor_type.shape.dim[axis].dim_param = name
    renamed = {given.name: INPUT, found.name: OUTPUT}
    given.name, found.name = INPUT, OUTPUT
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                names[place] = renamed.get(name, name)


def write_model(path: Path, model: Any, description: Description) -> str:
    """Write a model with its description to ``path``, as a whole or not at all; return the file's SHA-256."""
    import onnx

    model = type(model).FromString(model.SerializeToString())
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {KEY: json.dumps(description.to_json(), allow_nan=False)})
    model.producer_name = "vpr"
    atomic.write_bytes(path, model.SerializeToString())
    return atomic.sha256_of(path)


def described(path: Path) -> Description:
    """Return what an exported file says of itself, after a look at whether it is data.

    Raises:
        UsageError: no such file, not a file of `vpr export`, or more than data.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file; `vpr export RUN --onnx {path}` writes one")
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"{path}: {error.name} is not installed, which reading ONNX takes; in a checkout: pip install "
            "'./packages/vpr-runner[onnx]' ./plugins/vpr-onnxruntime"
        ) from error
    model = read_as_data(path)
    text = next((entry.value for entry in model.metadata_props if entry.key == KEY), None)
    if text is None:
        raise UsageError(
            f"{path}: an ONNX file, but not one of `vpr export` (its metadata have no entry {KEY!r}): nothing says "
            "which images it takes"
        )
    try:
        found = Description.from_json(parsed(text))
        _check_border(model, found)
    except ValueError as error:
        raise UsageError(f"{path}: {error}; take another copy, or export it again") from error
    return found


def _check_border(model: Any, description: Description) -> None:
    """Compare what the graph takes and gives with what the description says."""
    import onnx

    kinds = {"uint8": onnx.TensorProto.UINT8, "float32": onnx.TensorProto.FLOAT}
    graph, inputs = model.graph, description.inputs
    initial = {tensor.name for tensor in graph.initializer}
    given = [value for value in graph.input if value.name not in initial]
    if len(given) != 1 or len(graph.output) != 1:
        raise ValueError(f"a network has one input and one output, this graph {len(given)} and {len(graph.output)}")
    shape = given[0].type.tensor_type.shape.dim
    if given[0].type.tensor_type.elem_type != kinds[inputs.dtype] or len(shape) != 4 or shape[1].dim_value != 3:
        raise ValueError(f"its input is not {inputs.dtype} (B, 3, H, W), as its description says")
    out = graph.output[0].type.tensor_type.shape.dim
    if len(out) != 2 or out[1].dim_value not in (0, inputs.out_dim):
        raise ValueError(f"its output is not (B, {inputs.out_dim}), as its description says")


def run_onnx(model: Any, *, threads: int | None = None) -> Any:
    """Return a function from images ``(B, 3, H, W)`` to descriptors, by onnxruntime on the CPU.

    Raises:
        UsageError: onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            "onnxruntime is not installed, with which an exported file is compared; in a checkout: pip install "
            "'./packages/vpr-runner[onnx]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def run(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = session.run([OUTPUT], {INPUT: images})[0]
        return found

    return run
