"""How a published network is described: one `Published` a model, in a file of its own below `vpr_torchhub.models`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vpr_core import ComponentConfig, ImageNeeds
from vpr_torchhub.config import FileConfig, HubConfig, Scalar
from vpr_torchhub.terms import Terms

if TYPE_CHECKING:
    from torch import nn

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "Network", "Published"]

Triple = tuple[float, float, float]
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class Network:
    """One variant of a model: how it is had, and what it takes and gives.

    Attributes:
        entry: functions of the ``hubconf.py``, the first that is there is called; empty for a network of a file.
        arguments: its keyword arguments.
        build: makes the network of what the entry point gave, or of nothing where there is none; None: it is that.
        dim: length of a descriptor; None: found by one call.
        images: which images it takes, and those its authors recommend.
        mean, std: of the input, images in 0..1.
        take: which of several results is the descriptor.
        alone: the descriptor of an image depends on its batch, so images are given to the network one by one.
        probe: ``(height, width)`` of the image of the one call.
    """

    entry: tuple[str, ...] = ()
    arguments: Mapping[str, Scalar] = field(default_factory=dict)
    build: Callable[[Any], nn.Module] | None = None
    dim: int | None
    images: ImageNeeds = field(default_factory=ImageNeeds)
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    take: int = 0
    alone: bool = False
    probe: tuple[int, int] = (224, 224)


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published model.

    Attributes:
        title: how its authors call it.
        summary: one line.
        paper: author, title, year and number.
        config: its parameters; the name in a run file is the default of ``type``.
        terms: whose it is.
        network: the variant that a config describes.
        trained_on: the training data, whose terms reach the weights.
        packages: what its code imports beyond torch and torchvision.
        remark: what else is to be known before it is used.
        variants: parameters of the variants that are listed in docs/models.md.
    """

    title: str
    summary: str
    paper: str
    config: type[HubConfig] | type[FileConfig]
    terms: Terms
    network: Callable[[Any], Network]
    trained_on: str = ""
    packages: Sequence[str] = ()
    remark: str = ""
    variants: Sequence[Mapping[str, Any]] = ({},)

    @property
    def name(self) -> str:
        """What a run file writes after ``type:``."""
        return str(self.config.model_fields["type"].default)

    @property
    def runs_code(self) -> bool:
        """It is had by running the authors' code; False: of a file of tensors."""
        return issubclass(self.config, HubConfig)

    def images(self, config: ComponentConfig) -> ImageNeeds:
        """What the variant asks of its images."""
        return self.network(config).images

    def remarks(self, config: ComponentConfig) -> list[str]:
        """What is to be known before it is used: licences, what moves, what it depends on."""
        said = [f"{self.terms.repository}, {self.terms.said}"]
        if self.trained_on:
            said[0] += f"; trained on {self.trained_on}"
        if self.remark:
            said.append(self.remark)
        if self.network(config).alone:
            said.append("a descriptor depends on the images of its batch: every image is given to the network alone")
        if isinstance(config, HubConfig) and config.ref is None and config.local is None:
            said.append("no ref: the repository's default branch counts, as it is when first fetched; pin a commit")
        return said
