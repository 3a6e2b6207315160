"""The float16 variant: convolutions in half precision, whatever follows them in float32.

What pools and normalises sums thousands of numbers or raises them to a power, which half precision cannot hold; the
convolutions are nearly all of the bytes and of the time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpr_core import UsageError

__all__ = ["in_half"]

_LARGEST = float(np.finfo(np.float16).max)


def in_half(model: Any) -> Any:
    """Return a copy of a float32 ``onnx.ModelProto`` with every Conv of constant weights in float16.

    A convolution's input is cast to float16 and its output back; casts that cancel out (one convolution behind another
    through an activation) are left to whoever executes the graph.

    Raises:
        UsageError: a weight does not fit into float16.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = type(model).FromString(model.SerializeToString())
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    users: dict[str, int] = {}
    for node in graph.node:
        for name in node.input:
            users[name] = users.get(name, 0) + 1
    nodes, halves = [], {}
    for node in graph.node:
        if node.op_type != "Conv" or any(name and name not in weights for name in node.input[1:]):
            nodes.append(node)
            continue
        names = [f"{node.output[0]}_in_half"]
        nodes.append(helper.make_node("Cast", [node.input[0]], names[:1], to=onnx.TensorProto.FLOAT16))
        for name in node.input[1:]:
            if name and name not in halves:
                values = numpy_helper.to_array(weights[name])
                if not np.abs(values).max(initial=0) < _LARGEST:
                    raise UsageError(f"a weight of {name} is {np.abs(values).max():.3g}; float16 ends at {_LARGEST:g}")
                halves[name] = numpy_helper.from_array(values.astype(np.float16), f"{name}_half")
            names.append(halves[name].name if name else "")
            users[name] -= 1
        half = type(node).FromString(node.SerializeToString())
        half.input[:] = names
        half.output[0] = f"{node.output[0]}_half"
        nodes += [half, helper.make_node("Cast", list(half.output), list(node.output), to=onnx.TensorProto.FLOAT)]
    if not halves:
        raise UsageError(
            "the network has no convolutions with weights of their own; there is nothing to put in float16"
        )
    kept = [tensor for tensor in graph.initializer if tensor.name not in halves or users[tensor.name] > 0]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*kept, *halves.values()])
    return model
