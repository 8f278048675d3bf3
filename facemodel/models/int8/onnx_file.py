"""Int8 candidates of an ONNX file: static, QDQ, weights per channel, by onnxruntime's own tools."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facedata.types import Float32Array

from ...errors import ExportError
from ..formats import INPUT, Int8Candidates, quiet

Feed = Callable[[Float32Array], Mapping[str, NDArray[Any]]]
"""From images ``(n, 3, size, size)`` float32 to what a session is fed."""

_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_QUANTISED = (
    *_LAYERS, "Add", "Mul", "Relu", "Clip", "LeakyRelu", "Sigmoid", "MaxPool", "AveragePool",
    "GlobalAveragePool", "Concat", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Pad", "Split",
)  # fmt: skip
"""Operators that int8 kernels exist for; others (PReLU, a norm, softmax) compute in float between them."""

_INT8 = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger")
"""Operators that only a network in int8 has."""

_OPSET = 13
"""The first version of ONNX whose weights can be quantised per channel."""

_AT_ONCE = 8
"""Crops whose ranges are taken together, where the network takes batches."""

_PROBED = 48
"""Crops, of those that ranges are taken from, on which candidates are compared with the float file."""

_STRETCHES, _MOST_FLOAT = 12, 4
"""The network is cut into so many stretches; the most sensitive ones stay in float, up to so many."""


def feed_exported(images: Float32Array) -> Mapping[str, NDArray[Any]]:
    """Return what an ONNX file of this package's own export is fed."""
    return {INPUT: images}


def write_onnx_int8(
    source: Path, images: Float32Array, out: Path, feed: Feed = feed_exported, batch: int | None = None
) -> Int8Candidates:
    """Write int8 candidates of a file one after another, and yield what each leaves in float.

    In the order of what they leave in float: nothing; the first layer; the first and the last layer; then the
    most sensitive stretches of the network, of a dozen, the worst one first. A stretch is the more sensitive,
    the nearer the embeddings come to the float file's when it alone stays in float. Ranges are the widest of
    all crops, or the average of batches, whichever brings the embeddings nearer.

    Args:
        source: the float file.
        images: ``(n, 3, size, size)`` float32, of crops that ranges are taken from.
        out: where each candidate is written, in the place of the one before.
        feed: what a session is fed.
        batch: the number of images that the network takes at a time; None for any.

    Yields:
        What stays in float, in words.

    Raises:
        ExportError: the network has no layer that could be int8, or is in int8 already.
    """
    with tempfile.TemporaryDirectory(prefix="facemodel-int8-") as name:
        folder = Path(name)
        size = batch or min(_AT_ONCE, len(images))
        # as many as whole batches take; of fewer than one batch, some twice
        full = np.resize(images, (max(len(images) // size, 1) * size, *images.shape[1:]))
        feeds = [dict(feed(full[at : at + size])) for at in range(0, len(full), size)]
        network = _Network(_prepare(source, folder), folder, feeds)
        layers = network.list_layers()
        if not layers:
            raise ExportError(f"{source} has no layer that could be int8: leave out --int8")
        first, last = layers[0], layers[-1]
        ends = {"nothing": [], "the first layer": first, "the first and the last layer": first + last}
        for text, kept in ends.items():
            network.write(kept, out)
            yield text
        parts = np.array_split(np.arange(len(layers)), min(_STRETCHES, len(layers)))
        stretches = [[name for at in part for name in layers[at]] for part in parts]
        worst = np.argsort([network.error(stretch) for stretch in stretches], kind="stable")
        for number in range(1, min(_MOST_FLOAT, len(stretches) - 1) + 1):
            network.write([name for at in worst[:number] for name in stretches[at]], out)
            count = sum(len(parts[at]) for at in worst[:number])
            yield f"{count:,} of {len(layers):,} layers, the most sensitive"


@dataclass(eq=False)
class _Network:
    """A float network with the ranges of its activations.

    Attributes:
        model: the network, ready to be quantised.
        folder: for files on the way.
        feeds: what the session is fed, a batch each.
    """

    model: Any
    folder: Path
    feeds: Sequence[Mapping[str, NDArray[Any]]]

    def __post_init__(self) -> None:
        import onnx

        self._path = self.folder / "float.onnx"
        onnx.save(self.model, str(self._path))
        first = len(next(iter(self.feeds[0].values())))
        self._probes = self.feeds[:: max(1, len(self.feeds) * first // _PROBED)]
        self._expected = _run(self._path, self._probes)
        ranges = [self._take_ranges(averaged) for averaged in (False, True)]
        errors = []
        for self._ranges in ranges:
            errors.append(self.error([]))
        self._ranges = ranges[int(np.argmin(errors))]

    def list_layers(self) -> list[list[str]]:
        """Return the nodes of each layer with weights, in order: it, and what follows up to the next one."""
        names = [node.name for node in self.model.graph.node]
        layers = [at for at, node in enumerate(self.model.graph.node) if node.op_type in _LAYERS]
        starts = [0, *layers[1:], len(names)] if layers else []
        return [names[start:end] for start, end in pairwise(starts)]

    def error(self, kept: Sequence[str]) -> float:
        """Return how far the outputs are from the float network's: 1 minus their mean cosine."""
        path = self.folder / "probe.onnx"
        self.write(kept, path)
        cosines = []
        for ours, theirs in zip(self._expected, _run(path, self._probes), strict=True):
            lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
            products = np.einsum("ij,ij->i", ours, theirs)
            cosines.append(np.divide(products, lengths, out=np.zeros(len(ours)), where=lengths > 0))
        return 1.0 - float(np.mean(np.nan_to_num(np.concatenate(cosines))))

    def write(self, kept: Sequence[str], path: Path) -> None:
        """Write the network in int8; ``kept`` names the nodes that stay in float."""
        import onnx

        with quiet(), _quiet_log():
            from onnxruntime.quantization import QDQQuantizer, QuantType

            model = onnx.ModelProto()
            model.CopyFrom(self.model)
            # activations 0 … 255 and weights -127 … 127 are what x86 has quick kernels for
            quantiser = QDQQuantizer(
                model, True, False, QuantType.QInt8, QuantType.QUInt8, self._ranges, [], list(kept),
                list(_QUANTISED), {},
            )  # fmt: skip
            quantiser.quantize_model()
            done = quantiser.model.model
        for node in done.graph.node:
            node.doc_string = ""
        onnx.save(done, str(path))

    def _take_ranges(self, averaged: bool) -> Any:
        """Return each activation's range: the widest, or the average over batches."""
        with quiet(), _quiet_log():
            from onnxruntime.quantization import CalibrationMethod, create_calibrator

            calibrator = create_calibrator(
                self._path, list(_QUANTISED), str(self.folder / "ranges.onnx"), CalibrationMethod.MinMax,
                extra_options={"moving_average": averaged},
            )  # fmt: skip
            calibrator.collect_data(_Reader(self.feeds))
            return calibrator.compute_data()


class _Reader:
    """Hands batches to onnxruntime's calibrator (its ``CalibrationDataReader``)."""

    def __init__(self, feeds: Sequence[Mapping[str, NDArray[Any]]]) -> None:
        self._left = iter(feeds)

    def __iter__(self) -> Iterator[Mapping[str, NDArray[Any]]]:
        return self._left

    def get_next(self) -> Mapping[str, NDArray[Any]] | None:
        """Return the next batch; None after the last."""
        return next(self._left, None)


def _prepare(source: Path, folder: Path) -> Any:
    """Return a network with BatchNorm folded into its layers, all shapes known, and a name for each node."""
    import onnx
    from onnx import version_converter

    with quiet(), _quiet_log():
        from onnxruntime.quantization import quant_pre_process

        ready = folder / "ready.onnx"
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        model = onnx.load(str(ready))
        versions = {one.domain: one.version for one in model.opset_import}
        if versions.get("", _OPSET) < _OPSET:
            model = version_converter.convert_version(model, _OPSET)
        model = onnx.shape_inference.infer_shapes(model)
    if any(node.op_type in _INT8 for node in model.graph.node):
        raise ExportError(f"{source} is in int8 already: leave out --int8, or begin with the float network")
    for number, node in enumerate(model.graph.node):
        node.name = f"{number:04d} {node.op_type}"
    return model


def _run(path: Path, feeds: Sequence[Mapping[str, NDArray[Any]]]) -> list[NDArray[np.float64]]:
    """Return each output of a network, ``(n, width)`` float64."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    parts = [session.run(None, dict(feed)) for feed in feeds]
    size = len(next(iter(feeds[0].values())))
    return [
        np.concatenate([np.asarray(one, np.float64).reshape(size, -1) for one in some])
        for some in zip(*parts, strict=True)
    ]


class _quiet_log:  # noqa: N801  used as a statement
    """Hold back what onnxruntime's tools write to the root logger."""

    def __enter__(self) -> None:
        self._before = logging.root.manager.disable
        logging.disable(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        logging.disable(self._before)
