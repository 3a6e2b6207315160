"""The contract of runtimes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from vpr_core.components import ComponentConfig
from vpr_core.runtimes import RuntimeRequest
from vpr_core.testing.answers import unit
from vpr_core.testing.case import Case, Contract
from vpr_core.testing.fields import check_fields_matter, digest
from vpr_core.testing.refusal import refused
from vpr_core.testing.runtime_network import TrialNetwork

__all__ = ["RuntimeContract"]

Images = npt.NDArray[Any]
PRECISIONS = ("float32", "bfloat16", "float16", "int8")


class RuntimeContract(Contract):
    """A runtime gives the descriptors that the network gives, for every size and batch, up to its precision.

    The network is a small one, uint8 images in and unit descriptors out (`vpr_core.testing.runtime_network`; needs the
    package onnx for a runtime that takes ONNX).

    Attributes:
        min_cosine: smallest cosine between a descriptor and float64's; a lower precision allows less.
        tolerance: how far a descriptor may be from the same image's in another batch: rounding.
    """

    kind = "runtime"
    min_cosine: ClassVar[float] = 0.99999
    tolerance: ClassVar[float] = 1e-5

    def request(self, case: Case, folder: Path, network: TrialNetwork, *, samples: bool = True) -> RuntimeRequest:
        """Ask for a runtime of ``network``, which is written to ``folder``."""
        needs = getattr(case.spec, "needs", None)
        (folder / "cache").mkdir(exist_ok=True)
        return RuntimeRequest(
            model=network.write(folder / f"{network.digest[:8]}.onnx") if needs == "onnx" else None,
            network=network.module() if needs == "network" else None,
            digest=network.digest,
            inputs=network.inputs,
            cache=folder / "cache",
            threads=1,
            samples=(lambda: [images(8, 48, 64), images(8, 48, 64, seed=5)]) if samples else None,
            samples_digest="trial" if samples else "",
        )

    def runtime(
        self, case: Case, folder: Path, *, config: ComponentConfig | None = None, network: TrialNetwork | None = None
    ) -> Any:
        """Build a runtime."""
        return case.build_with(config or case.config, self.request(case, folder, network or TrialNetwork()))

    def test_descriptors_are_the_networks(self, case: Case, tmp_path: Path) -> None:
        """float32 ``(B, D)``, unit rows, near those of float64, at every size and batch; of no images none."""
        network = TrialNetwork()
        runtime = self.runtime(case, tmp_path, network=network)
        for count, height, width in ((2, 48, 64), (1, 64, 48), (5, 40, 96), (2, 48, 64)):
            given = images(count, height, width)
            found = self.ran(case, runtime, given)
            wanted = network.reference(given)
            length = float(np.abs(np.linalg.norm(found.astype(np.float64), axis=1) - 1).max())
            case.require(length <= 1e-3, f"rows must be unit, those of {given.shape} are off by {length:.3g}")
            cosine = float((unit(found) * wanted).sum(axis=1).min())
            case.require(
                cosine >= self.option(case, "min_cosine"),
                f"descriptors of images {given.shape} have a cosine of {cosine:.6f} to the network's, min_cosine is "
                f"{self.option(case, 'min_cosine')}; is the size of the first images built in?",
            )
        self.ran(case, runtime, images(2, 48, 64)[:0])

    def test_images_are_independent(self, case: Case, tmp_path: Path) -> None:
        """A row depends on its image alone; images are left as they were, whatever their memory layout."""
        runtime = self.runtime(case, tmp_path)
        given = images(6, 48, 64)
        kept = given.copy()
        together = self.ran(case, runtime, given)
        case.require(np.array_equal(given, kept), "run() changes the images; copy first")
        tolerance = self.option(case, "tolerance")
        strided = np.repeat(given, 2, axis=0)[::2]
        for said, rows, found in (
            ("alone", slice(3, 4), self.ran(case, runtime, given[3:4])),
            ("in a batch of another size", slice(0, 4), self.ran(case, runtime, given[:4])),
            ("from strided memory", slice(None), self.ran(case, runtime, strided)),
        ):
            worst = float(np.abs(found - together[rows]).max())
            case.require(worst <= tolerance, f"an image has another descriptor {said}: off by {worst:.3g}")
        first = self.ran(case, runtime, given)
        kept_result = first.copy()
        self.ran(case, runtime, given[::-1])
        case.require(
            np.array_equal(first, kept_result), "a result changes with the next call; return an array of its own"
        )

    def test_bad_images_are_refused(self, case: Case, tmp_path: Path) -> None:
        """Another type, other channels, no batch axis: refused by `ValueError`."""
        runtime = self.runtime(case, tmp_path)
        good = images(2, 48, 64)
        for name, given in {
            "float images where uint8 is agreed": good.astype(np.float32) / 255,
            "images with four channels": np.concatenate((good, good[:, :1]), axis=1),
            "an image without its batch axis": good[0],
        }.items():
            refused(case, f"run takes {name}", lambda given=given: runtime.run(given))  # type: ignore[misc]
        fixed = TrialNetwork(size=(48, 64))
        runtime = self.runtime(case, tmp_path, network=fixed)
        self.ran(case, runtime, good)
        refused(case, "run takes a size that the network does not", lambda: runtime.run(images(2, 64, 64)))
        runtime = self.runtime(case, tmp_path, network=TrialNetwork(least=(32, 32)))
        self.ran(case, runtime, images(2, 32, 40))
        refused(case, "run takes less than the smallest size", lambda: runtime.run(images(2, 28, 40)))

    def test_it_says_what_computes(self, case: Case, tmp_path: Path) -> None:
        """``name`` is the component's, ``precision`` one of four words; ``describe`` has both and ``version``."""
        runtime = self.runtime(case, tmp_path)
        case.require(runtime.name == case.spec.name, f"name must be {case.spec.name!r}, got {runtime.name!r}")
        case.require(
            runtime.precision in PRECISIONS,
            f"precision must be one of {', '.join(PRECISIONS)}, got {runtime.precision!r}",
        )
        said = runtime.describe()
        try:
            plain = json.loads(json.dumps(dict(said), allow_nan=False))
        except (TypeError, ValueError) as error:
            case.breach(f"describe() must be plain data that JSON holds: {error}")
        case.require(
            plain.get("name") == runtime.name and plain.get("precision") == runtime.precision and plain.get("version"),
            f"describe() must have name, precision and version, got {plain}",
        )

    def test_what_is_kept_belongs_to_one_network(self, case: Case, tmp_path: Path) -> None:
        """A cache that holds another network gives nothing of it; a second build from the cache gives the same."""
        given = images(3, 48, 64)
        one, two = TrialNetwork(), TrialNetwork(seed=1)
        first = self.ran(case, self.runtime(case, tmp_path, network=one), given)
        other = self.ran(case, self.runtime(case, tmp_path, network=two), given)
        cosine = float((unit(other) * two.reference(given)).sum(axis=1).min())
        case.require(
            cosine >= self.option(case, "min_cosine"),
            f"after another network was built in the same cache, descriptors have a cosine of {cosine:.4f} to those "
            "of their own; keep what is compiled under request.digest",
        )
        again = self.ran(case, self.runtime(case, tmp_path, network=one), given)
        worst = float(np.abs(again - first).max())
        case.require(
            worst <= self.option(case, "tolerance"),
            f"built once more from its cache it gives other descriptors: off by {worst:.3g}",
        )

    def test_what_it_has_learnt_can_be_carried_away(self, case: Case, tmp_path: Path) -> None:
        """With the file that ``calibrated`` names, without samples and cache, it gives the same descriptors."""
        network, given = TrialNetwork(), images(3, 48, 64)
        runtime = self.runtime(case, tmp_path, network=network)
        file = getattr(runtime, "calibrated", None)
        if file is None:
            return
        case.require(Path(file).is_file(), f"calibrated must be a file, got {file}")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        carried = Path(file).rename(elsewhere / "carried.onnx")
        request = replace(self.request(case, elsewhere, network, samples=False), calibrated=carried)
        again = self.ran(case, case.build_with(case.config, request), given)
        worst = float(np.abs(again - self.ran(case, runtime, given)).max())
        case.require(
            worst <= self.option(case, "tolerance"),
            f"from request.calibrated it is another: off by {worst:.3g}",
        )

    def test_config_fields_matter(self, case: Case, tmp_path: Path) -> None:
        """Each parameter changes the descriptors or what `describe` says."""
        check_fields_matter(case, lambda config: self.observe(case, config, tmp_path))

    def observe(self, case: Case, config: ComponentConfig, folder: Path) -> str:
        """Digest of descriptors and description."""
        runtime = self.runtime(case, folder, config=config)
        return digest(self.ran(case, runtime, images(3, 48, 64)), dict(runtime.describe()))

    def ran(self, case: Case, runtime: Any, given: Images) -> npt.NDArray[np.float32]:
        """Descriptors, which must be float32 of the right shape, and finite."""
        found = runtime.run(given)
        shape = (len(given), TrialNetwork.dim)
        case.require(
            isinstance(found, np.ndarray) and found.dtype == np.float32 and found.shape == shape,
            f"run({len(given)} images) must return float32 {shape}, got "
            f"{f'{found.dtype} {found.shape}' if isinstance(found, np.ndarray) else type(found).__name__}",
        )
        case.require(bool(np.isfinite(found).all()), "run() returns numbers that are not finite")
        result: npt.NDArray[np.float32] = found
        return result


def images(count: int, height: int, width: int, *, seed: int = 3) -> npt.NDArray[np.uint8]:
    """Images that differ: a colour, a gradient and noise."""
    generator = np.random.default_rng(seed)
    colour = generator.uniform(0, 255, size=(count, 3, 1, 1))
    slope = generator.uniform(-80, 80, size=(count, 3, 1, 1)) * np.linspace(-1, 1, width)
    noise = generator.normal(0, 20, size=(count, 3, height, width))
    return np.clip(colour + slope + noise, 0, 255).astype(np.uint8)
