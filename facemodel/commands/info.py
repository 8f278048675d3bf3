"""What a model is: its layers, which of them train, its input spec."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from facedata.errors import UsageError

from ..errors import ModelError
from ..models.header import SPEC, read_fingerprint, read_header, weights_file
from ..models.ready.table import is_ready
from ..spec import InputSpec, read_spec


def model_info(path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Return what is known about a model, as plain values that depend on the model only.

    Args:
        path: a ready model's name, a run folder, a run's ``.safetensors`` file, or ``net.onnx`` with its spec
            in ``net.json``.
        weights: a file with a ready model's weights; None to use the cache, or to download them.

    Returns:
        ``model``, ``fingerprint``, ``spec`` and ``parameters``. Of a run also ``backbone``, ``pretrained``,
        ``frozen``, ``trainable``, ``classes``, ``sample_classes``, ``loss``, and ``layers``: a list
        with ``name``, ``parameters``, ``trainable`` and ``fixed_statistics`` (BatchNorm layers with fixed
        statistics, and all BatchNorm layers) each.
        Of an ONNX network also ``input`` and ``output``, as shapes. Of a ready model also ``licence``,
        ``origin``, ``file``, ``url`` and ``sha256``.

    Raises:
        ModelError: there is no model, or it is damaged, of another architecture or a newer version.
        SpecError: its spec is missing or malformed.
    """
    if is_ready(path):
        from ..models.ready.network import describe_ready  # it imports torch

        return describe_ready(path, weights)
    if weights is not None:
        raise UsageError(f"--weights {os.fspath(weights)} is for a ready model, and {path} is none")
    if Path(path).suffix == ".onnx":
        from ..models.onnx.network import OnnxEmbedder

        network = OnnxEmbedder(Path(path))
        about = _about(path, network.fingerprint(), network.spec)
        return {**about, **network.describe()}
    file = weights_file(Path(path))
    header = read_header(file)
    spec = read_spec(file.with_name(SPEC))
    if "layers" not in header:  # a file of an earlier facemodel: only the network itself tells
        from ..models.saved import load_objective, summarise_layers

        header["layers"] = [dataclasses.asdict(layer) for layer in summarise_layers(load_objective(file))]
    layers = [{**one, "fixed_statistics": tuple(one["fixed_statistics"])} for one in header["layers"]]
    try:
        return {
            **_about(path, read_fingerprint(file, spec), spec),
            "file": file.name,
            "backbone": header["config"]["backbone"],
            "pretrained": header["pretrained"][1],
            "frozen": header["frozen"],
            "loss": header["config"]["loss"],
            "classes": len(header["classes"]),
            "sample_classes": header["config"].get("sample_classes", 1.0),
            "layers": layers,
            "parameters": sum(layer["parameters"] for layer in layers),
            "trainable": sum(layer["trainable"] for layer in layers),
            "extra": header["extra"],
        }
    except (KeyError, TypeError, IndexError) as error:
        raise ModelError(f"the header of {file} is damaged: {error} is missing or malformed") from error


def _about(path: str | os.PathLike[str], fingerprint: str, spec: InputSpec) -> dict[str, Any]:
    return {"model": str(path), "fingerprint": fingerprint, "spec": dataclasses.asdict(spec)}


def info_lines(values: dict[str, Any]) -> list[str]:
    """Return what ``facemodel info`` prints, from what :func:`model_info` gives."""
    lines = [f"model       {values['model']}", f"id          {values['fingerprint']}"]
    if "licence" in values:
        lines += [
            f"from        {values['origin']}: {values['file']}, {values['licence']}",
            f"            SHA-256 {values['sha256']}",
        ]
    if "loss" in values:
        trainable, total = values["trainable"], values["parameters"]
        classes = f", {values['classes']} classes" if values["classes"] else ""
        if values["sample_classes"] < 1:
            share = values["sample_classes"]
            classes += f", without their centres (each batch trained {share:.4g} of them)"
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
            if name in values:
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
        *([f"            {spec.threshold_basis}"] if spec.threshold_basis else []),
        *([] if "licence" in values else [f"trained on  the set {spec.short_fingerprint()}"]),
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
