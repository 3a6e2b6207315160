"""An ONNX file that somebody sends is data: it may compute, and reach nothing.

A tensor of an ONNX file may lie in another file, whose path the file names, and a node may call code that somebody
registers. Both are refused before any library that executes graphs sees the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vpr_core import UsageError

__all__ = ["LARGEST", "messages", "read_as_data"]

LARGEST = 2**31 - 1
"""Bytes: what protocol buffers hold."""
_OWN = {"", "ai.onnx"}
_QUANTISING = {"com.microsoft": {"QuantizeLinear", "DequantizeLinear"}}
"""Beside ONNX's own operators: what quantised networks of onnxruntime have."""


def read_as_data(path: Path) -> Any:
    """Return the ``onnx.ModelProto`` in a file that anybody may have made.

    Raises:
        UsageError: it is no ONNX file, or more than data: tensors in other files, or operators of others.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        length = path.stat().st_size
        if length > LARGEST:
            raise UsageError(f"{path}: {length / 2**30:.1f} GiB; an ONNX file that is whole has less than 2 GiB")
        model = onnx.load_model_from_string(path.read_bytes())
    except (DecodeError, ValueError, TypeError) as error:
        raise UsageError(f"{path}: no ONNX file, or not a whole one ({error}); take another copy") from error
    own = {(function.domain, function.name) for function in model.functions}
    for message in messages(model):
        kind = message.DESCRIPTOR.name
        if kind == "TensorProto" and (message.external_data or message.data_location == onnx.TensorProto.EXTERNAL):
            where = next((entry.value for entry in message.external_data if entry.key == "location"), "")
            raise UsageError(
                f"{path}: tensor {message.name[:80]!r} lies in another file ({where[:80]!r}); a network is read from "
                "one file only. `vpr export` writes it so; elsewhere, torch.onnx.export(..., external_data=False)"
            )
        if kind == "NodeProto" and not _known(message, own):
            raise UsageError(
                f"{path}: node {message.name[:80]!r} is an operator {message.domain[:80]}::{message.op_type[:80]}, "
                "which is not ONNX's own; a file from elsewhere may compute and nothing else"
            )
    if not model.graph.node:
        raise UsageError(f"{path}: an ONNX file without a graph; take another copy")
    return model


def _known(node: Any, own: set[tuple[str, str]]) -> bool:
    return (
        node.domain in _OWN or (node.domain, node.op_type) in own or node.op_type in _QUANTISING.get(node.domain, set())
    )


def messages(message: Any) -> Iterator[Any]:
    """A message and all in it: subgraphs, functions and attributes hold tensors, too."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for item in [value] if hasattr(value, "DESCRIPTOR") else value:
            if hasattr(item, "DESCRIPTOR"):
                yield from messages(item)
