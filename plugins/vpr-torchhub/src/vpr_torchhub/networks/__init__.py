"""Networks that are published as a file without an entry point, restated from their papers; names are the files'."""

from __future__ import annotations

from vpr_torchhub.networks.gsv_cities import ConvAPNetwork, MixVPRNetwork
from vpr_torchhub.networks.patch_netvlad import PatchNetVLADNetwork
from vpr_torchhub.networks.supervlad import SuperVLADNetwork

__all__ = ["ConvAPNetwork", "MixVPRNetwork", "PatchNetVLADNetwork", "SuperVLADNetwork"]
