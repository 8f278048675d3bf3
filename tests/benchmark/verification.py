"""LFW's View 1 with a real embedding network: are the crops what it was trained on?

The same network on crops at facedata's landmarks and at facenet-pytorch's, in one run. The threshold comes
from the train pairs and is judged on the test pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from facedata import ClassManifest, PairManifest, prepare
from facedata.crops.align import warp
from facedata.crops.arcface112 import arcface112
from facedata.detect.choose import choose
from facedata.photos.image import decode
from facedata.types import Face, Float32Array, Float64Array, UInt8Image
from tests.support.shared_data import SHARED

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)
_LEAST = 0.987
_MOST_FEWER = 3


class Pairs(NamedTuple):
    """Pairs of crops' paths below the set, and whether they show one person."""

    left: list[str]
    right: list[str]
    same: np.ndarray[Any, np.dtype[np.bool_]]


def view_1(folder: Path, source: Path = SHARED / "data" / "lfw") -> Iterator[tuple[str, str, str, bool]]:
    """Yield the lines of the table."""
    out = folder / "lfw-arcface"
    prepare(source, out, kind="lfw", template="arcface112", triplets_per_photo=0)
    pairs = {split: _pairs(out, split) for split in ("train", "test")}
    rows = {row.path: row for split in pairs for row in ClassManifest.open(out, split=split)}
    photos = {path: source_photo(source, row.photo) for path, row in rows.items()}
    ours = _accuracy(pairs, lambda path: rows[path].image())

    def theirs_or_ours(path: str) -> UInt8Image:
        found = _facenet_crop(photos[path])  # where it finds no face (one photo) it is lent ours
        return rows[path].image() if found is None else found

    theirs = _accuracy(pairs, theirs_or_ours)
    tests = len(pairs["test"].same)
    right, best = ours
    yield (
        f"lfw View 1: {tests} test pairs, arcface112 through MobileFaceNet",
        f"{100 * right / tests:.1f}% ({100 * best / tests:.1f}% at the best threshold)",
        f"≥ {100 * _LEAST:.1f}%",
        right >= _LEAST * tests,
    )
    yield (
        "lfw View 1: pairs fewer than on facenet-pytorch's landmarks",
        f"{theirs[0] - right} ({100 * theirs[0] / tests:.1f}%)",
        f"≤ {_MOST_FEWER}",
        theirs[0] - right <= _MOST_FEWER,
    )


def source_photo(source: Path, photo: str) -> Path:
    """Return the photo's file; the ledger's paths start at the folder of photos or at the source."""
    found = [path for path in (source / photo, source / "lfw-deepfunneled" / photo) if path.is_file()]
    return found[0]


def _pairs(folder: Path, split: str) -> Pairs:
    table = PairManifest.open(folder, split=split).table.to_pandas()
    return Pairs(list(table.left_path), list(table.right_path), table.same.to_numpy(bool))


def _accuracy(pairs: dict[str, Pairs], crop: Callable[[str], UInt8Image]) -> tuple[int, int]:
    """Return how many test pairs are right at the train pairs' best threshold, and at their own best."""
    known: dict[str, Float32Array] = {}

    def embedding(path: str) -> Float32Array:
        if path not in known:
            known[path] = embed(crop(path))
        return known[path]

    def likenesses(some: Pairs) -> Float64Array:
        both = zip(some.left, some.right, strict=True)
        return np.array([float(embedding(left) @ embedding(right)) for left, right in both])

    likeness = {split: likenesses(some) for split, some in pairs.items()}
    threshold = best_threshold(likeness["train"], pairs["train"].same)
    own = best_threshold(likeness["test"], pairs["test"].same)
    right = [int(((likeness["test"] >= at) == pairs["test"].same).sum()) for at in (threshold, own)]
    return right[0], right[1]


def best_threshold(likeness: Float64Array, same: np.ndarray[Any, np.dtype[np.bool_]]) -> float:
    """Return the threshold that decides most pairs rightly."""
    order = np.argsort(likeness)
    ranked = same[order]
    # those below the cut are said to differ
    right = np.concatenate([[0], np.cumsum(~ranked)]) + np.concatenate([np.cumsum(ranked[::-1])[::-1], [0]])
    at = int(np.argmax(right))
    values = likeness[order]
    low = values[at - 1] if at else values[0] - 1
    high = values[at] if at < len(values) else values[-1] + 1
    return float((low + high) / 2)


@lru_cache(maxsize=1)
def _network() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = SHARED / "weights" / "mobilefacenet_112_ms1m.onnx"
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def embed(crop: UInt8Image) -> Float32Array:
    """Return the embedding ``(128,)`` of a 112 px crop, its length 1."""
    session = _network()
    values = ((crop.astype(np.float32) / 255 - _MEAN) / _STD).transpose(2, 0, 1)[None]
    (found,) = session.run(None, {session.get_inputs()[0].name: values})
    vector: Float32Array = found[0] / np.linalg.norm(found[0])
    return vector


@lru_cache(maxsize=1)
def _facenet() -> Any:
    from facenet_pytorch import MTCNN

    return MTCNN(keep_all=True)


def _facenet_crop(photo: Path) -> UInt8Image | None:
    """Return the crop at facenet-pytorch's landmarks; None where it finds no face."""
    image = decode(photo.read_bytes())
    boxes, scores, points = _facenet().detect(image, landmarks=True)
    faces = [] if boxes is None else _faces(boxes, scores, points)
    face, _, _ = choose(faces, "center", (image.shape[1], image.shape[0]))
    if face is None:
        return None
    return warp(image, arcface112(face), 112)


def _faces(boxes: Sequence[Any], scores: Sequence[Any], points: Sequence[Any]) -> list[Face]:
    return [
        Face(np.asarray(box, np.float32), float(score), np.asarray(marks, np.float32))
        for box, score, marks in zip(boxes, scores, points, strict=True)
    ]
