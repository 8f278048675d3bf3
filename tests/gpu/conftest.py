"""The devices that the tests run on, and what they train on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from facedata import PreparedSet
from tests.support.people_set import people_set


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    """The CPU, and a GPU if there is one."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no GPU here: torch.cuda.is_available() is False")
    return torch.device(request.param)


@pytest.fixture(autouse=True)
def float32_products() -> Iterator[None]:
    """Multiply float32 as float32: TF32's ten bits would hide what else is wrong."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """A set of ten people with six photos each."""
    return people_set(tmp_path_factory.mktemp("gpu") / "faces")
