"""What an exported file says of itself: which network it is, what it takes, what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from vpr_core.runtimes import InputContract

if TYPE_CHECKING:
    from vpr_core import Registry
    from vpr_runner.network.architecture import Architecture
    from vpr_runner.network.retriever import Retriever

__all__ = ["KEY", "PRECISIONS", "Description", "describe"]

KEY = "vpr"
"""Of the entry in the ONNX file's metadata."""
FORMAT = 1
PRECISIONS = ("float32", "float16", "int8")


@dataclass(frozen=True, kw_only=True)
class Description:
    """The metadata of an exported network.

    Attributes:
        fingerprint: of the network, weights, architecture and image size (`vpr_runner.network.storage.fingerprint`).
        precision: ``float32``, ``float16`` or ``int8``.
        inputs: what the graph takes and gives.
        size: ``(height, width)`` that images are brought to before, by the run file; None: their own.
        longest: where no rule is given: the longer side's limit; None: no limit.
        sizing: the other fields of the block ``image`` that say something: ``short_side``, ``max_side``, ``multiple``,
            ``interpolation`` (`vpr_data.Sizing`).
        licence: of the weights, a line each; empty: nobody said.
        network: backbone and pooling block, and whose weights it started from.
        parity: worst difference to the network, and how it was found.
        variant: what made the variant: calibration of int8.
    """

    fingerprint: str
    precision: Literal["float32", "float16", "int8"]
    inputs: InputContract
    size: tuple[int, int] | None = None
    longest: int | None = None
    sizing: Mapping[str, Any] = field(default_factory=dict)
    licence: tuple[str, ...] = ()
    network: Mapping[str, Any] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    variant: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads, and people do."""
        inputs = self.inputs
        fixed = inputs.size is not None
        return {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "precision": self.precision,
            "input": {
                "layout": "batch, channel, height, width",
                "channels": "red, green, blue",
                "dtype": inputs.dtype,
                "range": [0, 255] if inputs.dtype == "uint8" else [0.0, 1.0],
                "normalisation": "inside",
                "size": list(inputs.size) if inputs.size is not None else None,
                "multiple_of": inputs.multiple_of,
                "least": None if fixed else list(inputs.least),
                "resize": {
                    "size": list(self.size) if self.size is not None else None,
                    "longest": None if self.size is not None else self.longest,
                    **{name: value for name, value in self.sizing.items() if name != "interpolation"},
                    "interpolation": self._interpolation,
                },
            },
            "output": {"dim": inputs.out_dim, "dtype": "float32", "length": 1},
            "licence": list(self.licence),
            "network": dict(self.network),
            "parity": dict(self.parity),
            "variant": dict(self.variant),
        }

    @property
    def _interpolation(self) -> str:
        kept = {"short_side", "max_side"} & set(self.sizing)
        shape = "kept" if kept else "not kept"
        return f"{self.sizing.get('interpolation', 'bilinear')}, antialiased, in uint8, aspect ratio {shape}"

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Read what `to_json` returned; anybody may have written it.

        Raises:
            ValueError: it is something else; names the field.
        """
        if not isinstance(content, Mapping) or content.get("format") != FORMAT:
            raise ValueError(f"its description is not of format {FORMAT}")
        given, out = _mapping(content, "input"), _mapping(content, "output")
        resize = _mapping(given, "resize")
        dtype, precision = given.get("dtype"), content.get("precision")
        if dtype not in ("uint8", "float32"):
            raise ValueError(f"input.dtype is {dtype!r}, not uint8 or float32")
        if precision not in PRECISIONS:
            raise ValueError(f"precision is {precision!r}, not one of {', '.join(PRECISIONS)}")
        fingerprint, licence = content.get("fingerprint"), content.get("licence")
        if not isinstance(fingerprint, str) or not isinstance(licence, list):
            raise ValueError("fingerprint must be text and licence a list")
        return cls(
            fingerprint=fingerprint,
            precision=precision,
            inputs=InputContract(
                dtype=dtype,
                out_dim=_count("output.dim", out.get("dim")),
                size=_pair("input.size", given.get("size")),
                multiple_of=_count("input.multiple_of", given.get("multiple_of")),
                least=_pair("input.least", given.get("least")) or (1, 1),
            ),
            size=_pair("input.resize.size", resize.get("size")),
            longest=None if resize.get("longest") is None else _count("input.resize.longest", resize["longest"]),
            sizing=_sizing(resize),
            licence=tuple(str(line) for line in licence),
            network=_mapping(content, "network"),
            parity=_mapping(content, "parity"),
            variant=_mapping(content, "variant"),
        )


def describe(
    retriever: Retriever,
    architecture: Architecture,
    registry: Registry,
    *,
    inputs: InputContract,
    fingerprint: str,
    licence: str | None = None,
) -> Description:
    """Return the description of a network's float32 file, without its parity.

    Args:
        retriever: the network.
        architecture: its blocks and the rule for images; paths are left out, as the file is for others.
        registry: says what its components remark of their weights.
        inputs: what the file takes and gives.
        fingerprint: of the network.
        licence: what the user says of the whole; None: what the components say.
    """
    from vpr_runner.network.origin import weights_of

    said = [licence] if licence else []
    if not said:
        for kind, component in architecture.components:
            said += [f"{kind}: {line}" for line in registry.remarks(kind, component)]
    size, image = architecture.image.size, architecture.image.in_force()
    return Description(
        fingerprint=fingerprint,
        precision="float32",
        inputs=inputs,
        size=None if size is None else (size[0], size[1]),
        longest=image.get("longest"),
        sizing={name: value for name, value in image.items() if name not in ("size", "longest")},
        licence=tuple(said),
        network={
            **architecture.blocks(),
            "whitened": retriever.whitening is not None,
            **weights_of(retriever.backbone),
        },
    )


def _mapping(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name)
    if not isinstance(found, Mapping):
        raise ValueError(f"{name} is {found!r}, not a block")
    return found


def _sizing(resize: Mapping[str, Any]) -> dict[str, Any]:
    names = ("short_side", "max_side", "multiple")
    found: dict[str, Any] = {
        name: _count(f"input.resize.{name}", resize[name]) for name in names if resize.get(name) is not None
    }
    return found | ({"interpolation": "bicubic"} if str(resize.get("interpolation")).startswith("bicubic,") else {})


def _count(name: str, value: Any) -> int:
    if type(value) is not int or not 1 <= value < 2**31:
        raise ValueError(f"{name} is {value!r}, not a whole number of at least 1")
    return value


def _pair(name: str, value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{name} is {value!r}, not [height, width]")
    return _count(name, value[0]), _count(name, value[1])
