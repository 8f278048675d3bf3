"""What is learnt from other models' embeddings: the sum, its weights, the matrix where lengths differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facemodel.objective.guidance import Guidance


def one_minus_cosine(left: torch.Tensor, right: torch.Tensor) -> float:
    pairs = zip(left.double().numpy(), right.double().numpy(), strict=True)
    return float(np.mean([1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairs]))


def test_it_is_the_weighted_sum_of_means() -> None:
    torch.manual_seed(0)
    guidance = Guidance(6, {"start": (2.0, 6), "teacher": (0.5, 9)}, seed=1)
    embeddings, near, far = torch.randn(5, 6), torch.randn(5, 6), torch.randn(5, 9)
    guidance.targets = [near, far]
    total, terms = guidance(embeddings)
    matrix = guidance.get_parameter("projections.teacher.weight")
    want = [one_minus_cosine(embeddings, near), one_minus_cosine((embeddings @ matrix.T).detach(), far)]
    assert [float(terms[name]) for name in ("start", "teacher")] == pytest.approx(want, abs=1e-6)
    assert float(total.detach()) == pytest.approx(2 * want[0] + 0.5 * want[1], abs=1e-5)


def test_only_where_lengths_differ_a_matrix_is_learnt_and_the_seed_draws_it() -> None:
    guidances = [Guidance(6, {"start": (2.0, 6), "teacher": (0.5, 9)}, seed=seed) for seed in (1, 1, 2)]
    names = [name for name, _ in guidances[0].named_parameters()]
    assert names == ["projections.teacher.weight"]
    one, same, other = (guidance.get_parameter("projections.teacher.weight") for guidance in guidances)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_the_gradient_turns_embeddings_towards_the_target() -> None:
    torch.manual_seed(0)
    guidance = Guidance(4, {"start": (1.0, 4)}, seed=0)
    embeddings = torch.nn.Parameter(torch.randn(3, 4))
    guidance.targets = [torch.nn.functional.normalize(torch.randn(3, 4))]
    before, _ = guidance(embeddings)
    for _ in range(200):
        loss, _ = guidance(embeddings)
        (slope,) = torch.autograd.grad(loss, embeddings)
        with torch.no_grad():
            embeddings.sub_(slope)
    assert guidance(embeddings)[0].item() < 0.05 * before.item()
