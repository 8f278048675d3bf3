"""Heads: shapes, lengths, symmetry."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facemodel.network.heads import ClassHead, EmbeddingHead, HeadPlan, PairHead


def features(count: int, width: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(count, width, generator=torch.Generator().manual_seed(3))


def kinds(head: EmbeddingHead) -> list[str]:
    return [type(layer).__name__ for layer in head.layers]


def test_the_layers_are_those_of_the_plan() -> None:
    head = EmbeddingHead(HeadPlan(40, (20, 10), 5, dropout=0.3))
    assert kinds(head) == ["Linear", "ReLU", "Linear", "ReLU", "Dropout", "Linear"]
    assert head(features(3, 40)).shape == (3, 5)
    assert kinds(EmbeddingHead(HeadPlan(40, (), 5, whitened=True))) == ["Linear", "BatchNorm1d"]


def test_a_bare_head_gives_the_features_themselves() -> None:
    head, found = EmbeddingHead(HeadPlan(8, (), 8, bare=True)), features(4, 8)
    assert torch.equal(head(found), found)
    assert not list(head.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_lengths_are_one_to_float32s_precision_under_autocast(dtype: torch.dtype) -> None:
    head = EmbeddingHead(HeadPlan(64, (), 32, normalised=True))
    with torch.autocast("cpu", dtype=dtype):
        found = head(features(16, 64, 100.0))  # squares that fp16 cannot hold
    assert found.dtype == torch.float32
    assert (found.norm(dim=1) - 1).abs().max() < 1e-6


def test_a_pair_is_scored_the_same_either_way_round() -> None:
    head = PairHead(16, dropout=0.5).eval()
    left, right = features(9, 32).chunk(2, dim=1)
    assert torch.equal(head(left, right), head(right, left))
    assert head(left, right).shape == (9,)
    assert head(left, right).std() > 0


def test_the_pair_heads_layers_are_system_as() -> None:
    shapes = [tuple(layer.weight.shape) for layer in PairHead(16).layers if isinstance(layer, nn.Linear)]
    assert shapes == [(128, 32), (1, 128)]
    assert [type(layer).__name__ for layer in PairHead(16).layers] == ["Linear", "ReLU", "Dropout", "Linear"]


def test_embeddings_of_length_one_reach_a_heads_layer_with_values_near_one() -> None:
    """A linear layer on length-one embeddings starts with logits of nearly nothing, and learns slowly."""
    unit = nn.functional.normalize(features(200, 256))
    plain, stretched = (ClassHead(256, 9, normalised) for normalised in (False, True))
    stretched.load_state_dict(plain.state_dict())
    bias = plain.layer.bias
    assert torch.allclose(stretched(unit) - bias, 16 * (plain(unit) - bias), atol=1e-5)
    assert (unit * stretched.scale).square().mean().item() == pytest.approx(1, abs=1e-5)
    pair = PairHead(256, normalised=True).eval()
    assert pair(unit[:9], unit[9:18]).std() > 3 * PairHead(256).eval()(unit[:9], unit[9:18]).std()


def test_a_class_head_gives_a_logit_per_class() -> None:
    assert ClassHead(16, 7)(features(3, 16)).shape == (3, 7)
