"""Shares of one process and of several; what several do together is tested with torchrun."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facemodel.batches.to_input import Augmentation, ToInput
from facemodel.machine.cores import own_cores
from facemodel.machine.ranks import Ranks, WholeBatch, joined, share_batch_norms
from facemodel.spec import InputSpec


@given(st.integers(0, 200), st.integers(1, 9))
def test_shares_follow_each_other_and_are_about_equal(count: int, world: int) -> None:
    parts = [Ranks(rank, world).share(count) for rank in range(world)]
    assert [row for part in parts for row in range(count)[part]] == list(range(count))
    sizes = [part.stop - part.start for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_every_process_has_a_row_even_of_a_batch_with_too_few() -> None:
    rows = np.arange(6).reshape(2, 3)
    wholes = [WholeBatch(torch.nn.Identity(), Ranks(rank, 4)) for rank in range(4)]
    shares = [rows[whole.share(rows)] for whole in wholes]
    assert all(len(share) == 1 for share in shares)
    assert {int(share[0, 0]) for share in shares} == {0, 3}


def test_one_process_has_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined(on_gpu=False) as ranks:
        assert ranks == Ranks(0, 1, 0)
        assert ranks.first
        values = np.ones((3, 2), np.float32)
        assert ranks.gathered(values, 3) is values
        ranks.wait()
        assert ranks.own(torch.device("cpu")) == torch.device("cpu")
    assert Ranks(1, 2, 1).own(torch.device("cuda", 0)) == torch.device("cuda", 1)


@pytest.mark.parametrize("count", [0, 1, 5, 7, 12, 13])
def test_parts_are_gathered_in_blocks(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    whole = np.random.default_rng(count).random((count, 3), np.float32)
    every = [Ranks(rank, 3) for rank in range(3)]
    start = iter(range(0, 99, 2))

    def all_parts(mine: torch.Tensor, world: int) -> list[torch.Tensor]:
        """What the three processes send of this block."""
        first = next(start)
        parts = [torch.zeros_like(mine) for _ in range(world)]
        for ranks, part in zip(every, parts, strict=True):
            theirs = torch.from_numpy(whole[ranks.share(count)][first : first + 2])
            part[: len(theirs)] = theirs
        return parts

    monkeypatch.setattr("facemodel.machine.ranks._GATHERED_ROWS", 2)
    monkeypatch.setattr("facemodel.machine.ranks._all_parts", all_parts)
    monkeypatch.setattr("facemodel.machine.ranks._device", lambda: torch.device("cpu"))
    found = every[1].gathered(whole[every[1].share(count)], count)
    assert np.array_equal(found, whole)


def test_processes_of_one_machine_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facemodel.machine.cores.cores", lambda: 6)
    assert own_cores() == 6
    for world, wanted in (("4", 1), ("2", 3), ("100", 1)):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", world)
        assert own_cores() == wanted


def test_shared_batch_norm_is_batch_norm_where_one_process_has_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda tensor: None)  # one process: its own sum
    torch.manual_seed(0)
    plain = torch.nn.BatchNorm2d(5)
    with torch.no_grad():
        plain.weight.uniform_()
    shared = torch.nn.BatchNorm2d(5)
    shared.load_state_dict(plain.state_dict())
    share_batch_norms(shared, WholeBatch(torch.nn.Identity(), Ranks()))
    images = torch.randn(6, 5, 4, 4) * 3 + 2
    one, other = images.clone().requires_grad_(), images.clone().requires_grad_()
    want, got = plain(one), shared(other)
    assert torch.allclose(want, got, atol=1e-5)
    (want**3).sum().backward()
    (got**3).sum().backward()
    assert one.grad is not None
    assert other.grad is not None
    assert torch.allclose(one.grad, other.grad, rtol=1e-4, atol=1e-3)
    for name, value in plain.state_dict().items():
        assert torch.allclose(value, shared.state_dict()[name], atol=1e-5), name
    assert torch.equal(shared.eval()(images), shared(images))


def test_a_part_of_a_batch_is_varied_as_in_the_whole() -> None:
    spec = InputSpec(size_px=16, template="square", dim=4)
    to_input = ToInput(spec, augmentation=Augmentation(flip=True, rotate_deg=10.0))
    crops = np.random.default_rng(0).integers(0, 256, (7, 24, 24, 3), np.uint8)
    whole = to_input(crops, (1, 2, 3))
    for part in (slice(0, 3), slice(3, 7)):
        shaped = to_input.shaped(crops[part], to_input.shaping(7, (1, 2, 3), part))
        assert torch.equal(to_input.finish(shaped, (1, 2, 3), part, 7), whole[part])


_AGREE = """
import sys
from facemodel.distributed import joined
from facemodel.errors import RunError
with joined(on_gpu=False) as ranks:
    ranks.agree("the weather", "rain")
    try:
        ranks.agree("the weather", f"sun {ranks.rank}")
    except RunError as error:
        print(error)
"""


def test_processes_that_would_start_differently_are_told_apart() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    env = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", _AGREE], env={**env, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    for process in both:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert "differ in the weather (process 0: sun 0, process 1: sun 1)" in said
