"""Write a model as a file for use elsewhere, with a JSON beside it that says how to feed it, and a card."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from facedata import ClassManifest, open_set
from facedata.errors import UsageError, writing
from facedata.files.atomic import file_sha256, write_text
from facedata.options import look_up, resolve_options

from ..batches.reader import CropReader
from ..batches.to_input import ToInput
from ..cards.evaluation import read_evaluation
from ..cards.model_card import keep_card, model_card
from ..cards.model_facts import ModelFacts
from ..config import FORMATS, ExportConfig
from ..machine.extras import require_extra
from ..models.embedder import TorchEmbedder, open_model
from ..models.exported import write_exported
from ..models.formats import Format
from ..models.header import training_set_path
from ..outputs import local_out


def export_model(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    config: ExportConfig | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Write a model in one of the formats, with a JSON beside it that says how to feed it, and a card.

    The file is written under another name, run on crops of the set, and gets its name only if it returns what
    the model returns. What only training needs (a margin's class centres, a pair head) is left out. The
    second output of a closed set's classifier is the logits, in the order of the JSON's ``classes``.

    Args:
        model: a run folder or a run's ``.safetensors`` file.
        out: the file, with its format's ending; the JSON has the same name, ending in ``.json``, and the
            model card in ``.md``.
        config: the options; ``changes`` win over it.
        **changes: single options by name.

    Returns:
        The JSON's contents, with ``path`` and ``card``: the input spec, ``layout`` and ``batch`` of the
        input, ``classes``, ``left_out``, and the comparison: ``crops``, ``least_cosine``,
        ``largest_difference``.

    Raises:
        ExportError: it cannot be converted, or does not return what the model returns; no file is left.
        UsageError: impossible options, a wrong ending of ``out``, a model that is ONNX already, no known
            set to take crops from, or scores of another model.
        SpecError: the set's crops were made with another template than the model's.
        MissingExtraError: the converter is not installed.
    """
    config, out = resolve_options(ExportConfig, config, changes), local_out(out)
    kind: Format = look_up(FORMATS, config.to)
    if out.suffix != kind.suffix:
        raise UsageError(f"--to {config.to} writes files that end in {kind.suffix}: {out} does not")
    _check_sidecar(out)
    require_extra(*kind.packages, extra="export", what=f"--to {config.to}")
    embedder = open_model(model, "cpu")
    if not isinstance(embedder, TorchEmbedder):
        raise UsageError(f"{model} is an exported network already: export from its run folder")
    tested = read_evaluation(Path(config.scores), embedder.fingerprint()) if config.scores else None
    set_path = config.set or training_set_path(Path(model))
    if set_path is None:
        raise UsageError("an export is compared with the model on real crops: name a set with --set DIR")
    prepared = open_set(set_path)
    embedder.spec.check_set(prepared)
    classes = ClassManifest.open(prepared)
    # crops from all over the set, the same each time
    rows = np.unique(np.linspace(0, len(classes) - 1, min(config.crops, len(classes))).astype(np.int64))
    with CropReader(classes) as reader:
        reader.check(rows, hashes=True)
        images = ToInput(embedder.spec)(reader.read(rows), None)
    temporary = out.with_name(f".{out.stem}.tmp{kind.suffix}")
    try:
        with writing(out):
            out.parent.mkdir(parents=True, exist_ok=True)
        compared = write_exported(embedder.objective, kind, images, temporary)
        values = {**_describe(embedder, kind), **compared, "sha256": file_sha256(temporary)}
        with writing(out):
            temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    write_text(out.with_suffix(".json"), json.dumps(values, indent=1, sort_keys=True) + "\n")
    facts = ModelFacts.of(Path(model), prepared)
    card = keep_card(out.with_suffix(".md"), model_card(facts, tested, {**values, "file": out.name}))
    return {**values, "path": str(out), "card": str(card)}


def export_lines(values: dict[str, Any]) -> list[str]:
    """Return what ``facemodel export`` prints, from what :func:`export_model` returns."""
    side, left_out = values["size_px"], ", ".join(values["left_out"]) or "nothing"
    result = (
        f"cosine at least {values['least_cosine']:.7f}, largest difference {values['largest_difference']:.2g}"
    )
    return [
        f"wrote      {values['path']}, and {Path(values['path']).with_suffix('.json').name} beside it",
        f"input      {values['layout']}, {side} × {side} px, batch: {values['batch']}",
        f"compared   on {values['crops']} crops: {result}",
        f"left out   {left_out}",
        f"card       {values['card']}",
    ]


def _check_sidecar(out: Path) -> None:
    """Refuse a name whose JSON would replace the JSON of another file.

    Raises:
        UsageError: it would.
    """
    sidecar = out.with_suffix(".json")
    if not sidecar.exists():
        return
    try:
        values = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        values = None
    if not isinstance(values, dict) or not {"layout", "sha256", "size_px"} <= values.keys():
        raise UsageError(
            f"{sidecar} is not the JSON of an export, and would be replaced: choose another name"
        )
    for name in FORMATS:
        other = out.with_suffix(look_up(FORMATS, name).suffix)
        if other != out and other.exists():
            raise UsageError(f"{sidecar} belongs to {other}: give this export another name")


def _describe(embedder: TorchEmbedder, kind: Format) -> dict[str, Any]:
    """Return what the JSON says about the model and how to feed it."""
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
