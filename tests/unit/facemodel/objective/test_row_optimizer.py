"""The optimizer of rows: torch's, over the steps in which a row has a gradient."""

from __future__ import annotations

import pytest
import torch

from facemodel.config import FitConfig
from facemodel.objective.row_optimizer import RowOptimizer, clip_with_rows
from facemodel.training.trainer import make_optimizer

ROWS, DIM, STEPS = 12, 5, 9
OPTIONS = [
    {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.01},
    {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0},
    {"optimizer": "adam", "weight_decay": 0.01},
    {"optimizer": "adamw", "weight_decay": 0.1},
]
each_kind = pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda one: f"{one['optimizer']}-{one['weight_decay']}"
)


def numbers(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def sparse(rows: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return torch.sparse_coo_tensor(rows[None], values, (ROWS, DIM), check_invariants=True)


@each_kind
def test_where_all_rows_have_a_gradient_it_is_torch_s(options: dict[str, object]) -> None:
    config = FitConfig(lr=0.05, **options)  # type: ignore[arg-type]
    weights, dense = numbers(0, ROWS, DIM).requires_grad_(), torch.nn.Parameter(numbers(0, ROWS, DIM))
    ours, theirs = RowOptimizer(weights, config), make_optimizer(config, [dense])
    for step in range(STEPS):
        dense.grad = numbers(100 + step, ROWS, DIM)
        weights.grad = sparse(torch.arange(ROWS), dense.grad.clone())
        for optimizer in (ours, theirs):
            optimizer.param_groups[0]["lr"] = 0.05 / (1 + step)
            optimizer.step()
        assert torch.allclose(weights, dense, rtol=1e-5, atol=1e-6)


def slow_row(config: FitConfig, weights: list[float], gradients: dict[int, list[float]]) -> list[float]:
    """Train a row, one number at a time: gradients by step from 1; steps without one change no weight."""
    found = []
    for place, weight in enumerate(weights):
        first = second = 0.0
        for step in range(1, STEPS + 1):
            second *= 0.999
            if step not in gradients:
                continue
            slope = gradients[step][place]
            if config.optimizer == "adamw":
                weight -= config.lr * config.weight_decay * weight
            else:
                slope += config.weight_decay * weight
            if config.optimizer == "sgd":
                first = config.momentum * first + slope
                weight -= config.lr * first
                continue
            first, second = 0.9 * first + 0.1 * slope, second + 0.001 * slope**2
            deviation = (second / (1 - 0.999**step)) ** 0.5 + 1e-8
            weight -= config.lr * first / (1 - 0.9**step) / deviation
        found.append(weight)
    return found


@each_kind
def test_rows_of_some_steps_are_a_slow_loop_s_and_all_others_stay(options: dict[str, object]) -> None:
    config = FitConfig(lr=0.05, **options)  # type: ignore[arg-type]
    weights = numbers(0, ROWS, DIM).requires_grad_()
    given: list[dict[int, list[float]]] = [{} for _ in range(ROWS)]
    optimizer = RowOptimizer(weights, config)
    for step in range(1, STEPS + 1):
        rows = (torch.rand(ROWS, generator=torch.Generator().manual_seed(step)) < 0.5).nonzero().squeeze(1)
        before, gradient = weights.detach().clone(), numbers(100 + step, len(rows), DIM)
        weights.grad = sparse(rows, gradient)
        optimizer.step()
        for row, one in zip(rows.tolist(), gradient.tolist(), strict=True):
            given[row][step] = one
        others = torch.ones(ROWS, dtype=torch.bool).index_fill(0, rows, False)
        assert torch.equal(weights[others], before[others])
    first = numbers(0, ROWS, DIM).tolist()
    wanted = [slow_row(config, row, some) for row, some in zip(first, given, strict=True)]
    assert torch.allclose(weights, torch.tensor(wanted), rtol=1e-4, atol=1e-5)


@each_kind
def test_kept_rows_come_back_bit_for_bit(options: dict[str, object]) -> None:
    config = FitConfig(lr=0.05, **options)  # type: ignore[arg-type]

    def step_on(optimizer: RowOptimizer, steps: range) -> None:
        for step in steps:
            optimizer.weights.grad = sparse(
                torch.arange(step, ROWS, 2), numbers(step, (ROWS - step + 1) // 2, DIM)
            )
            optimizer.step()

    whole = RowOptimizer(numbers(0, ROWS, DIM).requires_grad_(), config)
    step_on(whole, range(6))
    first = RowOptimizer(numbers(0, ROWS, DIM).requires_grad_(), config)
    step_on(first, range(3))
    second = RowOptimizer(first.weights.detach().clone().requires_grad_(), config)
    second.restore({name: value.clone() for name, value in first.rows().items()}, first.steps)
    step_on(second, range(3, 6))
    assert torch.equal(second.weights, whole.weights)


def test_gradients_of_several_batches_add_up() -> None:
    weights = numbers(0, ROWS, DIM).requires_grad_()
    for rows in ([1, 2, 5], [2, 5, 7]):
        loss = (torch.nn.functional.embedding(torch.tensor(rows), weights, sparse=True) ** 2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
    optimizer = RowOptimizer(weights, FitConfig(optimizer="sgd", momentum=0.0, lr=0.1))
    factor = torch.ones(ROWS).index_put(
        (torch.tensor([1, 2, 5, 2, 5, 7]),), torch.tensor(-0.2), accumulate=True
    )
    wanted = weights.detach() * factor[:, None]
    optimizer.step()
    assert torch.allclose(weights, wanted, atol=1e-6)


@pytest.mark.parametrize("most", [0.5, 1000.0])
def test_the_norm_is_clipped_over_all_gradients(most: float) -> None:
    dense, table = numbers(1, 7).requires_grad_(), numbers(0, ROWS, DIM).requires_grad_()
    plain = [dense.detach().clone().requires_grad_(), table.detach().clone().requires_grad_()]
    rows = torch.tensor([0, 3, 4])
    dense.grad, table.grad = numbers(2, 7), sparse(rows, numbers(3, 3, DIM))
    plain[0].grad, plain[1].grad = dense.grad.clone(), table.grad.to_dense()
    torch.nn.utils.clip_grad_norm_(plain, most)
    clip_with_rows([dense], table, most, 1)
    assert torch.allclose(dense.grad, plain[0].grad, atol=1e-7)
    assert torch.allclose(table.grad.to_dense(), plain[1].grad, atol=1e-7)
