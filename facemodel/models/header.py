"""The header of a model's file, and what it says of the model without building it: no torch is imported.

A model's file is safetensors with one JSON text under one name: safetensors writes several names in no fixed
order, and the same weights must give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from facedata.errors import UsageError
from facedata.options import read_toml
from facedata.tables.schema import DATASET

from ..errors import ModelError, NewerVersionError
from ..spec import InputSpec
from .ready.table import is_ready, suggest_ready

logger = logging.getLogger(__name__)

VERSION = 1
"""Of the header; a file with a higher version is refused."""

BEST, LAST, SPEC = "best", "last", "spec.json"
STATE, DONE, HISTORY = "state", "done.json", "history.csv"
"""In a run folder: what a run needs to resume, the mark of a finished one in it, and a row per epoch."""

SUFFIX = ".safetensors"
KEY = "facemodel"
"""The name of the header."""

_MODEL = "model."
"""Starts the names of the weights that embeddings depend on; a file has those of the heads besides."""


def read_header(path: Path) -> dict[str, Any]:
    """Return the header of a model's file: version, config, frozen, pretrained, classes, extra.

    Raises:
        ModelError: it is missing, damaged, or not written by facemodel.
        NewerVersionError: a later facemodel wrote it.
    """
    with open_weights(path, "numpy") as (header, _):
        return header


def weights_file(path: Path) -> Path:
    """Return the file of a run folder's model: the best weights, else the last.

    A line says so if the run is not finished.

    Raises:
        ModelError: there is neither, or the path is a file of another kind.
    """
    if path.is_file() and path.suffix != SUFFIX:
        raise ModelError(f"{path} is not a model: name a run folder, a {SUFFIX} file or an .onnx file")
    if not path.is_dir():
        return path
    unfinished = (path / STATE).is_dir() and not (path / STATE / DONE).is_file()
    for name in (BEST, LAST):
        if (file := path / f"{name}{SUFFIX}").is_file():
            if unfinished:
                _say_unfinished(path, file)
            return file
    if unfinished:
        raise ModelError(
            f"{path} has no weights yet: the first epoch of this run is not finished. Let it train, or "
            "continue it with `facemodel fit … --resume`"
        )
    if (path / DATASET).is_file():
        raise ModelError(f"{path} is a set of crops, not a model; the model and the set are two arguments")
    raise ModelError(f"{path} is not a run folder: it has no {BEST}{SUFFIX}; did `facemodel fit` run?")


def training_set_path(model: str | os.PathLike[str]) -> str | None:
    """Return where the set was that a model was trained on; None where no run folder says so.

    Args:
        model: a run folder, or a file in one; a ready model has none.
    """
    if is_ready(model):
        return None
    model = Path(model)
    folder = model if model.is_dir() else model.parent
    try:
        return str(json.loads((folder / STATE / "settings.json").read_text(encoding="utf-8"))["set_path"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _say_unfinished(path: Path, file: Path) -> None:
    """Log which epoch's weights an unfinished run has so far, and of how many."""
    try:
        rows = (path / HISTORY).read_text(encoding="utf-8").splitlines()
        epochs = read_toml(path / "config.toml").get("epochs")
    except (OSError, ValueError, UsageError):  # missing or incomplete: the weights are there all the same
        rows, epochs = [], None
    done = rows[-1].partition(",")[0] if len(rows) > 1 else "?"
    logger.warning(
        "%s is not finished: these are the weights of epoch %s, the best of the %s so far, of %s in all",
        path, read_header(file)["extra"].get("epoch", "?"), done, epochs or "?",
    )  # fmt: skip


def read_fingerprint(path: Path, spec: InputSpec) -> str:
    """Return the fingerprint of the model in a file; see :meth:`.embedder.Embedder.fingerprint`.

    Raises:
        ModelError: the file is damaged.
        NewerVersionError: a later facemodel wrote it.
    """
    digest = hashlib.sha256(repr(spec.input_settings()).encode())
    with open_weights(path, "numpy") as (_, file):
        names = [name.removeprefix(_MODEL) for name in file.keys() if name.startswith(_MODEL)]  # noqa: SIM118
        for name in sorted(names):
            tensor = file.get_tensor(_MODEL + name)
            digest.update(f"{name} torch.{tensor.dtype} {tensor.shape}".encode())
            digest.update(tensor.tobytes())
    return digest.hexdigest()


@contextmanager
def open_weights(path: Path, framework: str) -> Iterator[tuple[dict[str, Any], Any]]:
    """Open a model's file: its header, and the open file, which gives tensors of ``framework``.

    Raises:
        ModelError: it is missing, damaged, or not written by facemodel.
        NewerVersionError: a later facemodel wrote it.
    """
    if not path.is_file():
        raise ModelError(f"there is no model at {path}{suggest_ready(str(path))}")
    try:
        with safe_open(path, framework=framework) as file:
            header = json.loads((file.metadata() or {}).get(KEY, "null"))
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
            yield header, file
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} is damaged or not a model's file: {error}") from error
