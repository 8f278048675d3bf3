"""Models on disk: safetensors with a header that says which network to build for the weights.

The header is one JSON text under one name: safetensors writes several names in no fixed order, and the same
weights must give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from facedata.errors import FacedataError
from facedata.files.atomic import atomic_file
from facedata.options import make

from ..config import FitConfig
from ..errors import ModelError, NewerVersionError
from ..network.model import build_model
from ..network.pretrained import Pretrained, check_fit
from ..objective.objective import Objective, make_objective
from ..spec import read_spec
from .tensors import digest_of

VERSION = 1
"""Of the header; a file with a higher version is refused."""

BEST, LAST, SPEC = "best", "last", "spec.json"
SUFFIX = ".safetensors"
_KEY = "facemodel"

_BUILT_FROM = (
    "backbone", "hidden", "dim", "dropout", "normalised", "size", "batches", "loss", "margin", "scale",
    "distance", "gamma", "class_weights", "miner", "closed", "batch", "photos_per_person",
)  # fmt: skip
"""Options that decide what is built; the others only matter for training."""


def save_model(folder: Path, name: str, objective: Objective, extra: Mapping[str, Any] | None = None) -> Path:
    """Write a model and its heads to ``<name>.safetensors`` atomically.

    The caller writes the input spec beside it, spec.json: its threshold changes more often.

    Args:
        folder: the run folder.
        name: :data:`BEST` or :data:`LAST`.
        objective: the model with its heads.
        extra: plain values for the header, such as the epoch; :func:`read_header` returns them.

    Raises:
        StoreError: it cannot be written.
    """
    tensors = {key: value.detach().cpu().contiguous() for key, value in objective.state_dict().items()}
    model = objective.model
    header = {
        "version": VERSION,
        "config": {name: getattr(objective.config, name) for name in _BUILT_FROM},
        "frozen": model.frozen,
        "pretrained": [model.pretrained.kind, model.pretrained.line, model.pretrained.sha256],
        "classes": list(objective.classes),
        "extra": dict(extra or {}),
        "sha256": digest_of(tensors),
    }
    data = safetensors.torch.save(tensors, {_KEY: json.dumps(header, sort_keys=True)})
    path = folder / f"{name}{SUFFIX}"
    with atomic_file(path) as stream:
        stream.write(data)
    return path


def read_header(path: Path) -> dict[str, Any]:
    """Return the header of a model's file: version, config, frozen, pretrained, classes, extra.

    Raises:
        ModelError: it is missing, damaged, or not written by facemodel.
        NewerVersionError: a later facemodel wrote it.
    """
    return _read(path, weights=False)[0]


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
    header, tensors = _read(file, weights=True)
    try:
        config = make(FitConfig, dict(header["config"]))
        model = build_model(config, read_spec(file.with_name(SPEC)))
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


def weights_file(path: Path) -> Path:
    """Return the file of a run folder's model: the best weights, else the last.

    Raises:
        ModelError: there is neither.
    """
    if not path.is_dir():
        return path
    for name in (BEST, LAST):
        if (file := path / f"{name}{SUFFIX}").is_file():
            return file
    raise ModelError(f"{path} is not a run folder: it has no {BEST}{SUFFIX}; did `facemodel fit` run?")


def _read(path: Path, weights: bool) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not path.is_file():
        raise ModelError(f"there is no model at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get(_KEY, "null"))
            if not isinstance(header, dict) or type(header.get("version")) is not int:
                raise ModelError(
                    f"{path} was not written by `facemodel fit`; to start from its weights: "
                    f"fit --weights {path}"
                )
            if header["version"] > VERSION:
                raise NewerVersionError(
                    f"{path} has version {header['version']}, and this facemodel knows up to {VERSION}: "
                    "update it"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()} if weights else {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} is damaged or not a model's file: {error}") from error
    if weights and header.get("sha256", mark := digest_of(tensors)) != mark:
        raise ModelError(f"{path} is damaged: its numbers differ from those that were written")
    return header, tensors
