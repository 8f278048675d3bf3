"""Shares of a batch and BatchNorm of one process; what several do together is tested with torchrun."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facemodel.machine.ranks import Ranks
from facemodel.machine.whole_batch import WholeBatch, share_batch_norms


def test_every_process_has_a_row_even_of_a_batch_with_too_few() -> None:
    rows = np.arange(6).reshape(2, 3)
    wholes = [WholeBatch(torch.nn.Identity(), Ranks(rank, 4)) for rank in range(4)]
    shares = [rows[whole.share(rows)] for whole in wholes]
    assert all(len(share) == 1 for share in shares)
    assert {int(share[0, 0]) for share in shares} == {0, 3}


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
