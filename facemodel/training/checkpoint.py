"""Checkpoints, from which a run resumes: one safetensors file each, written atomically.

A file holds tensors by name; everything else is JSON in its header, with a SHA-256 of both, so that a damaged
file is detected. There is no pickle, so a file from elsewhere cannot run code. The last two are kept.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from facedata.errors import writing
from facedata.files.staged import StagedFiles

from ..errors import ArchitectureError, CheckpointError, NewerVersionError
from ..models.saved import digest_of

logger = logging.getLogger(__name__)

VERSION = 1
KEPT = 2
_HEADER = "facemodel"
_ENDING = ".safetensors"
_NAMED = 3


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a run.

    Attributes:
        tensors: by name, with a prefix such as ``objective.`` or ``optimizer.``.
        values: anything that JSON can hold.
    """

    tensors: dict[str, torch.Tensor]
    values: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(folder: Path, step: int, checkpoint: Checkpoint) -> Path:
    """Write the checkpoint of a step (counted from the beginning of the run), and keep only the last two.

    Raises:
        StoreError: it cannot be written; earlier ones are untouched, nothing half-written stays.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in checkpoint.tensors.items()}
    text = json.dumps(checkpoint.values, sort_keys=True)
    header = {"version": VERSION, "sha256": digest_of(tensors, text), "values": text}
    file = folder / f"{step:012d}{_ENDING}"
    with StagedFiles() as staged, writing(file):
        try:
            save_file(tensors, staged.path(file), {_HEADER: json.dumps(header)})
        except SafetensorError as error:  # its text holds the system's message
            raise OSError(str(error)) from error
        _flush(staged.path(file))
        staged.commit()
        _flush(folder)
    for old in checkpoint_files(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return file


def checkpoint_files(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, the newest first."""
    return sorted((file for file in folder.glob(f"*{_ENDING}") if file.stem.isdigit()), reverse=True)


def load_newest(folder: Path) -> Checkpoint | None:
    """Read the newest intact checkpoint, and log those that were skipped; None if there is no checkpoint.

    Raises:
        CheckpointError: there are some, and none can be read.
        NewerVersionError: it was written by a later facemodel.
    """
    files = checkpoint_files(folder)
    reasons = []
    for file in files:
        try:
            checkpoint = read_checkpoint(file)
        except CheckpointError as error:
            reasons.append(str(error))
            continue
        for reason in reasons:
            logger.warning("%s: resuming from the one before, %s", reason, file.name)
        return checkpoint
    if files:
        raise CheckpointError(f"{'; '.join(reasons)}: start over with --overwrite")
    return None


def read_checkpoint(file: Path) -> Checkpoint:
    """Read one checkpoint.

    Raises:
        CheckpointError: it is damaged.
        NewerVersionError: it was written by a later facemodel.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            header = json.loads((opened.metadata() or {}).get(_HEADER, "null"))
            version = header.get("version") if isinstance(header, dict) else None
            if isinstance(version, int) and version > VERSION:
                raise NewerVersionError(
                    f"{file} was written by a later facemodel (format {version}; this one knows {VERSION}): "
                    "resume with that one"
                )
            if header["version"] != VERSION:
                raise ValueError(f"its format is {header['version']!r}")
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  no mapping
        values = json.loads(header["values"])
        intact = header["sha256"] == digest_of(tensors, header["values"])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"the checkpoint {file} is corrupt ({error})") from error
    if not intact:
        raise CheckpointError(f"the checkpoint {file} is corrupt (its bytes are not those that were written)")
    return Checkpoint(tensors, values)


def flatten_optimizer(optimizer: torch.optim.Optimizer) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return an optimizer's tensors by name, and the rest of its state."""
    state = optimizer.state_dict()
    tensors: dict[str, torch.Tensor] = {}
    rest: dict[str, dict[str, Any]] = {}
    for number, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer.{number}.{name}"] = value
            else:
                rest.setdefault(str(number), {})[name] = value
    return tensors, {"state": rest, "groups": state["param_groups"]}


def restore_optimizer(optimizer: torch.optim.Optimizer, checkpoint: Checkpoint, rest: Any) -> None:
    """Give an optimizer the state that :func:`flatten_optimizer` returned.

    Each tensor gets its parameter's memory layout: sums in another order would differ in the last bit.
    """
    state: dict[int, dict[str, Any]] = {int(number): dict(values) for number, values in rest["state"].items()}
    for name, value in part(checkpoint.tensors, "optimizer.").items():
        number, _, which = name.partition(".")
        state.setdefault(int(number), {})[which] = value
    optimizer.load_state_dict({"state": state, "param_groups": rest["groups"]})
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape and value.dim():
                values[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def restore_module(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor], what: str) -> None:
    """Load a module's whole state.

    Raises:
        ArchitectureError: the tensors are those of another architecture; the first that differ are named.
    """
    own = module.state_dict()
    differ = [
        f"{name} ({_shape(tensors.get(name))} there, {_shape(own.get(name))} here)"
        for name in dict.fromkeys([*own, *tensors])
        if _shape(own.get(name)) != _shape(tensors.get(name))
    ]
    if differ:
        more = f" and {len(differ) - _NAMED:,} more" if len(differ) > _NAMED else ""
        raise ArchitectureError(
            f"{what} is of another architecture: {', '.join(differ[:_NAMED])}{more} differ; resume with "
            "the backbone and the set it was made with, or start over with --overwrite"
        )
    module.load_state_dict(dict(tensors))


def part(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Return the tensors whose names have a prefix, by the names without it."""
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def _shape(tensor: torch.Tensor | None) -> str:
    return "absent" if tensor is None else "x".join(map(str, tensor.shape)) or "a number"


def _flush(path: Path) -> None:
    """Flush a file, or a folder's list of names, to disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
