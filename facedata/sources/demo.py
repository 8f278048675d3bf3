"""The demo: a dozen invented people, painted by the package itself, so that nothing is downloaded.

Most photos are JPEGs with one face; some show two people, are stored rotated (EXIF) or grey, or are PNGs
with alpha, and one shows no face.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..config import PrepareConfig
from ..errors import StoreError, UsageError
from ..files.remote import Location
from ..painted import NAMES, PaintedPhoto, paint, paint_empty
from ..types import Float32Array
from .base import PlanBuilder, Scan
from .open import SourceKind, local_paths

PAINT_VERSION = 1
"""Increased whenever photos are painted differently, so that a rerun sees them as changed."""

_JPEG_QUALITY = 92
_ORIENTATION = 0x0112
# EXIF orientation → quarter turns (counter-clockwise) of the upright picture that make the stored one.
_STORED_TURNS = {3: 2, 6: 1, 8: 3}


@dataclass(frozen=True)
class DemoReader:
    r"""Paints a photo when it is read; see :class:`DemoSource` for the arguments.

    >>> DemoReader(people=12, photos=8, seed=0)("Amara/01.jpg")[:3]
    b'\xff\xd8\xff'
    """

    people: int
    photos: int
    seed: int

    def __call__(self, photo: str) -> bytes:
        """Return the bytes of a photo; the same at every call.

        Raises:
            FileNotFoundError: the demo has no such photo.
        """
        image, kind = self.paint_photo(photo).image, _kind(*self.locate(photo))
        out = io.BytesIO()
        if kind == "alpha":
            alpha = np.full((*image.shape[:2], 1), 255, np.uint8)
            Image.fromarray(np.concatenate([image, alpha], axis=2)).save(out, "PNG", compress_level=1)
            return out.getvalue()
        exif = Image.Exif()
        if kind.isdecimal():
            exif[_ORIENTATION] = int(kind)
            image = np.ascontiguousarray(np.rot90(image, _STORED_TURNS[int(kind)]))
        picture = Image.fromarray(image).convert("L" if kind == "grey" else "RGB")
        picture.save(out, "JPEG", quality=_JPEG_QUALITY, exif=exif)
        return out.getvalue()

    def paint_photo(self, photo: str) -> PaintedPhoto:
        """Return the painting, upright and before it is compressed.

        Raises:
            FileNotFoundError: the demo has no such photo.
        """
        person, number = self.locate(photo)
        if (person, number) == (self.people // 2, self.photos - 1):
            return paint_empty(seed=self.seed)
        # A third of the people are with somebody in one photo, another third in another photo.
        in_company = self.people > 1 and number == (4, 2, None)[person % 3]
        beside = (person + 1 + self.people // 3) % self.people if in_company else None
        return paint(person, number, self.seed, beside=beside if beside != person else None)

    def paths(self) -> list[str]:
        """Return every photo's path, person by person."""
        return [_path(person, photo) for person in range(self.people) for photo in range(self.photos)]

    def locate(self, photo: str) -> tuple[int, int]:
        """Return a path's person and photo number, both from 0.

        Raises:
            FileNotFoundError: the demo has no such photo.
        """
        name, _, file = photo.partition("/")
        first, _, again = name.partition(" ")
        number = file.partition(".")[0]
        if first in NAMES and (again or "1").isdecimal() and number.isdecimal():
            person = NAMES.index(first) + (int(again or 1) - 1) * len(NAMES)
            index = int(number) - 1
            inside = 0 <= person < self.people and 0 <= index < self.photos
            if inside and _path(person, index) == photo:
                return person, index
        raise FileNotFoundError(f"the demo of {self.people} people has no photo {photo!r}")


class DemoSource:
    """Invented people, painted when they are read: the same arguments give the same bytes.

    Scanning paints nothing: ``size`` is 0, and ``mtime_ns`` holds :data:`PAINT_VERSION`, so that a rerun
    notices when another version of this package paints differently.

    Args:
        people: how many people.
        photos: how many photos of each; the last one of one person shows no face.
        seed: of every random choice.

    Raises:
        UsageError: fewer than one person or two photos, or a negative seed.

    >>> scan = DemoSource(people=2, photos=3).scan()
    >>> scan.photos.column("photo").to_pylist()[:4]
    ['Amara/01.jpg', 'Amara/02.jpg', 'Amara/03.jpg', 'Birgit/01.jpg']
    """

    kind: str = "demo"
    root: str = "demo"
    face: str = "largest"
    search: str = "photo"

    def __init__(self, people: int = 12, photos: int = 8, seed: int = 0) -> None:
        if people < 1 or photos < 2 or seed < 0:
            raise UsageError(
                f"a demo of {people} people with {photos} photos each and seed {seed} cannot be painted; "
                "it takes at least 1 person, 2 photos and seed 0"
            )
        self.reader = DemoReader(people, photos, seed)

    @classmethod
    def open(cls, roots: Mapping[str, Location], config: PrepareConfig) -> DemoSource:
        """Make the source with the default arguments; it takes no path."""
        local_paths(roots, "demo", most=0)
        return cls()

    def scan(self) -> Scan:
        """List every photo."""
        plan = PlanBuilder()
        for photo in self.reader.paths():
            plan.add(photo, identity=photo.partition("/")[0], size=0, mtime_ns=PAINT_VERSION)
        return Scan(plan.table(), self.reader)

    def true_eyes(self, photo: str) -> Float32Array:
        """Return the true eye positions of a photo.

        Args:
            photo: its path, as the scan gives it.

        Returns:
            ``(k, 2, 2)`` float32 pixels of the upright photo: for each face, the main person's first, x and
            y of the image-left and the image-right eye; k = 0 for the photo without a face.

        Raises:
            FileNotFoundError: the demo has no such photo.
        """
        return self.reader.paint_photo(photo).eyes

    def save(self, folder: Path) -> None:
        """Write all photos below a folder, one folder per person, to look at or to read as a source.

        Raises:
            StoreError: a file cannot be written.
        """
        for photo in self.reader.paths():
            target = folder / photo
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self.reader(photo))
            except OSError as error:
                raise StoreError(f"cannot write {target}: {error.strerror or error}") from error


def _path(person: int, photo: int) -> str:
    again, first = divmod(person, len(NAMES))
    name = NAMES[first] + (f" {again + 1}" if again else "")
    ending = "png" if _kind(person, photo) == "alpha" else "jpg"
    return f"{name}/{photo + 1:02d}.{ending}"


def _kind(person: int, photo: int) -> str:
    """Return how a photo is stored: ``6`` … (its EXIF orientation), ``grey``, ``alpha`` or ``plain``."""
    special = {(1, 3): "6", (4, 5): "8", (7, 6): "3", (2, 5): "grey", (3, 2): "alpha"}
    return special.get((person % len(NAMES), photo), "plain")


DEMO = SourceKind(DemoSource.open, typed=lambda root, moved: moved)
