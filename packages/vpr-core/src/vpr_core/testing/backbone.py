"""The contract of backbones."""

from __future__ import annotations

import io
import math
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from vpr_core.components import ComponentConfig
from vpr_core.testing.case import Case, Contract, seeded
from vpr_core.testing.fields import check_fields_matter, digest

__all__ = ["BackboneContract"]


class BackboneContract(Contract):
    """A backbone maps normalised images ``(B, 3, H, W)`` to ``(B, C, h, w)``; ``frozen`` and ``trainable`` split it.

    Attributes:
        image_size: ``(H, W)`` of the images it is tried with.
        any_size: it takes images of every size from there on; False: of ``image_size`` only.
        tolerance: largest difference of two maps that should be equal, as a share of the largest activation.
    """

    kind = "backbone"
    image_size: ClassVar[tuple[int, int]] = (96, 128)
    any_size: ClassVar[bool] = True
    tolerance: ClassVar[float] = 1e-4

    def network(self, case: Case, *, config: ComponentConfig | None = None, seed: int = 0) -> Any:
        """Build the backbone in eval mode."""
        network = case.build_with(config or case.config, seed=seed)
        case.require(isinstance(network, nn.Module), f"build must return a torch.nn.Module, got {type(network)}")
        return network.eval()

    def images(self, case: Case, batch: int = 2, *, size: tuple[int, int] | None = None) -> Tensor:
        """Normalised images: noise over a gradient."""
        height, width = size or self.option(case, "image_size")
        noise = torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(5))
        return noise + torch.linspace(-2, 2, width)

    def test_attributes(self, case: Case) -> None:
        """What the runner asks a backbone: channels, stride, normalisation, stages."""
        network = self.network(case)
        for name in ("out_channels", "stride"):
            value = getattr(network, name, None)
            case.require(isinstance(value, int) and value > 0, f"needs {name}: a positive int, got {value!r}")
        for name in ("mean", "std"):
            value = getattr(network, name, None)
            case.require(
                isinstance(value, tuple) and len(value) == 3 and all(math.isfinite(item) for item in value),
                f"needs {name}: three finite numbers, one a colour, got {value!r}",
            )
        case.require(min(network.std) > 0, f"std must be above 0, got {network.std}")
        scale = getattr(network, "input_scale", None)
        case.require(
            isinstance(scale, (int, float)) and scale > 0,
            f"needs input_scale, by which images in 0..1 are multiplied first (1, or 255 for Caffe), got {scale!r}",
        )
        stages = getattr(network, "stages", None)
        case.require(
            isinstance(stages, tuple) and stages and len(set(stages)) == len(stages),
            f"needs stages: the names of its stages from input to output, each once, got {stages!r}",
        )

    def test_output_shape(self, case: Case) -> None:
        """``(B, 3, H, W)`` to ``(B, out_channels, ~H / stride, ~W / stride)``, finite."""
        network = self.network(case)
        height, width = self.option(case, "image_size")
        sizes = [(height, width), (height + 17, width + 3)] if self.option(case, "any_size") else [(height, width)]
        for size in sizes:
            with torch.no_grad():
                got = network(self.images(case, size=size))
            expected = [side / network.stride for side in size]
            good = got.ndim == 4 and got.shape[:2] == (2, network.out_channels)
            good = good and all(abs(side - want) < 2 for side, want in zip(got.shape[2:], expected, strict=True))
            case.require(
                good,
                f"images (2, 3, {size[0]}, {size[1]}) must give a map (2, out_channels={network.out_channels}, "
                f"~{expected[0]:.1f}, ~{expected[1]:.1f}) at stride={network.stride}, got {tuple(got.shape)}; set "
                "out_channels and stride to what the network does, and reshape tokens to a map",
            )
            case.require(torch.isfinite(got).all(), "NaN or infinity in the map of an ordinary image")

    def test_black_image(self, case: Case) -> None:
        """Zeros give a finite map."""
        with torch.no_grad():
            got = self.network(case)(torch.zeros_like(self.images(case)))
        case.require(torch.isfinite(got).all(), "NaN or infinity in the map of a black image")

    def test_batch_independent(self, case: Case) -> None:
        """In eval mode an image's map depends neither on the batch nor on the memory layout, nor on chance."""
        network = self.network(case)
        images = self.images(case, 3)
        with torch.no_grad():
            together = network(images)
            alone = torch.cat([network(image[None]) for image in images])
            again = network(images)
            layout = network(images.contiguous(memory_format=torch.channels_last))
        case.require(
            torch.equal(together, again),
            "called twice in eval mode it gives two maps; random parts belong in training only",
        )
        for name, other in {"alone": alone, "in channels-last layout": layout}.items():
            worst = self.difference(together, other)
            case.require(
                worst < self.option(case, "tolerance"),
                f"an image {name} has another map than in a batch of 3 (off by {worst:.3g} of the largest activation); "
                "normalise over the batch in training only, and use reshape instead of view",
            )

    def test_frozen_then_trainable(self, case: Case) -> None:
        """``forward(x) == trainable(frozen(x))``, which is what the cache of frozen activations relies on."""
        network = self.network(case)
        images = self.images(case)
        with torch.no_grad():
            whole = network(images)
            parts = network.trainable(network.frozen(images))
        worst = self.difference(whole, parts)
        case.require(
            worst < self.option(case, "tolerance"),
            f"forward(x) and trainable(frozen(x)) differ by {worst:.3g} of the largest activation; let forward be "
            "just that",
        )
        if hasattr(network, "forward_with_token"):
            with torch.no_grad():
                wanted = network.forward_with_token(images)
                got = network.trainable_with_token(network.frozen(images))
            case.require(
                all(self.difference(a, b) < self.option(case, "tolerance") for a, b in zip(wanted, got, strict=True)),
                "forward_with_token(x) and trainable_with_token(frozen(x)) differ",
            )
            case.require(
                wanted[1].shape == (len(images), network.out_channels),
                f"the token must be (B, out_channels={network.out_channels}), got {tuple(wanted[1].shape)}",
            )

    def test_frozen_part_stays_as_it_is(self, case: Case) -> None:
        """Below ``train_from`` nothing learns, and training mode changes neither output nor state."""
        network = self.network(case)
        images = self.images(case, 4)
        before = {name: item.clone() for name, item in network.state_dict().items()}
        with torch.no_grad():
            wanted = network.frozen(images)
        got = network.train().frozen(images)
        case.require(
            not got.requires_grad, "frozen(x) requires a gradient; set requires_grad = False on every parameter in it"
        )
        case.require(
            torch.equal(wanted, got),
            "frozen(x) changes in training mode; keep its batch normalisation and dropout in eval mode by overriding "
            "train()",
        )
        moved = [name for name, item in network.state_dict().items() if not torch.equal(item, before[name])]
        case.require(not moved, f"frozen(x) in training mode changes {', '.join(moved[:5])}; keep it in eval mode")

    def test_every_parameter_gets_a_gradient(self, case: Case) -> None:
        """What requires a gradient gets one through ``trainable``, finite, and some of it is not zero."""
        network = self.network(case).train()
        trained = [(name, item) for name, item in network.named_parameters() if item.requires_grad]
        if not trained:
            pytest.skip("nothing is trained with these parameters")
        got = network.trainable(network.frozen(self.images(case, 2)).detach())
        weights = torch.randn(got.shape, generator=torch.Generator().manual_seed(3))
        torch.autograd.backward((got * weights).mean())
        without = [name for name, item in trained if item.grad is None]
        case.require(
            not without,
            f"no gradient reaches {', '.join(without[:5])}; set requires_grad = False on what lies below train_from or "
            "above the cut, and detach nothing in trainable",
        )
        odd = [name for name, item in trained if item.grad is not None and not torch.isfinite(item.grad).all()]
        case.require(not odd, f"the gradient of {', '.join(odd[:5])} is not finite")
        zero = all(item.grad is not None and not item.grad.any() for _, item in trained)
        case.require(not zero, "every gradient is zero")

    def test_state_round_trips(self, case: Case) -> None:
        """A checkpoint holds everything: another instance that loads it gives the same maps."""
        network = self.network(case)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1.01)
        buffer = io.BytesIO()
        torch.save(network.state_dict(), buffer)
        buffer.seek(0)
        again = self.network(case, seed=1)
        again.load_state_dict(torch.load(buffer, weights_only=True), strict=True)
        images = self.images(case)
        with torch.no_grad():
            worst = self.difference(network(images), again.eval()(images))
        case.require(
            worst == 0.0,
            f"a second network that loads the state_dict gives another map (off by {worst:.3g}); keep whatever "
            "changes in "
            "parameters and buffers",
        )

    def test_same_seed_same_network(self, case: Case) -> None:
        """Built twice with one seed the weights are equal bit for bit."""
        first, second = self.network(case).state_dict(), self.network(case).state_dict()
        different = [name for name in first if not torch.equal(first[name], second[name])]
        case.require(
            not different,
            f"two networks with one seed differ in {', '.join(different[:5])}; draw weights from torch's global "
            "generator "
            "or one with a seed of your own",
        )

    def test_config_fields_matter(self, case: Case) -> None:
        """Each parameter changes something: attributes, weights, what is trained or normalised how, the map."""
        check_fields_matter(case, lambda config: self.observe(case, config))

    def observe(self, case: Case, config: ComponentConfig) -> str:
        """Digest of everything the contract can see of a network."""
        network = self.network(case, config=config)
        images = self.images(case, 1)
        with torch.no_grad(), seeded(4):
            maps = (network.frozen(images), network(images))
        names = ("out_channels", "stride", "mean", "std", "input_scale", "stages")
        network.train()
        return digest(
            [getattr(network, name) for name in names],
            {name: item.requires_grad for name, item in network.named_parameters()},
            {name: module.training for name, module in network.named_modules()},
            network.state_dict(),
            maps,
        )

    @staticmethod
    def difference(first: Tensor, second: Tensor) -> float:
        """Largest difference as a share of the largest activation; infinite when the shapes differ."""
        if first.shape != second.shape:
            return math.inf
        return float((first - second).abs().max() / first.abs().max().clamp(min=1e-12))
