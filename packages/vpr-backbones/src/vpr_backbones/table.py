"""Which torchvision networks there are and where their stages lie: plain data, no torch.

A stage names the modules of the network it runs, in order, as dotted paths (``features.0:3`` is a range). Its ``tail``
is run only when another stage follows: a cut falls *before* the last ReLU and pooling of AlexNet and VGG, as in the
NetVLAD paper, while the stages above, which may be trained alone, start after them, where the map is smallest.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NETWORKS", "Network", "Stage"]


@dataclass(frozen=True)
class Stage:
    """One stage: its name, the modules it runs, and those that run only if another stage follows."""

    name: str
    body: tuple[str, ...]
    tail: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Network:
    """One network.

    Attributes:
        name: its name in a run file, and in ``torchvision.models``.
        stages: from input to output.
        cut: the last stage that is kept unless the user says otherwise.
        batch_norm: it has batch normalisation.
        title: how the literature calls it.
        paper: author, title, year, number.
        library: where the network comes from.
        normalization: how its usual weights want their input.
    """

    name: str
    stages: tuple[Stage, ...]
    cut: str
    batch_norm: bool
    title: str
    paper: str
    library: str = "torchvision"
    normalization: str = "imagenet"

    @property
    def stage_names(self) -> tuple[str, ...]:
        """Names of the stages from input to output."""
        return tuple(stage.name for stage in self.stages)


def _features(**ranges: str) -> tuple[Stage, ...]:
    """Stages from ranges of ``features``: ``conv1="0:3|3:5"`` has the tail 3:5."""
    stages = []
    for name, text in ranges.items():
        body, _, tail = text.partition("|")
        stages.append(Stage(name, (f"features.{body}",), (f"features.{tail}",) if tail else ()))
    return tuple(stages)


def _vgg(*convolutions: int, batch_norm: bool = False) -> tuple[Stage, ...]:
    """Blocks of convolutions (each with its batch normalisation and ReLU), a pooling after each block."""
    stages, at, step = [], 0, 3 if batch_norm else 2
    for position, count in enumerate(convolutions, start=1):
        end = at + step * count - 1
        stages.append(Stage(f"conv{position}", (f"features.{at}:{end}",), (f"features.{end}:{end + 2}",)))
        at = end + 2
    return tuple(stages)


_RESNET = (
    Stage("conv1", ("conv1", "bn1", "relu", "maxpool")),
    *(Stage(f"layer{n}", (f"layer{n}",)) for n in range(1, 5)),
)
_EFFICIENTNET = _features(stem="0", **{f"block{n}": f"{n}" for n in range(1, 8)}, head="8")
_CONVNEXT = _features(stem="0", stage1="1", stage2="2:4", stage3="4:6", stage4="6:8")

_VGG_PAPER = "Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014, 1409.1556"
_RESNET_PAPER = "He et al.: Deep Residual Learning for Image Recognition, 2015, 1512.03385"
_SQUEEZENET_PAPER = "Iandola et al.: SqueezeNet, 2016, 1602.07360"
_MOBILENET_V3_PAPER = "Howard et al.: Searching for MobileNetV3, 2019, 1905.02244"
_EFFICIENTNET_PAPER = "Tan, Le: EfficientNet, 2019, 1905.11946"
_CONVNEXT_PAPER = "Liu et al.: A ConvNet for the 2020s, 2022, 2201.03545"


def _network(name: str, stages: tuple[Stage, ...], cut: str, title: str, paper: str) -> Network:
    without = ("alexnet", "squeezenet", "convnext")
    batch_norm = not name.startswith(without) and (not name.startswith("vgg") or name.endswith("_bn"))
    return Network(name=name, stages=stages, cut=cut, batch_norm=batch_norm, title=title, paper=paper)


_VGG = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}

NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        _network(
            "alexnet",
            _features(conv1="0|1:3", conv2="3|4:6", conv3="6|7", conv4="8|9", conv5="10|11:13"),
            "conv5",
            "AlexNet, one column",
            "Krizhevsky: One weird trick for parallelizing convolutional neural networks, 2014, 1404.5997",
        ),
        *(_network(f"vgg{n}", _vgg(*_VGG[n]), "conv5", f"VGG-{n}", _VGG_PAPER) for n in _VGG),
        *(
            _network(
                f"vgg{n}_bn", _vgg(*_VGG[n], batch_norm=True), "conv5", f"VGG-{n} with batch normalisation", _VGG_PAPER
            )
            for n in _VGG
        ),
        *(_network(f"resnet{n}", _RESNET, "layer3", f"ResNet-{n}", _RESNET_PAPER) for n in (18, 34, 50, 101, 152)),
        _network(
            "resnext50_32x4d",
            _RESNET,
            "layer3",
            "ResNeXt-50 32x4d",
            "Xie et al.: Aggregated Residual Transformations, 2016, 1611.05431",
        ),
        _network(
            "wide_resnet50_2",
            _RESNET,
            "layer3",
            "Wide ResNet-50-2",
            "Zagoruyko, Komodakis: Wide Residual Networks, 2016, 1605.07146",
        ),
        _network(
            "squeezenet1_0",
            _features(conv1="0:2|2", fire4="3:6|6", fire8="7:11|11", fire9="12"),
            "fire9",
            "SqueezeNet 1.0",
            _SQUEEZENET_PAPER,
        ),
        _network(
            "squeezenet1_1",
            _features(conv1="0:2|2", fire3="3:5|5", fire5="6:8|8", fire9="9:13"),
            "fire9",
            "SqueezeNet 1.1",
            _SQUEEZENET_PAPER,
        ),
        _network(
            "mobilenet_v2",
            _features(
                stem="0",
                block1="1",
                block2="2:4",
                block3="4:7",
                block4="7:11",
                block5="11:14",
                block6="14:17",
                block7="17",
                head="18",
            ),
            "block5",
            "MobileNet v2",
            "Sandler et al.: MobileNetV2, 2018, 1801.04381",
        ),
        _network(
            "mobilenet_v3_small",
            _features(stem="0", block1="1", block2="2:4", block3="4:7", block4="7:9", block5="9:12", head="12"),
            "block4",
            "MobileNet v3 small",
            _MOBILENET_V3_PAPER,
        ),
        _network(
            "mobilenet_v3_large",
            _features(
                stem="0",
                block1="1",
                block2="2:4",
                block3="4:7",
                block4="7:11",
                block5="11:13",
                block6="13:16",
                head="16",
            ),
            "block5",
            "MobileNet v3 large",
            _MOBILENET_V3_PAPER,
        ),
        *(
            _network(f"efficientnet_b{n}", _EFFICIENTNET, "block5", f"EfficientNet-B{n}", _EFFICIENTNET_PAPER)
            for n in range(5)
        ),
        *(
            _network(f"convnext_{size}", _CONVNEXT, "stage3", f"ConvNeXt {size}", _CONVNEXT_PAPER)
            for size in ("tiny", "small", "base")
        ),
        Network(
            name="caffe_alexnet",
            stages=_features(conv1="0|1:4", conv2="4|5:8", conv3="8|9", conv4="10|11", conv5="12|13:15"),
            cut="conv5",
            batch_norm=False,
            title="Caffe's reference AlexNet, the NetVLAD paper's",
            paper="Krizhevsky et al.: ImageNet Classification with Deep Convolutional Neural Networks, NIPS 2012",
            library="Caffe",
            normalization="caffe",
        ),
    )
}
"""Every network that has a name of its own in a run file; timm has the others."""
