"""Open the finished model that a run starts from, and take from it what the run has to take."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facedata.errors import UsageError

from ...batches.to_input import ToInput
from ...config import FitConfig
from ...errors import ArchitectureError
from ...models.embedder import Embedder, TorchEmbedder, open_model
from ...models.onnx.network import OnnxEmbedder
from ...models.ready.table import READY, is_ready
from ...network.model import FaceModel
from ...network.pretrained import Pretrained
from ...network.started.network import (
    STARTED,
    Start,
    StartedNetwork,
    describe_backbone,
    describe_nodes,
)
from ...network.started.read_onnx import first_line, read_onnx
from ...recipes import FINETUNE

_NEARLY = 1e-3
"""The largest difference of our embeddings to onnxruntime's, as a share of the largest number."""


def adopt_start(config: FitConfig, out: Path) -> tuple[FitConfig, Start | None]:
    """Return the options of a new run as the model it starts from needs them, and that model; None for none.

    A resumed run has all that in its checkpoint.

    Args:
        config: of the run.
        out: its folder, where an older run is going to be removed.

    Raises:
        UsageError: a recipe needs a model to start from, and none is named; or a model lies in ``out``.
        ModelError: there is no such model, or it is damaged.
        ArchitectureError: it has an operator that cannot be trained here; the message names it.
    """
    if config.recipe == FINETUNE and config.start is None:
        raise UsageError(
            f"--recipe {FINETUNE} starts from a finished model: name it, as in --recipe {FINETUNE} sface (a "
            "ready model's name, a run's folder or an ONNX file)"
        )
    for name in ("start", "teacher"):
        model = getattr(config, name)
        if model is not None and not is_ready(model) and Path(model).resolve().is_relative_to(out.resolve()):
            raise UsageError(
                f"--{name} {model} is in the run folder {out}, which a new run replaces: choose another --out"
            )
    if config.start is None:
        return config, None
    start = open_start(open_model(config.start, "cpu"))
    spec = start.spec
    config = dataclasses.replace(
        config, backbone=STARTED, weights="none", weights_sha256=None, hidden="", dim=spec.dim, dropout=0.0,
        normalised=spec.normalised, size=spec.size_px,
    )  # fmt: skip
    return config, start


def open_start(embedder: Embedder) -> Start:
    """Return an open model as one to start from.

    Raises:
        ArchitectureError: it has an operator that cannot be trained here, or gives other numbers here.
        UsageError: it is an embedder of another kind.
    """
    name = Path(embedder.name).name
    if isinstance(embedder, TorchEmbedder):
        graph, tensors = take_run(embedder.objective.model)
        before = embedder.objective.model.pretrained
        licence = before.licence
    elif isinstance(embedder, OnnxEmbedder):
        graph, tensors = take_onnx(embedder)
        licence = None
    else:
        raise UsageError(f"{embedder.name} is no run, ready model or ONNX file, and cannot be trained")
    ready = READY.get(embedder.name)
    about = name if ready is None else f"{name} ({ready.summary})"
    licence = licence if ready is None else ready.licence
    mark = embedder.fingerprint()
    line = f"starts from {about}, model {mark[:12]}…"
    return Start(graph, tensors, Pretrained("start", line, mark, licence))


def take_run(model: FaceModel) -> tuple[Tensor, Mapping[str, Tensor]]:
    """Return a model of ours as description and weights; one that itself started from a model has both."""
    if isinstance(model.backbone, StartedNetwork):
        return model.backbone.graph, model.backbone.net.state_dict()
    tensors = {
        name: value for name, value in model.state_dict().items() if name.startswith(("backbone.", "head."))
    }
    return describe_backbone(model.spec, model.name, model.head.plan), tensors


def take_onnx(embedder: OnnxEmbedder) -> tuple[Tensor, Mapping[str, Tensor]]:
    """Return an ONNX network as description and weights, compared with onnxruntime on noise."""
    ports, spec = embedder.ports, embedder.spec
    if ports.others or ports.dtype is np.uint8:
        raise ArchitectureError(
            f"{embedder.name} cannot be trained: it takes more than images, or bytes; train another network, "
            "with this one as --teacher"
        )
    read = read_onnx(embedder.path, ports.input, ports.output, ports.layout == "NHWC")
    graph = describe_nodes(spec, read.nodes)
    network = StartedNetwork(graph).eval()
    if next(network.parameters(), None) is None:
        raise ArchitectureError(f"{embedder.name} cannot be trained: it has no weights")
    network.fill(read.tensors, embedder.name)
    crops = np.random.default_rng(0).integers(0, 256, (2, spec.size_px, spec.size_px, 3), np.uint8)
    theirs = embedder.embed(crops)
    try:
        with torch.inference_mode():
            ours = network(ToInput(spec)(crops)).numpy()
    except Exception as error:  # whatever torch says of shapes that do not fit
        raise ArchitectureError(
            f"{embedder.name} cannot be trained: its operators cannot be run here ({first_line(error)}); "
            "train another network, with it as --teacher"
        ) from error
    if ours.shape != theirs.shape:
        raise ArchitectureError(
            f"{embedder.name} cannot be trained: it gives embeddings of {ours.shape[1:]} here, and in "
            f"onnxruntime of {theirs.shape[1:]}; train another network, with it as --teacher"
        )
    apart, most = float(np.abs(ours - theirs).max()), float(np.abs(theirs).max())
    if not apart <= _NEARLY * max(most, 1e-12):
        raise ArchitectureError(
            f"{embedder.name} cannot be trained: its operators give other numbers here than in onnxruntime "
            f"(apart by {apart:.2g}, the largest is {most:.2g}); train another network, with it as --teacher"
        )
    return graph, read.tensors
