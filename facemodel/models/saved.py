"""Models on disk: a run's weights and heads, and the network that their header says to build."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from facedata.errors import FacedataError
from facedata.files.atomic import atomic_file
from facedata.options import make

from ..config import FitConfig
from ..errors import ModelError
from ..network.freezing import BlockSummary, summarise_blocks
from ..network.model import build_model
from ..network.pretrained import Pretrained, check_fit
from ..network.started.network import GRAPH
from ..objective.objective import Objective, make_objective
from ..spec import read_spec
from .header import KEY, SPEC, SUFFIX, VERSION, open_weights, weights_file

_BUILT_FROM = (
    "backbone", "hidden", "dim", "dropout", "normalised", "size", "batches", "loss", "margin", "scale",
    "distance", "gamma", "class_weights", "miner", "closed", "batch", "photos_per_person", "sub_centres",
    "sample_classes",
)  # fmt: skip
"""Options that decide what is built; the others only matter for training."""


def save_model(folder: Path, name: str, objective: Objective, extra: Mapping[str, Any] | None = None) -> Path:
    """Write a model and its heads to ``<name>.safetensors`` atomically.

    The caller writes the input spec beside it, spec.json: its threshold changes more often.

    Args:
        folder: the run folder.
        name: :data:`.header.BEST` or :data:`.header.LAST`.
        objective: the model with its heads.
        extra: plain values for the header, such as the epoch; :func:`read_header` returns them.

    Raises:
        StoreError: it cannot be written.
    """
    kept = (item for item in objective.state_dict().items() if not item[0].startswith("guidance."))
    tensors = {key: value.detach().cpu().contiguous() for key, value in kept}
    model = objective.model
    header = {
        "version": VERSION,
        "layers": [dataclasses.asdict(layer) for layer in summarise_layers(objective)],
        "config": {name: getattr(objective.config, name) for name in _BUILT_FROM},
        "frozen": model.frozen,
        "pretrained": list(dataclasses.astuple(model.pretrained)),
        "classes": list(objective.classes),
        "extra": dict(extra or {}),
        "sha256": digest_of(tensors),
    }
    data = safetensors.torch.save(tensors, {KEY: json.dumps(header, sort_keys=True)})
    path = folder / f"{name}{SUFFIX}"
    with atomic_file(path) as stream:
        stream.write(data)
    return path


def load_objective(path: Path) -> Objective:
    """Read a model with its heads, on the CPU and in eval mode, frozen as it was in training.

    Args:
        path: a run folder (its best weights), or a ``.safetensors`` file with spec.json beside it.

    Raises:
        ModelError: it is missing, damaged, or not written by facemodel.
        NewerVersionError: a later facemodel wrote it.
        ArchitectureError: its weights do not fit what its header says.
        SpecError: there is no spec.json beside it, or it is malformed.
    """
    file = weights_file(path)
    with open_weights(file, "pt") as (header, opened):
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  no mapping
    if header.get("sha256", mark := digest_of(tensors)) != mark:
        raise ModelError(f"{file} is damaged: its numbers differ from those that were written")
    try:
        config = make(FitConfig, dict(header["config"]))
        graph = tensors.get(f"model.{GRAPH}")  # of a run that started from a finished model
        model = build_model(config, read_spec(file.with_name(SPEC)), graph)
        model.pretrained = Pretrained(*header["pretrained"])
        objective = make_objective(config, model, header["classes"])
        model.freeze(header["frozen"])
    except (FacedataError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"the header of {file} describes a model that cannot be built: {error}") from error
    check_fit(objective.state_dict(), tensors, f"the weights in {file} are of another network")
    objective.load_state_dict(tensors, strict=False)
    return objective.eval()


def summarise_layers(objective: Objective) -> list[BlockSummary]:
    """Return what trains of a model's blocks, embedding layer and goal, of those with weights."""
    model, before = objective.model, objective.training
    objective.train()  # which layers train can be seen in training mode only
    blocks = summarise_blocks([*model.blocks, ("embedding", model.head), ("goal", objective.goal)])
    objective.train(before)
    return [block for block in blocks if block.parameters]


def digest_of(tensors: Mapping[str, torch.Tensor], text: str = "") -> str:
    """Return the SHA-256 of tensors (contiguous, on the CPU), their names, types, shapes, and of a text."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"\n{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
