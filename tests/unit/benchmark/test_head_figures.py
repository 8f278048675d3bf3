"""The benchmark of heads: what it trains on, what it judges, what it reckons."""

from __future__ import annotations

import pytest
import torch

from tests.benchmark.heads import (
    PaintedPeople,
    Plan,
    Rate,
    batches_of,
    figures_table,
    rates_table,
    reckon,
    reckoned_lines,
    train,
)

SMALL = Plan(people=60, dim=16, batch=32, epochs=12, lr=5e-3)


def test_an_epoch_has_every_photo_once_and_some_of_a_person_together() -> None:
    plan = Plan(people=64, batch=32)
    rows = torch.stack(list(batches_of(plan, 0, 0)))
    assert sorted(rows.flatten().tolist()) == list(range(64 * 8))
    assert (rows.view(-1, 4) // 8 == rows.view(-1, 4)[:, :1] // 8).all()
    assert not torch.equal(rows, torch.stack(list(batches_of(plan, 0, 1))))


def test_a_person_s_photos_differ_and_are_alike() -> None:
    world = PaintedPeople()
    photos, persons = world.photos(world.people(200), 2)
    apart = torch.cdist(photos, photos).fill_diagonal_(torch.nan)
    own = apart[persons[:, None] == persons].nanmean()
    assert 0.1 < own < 0.9 * apart[persons[:, None] != persons].mean()


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_training_learns(share: float) -> None:
    before, after = train(share, 0, Plan(**{**vars(SMALL), "epochs": 1})), train(share, 0, SMALL)
    assert after.loss < before.loss
    assert after.named > before.named
    assert after.auc > 0.8


def test_what_a_gpu_would_take_is_reckoned_from_sizes() -> None:
    memory, head_ms, kept = reckon(Rate(1_000_000, 0.1, 512, 512), 100.0, 40.0, 2000.0)
    # three tables of 2.048 GB; four of a tenth; three of 512 · 100,000 cosines
    assert memory == pytest.approx(3 * 2.048 + 4 * 0.2048 + 3 * 0.2048)
    assert head_ms == pytest.approx(6 * 512 * 1e5 * 512 / 40e12 * 1e3 + 32 * 0.2048 / 2000 * 1e3)
    assert kept == pytest.approx(100 / (100 + head_ms))
    assert len(reckoned_lines()) == 8


def test_tables_have_a_line_a_case() -> None:
    tiny = Plan(people=40, dim=8, batch=32, epochs=1)
    assert len(figures_table([1.0, 0.5], 2, tiny)) == 4
    assert len(rates_table(8, 8, torch.device("cpu"), 1, [50, 100])) == 6
