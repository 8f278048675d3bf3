"""Open the engine that the options name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ...config import CropConfig, PrepareConfig
from ...processes import cores
from ..engine import LocalEngine
from .engine import ClusterEngine


@contextmanager
def open_engine(
    config: PrepareConfig | CropConfig, versions: Mapping[str, str]
) -> Iterator[LocalEngine | ClusterEngine]:
    """Open an engine for the length of the block.

    Args:
        config: its engine, address and workers, and of ``prepare`` the device (not ``auto``).
        versions: of facedata and the libraries that the bytes depend on; a cluster's workers are checked
            against them.

    Raises:
        EngineError: no cluster answers at the address.
        MissingExtraError: the engine's package is not installed.
    """
    if config.engine == "local":
        yield LocalEngine(config.workers or cores())
    elif config.engine == "dask":
        from .on_dask import open_dask

        with open_dask(config.address, config.workers) as dask:
            yield ClusterEngine(dask, versions, config.workers)
    else:
        from .on_ray import open_ray

        device = config.device if isinstance(config, PrepareConfig) else "cpu"  # only detectors use a GPU
        with open_ray(config.address, config.workers, device) as ray:
            yield ClusterEngine(ray, versions, config.workers)
