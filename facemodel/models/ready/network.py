"""A ready model, opened: an ONNX network, or one of our backbones with its authors' weights."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from typing import Any

from ...config import FitConfig
from ...machine.devices import choose_device
from ...network.model import FaceModel, make_model
from ...network.pretrained import Pretrained
from ...objective.objective import make_objective
from ..embedder import Embedder, TorchEmbedder
from .files import find_ready
from .kept import kept_path, read_kept, ready_spec
from .table import ONNX, READY, ReadyFile

logger = logging.getLogger(__name__)


def open_ready(
    name: str,
    device: str = "auto",
    workers: int | None = None,
    weights: str | os.PathLike[str] | None = None,
) -> Embedder:
    """Open a ready model; the log says whose it is and under which licence.

    Args:
        name: the model's.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``; ONNX networks run on the CPU.
        workers: threads that resize crops; None for one per core.
        weights: the user's own file; only the pinned content is accepted. None to use the cache, or download.

    Raises:
        UsageError: there is no such model, or the given file is missing or another one.
        DownloadError: the file is not on this machine, and cannot be downloaded.
        StoreError: the cache folder cannot be written.
        DeviceError: there is no such GPU.
    """
    found = find_ready(name, None if weights is None else os.fspath(weights))
    logger.info("%s: %s", name, found.model.summary)
    if os.path.lexists(name):
        logger.info("./%s is a folder or file here; %s alone is the ready model", name, name)
    if read_kept(found.model) is not None:
        logger.info("%s has the threshold that --keep-threshold kept in %s", name, kept_path(found.model))
    if found.model.kind == ONNX:
        from ..onnx.network import OnnxEmbedder  # it imports onnxruntime

        values = json.loads(ready_spec(found.model).to_json())
        return OnnxEmbedder(found.path, device, workers, values, name)
    where = choose_device(device)
    config, model = load_backbone(found)
    return TorchEmbedder(make_objective(config, model).to(where).eval(), name, workers)


def load_backbone(found: ReadyFile) -> tuple[FitConfig, FaceModel]:
    """Return a ready backbone as a face model, on the CPU, and the options that build such a model.

    Args:
        found: the file of a ready model that is not ONNX.

    Raises:
        WeightsError: the file holds more than plain tensors.
        ArchitectureError: its weights are another network's.
    """
    ready, spec = found.model, ready_spec(found.model)
    config = FitConfig(
        backbone=ready.backbone or "",
        weights=str(found.path),
        weights_sha256=ready.file.sha256,
        size=spec.size_px,
        dim=spec.dim,
        normalised=spec.normalised,
        distance=spec.metric,
    )
    model, _ = make_model(config, spec)
    model.pretrained = Pretrained("library", f"{ready.backbone}: {ready.summary}", ready.file.sha256)
    return config, model


def describe_ready(name: str, weights: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Return what ``facemodel info`` tells of a ready model; see :func:`facemodel.model_info`.

    Raises:
        UsageError: there is no such model, or the given file is missing or another one.
        DownloadError: the file is not on this machine, and cannot be downloaded.
    """
    embedder = open_ready(name, "cpu", None, weights)
    ready = READY[name]
    about = {
        "model": name,
        "fingerprint": embedder.fingerprint(),
        "spec": dataclasses.asdict(embedder.spec),
        "origin": ready.origin,
        "licence": ready.licence,
        "file": ready.file.name,
        "url": ready.file.url,
        "sha256": ready.file.sha256,
    }
    if isinstance(embedder, TorchEmbedder):
        total = sum(one.numel() for one in embedder.objective.model.parameters())
        return {**about, "backbone": ready.backbone, "parameters": total}
    from ..onnx.network import OnnxEmbedder

    return {**about, **(embedder.describe() if isinstance(embedder, OnnxEmbedder) else {})}
