"""Addresses that Dask's transports cannot use ended in tracebacks of theirs."""

from __future__ import annotations

import pytest

from facedata.errors import EngineError
from facedata.work.cluster.on_dask import open_dask


@pytest.mark.parametrize("address", ["tls://127.0.0.1:1", "ucx://127.0.0.1:1", "nonsense", "ray://x:1"])
def test_an_address_that_dask_cannot_use_is_one_line(address: str) -> None:
    with pytest.raises(EngineError, match="no Dask scheduler answers at") as caught, open_dask(address, 1):
        pass
    assert "\n" not in str(caught.value)
