"""Write a model as a file for use elsewhere, with a JSON beside it that says how to feed it, and a card.

With ``int8`` the float file is the first step: it is compared with the model, then written in 8-bit whole
numbers, and judged again by people whom no range was taken from.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

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
from ..models.embedder import Embedder, TorchEmbedder, open_model
from ..models.exported import write_exported
from ..models.formats import Format
from ..models.header import training_set_path
from ..models.int8.crops import read_int8_crops
from ..models.int8.onnx_model import describe_network, network_file
from ..models.int8.write import FloatFile, int8_lines, write_int8
from ..models.onnx.network import OnnxEmbedder
from ..models.placement import describe_placement
from ..models.ready.table import is_ready
from ..outputs import local_out

_RESIZE = "bilinear, antialiased (PIL's BILINEAR), from crops of crop_px"
_COMPARED = ("crops", "least_cosine", "largest_difference")


def export_model(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    config: ExportConfig | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Write a model in one of the formats, with a JSON beside it that says how to feed it, and a card.

    The file is written under another name, run on crops of the set, and gets its name only if it returns what
    the model returns; of an int8 file, if it tells people apart as well, to within ``most_loss``. What only
    training needs (a margin's class centres, a pair head) is left out. The second output of a closed set's
    classifier is the logits, in the order of the JSON's ``classes``.

    Args:
        model: a ready model's name, a run folder or a run's ``.safetensors`` file; for an int8 ONNX file an
            ONNX network with its spec beside it, too.
        out: the file, with its format's ending; the JSON has the same name, ending in ``.json``, and the
            model card in ``.md``.
        config: the options; ``changes`` win over it.
        **changes: single options by name.

    Returns:
        The JSON's contents, with ``path`` and ``card`` (None where no run folder tells what a card says): the
        input spec, ``layout`` and ``batch`` of the input, ``template_points`` and ``template_box``,
        ``classes``, ``left_out``, the comparison (``crops``, ``least_cosine``, ``largest_difference``), and
        with int8 its figures under ``int8``.

    Raises:
        ExportError: it cannot be converted, does not return what the model returns, or as int8 loses too
            much; no file is left.
        UsageError: impossible options, a wrong ending of ``out``, a model that is ONNX already, no known
            set to take crops from, or scores of another model.
        SpecError: the set's crops were made with another template than the model's.
        MissingExtraError: the converter is not installed.
    """
    config, out = resolve_options(ExportConfig, config, changes), local_out(out)
    kind: Format = look_up(FORMATS, config.to)
    _check_out(out, kind, config)
    embedder = open_model(model, "cpu", weights=config.weights)
    run = Path(model) if isinstance(embedder, TorchEmbedder) and not is_ready(model) else None
    if not (isinstance(embedder, TorchEmbedder) or (config.int8 and out.suffix == ".onnx")):
        raise UsageError(
            f"{model} is an ONNX network already: --to onnx --int8 makes it smaller, and other formats are "
            "written from a run folder only"
        )
    if isinstance(embedder, OnnxEmbedder) and out.exists() and out.samefile(embedder.path):
        raise UsageError(f"--out {out} is the model itself: choose another name")
    if config.scores and run is None:
        raise UsageError("--scores is for the card, which is written of run folders only: leave it out")
    tested = read_evaluation(Path(config.scores), embedder.fingerprint()) if config.scores else None
    prepared = open_set(_choose_set(model, config))
    embedder.spec.check_set(prepared)
    classes, to_input = ClassManifest.open(prepared), ToInput(embedder.spec)
    # crops from all over the set, the same each time
    rows = np.unique(np.linspace(0, len(classes) - 1, min(config.crops, len(classes))).astype(np.int64))
    with CropReader(classes) as reader:
        reader.check(rows, hashes=True)
        images = to_input(reader.read(rows), None)
        crops = read_int8_crops(classes, reader, to_input, config.calibrate) if config.int8 else None
    temporary, small = (out.with_name(f".{out.stem}.{part}{kind.suffix}") for part in ("tmp", "int8"))
    try:
        with writing(out):
            out.parent.mkdir(parents=True, exist_ok=True)
        values = _write_float(embedder, kind, images, temporary)
        if crops is not None:
            source = _float_file(embedder, kind, temporary)
            figures = write_int8(source, crops, embedder.spec.metric, config.most_loss, small)
            values |= {"int8": figures, **{name: figures[name] for name in _COMPARED}}
        done = temporary if crops is None else small
        values["sha256"] = file_sha256(done)
        with writing(out):
            done.replace(out)
    finally:
        for path in (temporary, small):
            path.unlink(missing_ok=True)
    write_text(out.with_suffix(".json"), json.dumps(values, indent=1, sort_keys=True) + "\n")
    card = None
    if run is not None:
        text = model_card(ModelFacts.of(run, prepared), tested, {**values, "file": out.name})
        card = str(keep_card(out.with_suffix(".md"), text))
    return {**values, "path": str(out), "card": card}


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
        *(int8_lines(values["int8"]) if "int8" in values else []),
        f"left out   {left_out}",
        *([f"card       {values['card']}"] if values["card"] else []),
    ]


def _check_out(out: Path, kind: Format, config: ExportConfig) -> None:
    """Refuse a name or a format that cannot be written, before anything is opened.

    Raises:
        UsageError: the name has another ending, or its JSON is another file's; or the format has no int8.
        MissingExtraError: the converter is not installed.
    """
    if out.suffix != kind.suffix:
        raise UsageError(f"--to {config.to} writes files that end in {kind.suffix}: {out} does not")
    if config.int8 and kind.int8 is None:
        able = [name for name in FORMATS if look_up(FORMATS, name).int8 is not None]
        raise UsageError(f"--int8 is for --to {' or '.join(able)}, not for --to {config.to}")
    _check_sidecar(out)
    packages = kind.packages + (kind.int8_packages if config.int8 else ())
    require_extra(*packages, extra="export", what=f"--to {config.to}")


def _choose_set(model: str | os.PathLike[str], config: ExportConfig) -> str:
    """Return the set that crops are taken from.

    Raises:
        UsageError: none is known.
    """
    found = config.set or training_set_path(model)
    if found is None:
        raise UsageError("an export is compared with the model on real crops: name a set with --set DIR")
    return found


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


def _write_float(embedder: Embedder, kind: Format, images: Tensor, path: Path) -> dict[str, Any]:
    """Write the float file, unless the model is one, and return what the JSON says of it."""
    placement = {"resize": _RESIZE, **describe_placement(embedder.spec), "model": embedder.fingerprint()}
    if isinstance(embedder, OnnxEmbedder):
        return {**describe_network(embedder), **placement, "left_out": []}
    if not isinstance(embedder, TorchEmbedder):
        raise UsageError(f"{embedder.name} is no model that can be exported")
    objective = embedder.objective
    left_out = []
    if objective.has_pairs:
        left_out.append("the pair head (embeddings can still be compared by their distance)")
    if objective.has_classes and not embedder.classes:
        left_out.append("the metric head: the centres of the training people's classes")
    return {
        **json.loads(embedder.spec.to_json()),
        **placement,
        "layout": kind.layout,
        "batch": kind.batch,
        "classes": list(embedder.classes),
        "left_out": left_out,
        **write_exported(objective, kind, images, path),
    }


def _float_file(embedder: Embedder, kind: Format, path: Path) -> FloatFile:
    """Return the float file that an int8 one is made of: the one just written, or the model itself."""
    if isinstance(embedder, OnnxEmbedder):
        return network_file(embedder)
    if kind.int8 is None:
        raise UsageError(f"{kind.suffix} has no int8")
    return FloatFile(path, path.stat().st_size, kind.int8, kind.read)
