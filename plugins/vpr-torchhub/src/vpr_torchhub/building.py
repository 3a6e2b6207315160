"""From the description of a published network to a backbone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vpr_torchhub.backbone import HubBackbone
from vpr_torchhub.config import FileConfig, HubConfig
from vpr_torchhub.loading import load
from vpr_torchhub.origin import HubOrigin, commit_of, weights_sha256

if TYPE_CHECKING:
    from vpr_torchhub.published import Network
    from vpr_torchhub.terms import Terms

__all__ = ["build"]


def build(config: HubConfig | FileConfig, network: Network, terms: Terms) -> HubBackbone:
    """Load the network that ``config`` agreed to, and record which code and which weights it is.

    Raises:
        FileNotFoundError, ValueError, ModuleNotFoundError, ConnectionError: see `vpr_torchhub.loading.load` and
            `vpr_torchhub.checkpoint.fill`.
    """
    model, repository, ref, commit = None, "", None, ""
    if isinstance(config, HubConfig):
        repository, ref = terms.repository, config.ref
        model = load(
            repository,
            *network.entry,
            arguments=network.arguments,
            ref=ref,
            local=config.local,
            caches=terms.caches,
        )
        commit = commit_of(repository=repository, ref=ref, local=config.local)
    if network.build is not None:
        model = network.build(model)
    if model is None:
        raise TypeError("a network of a file must say how it is built")
    origin = HubOrigin(
        repository=repository,
        entry=network.entry[0] if network.entry else "",
        ref=ref,
        commit=commit,
        file=str(getattr(config, "weights", "")),
        file_sha256=str(getattr(model, "file_sha256", "")),
        weights_sha256=weights_sha256(model),
    )
    return HubBackbone(
        model=model,
        train_from=config.train_from,
        mean=network.mean,
        std=network.std,
        dim=network.dim,
        probe=network.probe,
        fault=network.images.fault,
        take=network.take,
        alone=network.alone,
        origin=origin,
    )
