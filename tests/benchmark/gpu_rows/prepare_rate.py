"""How many photos a second `prepare` takes, its start and end aside.

The photos are CelebA's where they are at hand (tests/support/shared_data), else painted ones of the size of
aligned CelebA. There are few, so each is copied under many names; that makes duplicates, which are worked on
like all others and sorted out at the end.
"""

from __future__ import annotations

import importlib.util
import io
import time
from itertools import cycle, islice
from pathlib import Path

import cv2
from PIL import Image

from facedata import PrepareConfig, prepare
from facedata.painted import paint

_PAINTED = 64
_ALIGNED_PX = 178, 218
"""Width and height of CelebA's aligned photos."""


def read_photos(folder: Path | None = None) -> tuple[str, list[bytes]]:
    """Return what the photos are, and the files' bytes.

    Args:
        folder: with CelebA's photos; None for the one among the real photos, where there are any.
    """
    if folder is None and importlib.util.find_spec("pytest"):  # rented machines often have none
        from tests.support.shared_data import SHARED

        folder = SHARED / "data" / "celeba"
    files = [] if folder is None else sorted(folder.rglob("*.jpg"))
    if files:
        return "CelebA photos as photographed", [file.read_bytes() for file in files]
    painted = []
    for person in range(_PAINTED):
        small = cv2.resize(paint(person, 0).image, _ALIGNED_PX, interpolation=cv2.INTER_AREA)
        written = io.BytesIO()
        Image.fromarray(small).save(written, "JPEG", quality=92)
        painted.append(written.getvalue())
    return "painted photos of CelebA's size", painted


def measure_rate(
    photos: list[bytes], folder: Path, device: str, workers: int, counts: tuple[int, int]
) -> tuple[float, int]:
    """Prepare two sets, a small and a large one.

    Args:
        photos: the files' bytes; each is used again and again.
        folder: for the photos and the sets.
        device: ``cpu`` or ``cuda``.
        workers: processes.
        counts: how many photos the two have; the smaller one with some for every worker.

    Returns:
        Photos a second, of those that the larger set has more; and how many photos of it have a face.
    """
    spent, faces = [], 0
    for count in counts:
        source = folder / f"photos-{count}"
        if not source.exists():
            for number, data in enumerate(islice(cycle(photos), count)):
                home = source / f"p{number // 20:05d}"
                home.mkdir(parents=True, exist_ok=True)
                (home / f"{number}.jpg").write_bytes(data)
        options = PrepareConfig(device=device, workers=workers, report=False, pairs="0", triplets_per_photo=1)
        started = time.perf_counter()
        made = prepare(source, folder / f"{device}-{workers}-{count}", options)
        spent.append(time.perf_counter() - started)
        faces = sum(
            found is not None and found > 0 for found in made.table("photos").column("faces").to_pylist()
        )
    return (counts[1] - counts[0]) / (spent[1] - spent[0]), faces
