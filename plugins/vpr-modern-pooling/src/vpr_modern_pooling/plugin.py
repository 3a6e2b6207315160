"""The pooling layers that a run file can name. Loaded by hosts only; imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from vpr_core import ComponentConfig, PoolingSpec, hookimpl
from vpr_modern_pooling.adoption import adopt_convap, adopt_cosplace, adopt_mixvpr
from vpr_modern_pooling.configs import (
    BoQConfig,
    ConvAPConfig,
    CosPlaceConfig,
    CRNConfig,
    EigenPlacesConfig,
    MixVPRConfig,
    RMACConfig,
    SALADConfig,
)

if TYPE_CHECKING:
    from vpr_core.types import FeatureSpec, Pooling

__all__ = ["VPR_HOOK_API", "vpr_poolings"]

VPR_HOOK_API = 1


def _convap(config: ConvAPConfig, features: FeatureSpec) -> Pooling:
    from vpr_modern_pooling.convap import ConvAP

    return ConvAP(in_channels=features.channels, **_arguments(config))


def _cosplace(config: CosPlaceConfig | EigenPlacesConfig, features: FeatureSpec) -> Pooling:
    from vpr_modern_pooling.cosplace import CosPlaceHead

    return CosPlaceHead(in_channels=features.channels, **_arguments(config))


def _mixvpr(config: MixVPRConfig, features: FeatureSpec) -> Pooling:
    from vpr_modern_pooling.mixvpr import MixVPR

    if features.map_size is None:
        raise ValueError(
            "image.size must be given for mixvpr, whose weights belong to locations of a map of one size; published: "
            "[320, 320]"
        )
    return MixVPR(in_channels=features.channels, map_size=features.map_size, **_arguments(config))


def _salad(config: SALADConfig, features: FeatureSpec) -> Pooling:
    from vpr_modern_pooling.salad import SALAD

    if config.token_dim and not features.global_token:
        raise ValueError(
            f"pooling.token_dim must be 0 with a backbone that gives no global token, got {config.token_dim}; "
            "or take a ViT such as DINOv2, as published"
        )
    if features.map_size is not None and features.map_size[0] * features.map_size[1] <= config.num_clusters:
        height, width = features.map_size
        raise ValueError(
            f"pooling.num_clusters must be less than the {height} x {width} = {height * width} locations of a map, got "
            f"{config.num_clusters}; or enlarge image.size"
        )
    return SALAD(in_channels=features.channels, **_arguments(config))


def _boq(config: BoQConfig, features: FeatureSpec) -> Pooling:
    from vpr_modern_pooling.boq import BoQ

    return BoQ(in_channels=features.channels, **_arguments(config))


def _rmac(config: RMACConfig, features: FeatureSpec) -> Pooling:
    from vpr_modern_pooling.rmac import RMAC

    return RMAC(in_channels=features.channels, **_arguments(config))


def _crn(config: CRNConfig, features: FeatureSpec) -> Pooling:
    from vpr_modern_pooling.crn import CRN

    return CRN(in_channels=features.channels, **_arguments(config))


def _arguments(config: ComponentConfig) -> dict[str, Any]:
    """Return the configured fields, which bear the names of the constructor's arguments."""
    return config.model_dump(exclude={"type"})


@hookimpl
def vpr_poolings() -> Iterator[PoolingSpec[Any]]:
    """Yield the layers that came after NetVLAD."""
    yield PoolingSpec(
        name="convap",
        config=ConvAPConfig,
        build=_convap,
        adopt=adopt_convap,
        summary="1x1 convolution and means over a coarse grid",
        paper="Ali-bey, Chaib-draa, Giguere: GSV-Cities, Neurocomputing 2022, arXiv 2210.10239",
    )
    yield PoolingSpec(
        name="cosplace",
        config=CosPlaceConfig,
        build=_cosplace,
        adopt=adopt_cosplace,
        summary="unit features, generalised mean, linear layer; 512 numbers",
        paper="Berton, Masone, Caputo: Rethinking visual geo-localization, CVPR 2022, arXiv 2204.02287",
    )
    yield PoolingSpec(
        name="eigenplaces",
        config=EigenPlacesConfig,
        build=_cosplace,
        summary="the layer of cosplace; 2048 numbers",
        paper="Berton, Trivigno, Caputo, Masone: EigenPlaces, ICCV 2023, arXiv 2308.10832",
    )
    yield PoolingSpec(
        name="mixvpr",
        config=MixVPRConfig,
        build=_mixvpr,
        adopt=adopt_mixvpr,
        summary="mixes all locations of a map of fixed size; needs image.size",
        paper="Ali-bey, Chaib-draa, Giguere: MixVPR, WACV 2023, arXiv 2303.02190",
    )
    yield PoolingSpec(
        name="salad",
        config=SALADConfig,
        build=_salad,
        summary="shares features out to clusters by optimal transport, beside a global token",
        paper="Izquierdo, Civera: Optimal transport aggregation for VPR, CVPR 2024, arXiv 2311.15937",
    )
    yield PoolingSpec(
        name="boq",
        config=BoQConfig,
        build=_boq,
        summary="blocks of learned queries that attend to the map",
        paper="Ali-bey, Chaib-draa, Giguere: BoQ, CVPR 2024, arXiv 2405.07364",
    )
    yield PoolingSpec(
        name="rmac",
        config=RMACConfig,
        build=_rmac,
        summary="sum of the maxima of square regions at several scales; nothing is trained",
        paper="Tolias, Sicre, Jegou: Particular object retrieval with R-MAC, ICLR 2016, arXiv 1511.05879",
    )
    yield PoolingSpec(
        name="crn",
        config=CRNConfig,
        build=_crn,
        summary="NetVLAD that weighs each location by its surroundings",
        paper="Kim, Dunn, Frahm: Learned contextual feature reweighting, CVPR 2017, doi 10.1109/CVPR.2017.346",
    )
