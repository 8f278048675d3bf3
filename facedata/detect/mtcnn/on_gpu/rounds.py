"""A round of the coarse-to-fine search for all photos of a batch at once, on the device.

The steps, thresholds and numbers are those of :mod:`facedata.detect.mtcnn.coarse`. Boxes come back from the
device once, with the candidates of a round, and faces once after each look at some of them. Between the two
lies what the photo's rule decides: which candidates could still change the choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ....types import Face, Float32Array
from ...boxes import find_distinct
from ..coarse import CELL_PX, DOUBTFUL, O_PX, R_PX, THRESHOLDS, FoundFace, PhotoSearch, Round, look_in_turns
from ..on_torch import TorchNetworks
from .atlas import Atlas
from .tensor_boxes import shift, square, suppress


@dataclass(eq=False, kw_only=True)
class NumberedSearch(PhotoSearch):
    """The search of one photo.

    Attributes:
        number: its place in the atlas.
        atlas: the batch's photos.
    """

    number: int
    atlas: Atlas


def run_round(
    networks: TorchNetworks,
    atlas: Atlas,
    searches: Sequence[NumberedSearch],
    what: Round,
    coarser_px: int = 0,
) -> None:
    """Search the photos' pyramids and add the faces found; see :func:`..coarse.run_round`.

    Args:
        networks: those of MTCNN.
        atlas: the photos.
        searches: of any number; faces are added to each one's ``found``.
        what: how fine to search, and how much at once.
        coarser_px: levels with at most this longer side have been searched already.
    """
    levels = what.levels(coarser_px)
    if searches and levels:
        boxes, is_kept = propose(networks, atlas, searches, levels, what.candidates)
        for search, mine, kept in zip(searches, boxes, is_kept, strict=True):
            search.boxes = mine[kept]
    look_in_turns(searches, what.at_once, lambda chances: refine(networks, atlas, chances))


def propose(
    networks: TorchNetworks,
    atlas: Atlas,
    searches: Sequence[NumberedSearch],
    levels: Sequence[int],
    most: int,
) -> tuple[Float32Array, np.ndarray[tuple[int, int], np.dtype[np.bool_]]]:
    """Return P-Net's candidates at some levels.

    Returns:
        Squares in pixels of the photo, ``(n, k, 4)``, the best first; and which of them there are, and no
        better one overlaps, ``(n, k)``.
    """
    numbers = np.array([search.number for search in searches], np.int64)
    full = atlas.sizes[numbers]
    scores, shifts, corners, levels_of, enlarged = [], [], [], [], []
    for level, side in enumerate(levels):
        targets = np.maximum(1, np.rint(full * (side / full.max(axis=1, keepdims=True)))).astype(np.int64)
        targets[targets.min(axis=1) < CELL_PX] = 0
        score, moved = networks.forward("pnet", atlas.shrink(numbers, targets, side))
        y, x = (2 * torch.arange(length, device=atlas.device) for length in score.shape[1:])
        sizes = torch.from_numpy(targets).to(atlas.device) + 1 - CELL_PX
        inside = (y <= sizes[:, 1:])[:, :, None] & (x <= sizes[:, :1])[:, None]
        scores.append(torch.where(inside & (score >= THRESHOLDS[0]), score, -1.0).flatten(1))
        shifts.append(moved.flatten(2))
        corners.append(torch.stack([x.repeat(len(y)), y.repeat_interleave(len(x))], dim=1))
        levels_of.append(torch.full((len(corners[-1]),), level, device=atlas.device))
        enlarged.append(full / np.maximum(targets, 1))
    score, best = torch.sort(torch.cat(scores, dim=1), dim=1, descending=True, stable=True)
    score, best = score[:, :most], best[:, :most]
    corner, level_of = torch.cat(corners)[best], torch.cat(levels_of)[best]
    grown = torch.from_numpy(np.stack(enlarged, axis=1)).to(atlas.device)
    grown = grown.gather(1, level_of[:, :, None].expand(-1, -1, 2))
    cells = torch.cat([corner * grown, (corner + CELL_PX) * grown], dim=2).to(torch.float32)
    moved = torch.cat(shifts, dim=2).gather(2, best[:, None].expand(-1, 4, -1)).transpose(1, 2)
    squares = square(shift(cells, moved))
    kept = suppress(squares, score > 0, 0.5)
    both = torch.cat([squares, kept[:, :, None].to(torch.float32)], dim=2).cpu().numpy()
    return both[:, :, :4], both[:, :, 4] > 0


def refine(
    networks: TorchNetworks, atlas: Atlas, chances: Sequence[tuple[NumberedSearch, Float32Array]]
) -> None:
    """Send candidates through R-Net, those it keeps through O-Net, and add those that O-Net calls faces.

    Args:
        networks: those of MTCNN.
        atlas: the photos.
        chances: photos, and the boxes of each to look at, ``(k, 4)`` with k of 1 or more.
    """
    counts = np.array([len(boxes) for _, boxes in chances], np.int64)
    numbers = np.array([search.number for search, _ in chances], np.int64)
    given = np.concatenate([boxes for _, boxes in chances])
    row = np.repeat(np.arange(len(chances)), counts)
    column = np.concatenate([np.arange(count) for count in counts.tolist()])
    places = torch.from_numpy(np.stack([numbers[row], row, column])).to(atlas.device)
    boxes = torch.from_numpy(given).to(atlas.device)
    crops, _ = atlas.cut(places[0], boxes, R_PX)
    scores, shifts = networks.forward("rnet", crops)
    # the boxes of each photo in a row of their own, the best first
    table = scores.new_full((len(chances), int(counts.max())), -1.0)
    table[places[1], places[2]] = torch.where(scores > THRESHOLDS[1], scores, -1.0)
    moved = boxes.new_zeros((*table.shape, 4))
    moved[places[1], places[2]] = square(shift(boxes, shifts))
    table, order = torch.sort(table, dim=1, descending=True, stable=True)
    moved = moved.gather(1, order[:, :, None].expand(-1, -1, 4))
    # one box per face: O-Net costs ten times as much as R-Net
    kept = suppress(moved, table > 0, 0.6, of_smaller=True)
    rows = kept.nonzero()[:, 0]
    if not len(rows):
        return
    owners, looked = torch.from_numpy(numbers).to(atlas.device)[rows], moved[kept]
    crops, seen = _look(networks, atlas, owners, looked)
    # the one box kept per face is not always the best: a doubtful face gets a second look, at the box that
    # O-Net itself proposes
    again = ((seen[:, 0] > DOUBTFUL[0]) & (seen[:, 0] < DOUBTFUL[1])).nonzero()[:, 0]
    if len(again):
        other_crops, other = _look(networks, atlas, owners[again], square(seen[again, 1:5]))
        is_better = other[:, 0] > seen[again, 0]
        seen[again] = torch.where(is_better[:, None], other, seen[again])
        crops[again] = torch.where(is_better[:, None, None, None], other_crops, crops[again])
    found = seen[:, 0] > THRESHOLDS[2]
    numbered = torch.cat([rows[found, None].to(torch.float32), seen[found]], dim=1).cpu().numpy()
    for line, crop in zip(numbered, crops[found].cpu().numpy(), strict=True):
        face = Face(line[2:6], float(line[1]), line[6:16].reshape(5, 2))
        chances[int(line[0])][0].found.append(FoundFace(face, crop, line[16:20]))
    for index in np.unique(numbered[:, 0]).astype(int).tolist():
        search = chances[index][0]
        search.found = [search.found[at] for at in find_distinct(search.faces)]


def _look(networks: TorchNetworks, atlas: Atlas, owners: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Return O-Net's crop ``(m, 48, 48, 3)`` for each box, and what it says of it, ``(m, 19)``.

    That is the score, the face's box (4), its points (10), and where the crop lies in the photo (4).
    """
    crops, places = atlas.cut(owners, boxes, O_PX)
    scores, shifts, points = networks.forward("onet", crops)
    landmarks = points * (places[:, 2:] - places[:, :2])[:, None] + places[:, None, :2]
    return crops, torch.cat([scores[:, None], shift(places, shifts), landmarks.flatten(1), places], dim=1)
