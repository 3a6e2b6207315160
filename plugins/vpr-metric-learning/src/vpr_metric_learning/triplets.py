"""Losses over the triplets of a batch: anchor ``a``, positive ``p``, negative ``n``, and unit descriptors' distances.

``[d_ap - d_an + margin]_+``, or with ``smooth`` its soft version ``ln(1 + e^{d_ap - d_an + margin})``, as a mean over
the terms that are not zero. Distances are not squared.
"""

from __future__ import annotations

from pytorch_metric_learning import losses, miners

from vpr_metric_learning.labelled import LabelledLoss

__all__ = ["batch_all_triplet", "batch_hard_triplet", "semi_hard_triplet"]


def batch_hard_triplet(*, margin: float = 0.1, smooth: bool = False) -> LabelledLoss:
    """One triplet an anchor: its farthest positive and its nearest negative.

    Args:
        margin: how much nearer the positive must be.
        smooth: softplus instead of the hinge.

    Source: Hermans, Beyer, Leibe, In defense of the triplet loss, 2017, arXiv 1703.07737.
    """
    return LabelledLoss(loss=losses.TripletMarginLoss(margin=margin, smooth_loss=smooth), miner=miners.BatchHardMiner())


def semi_hard_triplet(*, margin: float = 0.1, smooth: bool = False) -> LabelledLoss:
    """Triplets whose negative is farther than the positive, yet not by the margin.

    Args:
        margin: how much nearer the positive must be, and below which a triplet is semi-hard.
        smooth: softplus instead of the hinge.

    Source: Schroff, Kalenichenko, Philbin, FaceNet, CVPR 2015, arXiv 1503.03832.
    """
    return LabelledLoss(
        loss=losses.TripletMarginLoss(margin=margin, smooth_loss=smooth),
        miner=miners.TripletMarginMiner(margin=margin, type_of_triplets="semihard"),
    )


def batch_all_triplet(*, margin: float = 0.1, smooth: bool = False) -> LabelledLoss:
    """Every triplet of the batch that violates the margin.

    Args:
        margin: how much nearer the positive must be.
        smooth: softplus instead of the hinge, over all triplets that violate the margin.

    Source: Hermans, Beyer, Leibe, In defense of the triplet loss, 2017, arXiv 1703.07737 (batch all, non-zero mean).
    """
    return LabelledLoss(
        loss=losses.TripletMarginLoss(margin=margin, smooth_loss=smooth),
        miner=miners.TripletMarginMiner(margin=margin, type_of_triplets="all"),
    )
