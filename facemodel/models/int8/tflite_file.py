"""Int8 candidates of a TFLite file: static quantisation, weights per channel, by LiteRT's own quantizer."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facedata.types import Float32Array

from ...errors import ExportError
from ...machine.cores import own_cores
from ..formats import Int8Candidates, quiet

_LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D_TRANSPOSE", "FULLY_CONNECTED", "BATCH_MATMUL")
_EVERY = ".*"
_FLOAT = "no_quantize"


def write_tflite_int8(source: Path, images: Float32Array, out: Path) -> Int8Candidates:
    """Write int8 candidates of a file one after another, and yield what each leaves in float.

    In this order: nothing; the first layer; the first and the last layer; then more layers at both ends, an
    eighth and a sixth of all each. What goes in and comes out stays float32, so the JSON beside the file is
    right for it too. Ranges are the widest of all crops: LiteRT's own average over the last twenty or so cuts
    off more (cosines to the float file of a ResNet18 0.978 on average, against 0.995).

    Args:
        source: the float file.
        images: ``(n, 3, size, size)`` float32, of crops that ranges are taken from.
        out: where each candidate is written, in the place of the one before.

    Yields:
        What stays in float, in words.

    Raises:
        ExportError: the network has no layer that could be int8.
    """
    layers = _list_layers(source)
    if not layers:
        raise ExportError(f"{source} has no layer that could be int8: leave out --int8")
    ranges = None
    for text, first, last in (
        ("nothing", 0, 0),
        ("the first layer", 1, 0),
        ("the first and the last layer", 1, 1),
        *(
            (f"{2 * count:,} of {len(layers):,} layers, at both ends", count, count)
            for count in sorted({len(layers) // 8, len(layers) // 6} - {0, 1})
        ),
    ):
        with quiet(), contextlib.redirect_stderr(io.StringIO()):  # it draws bars
            quantizer = _make_quantizer(source, layers[:first] + layers[len(layers) - last :])
            ranges = ranges or _take_ranges(source, quantizer, images)
            done = quantizer.quantize(ranges, enable_progress_report=False).quantized_model
        out.write_bytes(bytes(done))
        yield text


def _make_quantizer(source: Path, kept: Sequence[str]) -> Any:
    """Return a quantizer that leaves the input, the output and some layers in float."""
    from ai_edge_quantizer import qtyping, quantizer

    made = quantizer.Quantizer(str(source))
    names = qtyping.TFLOperationName
    made.add_static_config(_EVERY, names.ALL_SUPPORTED, 8, 8)
    for name in (names.INPUT, names.OUTPUT):
        made.update_quantization_recipe(_EVERY, name, None, _FLOAT)
    for scope in kept:
        made.update_quantization_recipe(f"^{re.escape(scope)}$", names.ALL_SUPPORTED, None, _FLOAT)
    return made


def _take_ranges(source: Path, made: Any, images: Float32Array) -> Any:
    """Return the range of each activation over all images."""
    from ai_edge_quantizer import calibrator, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    recipe = recipe_manager.RecipeManager()
    recipe.load_quantization_recipe(made.get_quantization_recipe())
    taken = calibrator.Calibrator(
        str(source), num_threads=own_cores(), qsv_update_func=qsv_utils.min_max_update
    )
    taken.calibrate(_list_inputs(source, images), recipe)
    return taken.get_model_qsvs()


def _list_layers(source: Path) -> list[str]:
    """Return the scopes of the layers with weights, in order: how the quantizer names an operator."""
    with quiet():
        from ai_edge_quantizer import qtyping
        from ai_edge_quantizer.utils import tfl_flatbuffer_utils as flatbuffer

        model = flatbuffer.read_model(str(source))
    names = flatbuffer.TFL_OP_CODE_TO_NAME
    wanted = {qtyping.TFLOperationName(name) for name in _LAYERS}
    graph = model.subgraphs[0]
    return [
        flatbuffer.get_op_scope(one, graph.tensors)
        for one in graph.operators
        if names.get(model.operatorCodes[one.opcodeIndex].builtinCode) in wanted
    ]


def _list_inputs(source: Path, images: Float32Array) -> dict[str, list[dict[str, Float32Array]]]:
    """Return images as the file's signature takes them, one at a time with channels last."""
    from ai_edge_litert.interpreter import Interpreter

    ((key, ports),) = Interpreter(model_path=str(source)).get_signature_list().items()
    (name,) = ports["inputs"]
    return {key: [{name: np.ascontiguousarray(one.transpose(1, 2, 0))[None]} for one in images]}
