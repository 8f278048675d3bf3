"""The threshold that a user chose for a ready model: in the cache, since the model itself is pinned.

`facemodel evaluate NAME SET --keep-threshold` writes ``weights/NAME.json`` in the cache folder: the input
spec with that threshold and what validation showed, bound to the model's file by its SHA-256. From then on
the name has that threshold on this machine; without the file it has the published one again.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

from ...errors import SpecError
from ...spec import InputSpec, make_spec
from .files import weights_folder
from .table import ReadyModel

logger = logging.getLogger(__name__)

_OF_FILE = "sha256"
"""The key of the SHA-256 of the model's file."""


def kept_path(model: ReadyModel) -> Path:
    """Return where a threshold of the user's lies, or would."""
    return weights_folder() / f"{model.name}.json"


def read_kept(model: ReadyModel) -> dict[str, Any] | None:
    """Return the JSON with the user's threshold; None if there is none.

    One of another file than the model's is passed over, and the log says so.

    Raises:
        SpecError: it cannot be read; the message says what to do.
    """
    path = kept_path(model)
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        sha256 = values[_OF_FILE]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SpecError(
            f"cannot read the threshold that was kept for {model.name} in {path} ({error!r}): remove the "
            "file, and the published one is used"
        ) from error
    if sha256 != model.file.sha256:
        logger.warning("%s is of another file than %s's: it is not used", path, model.name)
        return None
    return dict(values)


def start_kept(model: ReadyModel) -> dict[str, Any]:
    """Return the JSON to keep a threshold in: the one that is there, else the model's own spec.

    Raises:
        SpecError: the one that is there cannot be read.
    """
    values = read_kept(model)
    return json.loads(model.spec.to_json()) | {_OF_FILE: model.file.sha256} if values is None else values


def ready_spec(model: ReadyModel) -> InputSpec:
    """Return a ready model's input spec, with the user's threshold if one was kept.

    Raises:
        SpecError: the file with that threshold cannot be read.
    """
    values = read_kept(model)
    if values is None:
        return model.spec
    kept = make_spec(values, str(kept_path(model)))
    return dataclasses.replace(
        model.spec,
        threshold=kept.threshold,
        metric=kept.metric,
        validation=kept.validation,
        threshold_basis=kept.threshold_basis,
    )
