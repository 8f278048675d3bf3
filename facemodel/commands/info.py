"""What a model is: its layers, what of them trains, its input spec."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from ..models.embedder import TorchEmbedder, open_model
from ..models.onnx import OnnxEmbedder
from ..models.saved import read_header, weights_file
from ..network.freezing import summary
from ..objective.objective import Objective
from ..spec import InputSpec


def model_info(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what is known of a model: plain values, the same for every look at the same model.

    Args:
        path: a run folder, a run's ``.safetensors`` file, or ``net.onnx`` with its spec in ``net.json``.

    Returns:
        ``model``, ``fingerprint``, ``spec`` and ``parameters``. Of a run also ``backbone``, ``pretrained``,
        ``frozen``, ``trainable``, ``classes``, ``loss``, and ``layers``: a list with ``name``,
        ``parameters``, ``trainable`` and ``fixed_statistics`` (BatchNorm layers whose statistics stay, and
        all of them) each.
        Of an ONNX network also ``input`` and ``output``, as shapes.

    Raises:
        ModelError: there is no model, or it is damaged, of another architecture or a newer version.
        SpecError: its spec is missing or malformed.
    """
    embedder = open_model(path, "cpu")
    found = {
        "model": str(path),
        "fingerprint": embedder.fingerprint(),
        "spec": dataclasses.asdict(embedder.spec),
    }
    if isinstance(embedder, TorchEmbedder):
        return {**found, **_of_run(embedder.objective, weights_file(Path(path)))}
    return {**found, **(embedder.describe() if isinstance(embedder, OnnxEmbedder) else {})}


def _of_run(objective: Objective, file: Path) -> dict[str, Any]:
    model = objective.model.train()  # what trains shows in training mode only
    parts = [*summary([*model.blocks, ("embedding", model.head)])]
    heads = [part for part in summary([("goal", objective.goal)]) if part.parameters]
    layers = [part for part in parts if part.parameters] + heads
    return {
        "file": file.name,
        "backbone": model.name,
        "pretrained": model.pretrained.line,
        "frozen": model.frozen,
        "loss": objective.config.loss,
        "classes": len(objective.classes),
        "layers": [dataclasses.asdict(part) for part in layers],
        "parameters": sum(part.parameters for part in layers),
        "trainable": sum(part.trainable for part in layers),
        "extra": read_header(file)["extra"],
    }


def info_lines(values: dict[str, Any]) -> list[str]:
    """Return what ``facemodel info`` prints, from what :func:`model_info` gives."""
    lines = [f"model       {values['model']}", f"id          {values['fingerprint']}"]
    if "layers" in values:
        lines += _run_lines(values)
    else:
        lines += [
            f"input       {_shape(values['input'])}",
            f"output      {_shape(values['output'])}",
            *([f"parameters  {values['parameters']:,}"] if values["parameters"] is not None else []),
        ]
    return lines + _spec_lines(InputSpec(**values["spec"]))


def _run_lines(values: dict[str, Any]) -> list[str]:
    width = max(len(layer["name"]) for layer in values["layers"])
    layers = [_layer_line(layer, width) for layer in values["layers"]]
    trainable, every = values["trainable"], values["parameters"]
    return [
        f"backbone    {values['pretrained']}",
        f"loss        {values['loss']}" + (f", {values['classes']} classes" if values["classes"] else ""),
        f"frozen      {values['frozen']}",
        "",
        *layers,
        "",
        f"trains      {trainable:,} of {every:,} parameters ({trainable / max(every, 1):.1%})",
    ]


def _layer_line(layer: dict[str, Any], width: int) -> str:
    every, trainable, (fixed, norms) = layer["parameters"], layer["trainable"], layer["fixed_statistics"]
    state = "trains" if trainable == every else "frozen" if not trainable else f"{trainable:,} train"
    statistics = f", {fixed} of {norms} BatchNorm fixed" if fixed else ""
    return f"  {layer['name']:<{width}}  {every:>12,}  {state}{statistics}"


def _spec_lines(spec: InputSpec) -> list[str]:
    channels = " ".join(f"{value:.4g}" for value in spec.mean), " ".join(f"{v:.4g}" for v in spec.std)
    crops = f"{spec.template} crops" + (f" of {spec.crop_px} px" if spec.crop_px else "")
    margin = f", margin {spec.margin:g}" if spec.margin else ""
    threshold = "none" if spec.threshold is None else f"{spec.threshold:.4g} ({spec.metric})"
    if spec.class_threshold is not None:
        threshold += f"; to name somebody, a probability of {spec.class_threshold:.4g}"
    return [
        f"takes       {spec.size_px} × {spec.size_px} px {spec.colour.upper()}, from {crops}{margin}",
        f"            mean {channels[0]}, std {channels[1]}",
        f"gives       {spec.dim} numbers{', of length one' if spec.normalised else ''}",
        f"threshold   {threshold}",
        f"trained on  the set {spec.trained_on()}",
    ]


def _shape(sides: list[Any]) -> str:
    return " × ".join(str(side) for side in sides)
