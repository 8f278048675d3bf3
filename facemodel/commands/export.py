"""Write a model for use elsewhere, run what was written, and compare it with the model on real crops."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from facedata import ClassManifest
from facedata.errors import FacedataError, UsageError, writing
from facedata.files.atomic import file_sha256, write_text
from facedata.sets.prepared import open_set
from facedata.types import Float32Array

from ..batches.reader import CropReader
from ..batches.to_input import ToInput
from ..config import ExportConfig
from ..errors import ExportError
from ..models.embedder import Crops, TorchEmbedder, open_model
from ..models.formats import FORMATS, Format, as_arrays, unwrapped
from ..objective.objective import Objective
from .outputs import local_out

LEAST_COSINE = 0.9999
"""How alike the file's embeddings and the model's must be, at the least alike crop."""


class Exported(nn.Module):
    """What is written: the model, and of a closed set's classifier the logits, too.

    ``forward`` takes ``(N, 3, size, size)`` float32, gives a tuple: embeddings, then logits if there are any.
    """

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.objective, self.names_people = objective, objective.config.closed and objective.has_classes

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs."""
        embeddings = self.objective.model(images)
        return (embeddings, self.objective.logits(embeddings)) if self.names_people else (embeddings,)


def export_model(
    model: str | os.PathLike[str], out: str | os.PathLike[str], config: ExportConfig | None = None
) -> dict[str, Any]:
    """Write a model as ONNX, TFLite or TorchScript, with a JSON beside it that says how to feed it.

    The file is written under another name, run on crops of the set, and gets its name only if it gives what
    the model gives. What only training needs (a margin's class centres, a pair head) is left out; of a closed
    set's classifier the second output is the logits, in the order of the JSON's ``classes``.

    Args:
        model: a run folder or a run's ``.safetensors`` file.
        out: the file, ending as its format does; the JSON has the same name, ending in ``.json``.
        config: format, number of crops, and the set they come from.

    Returns:
        The JSON's contents, with ``path``: the input spec, ``layout`` and ``batch`` of the input,
        ``classes``, ``left_out``, and the comparison: ``crops``, ``least_cosine``, ``largest_difference``.

    Raises:
        ExportError: it cannot be converted, or does not give what the model gives; no file is left.
        UsageError: ``out`` ends otherwise, the model is ONNX already, or no set is known to take crops from.
        SpecError: the set's crops were made otherwise than the model's.
        MissingExtraError: the converter is not installed.
    """
    config, out = config or ExportConfig(), local_out(out)
    kind = FORMATS[config.to]
    if out.suffix != kind.suffix:
        raise UsageError(f"--to {config.to} writes files that end in {kind.suffix}: {out} does not")
    _refuse_other_sidecar(out)
    embedder = open_model(model, "cpu")
    if not isinstance(embedder, TorchEmbedder):
        raise UsageError(f"{model} is an exported network already: export from its run folder")
    crops = _crops(embedder, Path(model), config)
    images = ToInput(embedder.spec)(crops, None)
    temporary = out.with_name(f".{out.stem}.tmp{kind.suffix}")
    try:
        with writing(out):
            out.parent.mkdir(parents=True, exist_ok=True)
        compared = _written(embedder.objective, kind, images, temporary)
        card = {**_card(embedder, kind), **compared, "sha256": file_sha256(temporary)}
        with writing(out):
            temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    write_text(out.with_suffix(".json"), json.dumps(card, indent=1, sort_keys=True) + "\n")
    return {**card, "path": str(out)}


def _refuse_other_sidecar(out: Path) -> None:
    """Refuse a name whose JSON would take the place of another file's.

    Raises:
        UsageError: it would.
    """
    sidecar = out.with_suffix(".json")
    if sidecar.exists() and not _is_card(sidecar):
        raise UsageError(f"{sidecar} would be written over, and is no export's: choose another name")
    others = [out.with_suffix(kind.suffix) for kind in FORMATS.values() if kind.suffix != out.suffix]
    if sidecar.exists() and (other := next((file for file in others if file.exists()), None)):
        raise UsageError(f"{sidecar} belongs to {other}: give this export another name")


def _is_card(file: Path) -> bool:
    """Tell whether a JSON is one that an export wrote."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and {"layout", "sha256", "size_px"} <= found.keys()


def export_lines(values: dict[str, Any]) -> list[str]:
    """Return what ``facemodel export`` prints, from what :func:`export_model` gives."""
    side, left_out = values["size_px"], ", ".join(values["left_out"]) or "nothing"
    found = (
        f"cosine at least {values['least_cosine']:.7f}, largest difference {values['largest_difference']:.2g}"
    )
    return [
        f"wrote      {values['path']}, and {Path(values['path']).with_suffix('.json').name} beside it",
        f"input      {values['layout']}, {side} × {side} px, batch: {values['batch']}",
        f"compared   on {values['crops']} crops: {found}",
        f"left out   {left_out}",
    ]


def _written(objective: Objective, kind: Format, images: Tensor, path: Path) -> dict[str, Any]:
    """Write a file and compare it."""
    network = Exported(objective).eval()
    network.requires_grad_(False)
    example = torch.cat([images, images])[:2]
    try:
        kind.write(network, example, path)
        run = kind.read(path)
        # alone and together: a file that took in the example's batch size gives itself away
        parts = [run(images[:1].numpy()), *([run(images[1:].numpy())] if len(images) > 1 else [])]
    except FacedataError:
        raise
    except Exception as error:  # what a converter meets in a network, there is no list of
        raise ExportError(
            f"{objective.model.name} cannot be written as {kind.suffix}: {unwrapped(error)}"
        ) from error
    with torch.inference_mode():
        wanted = as_arrays(network(images))
    return compare(wanted, [_joined(outputs) for outputs in zip(*parts, strict=True)])


def _joined(outputs: tuple[Float32Array, ...]) -> Float32Array:
    if len(shapes := {output.shape[1:] for output in outputs}) > 1:
        raise ExportError(f"the written file gives {shapes} for batches of another size: it was removed")
    return np.concatenate(outputs)


def compare(wanted: list[Float32Array], found: list[Float32Array]) -> dict[str, Any]:
    """Compare outputs, row by row.

    Args:
        wanted: the model's outputs, ``(N, width)`` each.
        found: the file's.

    Raises:
        ExportError: shapes differ, a row's cosine is below :data:`LEAST_COSINE`, or a number is none.
    """
    shapes = [[output.shape for output in outputs] for outputs in (wanted, found)]
    if shapes[0] != shapes[1]:
        raise ExportError(f"the written file gives {shapes[1]} and the model {shapes[0]}: it was removed")
    cosines, differences = [], []
    for ours, theirs in zip(wanted, found, strict=True):
        a, b = ours.astype(np.float64), theirs.astype(np.float64)
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosines.append(float(((a * b).sum(1) / np.maximum(lengths, 1e-300)).min()))
        differences.append(float(np.abs(a - b).max()))
    least, largest = min(cosines), max(differences)
    if not least >= LEAST_COSINE:  # so that NaN is refused
        raise ExportError(
            f"the written file does not give what the model gives: cosine {least:.6f} at the worst of "
            f"{len(wanted[0])} crops (at least {LEAST_COSINE} it must be), largest difference {largest:.3g}; "
            "it was removed"
        )
    return {"crops": len(wanted[0]), "least_cosine": least, "largest_difference": largest}


def _card(embedder: TorchEmbedder, kind: Format) -> dict[str, Any]:
    objective = embedder.objective
    left_out = []
    if objective.has_pairs:
        left_out.append("the pair head (embeddings can still be compared by their distance)")
    if objective.has_classes and not embedder.classes:
        left_out.append("the metric head: the centres of the training people's classes")
    return {
        **json.loads(embedder.spec.to_json()),
        "model": embedder.fingerprint(),
        "layout": kind.layout,
        "resize": "bilinear, antialiased (PIL's BILINEAR), from crops of crop_px",
        "batch": kind.batch,
        "classes": list(embedder.classes),
        "left_out": left_out,
    }


def _crops(embedder: TorchEmbedder, model: Path, config: ExportConfig) -> Crops:
    """Return crops from all over the set, the same each time."""
    prepared = open_set(config.set or _training_set(model))
    embedder.spec.check_set(prepared)
    classes = ClassManifest.open(prepared.path)
    rows = np.unique(np.linspace(0, len(classes) - 1, min(config.crops, len(classes))).astype(np.int64))
    with CropReader(classes) as reader:
        reader.check(rows, hashes=True)
        return reader.read(rows)


def _training_set(model: Path) -> str:
    """Return the path of the set that a run trained on, where that is known and still there."""
    run = model if model.is_dir() else model.parent
    try:
        path = json.loads((run / "state" / "settings.json").read_text(encoding="utf-8"))["set_path"]
    except (OSError, ValueError, KeyError, TypeError):
        path = None
    if path is None:
        raise UsageError("an export is compared with the model on real crops: name a set with --set DIR")
    return str(path)
