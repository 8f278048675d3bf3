"""What a model is: its layers, which of them train, its input spec."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from ..models.embedder import TorchEmbedder, open_model
from ..models.onnx import OnnxEmbedder
from ..models.saved import read_header, weights_file
from ..network.freezing import summarise_blocks
from ..spec import InputSpec


def model_info(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what is known about a model, as plain values that depend on the model only.

    Args:
        path: a run folder, a run's ``.safetensors`` file, or ``net.onnx`` with its spec in ``net.json``.

    Returns:
        ``model``, ``fingerprint``, ``spec`` and ``parameters``. Of a run also ``backbone``, ``pretrained``,
        ``frozen``, ``trainable``, ``classes``, ``loss``, and ``layers``: a list with ``name``,
        ``parameters``, ``trainable`` and ``fixed_statistics`` (BatchNorm layers with fixed statistics, and
        all BatchNorm layers) each.
        Of an ONNX network also ``input`` and ``output``, as shapes.

    Raises:
        ModelError: there is no model, or it is damaged, of another architecture or a newer version.
        SpecError: its spec is missing or malformed.
    """
    embedder = open_model(path, "cpu")
    values = {
        "model": str(path),
        "fingerprint": embedder.fingerprint(),
        "spec": dataclasses.asdict(embedder.spec),
    }
    if isinstance(embedder, OnnxEmbedder):
        return {**values, **embedder.describe()}
    if not isinstance(embedder, TorchEmbedder):
        return values
    objective, file = embedder.objective, weights_file(Path(path))
    model = objective.model.train()  # which layers train can be seen in training mode only
    blocks = summarise_blocks([*model.blocks, ("embedding", model.head), ("goal", objective.goal)])
    layers = [block for block in blocks if block.parameters]
    return {
        **values,
        "file": file.name,
        "backbone": model.name,
        "pretrained": model.pretrained.line,
        "frozen": model.frozen,
        "loss": objective.config.loss,
        "classes": len(objective.classes),
        "layers": [dataclasses.asdict(layer) for layer in layers],
        "parameters": sum(layer.parameters for layer in layers),
        "trainable": sum(layer.trainable for layer in layers),
        "extra": read_header(file)["extra"],
    }


def info_lines(values: dict[str, Any]) -> list[str]:
    """Return what ``facemodel info`` prints, from what :func:`model_info` gives."""
    lines = [f"model       {values['model']}", f"id          {values['fingerprint']}"]
    if "layers" in values:
        trainable, total = values["trainable"], values["parameters"]
        classes = f", {values['classes']} classes" if values["classes"] else ""
        lines += [
            f"backbone    {values['pretrained']}",
            f"loss        {values['loss']}{classes}",
            f"frozen      {values['frozen']}",
            "",
            *_layer_lines(values["layers"]),
            "",
            f"trains      {trainable:,} of {total:,} parameters ({trainable / max(total, 1):.1%})",
        ]
    else:
        for name in ("input", "output"):
            lines.append(f"{name:<12}{' × '.join(map(str, values[name]))}")
        if values["parameters"] is not None:
            lines.append(f"parameters  {values['parameters']:,}")
    spec = InputSpec(**values["spec"])
    mean, std = (" ".join(f"{value:.4g}" for value in channels) for channels in (spec.mean, spec.std))
    crops = f"{spec.template} crops" + (f" of {spec.crop_px} px" if spec.crop_px else "")
    margin = f", margin {spec.margin:g}" if spec.margin else ""
    threshold = "none" if spec.threshold is None else f"{spec.threshold:.4g} ({spec.metric})"
    if spec.class_threshold is not None:
        threshold += f"; to name a face, a probability of {spec.class_threshold:.4g}"
    return [
        *lines,
        f"takes       {spec.size_px} × {spec.size_px} px {spec.colour.upper()}, from {crops}{margin}",
        f"            mean {mean}, std {std}",
        f"gives       {spec.dim} numbers{', of length one' if spec.normalised else ''}",
        f"threshold   {threshold}",
        f"trained on  the set {spec.short_fingerprint()}",
    ]


def _layer_lines(layers: list[dict[str, Any]]) -> list[str]:
    width = max(len(layer["name"]) for layer in layers)
    lines = []
    for layer in layers:
        total, trainable, (fixed, norms) = layer["parameters"], layer["trainable"], layer["fixed_statistics"]
        state = "trains" if trainable == total else "frozen" if not trainable else f"{trainable:,} train"
        statistics = f", {fixed} of {norms} BatchNorm fixed" if fixed else ""
        lines.append(f"  {layer['name']:<{width}}  {total:>12,}  {state}{statistics}")
    return lines
