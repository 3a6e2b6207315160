"""What is registered of each published set: which function opens it, what it is, and its paper.

The parameters are in ``plugin.py`` beside, the one file here that knows vpr-core.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["REGISTERED", "Registered"]

NETVLAD = "Arandjelovic, Gronat, Torii, Pajdla, Sivic: NetVLAD, CVPR 2016, arXiv 1511.07247"
PITTSBURGH = "Torii, Sivic, Pajdla, Okutomi: Visual Place Recognition with Repetitive Structures, CVPR 2013"
TOKYO = "Torii, Arandjelovic, Sivic, Okutomi, Pajdla: 24/7 Place Recognition by View Synthesis, CVPR 2015"
VPR_BENCH = "Zaffar et al.: VPR-Bench, IJCV 2021, arXiv 2005.08135"


@dataclass(frozen=True)
class Registered:
    """One set.

    Attributes:
        module: of `vpr_data.published`.
        function: in it, that opens the set.
        summary: one line.
        paper: where it was published.
    """

    module: str
    function: str
    summary: str
    paper: str


REGISTERED = {
    "pitts30k": Registered(
        "pittsburgh", "pitts30k", "Pittsburgh, 10,000 database images a split; images on request", NETVLAD
    ),
    "pitts250k": Registered(
        "pittsburgh", "pitts250k", "Pittsburgh, up to 91,464 database images a split; images on request", PITTSBURGH
    ),
    "tokyo247": Registered(
        "tokyo", "tokyo247", "Tokyo by day, at sunset, at night; test only; images on request", TOKYO
    ),
    "tokyo_tm": Registered("tokyo", "tokyo_tm", "Tokyo Time Machine, train and val; images on request", NETVLAD),
    "msls": Registered(
        "msls",
        "msls",
        "Mapillary Street-Level Sequences, val per city, subtasks",
        "Warburg et al.: Mapillary Street-Level Sequences, CVPR 2020",
    ),
    "nordland": Registered(
        "nordland",
        "nordland",
        "a railway, season against season; the variant is named",
        "Suenderhauf, Neubert, Protzel: Are We There Yet? Challenging SeqSLAM, ICRA Workshop 2013",
    ),
    "sf_xl": Registered(
        "sf_xl",
        "sf_xl",
        "San Francisco, one database, queries v1, v2, night, occlusion",
        "Berton, Masone, Caputo: Rethinking Visual Geo-localization, CVPR 2022, arXiv 2204.02287",
    ),
    "svox": Registered(
        "svox",
        "svox",
        "Oxford, one database, queries at night and in four weathers",
        "Berton, Paolicelli, Masone, Caputo: Adaptive-Attentive Geolocalization, WACV 2021",
    ),
    "st_lucia": Registered(
        "st_lucia",
        "st_lucia",
        "a suburb of Brisbane, two drives",
        "Milford, Wyeth: Mapping a Suburb with a Single Camera, IEEE T-RO 2008",
    ),
    "eynsham": Registered(
        "eynsham",
        "eynsham",
        "country roads near Oxford, grey panoramas",
        "Cummins, Newman: Highly Scalable Appearance-Only SLAM, RSS 2009",
    ),
    "amstertime": Registered(
        "amstertime",
        "amstertime",
        "Amsterdam, archive photographs against street view",
        "Yildiz et al.: AmsterTime, ICPR 2022, arXiv 2203.16291",
    ),
    "sped": Registered("sped", "sped", "607 pairs of fixed cameras", VPR_BENCH),
    "essex3in1": Registered(
        "essex3in1", "essex3in1", "210 pairs of confusing views", "Zaffar et al.: Memorable Maps, arXiv 1804.01342"
    ),
    "gardens_point": Registered(
        "gardens_point",
        "gardens_point",
        "a campus walked by day, right and left, and by night",
        "Glover: Day and Night, Left and Right, Zenodo 2014",
    ),
    "17places": Registered(
        "places17",
        "places17",
        "indoor walks by day and night; the tolerance is named",
        "Sahdev, Tsotsos: Indoor Place Recognition System for Localization of Mobile Robots, CRV 2016",
    ),
    "baidu_mall": Registered(
        "baidu_mall",
        "baidu_mall",
        "a shopping centre with poses, 10 m",
        "Sun et al.: A Dataset for Benchmarking Image-Based Localization, CVPR 2017",
    ),
}
"""By the name that a run file gives as ``type``."""
