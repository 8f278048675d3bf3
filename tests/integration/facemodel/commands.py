"""facemodel's command line in this process, and small models and photos to use it on."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from facedata.crops.find_crops import _named
from facedata.detect import DETECTOR_FACTORIES
from facedata.testing import FakeDetector, MarkedFace, marked_image
from facemodel.cli import main
from tests.integration.conftest import Finished
from tests.shared import SHARED

MOBILEFACENET = {
    "size_px": 112, "template": "arcface112", "colour": "rgb", "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225], "dim": 128, "normalised": False, "metric": "cosine", "threshold": 0.3,
}  # fmt: skip
"""The spec of the network in ../shared/weights, with a threshold that suits it."""

COLOURS = {"anna": (200, 40, 40), "bert": (40, 200, 40), "zoë": (40, 40, 200)}


_SURE = 30.0
"""What squared distances of colours are multiplied by in the logits."""


def here(*arguments: object) -> Finished:
    """Run a command in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr), _fresh_logging():
        try:
            status: object = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse ends so
            status = end.code
    assert isinstance(status, int)
    return Finished(status, stdout.getvalue(), stderr.getvalue())


def done(*arguments: object) -> Finished:
    """Run a command that must succeed."""
    finished = here(*arguments)
    assert finished.status == 0, finished.stderr
    return finished


@contextlib.contextmanager
def _fresh_logging() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("facemodel")
    handlers, level = root.handlers[:], ours.level
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = handlers
        ours.setLevel(level)


@contextlib.contextmanager
def fake_detection() -> Iterator[None]:
    """Let `mtcnn` mean the fake, also for `find_crops`, which keeps what it has loaded."""
    _named.cache_clear()
    with patch.dict(DETECTOR_FACTORIES, mtcnn=lambda least_px, device: FakeDetector):
        yield
    _named.cache_clear()


def mobilefacenet(folder: Path, **changes: Any) -> Path:
    """Return the shared network beside a spec of its own, in a folder of the test's."""
    folder.mkdir(parents=True, exist_ok=True)
    net = folder / "net.onnx"
    net.symlink_to(SHARED / "weights" / "mobilefacenet_112_ms1m.onnx")
    net.with_suffix(".json").write_text(json.dumps({**MOBILEFACENET, **changes}))
    return net


def colour_net(
    folder: Path, classes: Mapping[str, tuple[int, int, int]] | None = None, **changes: Any
) -> Path:
    """Return an ONNX network whose embedding of a crop is its mean colour, so that people are colours.

    With ``classes`` it has a second output, logits, by which the nearest of these colours is the surest.
    """
    import onnx
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["embedding"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 32, 32])
    embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 3])
    outputs, weights = [embedding], []
    if classes is not None:
        centres = np.array(list(classes.values()), np.float32) / 255
        weights = [
            helper.make_tensor("w", TensorProto.FLOAT, centres.T.shape, 2 * _SURE * centres.T.reshape(-1)),
            helper.make_tensor("b", TensorProto.FLOAT, [len(centres)], -_SURE * (centres**2).sum(1)),
        ]
        nodes.append(helper.make_node("Gemm", ["embedding", "w", "b"], ["logits"]))
        outputs.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(classes)]))
        changes = {"classes": list(classes), **changes}
    graph = helper.make_graph(nodes, "colour", [image], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / "colour.onnx"))
    spec = {
        "size_px": 32, "template": "arcface112", "dim": 3, "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0],
        "metric": "euclidean", "threshold": 0.1,
    }  # fmt: skip
    (folder / "colour.json").write_text(json.dumps({**spec, **changes}))
    return folder / "colour.onnx"


def photo(file: Path, colours: Sequence[tuple[int, int, int]], seed: int = 0) -> Path:
    """Write a photo of faces side by side that FakeDetector finds; a person is a colour. None: no face."""
    faces = [
        MarkedFace((20 + 100 * i, 30 + 2 * seed % 10, 90 + 100 * i, 110 + 2 * seed % 10))
        for i in range(len(colours))
    ]
    image = marked_image(max(120, 100 * len(colours) + 20), 140, faces, seed)
    for i, colour in enumerate(colours):
        shade = np.random.default_rng([seed, i]).integers(-6, 7, 3)
        image[10:, 100 * i + 5 : 100 * i + 105] = np.clip(np.array(colour) + shade, 0, 255)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file, format="PNG")
    return file


def people(folder: Path, colours: Mapping[str, tuple[int, int, int]] = COLOURS, photos: int = 3) -> Path:
    """Write a folder per person."""
    for name, colour in colours.items():
        for number in range(photos):
            photo(folder / name / f"{number}.png", [colour], number)
    return folder
