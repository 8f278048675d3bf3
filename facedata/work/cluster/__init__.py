"""Engines on clusters: Dask and Ray, both through joblib's backends for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from ...config import PrepareConfig
from ..engine import LocalEngine
from ..processes import cores
from .base import Cluster
from .engine import ClusterEngine

__all__ = ["open_engine"]

_FALLBACK_WORKERS = 8
"""At most, for the few shards that were in flight when workers of a cluster died."""


@contextmanager
def open_engine(config: PrepareConfig, versions: Mapping[str, str]) -> Iterator[LocalEngine | ClusterEngine]:
    """Open the engine that the options name, for the length of the block.

    Args:
        config: its engine, address, workers and (resolved) device.
        versions: of facedata and of the libraries the bytes depend on; a cluster's are compared with them.

    Raises:
        EngineError: nobody answers at the address.
        MissingExtraError: the engine's package is not installed.
    """
    if config.engine == "local":
        yield LocalEngine(config.workers or cores())
        return
    with _open_cluster(config) as cluster:
        yield ClusterEngine(cluster, versions, LocalEngine(min(cores(), _FALLBACK_WORKERS)))


def _open_cluster(config: PrepareConfig) -> AbstractContextManager[Cluster]:
    if config.engine == "dask":
        from .on_dask import open_dask

        return open_dask(config.address, config.workers)
    from .on_ray import open_ray

    return open_ray(config.address, config.workers, config.device)
