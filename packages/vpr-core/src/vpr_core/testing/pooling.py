"""The contract of pooling layers."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch

from vpr_core.components import ComponentConfig
from vpr_core.testing.case import Case, seeded
from vpr_core.testing.fields import check_fields_matter, digest
from vpr_core.testing.pooling_export import PoolingExport
from vpr_core.types import SupportsFeatureInit

__all__ = ["PoolingContract"]


class PoolingContract(PoolingExport):
    """A pooling layer maps ``(B, C, h, w)`` to unit rows ``(B, out_dim)``, each image by itself.

    `vpr_core.testing.pooling_trial.PoolingTrial` lists what a subclass may set: ``channels``, ``map_size``,
    ``any_size`` and so on.
    """

    def test_output_shape(self, case: Case) -> None:
        """``(B, C, h, w)`` to ``(B, out_dim)``, whatever ``B``, ``h`` and ``w``."""
        layer = self.layer(case)
        for size in self.sizes(case):
            for batch in (1, 4):
                given = self.maps(case, batch, size=size)
                got = self.describe(layer, given)
                case.require(
                    tuple(got.shape) == (batch, layer.out_dim),
                    f"maps {tuple(given.shape)} must give descriptors ({batch}, out_dim={layer.out_dim}), "
                    f"got {tuple(got.shape)}; return (B, out_dim) and set out_dim to what is returned"
                    + ("" if size == self.option(case, "map_size") else ", or set any_size = False if it cannot"),
                )

    def test_rows_are_unit(self, case: Case) -> None:
        """Finite rows of length 1, for small, large, negative and sparse maps."""
        layer = self.layer(case)
        maps = self.maps(case)
        kinds = {
            "normal": maps,
            "large": maps * 1e3,
            "small": maps * 1e-3,
            "after ReLU": maps.relu(),
            "negative": -maps.abs(),
        }
        for name, given in kinds.items():
            got = self.describe(layer, given).float()
            case.require(torch.isfinite(got).all(), f"NaN or infinity in the descriptors of {name} maps")
            norms = got.norm(dim=1)
            if name == "negative":
                norms = norms.clamp(min=1)  # a layer that clamps at zero has nothing left to normalise
            worst = float((norms - 1).abs().max())
            case.require(
                worst < 1e-3,
                f"rows must have length 1, those of {name} maps are off by {worst:.3g}; end forward with "
                "torch.nn.functional.normalize(x, dim=1)",
            )

    def test_zero_features(self, case: Case) -> None:
        """A black image gives finite descriptors and gradients, none longer than 1."""
        layer = self.layer(case).train()
        maps = torch.zeros_like(self.maps(case)).requires_grad_()
        got = self.call(layer, maps)
        case.require(
            torch.isfinite(got).all(),
            "zero features give NaN or infinity; divide by max(norm, eps), and clamp before a power or log",
        )
        case.require(float(got.detach().norm(dim=1).max()) < 1.001, "zero features give rows longer than 1")
        if got.requires_grad:
            torch.autograd.backward(got.sum())
            found = [parameter.grad for parameter in layer.parameters()] + [maps.grad]
            case.require(
                all(torch.isfinite(gradient).all() for gradient in found if gradient is not None),
                "zero features give a NaN or infinite gradient; the norm and fractional powers have none "
                "at 0: clamp, or use torch.where on the safe side of the division",
            )

    def test_batch_independent(self, case: Case) -> None:
        """An image's descriptor does not depend on what else is in the batch (in eval mode)."""
        layer = self.layer(case)
        maps = self.maps(case, 4)
        together = self.describe(layer, maps)
        for position in range(4):
            alone = self.describe(layer, maps[position : position + 1])
            worst = float((together[position] - alone[0]).abs().max())
            case.require(
                worst < self.option(case, "tolerance"),
                f"image {position} has another descriptor alone than in a batch of 4 (off by {worst:.3g}); "
                "do not normalise, centre or soften over the batch dimension",
            )

    def test_memory_layout(self, case: Case) -> None:
        """Channels-last and strided maps give the same descriptors."""
        layer = self.layer(case)
        maps = self.maps(case)
        wanted = self.describe(layer, maps)
        layouts = {
            "channels-last": maps.contiguous(memory_format=torch.channels_last),
            "strided": torch.stack((maps, maps + 1), dim=-1)[..., 0],
        }
        for name, given in layouts.items():
            worst = float((self.describe(layer, given) - wanted).abs().max())
            case.require(
                worst < self.option(case, "tolerance"),
                f"{name} maps give other descriptors (off by {worst:.3g}); use reshape or flatten instead "
                "of view, and no as_strided",
            )

    def test_orderless(self, case: Case) -> None:
        """A layer that declares itself orderless forgets where in the map a feature was."""
        layer = self.layer(case)
        if not layer.orderless:
            pytest.skip("declares that order matters")
        maps = self.maps(case)
        batch, channels, height, width = maps.shape
        order = torch.randperm(height * width, generator=torch.Generator().manual_seed(2))
        mixed = maps.flatten(2)[:, :, order].reshape(batch, channels, height, width)
        worst = float((self.describe(layer, maps) - self.describe(layer, mixed)).abs().max())
        case.require(
            worst < self.option(case, "tolerance"),
            f"declares orderless = True, yet permuted locations give another descriptor (off by "
            f"{worst:.3g}); set orderless = False, or pool without regard to position",
        )

    def test_wrong_channels_refused(self, case: Case) -> None:
        """Maps with another number of channels are an error, not a descriptor."""
        layer = self.layer(case)
        maps = self.maps(case)
        try:
            got = self.describe(layer, torch.cat((maps, maps[:, :1]), dim=1))
        except (ValueError, RuntimeError):
            return
        case.breach(
            f"built for {maps.shape[1]} channels it takes {maps.shape[1] + 1} and returns "
            f"{tuple(got.shape)}; raise ValueError that names the expected and the actual number"
        )

    def test_every_parameter_gets_a_gradient(self, case: Case) -> None:
        """What is declared trainable takes part in the descriptor."""
        layer = self.layer(case).train()
        trained = [(name, item) for name, item in layer.named_parameters() if item.requires_grad]
        if not trained:
            pytest.skip("has no trainable parameter")
        maps = self.maps(case, 4)
        got = self.call(layer, maps)
        weights = torch.randn(got.shape, generator=torch.Generator().manual_seed(3), dtype=got.dtype)
        torch.autograd.backward((got * weights).sum())
        without = [name for name, item in trained if item.grad is None or not item.grad.abs().sum() > 0]
        case.require(
            not without,
            f"no gradient reaches {', '.join(without)}; use each parameter in forward, without detach(), "
            "no_grad() or .data, or set requires_grad=False if it is not to be trained",
        )
        odd = [name for name, item in trained if item.grad is not None and not torch.isfinite(item.grad).all()]
        case.require(not odd, f"the gradient of {', '.join(odd)} is not finite")

    def test_state_round_trips(self, case: Case) -> None:
        """A checkpoint holds everything: another instance that loads it gives the same descriptors."""
        layer = self.layer(case, seed=0)
        buffer = io.BytesIO()
        torch.save(layer.state_dict(), buffer)
        buffer.seek(0)
        state = torch.load(buffer, weights_only=True)
        again = self.layer(case, seed=1, start=False)
        again.load_state_dict(state, strict=True)
        maps = self.maps(case)
        worst = float((self.describe(layer, maps) - self.describe(again.eval(), maps)).abs().max())
        case.require(
            worst == 0.0,
            f"a second layer that loads the state_dict gives other descriptors (off by {worst:.3g}); keep "
            "what init_from_features or training changes in parameters and buffers (register_buffer)",
        )

    def test_same_seed_same_layer(self, case: Case) -> None:
        """Built and started twice with one seed, the layer is bit for bit the same, whatever the global generator."""
        first = self.layer(case)
        with seeded(987):
            second = self.layer(case)
        maps = self.maps(case)
        once = self.describe(first, maps)
        case.require(
            torch.equal(once, self.describe(second, maps)),
            "two layers with one seed differ; in init_from_features draw from the generator that is "
            "given, never from torch's or numpy's global one",
        )
        case.require(
            torch.equal(once, self.describe(first, maps)),
            "called twice in eval mode it gives two descriptors; random parts belong in training only",
        )

    def test_feature_start(self, case: Case) -> None:
        """``init_from_features`` leaves finite parameters, and refuses a sample that it cannot start from."""
        layer = self.layer(case, start=False)
        if not isinstance(layer, SupportsFeatureInit):
            pytest.skip("does not start from features")
        sample = self.local_features(case)
        for name, given in {
            "one feature": sample[:1],
            "NaN features": sample * torch.nan,
            "equal features": sample * 0 + 1,
        }.items():
            tried = self.layer(case, start=False)
            try:
                tried.init_from_features(given, generator=torch.Generator().manual_seed(0))
            except ValueError:
                continue
            state = [item for item in tried.state_dict().values() if item.is_floating_point()]
            case.require(
                all(torch.isfinite(item).all() for item in state),
                f"init_from_features makes NaN or infinite parameters out of {name}; raise ValueError "
                "that says what sample is needed",
            )

    def test_autocast(self, case: Case) -> None:
        """Under bfloat16 autocast the rows are still unit and finite, and point where those of float32 do."""
        layer = self.layer(case)
        for scale in (1.0, 30.0):
            maps = self.maps(case) * scale
            wanted = self.describe(layer, maps)
            for given in (maps, maps.bfloat16()):
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    got = self.describe(layer, given).float()
                case.require(torch.isfinite(got).all(), "NaN or infinity under autocast; pool in float32")
                worst = float((got.norm(dim=1) - 1).abs().max())
                case.require(
                    worst < 0.02, f"under autocast rows are off unit length by {worst:.3g}; normalise in float32"
                )
                cosine = float(torch.nn.functional.cosine_similarity(got, wanted, dim=1).min())
                least = self.option(case, "bfloat16_cosine")
                case.require(
                    cosine >= least,
                    f"under bfloat16 autocast, maps times {scale:g} as {given.dtype}, the cosine to float32 is "
                    f"{cosine:.5f}, less than bfloat16_cosine = {least:g}; pool in float32",
                )

    def test_config_fields_matter(self, case: Case) -> None:
        """Each parameter changes something: shape, start, output in eval or train mode, gradient or what is trained."""
        check_fields_matter(case, lambda config: self.observe(case, config))

    def observe(self, case: Case, config: ComponentConfig) -> str:
        """Digest of everything the contract can see of a layer, in float64 so that small effects show."""
        fresh = self.layer(case, config=config, start=False)
        seen: list[Any] = [fresh.out_dim, fresh.orderless, dict(fresh.named_parameters()), fresh.state_dict()]
        layer = self.layer(case, config=config).double()
        seen += [layer.out_dim, layer.state_dict()]
        for maps in (self.maps(case), self.maps(case).relu(), self.maps(case) * 100):
            seen.append(self.describe(layer.eval(), maps.double()))
            given = maps.double().requires_grad_()
            with seeded(4):
                got = self.call(layer.train(), given)
            seen.append(got)
            if got.requires_grad:
                seen.append(torch.autograd.grad(got.square().cumsum(1).sum(), given, allow_unused=True)[0])
        return digest(*seen)
