"""Losses over the pairs of a batch.

``B`` descriptors ``x_i``, unit length; ``s_ij = x_i . x_j``, ``d_ij = |x_i - x_j|``; ``P_i`` the other images of
``i``'s place, ``N_i`` those of other places. ``mining_epsilon`` thins them out first as `multi_similarity` does.
"""

from __future__ import annotations

from pytorch_metric_learning import losses, miners

from vpr_metric_learning.labelled import LabelledLoss

__all__ = ["circle", "contrastive", "multi_similarity", "ntxent", "supcon"]


def multi_similarity(
    *, alpha: float = 1.0, beta: float = 50.0, base: float = 0.0, mining_epsilon: float | None = 0.1
) -> LabelledLoss:
    """Multi-similarity loss with its own mining: what GSV-Cities, MixVPR, SALAD and BoQ are trained with.

    ``mean_i [ln(1 + sum_{P_i} e^{-alpha (s_ij - base)}) / alpha + ln(1 + sum_{N_i} e^{beta (s_ij - base)}) / beta]``,
    where of ``P_i`` only ``s_ij - epsilon < max_{N_i} s`` is kept and of ``N_i`` only ``s_ij + epsilon > min_{P_i} s``.
    The mean is over all ``B`` anchors, those that kept nothing included.

    Args:
        alpha: weight of positives.
        beta: weight of negatives.
        base: similarity at which a pair begins to count.
        mining_epsilon: epsilon of the mining; None: all pairs.

    Source: Wang et al., Multi-similarity loss with general pair weighting, CVPR 2019, arXiv 1904.06627. Defaults:
    Ali-bey et al., GSV-Cities, 2022, arXiv 2210.10239.
    """
    return LabelledLoss(
        loss=losses.MultiSimilarityLoss(alpha=alpha, beta=beta, base=base), miner=_similarity_mining(mining_epsilon)
    )


def contrastive(
    *, positive_margin: float = 0.0, negative_margin: float = 1.0, mining_epsilon: float | None = None
) -> LabelledLoss:
    """Contrastive loss over all pairs of a batch, distances not squared.

    ``mean+ [d_ij - positive_margin]_+ over positive pairs + mean+ [negative_margin - d_ij]_+ over negative pairs``;
    ``mean+`` is the mean over the terms that are not zero.

    Args:
        positive_margin: distance below which positives are left alone.
        negative_margin: distance beyond which negatives are left alone.
        mining_epsilon: epsilon of the mining; None: all pairs.

    Source: Hadsell, Chopra, LeCun, Dimensionality reduction by learning an invariant mapping, CVPR 2006.
    """
    return LabelledLoss(
        loss=losses.ContrastiveLoss(pos_margin=positive_margin, neg_margin=negative_margin),
        miner=_similarity_mining(mining_epsilon),
    )


def circle(*, margin: float = 0.4, scale: float = 80.0, mining_epsilon: float | None = None) -> LabelledLoss:
    """Circle loss on pairs: each similarity is weighted by how far it is from where it should be.

    ``mean+_i softplus(lse_{P_i}[-scale a_p (s_ij - 1 + margin)] + lse_{N_i}[scale a_n (s_ij - margin)])`` with the
    weights ``a_p = [1 + margin - s_ij]_+`` and ``a_n = [s_ij + margin]_+``, which pass no gradient. Anchors without a
    positive or without a negative count nothing.

    Args:
        margin: ``m``.
        scale: ``gamma``.
        mining_epsilon: epsilon of the mining; None: all pairs.

    Source: Sun et al., Circle loss, CVPR 2020, arXiv 2002.10857; defaults are the paper's for fine-grained retrieval.
    """
    return LabelledLoss(loss=losses.CircleLoss(m=margin, gamma=scale), miner=_similarity_mining(mining_epsilon))


def supcon(*, temperature: float = 0.1, mining_epsilon: float | None = None) -> LabelledLoss:
    """Supervised contrastive loss, the sum over positives outside the logarithm.

    ``mean+_i -1/|P_i| sum_{P_i} ln(e^{s_ij / t} / sum_{P_i + N_i} e^{s_ik / t})``.

    Args:
        temperature: ``t``.
        mining_epsilon: epsilon of the mining; None: all pairs.

    Source: Khosla et al., Supervised contrastive learning, NeurIPS 2020, arXiv 2004.11362, equation 2.
    """
    return LabelledLoss(loss=losses.SupConLoss(temperature=temperature), miner=_similarity_mining(mining_epsilon))


def ntxent(*, temperature: float = 0.07, mining_epsilon: float | None = None) -> LabelledLoss:
    """InfoNCE over every positive pair, also called NT-Xent.

    ``mean_{i, j in P_i} -ln(e^{s_ij / t} / (e^{s_ij / t} + sum_{N_i} e^{s_ik / t}))``.

    Args:
        temperature: ``t``.
        mining_epsilon: epsilon of the mining; None: all pairs.

    Source: van den Oord et al., Contrastive predictive coding, 2018, arXiv 1807.03748; Chen et al., SimCLR, ICML 2020,
    arXiv 2002.05709.
    """
    return LabelledLoss(loss=losses.NTXentLoss(temperature=temperature), miner=_similarity_mining(mining_epsilon))


def _similarity_mining(epsilon: float | None) -> miners.MultiSimilarityMiner | None:
    return None if epsilon is None else miners.MultiSimilarityMiner(epsilon=epsilon)
