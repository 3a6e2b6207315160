"""The AlexNet of Caffe's reference model zoo, the one the NetVLAD paper used; torchvision's is another network."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["CaffeAlexNet"]


class CaffeAlexNet(nn.Module):
    """Five convolutions, three of them in two groups, with local response normalisation after the first two poolings.

    ``features`` has 2,334,080 parameters up to conv5. Pooling windows reach over the border by one pixel (Caffe rounds
    up). Source: Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, NIPS 2012; layer
    order and sizes as in Caffe's ``bvlc_reference_caffenet`` (pooling before normalisation).
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 11, stride=4),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0),
            nn.Conv2d(96, 256, 5, padding=2, groups=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0),
            nn.Conv2d(256, 384, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 384, 3, padding=1, groups=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1, groups=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return ``features(images)``."""
        features: Tensor = self.features(images)
        return features
