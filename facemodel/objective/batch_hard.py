"""Batch-hard mining that wrong labels cannot turn against itself.

Plain batch-hard (Hermans et al., *In Defense of the Triplet Loss*, 2017, arXiv:1703.07737) takes each
anchor's farthest positive and nearest negative. Where labels are wrong both are wrong first: a photo under a
wrong name is the farthest positive of all others under it, and the nearest negative of its own person's. Then
every step pulls strangers together, and the embeddings shrink to a point. So two kinds of pairs are passed
over here, by the distances of the batch itself:

* a positive that is farther away than the nearest tenth of the strangers: it seems to show somebody else. The
  nearest positive always counts (Xuan et al., *Improved Embeddings with Easy Positive Triplet Mining*, 2020,
  arXiv:1904.04370);
* a negative that is nearer than one person's photos usually are: it seems to be the anchor's own person.
  While a network tells nobody from anybody, this leaves about the negatives that are semi-hard, which FaceNet
  starts with for the same reason.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .losses import all_distances

STRANGER_SHARE = 0.1
"""A positive counts as long as less than this share of the photos of others is nearer to the anchor."""

OWN_SHARE = 0.5
"""A negative counts from this quantile of the distances of the batch's positive pairs on."""


class BatchHard(nn.Module):
    """Pick one triplet an anchor: its farthest credible positive, its nearest credible negative.

    Args:
        distance: as in :func:`~facemodel.objective.losses.row_distances`.
    """

    def __init__(self, distance: str) -> None:
        super().__init__()
        self.distance = distance

    @torch.no_grad()
    def forward(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return rows of anchors, positives and negatives, ``(m,)`` int64 each.

        Args:
            embeddings: ``(N, dim)`` float32.
            labels: ``(N,)`` int64. An anchor without a positive or without a credible negative is left out.
        """
        apart = all_distances(embeddings, self.distance)
        same = labels[:, None] == labels[None, :]
        positive = same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)
        own = apart.masked_fill(~positive, torch.inf)
        place = (STRANGER_SHARE * ((~same).sum(1, keepdim=True) - 1)).long().clamp_min(0)
        stranger = apart.masked_fill(same, torch.inf).sort(1).values.gather(1, place)
        credible = positive & ((apart <= stranger) | (own == own.amin(1, keepdim=True)))
        usual = apart[credible].sort().values
        if not len(usual):
            none = torch.empty(0, dtype=torch.int64, device=labels.device)
            return none, none, none
        allowed = ~same & (apart >= usual[int(OWN_SHARE * (len(usual) - 1))])
        anchors = torch.nonzero(credible.any(1) & allowed.any(1)).squeeze(1)
        farthest = apart.masked_fill(~credible, -torch.inf).argmax(1)
        nearest = apart.masked_fill(~allowed, torch.inf).argmin(1)
        return anchors, farthest[anchors], nearest[anchors]
