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

from facemodel.machine import ranks as ranks_module
from facemodel.machine.ranks import Ranks, join_processes


@given(st.integers(0, 200), st.integers(1, 9))
def test_shares_follow_each_other_and_are_about_equal(count: int, world: int) -> None:
    parts = [Ranks(rank, world).share(count) for rank in range(world)]
    assert [row for part in parts for row in range(count)[part]] == list(range(count))
    sizes = [part.stop - part.start for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_one_process_has_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with join_processes(on_gpu=False) as ranks:
        assert ranks == Ranks(0, 1, 0)
        assert ranks.is_first
        values = np.ones((3, 2), np.float32)
        assert ranks.all_gather(values, 3) is values
        ranks.wait()
        assert ranks.own_device(torch.device("cpu")) == torch.device("cpu")
    assert Ranks(1, 2, 1).own_device(torch.device("cuda", 0)) == torch.device("cuda", 1)


@pytest.mark.parametrize("count", [0, 1, 5, 7, 12, 13])
def test_parts_are_gathered_in_blocks(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    whole = np.random.default_rng(count).random((count, 3), np.float32)
    every = [Ranks(rank, 3) for rank in range(3)]
    start = iter(range(0, 99, 2))

    def gather_tensors(mine: torch.Tensor, world: int) -> list[torch.Tensor]:
        """What the three processes send of this block."""
        first = next(start)
        parts = [torch.zeros_like(mine) for _ in range(world)]
        for ranks, part in zip(every, parts, strict=True):
            theirs = torch.from_numpy(whole[ranks.share(count)][first : first + 2])
            part[: len(theirs)] = theirs
        return parts

    monkeypatch.setattr(ranks_module, "_GATHERED_ROWS", 2)
    monkeypatch.setattr(ranks_module, "gather_tensors", gather_tensors)
    monkeypatch.setattr(torch.distributed, "get_backend", lambda: "gloo")
    found = every[1].all_gather(whole[every[1].share(count)], count)
    assert np.array_equal(found, whole)


_AGREE = """
import sys
from facemodel.machine.ranks import join_processes
from facemodel.errors import RunError
with join_processes(on_gpu=False) as ranks:
    ranks.require_same("the weather", "rain")
    try:
        ranks.require_same("the weather", f"sun {ranks.rank}")
    except RunError as error:
        print(error)
"""


def test_processes_that_would_start_differently_are_refused() -> None:
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
