"""The axes: what each is called, what a user asks, and what measures it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bench.choices.axes import (
    clusters,
    decoding,
    gem,
    index,
    inputs,
    machine,
    precision,
    queries,
    relu,
    size,
    starts,
    storage,
    whitening,
)
from bench.choices.lab import Lab, Row

__all__ = ["AXES", "Axis"]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis.

    Attributes:
        title: heading of its table.
        asks: the question, and what the plain choice is.
        measure: a lab to rows.
    """

    title: str
    asks: str
    measure: Callable[[Lab], Iterator[Row]]


AXES: Mapping[str, Axis] = {
    "decoding": Axis(
        title="Decoder and resizing",
        asks="May images be decoded or resized by another library, on both sides or on one? Plain: Pillow, a JPEG at "
        "half its size where that suffices (draft), bilinear with antialiasing.",
        measure=decoding.measure,
    ),
    "queries": Axis(
        title="Worse queries",
        asks="What does a query lose that was compressed, shrunk, mirrored, turned, exposed or cut otherwise than the "
        "database? The database stays as it is.",
        measure=queries.measure,
    ),
    "inputs": Axis(
        title="Input normalisation",
        asks="What if pixels are prepared otherwise than the weights want? Plain: ImageNet's mean and deviation.",
        measure=inputs.measure,
    ),
    "storage": Axis(
        title="Storage of descriptors",
        asks="How few bytes hold a database's descriptors? Plain: float32. Queries are float32 but for signs.",
        measure=storage.measure,
    ),
    "whitening": Axis(
        title="Whitening",
        asks="Learnt from what, to how many numbers, from how many images? Plain: none. From n images at most n - 1 "
        "numbers can be learnt, so that of the published 32 to 4,096 only those below the number of images are here.",
        measure=whitening.measure,
    ),
    "index": Axis(
        title="Index and its knobs",
        asks="What does an approximate index lose? Plain: exact search of the same descriptors.",
        measure=index.measure,
    ),
    "precision": Axis(
        title="Precision of the network",
        asks="May the network run in half precision or in 8 bits, everywhere or on one side? Plain: float32 by torch. "
        "int8 is calibrated on 300 training images; bfloat16 and float16 are emulated where the processor has no units "
        "for them, and a database of more than 10 million pixels is not encoded so.",
        measure=precision.measure,
    ),
    "machine": Axis(
        title="Another machine",
        asks="May queries come from another machine than the database? Only the queries are encoded elsewhere.",
        measure=machine.measure,
    ),
    "size": Axis(
        title="Image size",
        asks="Smaller images are cheaper, larger ones show more. What is lost, and what if only queries differ? Twice "
        "the size is left out where the database has more than 10 million pixels.",
        measure=size.measure,
    ),
    "clusters": Axis(
        title="NetVLAD: clusters and alpha",
        asks="Plain: K = 64, alpha by the published rule, soft assignment, intra-normalisation.",
        measure=clusters.measure,
    ),
    "starts": Axis(
        title="NetVLAD: seeds and sample of k-means",
        asks="How much is luck, and how many images does k-means need? Plain: 100 features of each of 500 images.",
        measure=starts.measure,
    ),
    "gem": Axis(title="GeM: the exponent", asks="Plain: p = 3, not trained.", measure=gem.measure),
    "relu": Axis(
        title="The last ReLU",
        asks="Features before or after it? ResNet-18 and SqueezeNet are cut after it, the tiny networks before.",
        measure=relu.measure,
    ),
}
