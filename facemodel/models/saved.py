"""Models on disk: safetensors with a header that says what to build before the weights are read into it.

The header is one JSON text under one name: safetensors writes several names in no fixed order, and the same
weights should give the same bytes.
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
from facedata.files.atomic import whole_file
from facedata.options import make

from ..config import FitConfig
from ..errors import ModelError, NewerVersionError
from ..network.model import build
from ..network.pretrained import Pretrained, check_fit
from ..objective.objective import Objective, make_objective
from ..spec import read_spec
from .tensors import digest_of

VERSION = 1
"""Of the header; a file with a higher one is refused."""

BEST, LAST, SPEC = "best", "last", "spec.json"
SUFFIX = ".safetensors"
_KEY = "facemodel"

_BUILT_FROM = (
    "backbone", "hidden", "dim", "dropout", "normalised", "size", "batches", "loss", "margin", "scale",
    "distance", "gamma", "class_weights", "miner", "closed", "batch", "photos_per_person",
)  # fmt: skip
"""Options that decide what is built; the others say how it was trained."""


def save_model(folder: Path, name: str, objective: Objective, extra: Mapping[str, Any] | None = None) -> Path:
    """Write a model and its heads to ``<name>.safetensors``, whole or not at all.

    The input spec lies beside it in spec.json, which the caller writes: its threshold changes more often.

    Args:
        folder: the run folder.
        name: :data:`BEST` or :data:`LAST`.
        objective: the model, with what training needs.
        extra: plain values for the header, such as the epoch; :func:`read_header` gives them back.

    Raises:
        StoreError: it cannot be written.
    """
    tensors = {key: value.detach().cpu().contiguous() for key, value in objective.state_dict().items()}
    header = {**_header(objective, extra), "sha256": digest_of(tensors)}
    data = safetensors.torch.save(tensors, {_KEY: json.dumps(header, sort_keys=True)})
    path = folder / f"{name}{SUFFIX}"
    with whole_file(path) as stream:
        stream.write(data)
    return path


def _header(objective: Objective, extra: Mapping[str, Any] | None) -> dict[str, Any]:
    model = objective.model
    return {
        "version": VERSION,
        "config": {name: getattr(objective.config, name) for name in _BUILT_FROM},
        "frozen": model.frozen,
        "pretrained": [model.pretrained.kind, model.pretrained.line, model.pretrained.sha256],
        "classes": list(objective.classes),
        "extra": dict(extra or {}),
    }


def read_header(path: Path) -> dict[str, Any]:
    """Return the header of a model's file: version, config, frozen, pretrained, classes, extra.

    Raises:
        ModelError: it is not there, damaged, or not written by facemodel.
        NewerVersionError: a later facemodel wrote it.
    """
    return _read(path, weights=False)[0]


def load_objective(path: Path) -> Objective:
    """Read a model with its heads, on the CPU and in eval mode, frozen as it was in training.

    Args:
        path: a run folder (its best weights), or a ``.safetensors`` file with spec.json beside it.

    Raises:
        ModelError: it is not there, damaged, or not written by facemodel.
        NewerVersionError: a later facemodel wrote it.
        ArchitectureError: its weights do not fit what its header says.
        SpecError: there is no spec.json beside it, or it is malformed.
    """
    file = weights_file(path)
    header, tensors = _read(file, weights=True)
    try:
        objective = _built(header, file)
    except (FacedataError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{file} says of itself what cannot be built: {error}") from error
    check_fit(objective.state_dict(), tensors, f"the weights in {file} are of another network")
    objective.load_state_dict(tensors, strict=False)
    return objective.eval()


def _built(header: Mapping[str, Any], file: Path) -> Objective:
    config = make(FitConfig, dict(header["config"]))
    model = build(config, read_spec(file.with_name(SPEC)))
    model.pretrained = Pretrained(*header["pretrained"])
    objective = make_objective(config, model, header["classes"])
    model.freeze(header["frozen"])
    return objective


def weights_file(path: Path) -> Path:
    """Return the file that a run folder's model lies in: the best weights, else the last.

    Raises:
        ModelError: there is neither.
    """
    if not path.is_dir():
        return path
    for name in (BEST, LAST):
        if (file := path / f"{name}{SUFFIX}").is_file():
            return file
    raise ModelError(f"{path} is no run folder: there is no {BEST}{SUFFIX} in it; has `facemodel fit` run?")


def _read(path: Path, weights: bool) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not path.is_file():
        raise ModelError(f"there is no model at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get(_KEY, "null"))
            _check_version(header, path)
            tensors = {name: file.get_tensor(name) for name in file.keys()} if weights else {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} is damaged or no model's file: {error}") from error
    if weights and header.get("sha256", mark := digest_of(tensors)) != mark:
        raise ModelError(f"{path} is damaged: its numbers are not those that were written")
    return header, tensors


def _check_version(header: Any, path: Path) -> None:
    if not isinstance(header, dict) or type(header.get("version")) is not int:
        raise ModelError(
            f"{path} was not written by `facemodel fit`; to start from its weights: fit --weights {path}"
        )
    if header["version"] > VERSION:
        raise NewerVersionError(
            f"{path} has version {header['version']}, and this facemodel knows up to {VERSION}: update it"
        )
