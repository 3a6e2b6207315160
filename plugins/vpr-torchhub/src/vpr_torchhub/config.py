"""What the parameters of published networks have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from vpr_core import ComponentConfig

__all__ = ["FileConfig", "HubConfig", "Scalar"]

Scalar = bool | int | float | str | None


class HubConfig(ComponentConfig):
    """What every network behind an entry point of torch.hub shares."""

    accept_licence: bool = Field(False, description="true: you have read the repository's licence and agree to it")
    trust_repo: bool = Field(False, description="true: run the repository's Python code on this machine")
    ref: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$",
        description="branch, tag or full commit to pin; null: the default branch as it is today, or as cached",
    )
    local: Path | None = Field(None, description="folder of a checkout with hubconf.py, in place of GitHub")
    train_from: Literal["none", "all"] = Field(
        "none", description="none: use it as it is; all: train what its authors left trainable"
    )


class FileConfig(ComponentConfig):
    """What networks share whose authors publish a file, no entry point: nothing is fetched, none of their code runs."""

    weights: Path = Field(description="the authors' file, which you have fetched; read as tensors only")
    accept_licence: bool = Field(
        False, description="nothing is asked of a file that you have; so that one --set serves"
    )
    trust_repo: bool = Field(False, description="there is no code of theirs to trust; so that one --set serves a suite")
    train_from: Literal["none", "all"] = Field("none", description="none: use it as it is; all: train all of it")
