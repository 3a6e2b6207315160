"""From a float32 network and images to the same network with convolutions in 8 bits.

Static quantisation (Jacob et al. 2018, arXiv:1712.05877): ``q = round(x / scale) + zero``. Weights have a scale an
output channel and are symmetric; activations have one scale each, from the range that they reach on the images (a
moving average of smallest and largest, so that one photo does not stretch it for all). Only Conv is quantised, and of
these neither the one that reads the pixels nor one that assigns features to clusters, whose rounding a softmax makes
large. Of ResNet-18 with NetVLAD, weights of 7 bits, the smallest cosine on 16 photos was 0.939 with all convolutions
and the whole range, 0.975 without the first, 0.981 with the average too. What pools, weighs and normalises stays in
float32.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

from vpr_core.cpu import cpu_features

if TYPE_CHECKING:
    from vpr_core.runtimes import Images, RuntimeRequest

__all__ = ["assigning", "calibrated_file", "learnt", "reading"]

log = logging.getLogger(__name__)

KEY = "vpr-calibration"
MOST = 300
FORM = 3
"""Of what is quantised and how; another form is another file."""
_ARITHMETIC = {
    *("Add", "Sub", "Mul", "Div", "Cast", "Identity"),
    *("Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze"),
}
_DOTS = {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"}
"""Processors that add products of bytes in 32 bits; on others they saturate in 16, so weights get 7 bits there."""


def calibrated_file(request: RuntimeRequest) -> Path:
    """Return the int8 network of a request as one ONNX file, from the cache or made now.

    Raises:
        ValueError: there are no images to calibrate on and nothing that was learnt before.
    """
    if request.calibrated is not None:
        learnt(request.calibrated)
        return request.calibrated
    narrow = not _DOTS & set(cpu_features())
    said = {
        "network": request.digest,
        "inputs": repr(request.inputs),
        "samples": request.samples_digest,
        "version": onnxruntime.__version__,
        "narrow": narrow,
        "form": FORM,
    }
    key = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    file = request.cache / f"int8-{request.digest[:16]}-{key[:16]}.onnx"
    if file.is_file():
        try:
            learnt(file)
        except ValueError as error:
            log.info("calibrating again: %s", error)
            file.unlink(missing_ok=True)
        else:
            return file
    if request.samples is None or request.model is None:
        raise ValueError(
            "int8 is calibrated on images, and there are none here; extract a map with it first, which keeps what was "
            "learnt, or take another precision"
        )
    if next((image for batch in request.samples() for image in batch), None) is None:
        raise ValueError("int8 is calibrated on images, and none of those given could be read")
    graph = onnx.load_model(str(request.model)).graph
    reader = _Reader(request.samples(), name=graph.input[0].name)
    with tempfile.TemporaryDirectory(dir=request.cache, prefix=".partial-") as folder:
        partial = Path(folder) / "int8.onnx"
        with _quiet():
            quantize_static(
                str(request.model),
                str(partial),
                reader,
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],
                nodes_to_exclude=[*reading(graph), *assigning(graph)],
                extra_options={"CalibMovingAverage": True},
                per_channel=True,
                reduce_range=narrow,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
            )
        model = onnx.load_model(str(partial))
        about = {"images": reader.images, "bits": 7 if narrow else 8, "version": said["version"]}
        onnx.helper.set_model_props(model, {KEY: json.dumps(about)})
        with partial.open("wb") as written:
            written.write(model.SerializeToString())
            written.flush()
            os.fsync(written.fileno())
        partial.replace(file)
    return file


def assigning(graph: Any) -> list[str]:
    """Return the names of the convolutions whose results reach a softmax with nothing but arithmetic in between."""
    makers = {name: node for node in graph.node for name in node.output}
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [node.input[0] for node in graph.node if node.op_type == "Softmax"]
    while waiting:
        name = waiting.pop()
        maker = makers.get(name)
        if maker is None or name in seen:
            continue
        seen.add(name)
        if maker.op_type == "Conv":
            found.add(maker.name)
        elif maker.op_type in _ARITHMETIC:
            waiting += maker.input
    return sorted(found)


def reading(graph: Any) -> list[str]:
    """Return the names of the convolutions with no other before them; none where there are no others."""
    behind: set[str] = set()
    first, others = [], False
    for node in graph.node:  # in the order of computation
        later = any(name in behind for name in node.input)
        if node.op_type == "Conv":
            others |= later
            if not later:
                first.append(node.name)
        if later or node.op_type == "Conv":
            behind.update(node.output)
    return first if others else []


def learnt(file: Path) -> Mapping[str, Any]:
    """Return what an int8 file was learnt from, and its SHA-256.

    Raises:
        ValueError: the file is not one of `calibrated_file`.
    """
    content = file.read_bytes()
    try:
        model = onnx.load_model_from_string(content)
        text = next((entry.value for entry in model.metadata_props if entry.key == KEY), "null")
        about = json.loads(text)
    except Exception as error:  # of protocol buffers, whose kinds differ between versions
        raise ValueError(f"{file}: not an ONNX file ({error})") from error
    if not isinstance(about, dict):
        raise ValueError(f"{file}: not a network that was calibrated here; calibrate again")
    return {**about, "sha256": hashlib.sha256(content).hexdigest()}


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Hands over up to `MOST` images, one by one: batches of other lengths are other shapes."""

    def __init__(self, batches: Iterable[Images], *, name: str) -> None:
        self.images = 0
        self._name = name
        self._stream = self._one_by_one(batches)

    def _one_by_one(self, batches: Iterable[Images]) -> Iterator[dict[str, Any]]:
        for batch in batches:
            for image in batch:
                if self.images == MOST:
                    return
                self.images += 1
                yield {self._name: image[None]}

    def get_next(self) -> dict[str, Any] | None:
        """The next image, or None after the last."""
        return next(self._stream, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the quantiser's advice to run its own preparation first, which the export has done.

    The quantiser writes to the root logger by `logging.warning`, which gives a root without handlers one for ever:
    each later message of a program that has its handlers elsewhere would be printed twice.
    """
    root, nothing = logging.getLogger(), logging.NullHandler()
    root.addFilter(_no_advice)
    root.addHandler(nothing)
    try:
        yield
    finally:
        root.removeHandler(nothing)
        root.removeFilter(_no_advice)


def _no_advice(record: logging.LogRecord) -> bool:
    return record.levelno > logging.WARNING or record.name != "root"
