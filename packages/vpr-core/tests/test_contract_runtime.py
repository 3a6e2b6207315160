"""The runtime contract passes sound runtimes and catches each fault."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from pydantic import Field

from vpr_core import ComponentConfig, RuntimeSpec
from vpr_core.testing import RuntimeContract, Trial, breaches
from vpr_core.testing.runtime import images
from vpr_core.testing.runtime_network import TrialNetwork


class Config(ComponentConfig):
    type: Literal["plain"] = "plain"
    precision: Literal["float32", "float16"] = Field(default="float32", description="Precision.")


class Torch:
    """A sound runtime: the module itself."""

    name = "plain"

    def __init__(self, config: Config, request: Any) -> None:
        self.request, self.precision = request, config.precision

    def run(self, images: Any) -> Any:
        self.request.inputs.check(images)
        with torch.no_grad():
            return self.network()(torch.from_numpy(np.array(images))).numpy().copy()

    def network(self) -> Any:
        return self.request.network

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "precision": self.precision, "version": torch.__version__}


def spec_of(runtime: Any, needs: Any = "network") -> RuntimeSpec[Any]:
    return RuntimeSpec(name="plain", config=Config, build=runtime, summary="Torch.", needs=needs)


def test_a_sound_runtime_keeps_the_contract() -> None:
    assert breaches(RuntimeContract, spec_of(Torch)) == {}


def test_the_network_is_the_same_in_onnx_in_torch_and_by_hand(tmp_path: Path) -> None:
    given = images(3, 44, 57)
    network = TrialNetwork()
    wanted = network.reference(given)
    with torch.no_grad():
        np.testing.assert_allclose(network.module()(torch.from_numpy(given)).numpy(), wanted, atol=2e-6)
    pytest.importorskip("onnx")
    reference = pytest.importorskip("onnx.reference")
    model = network.write(tmp_path / "model.onnx")
    (found,) = reference.ReferenceEvaluator(str(model)).run(None, {"images": given})
    np.testing.assert_allclose(found, wanted, atol=2e-6)


class FirstSize(Torch):
    """Bakes in the size of its first images, as an exporter does with a kernel."""

    side: Any = None

    def run(self, images: Any) -> Any:
        self.side = self.side or images.shape[2:]
        if images.ndim != 4:
            return super().run(images)
        kept = np.zeros((*images.shape[:2], *self.side), dtype=images.dtype)
        height, width = min(self.side[0], images.shape[2]), min(self.side[1], images.shape[3])
        kept[:, :, :height, :width] = images[:, :, :height, :width]
        return super().run(kept)


class BatchNorm(Torch):
    def run(self, images: Any) -> Any:
        found = super().run(images)
        found = found - 0.01 * found.mean(axis=0, keepdims=True) if len(found) else found
        return (found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)).astype(np.float32)


class NotUnit(Torch):
    def run(self, images: Any) -> Any:
        return super().run(images) * np.float32(1.1)


class Doubles(Torch):
    def run(self, images: Any) -> Any:
        return super().run(images).astype(np.float64)


class OneBuffer(Torch):
    """Returns the same memory each time."""

    kept: Any = None

    def run(self, images: Any) -> Any:
        found = super().run(images)
        if self.kept is None or self.kept.shape != found.shape:
            self.kept = found
        self.kept[:] = found
        return self.kept


class Casts(Torch):
    def run(self, images: Any) -> Any:
        return super().run(images.astype(np.uint8))


class AnySize(Torch):
    def __init__(self, config: Config, request: Any) -> None:
        super().__init__(config, request)
        object.__setattr__(request.inputs, "size", None)


class AnyLeast(Torch):
    def __init__(self, config: Config, request: Any) -> None:
        super().__init__(config, request)
        object.__setattr__(request.inputs, "least", (1, 1))


class Forgets(Torch):
    """Has learnt something, says where it is, and does not take it back."""

    def __init__(self, config: Config, request: Any) -> None:
        super().__init__(config, request)
        self.calibrated = request.cache / "learnt"
        self.calibrated.write_text("0.01")
        self.learnt = 0.0 if request.samples is None else 0.01

    def run(self, images: Any) -> Any:
        found = super().run(images) + np.float32(self.learnt)
        return found / np.linalg.norm(found, axis=1, keepdims=True).astype(np.float32)


class OneCache(Torch):
    """Keeps what it compiled under one name."""

    def network(self) -> Any:
        file = self.request.cache / "compiled.pt"
        if not file.exists():
            torch.save(self.request.network.state_dict(), file)
        self.request.network.load_state_dict(torch.load(file, weights_only=True))
        return self.request.network


class Vague(Torch):
    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "precision": self.precision, "device": torch.device("cpu")}


class OtherName(Torch):
    name = "another"


class Fixed(Torch):
    def __init__(self, config: Config, request: Any) -> None:
        super().__init__(Config(), request)


BROKEN: dict[type, tuple[str, str]] = {
    FirstSize: ("test_descriptors_are_the_networks", "is the size of the first images built in?"),
    BatchNorm: ("test_images_are_independent", "an image has another descriptor alone"),
    NotUnit: ("test_descriptors_are_the_networks", "rows must be unit"),
    Doubles: ("test_descriptors_are_the_networks", "must return float32 (2, 12), got float64 (2, 12)"),
    OneBuffer: ("test_images_are_independent", "a result changes with the next call"),
    Casts: ("test_bad_images_are_refused", "run takes float images where uint8 is agreed without a word"),
    AnySize: ("test_bad_images_are_refused", "run takes a size that the network does not without a word"),
    AnyLeast: ("test_bad_images_are_refused", "run takes less than the smallest size without a word"),
    Forgets: ("test_what_it_has_learnt_can_be_carried_away", "from request.calibrated it is another"),
    OneCache: ("test_what_is_kept_belongs_to_one_network", "keep what is compiled under request.digest"),
    Vague: ("test_it_says_what_computes", "describe() must be plain data that JSON holds"),
    OtherName: ("test_it_says_what_computes", "name must be 'plain', got 'another'"),
    Fixed: ("test_config_fields_matter", "the field 'precision' changes nothing"),
}


@pytest.mark.parametrize(("runtime", "expected"), BROKEN.items(), ids=[runtime.__name__ for runtime in BROKEN])
def test_a_fault_is_caught_with_what_to_do(runtime: Any, expected: tuple[str, str]) -> None:
    found = breaches(RuntimeContract, spec_of(runtime))
    assert expected[0] in found, found
    assert found[expected[0]].startswith("runtime 'plain': ")
    assert expected[1] in found[expected[0]]


def test_a_runtime_that_takes_onnx_gets_a_file(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    seen = []

    class Onnx(Torch):
        def __init__(self, config: Config, request: Any) -> None:
            super().__init__(config, request)
            assert request.network is None
            seen.append(shutil.copy(request.model, tmp_path))

        def network(self) -> Any:
            return TrialNetwork(size=self.request.inputs.size).module()

    found = breaches(RuntimeContract, spec_of(Onnx, "onnx"), Trial(options={"min_cosine": -1.0}))
    assert found == {}
    assert all(Path(file).stat().st_size > 500 for file in seen)
