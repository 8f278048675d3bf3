"""CelebA: a folder or zip with the photos, the identity list, and optionally the other lists.

As its authors publish it, as torchvision downloads it, or as Kaggle has it, with lists in CSV.

Liu, Luo, Wang, Tang, Deep Learning Face Attributes in the Wild, ICCV 2015.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..config import PrepareConfig
from ..errors import SourceError
from ..files.remote import Location
from ..photos.paths import photo_text
from .base import Scan, early_statuses, plan_table
from .listed.celeba_files import (
    ATTRIBUTE_LISTS,
    BOX_LISTS,
    IDENTITIES,
    IDENTITY_LISTS,
    PARTITION_LISTS,
    Listing,
    face_rule,
    find_folder,
    find_images,
    list_source,
)
from .listed.photo_values import spell_again
from .open import SourceKind, local_paths

_SPLITS = {"0": "train", "1": "val", "2": "test"}
_SIGNS = {"1": 1, "-1": 255}
"""The attributes' signs as bytes."""
_BOX = struct.Struct("4d")


class CelebaSource:
    """CelebA's original photos (``img_celeba``) or aligned crops (``img_align_celeba``).

    A photo's identity is its number in the identity list, as text. Photos that are not in the list become
    ``no_identity`` records; listed photos that are absent are :attr:`Scan.missing`. The lists may lie
    anywhere in the source, and for a zip also beside it. A photo is found in them by its name, or by its name
    with another ending: the aligned PNGs are listed as ``.jpg``.

    Attributes:
        root: the folder or zip, as text.
    """

    kind = "celeba"
    search = "photo"
    licence = "CelebA agreement: non-commercial research only"

    def __init__(self, root: Path) -> None:
        self.root = photo_text(str(root))
        self._path = root

    @classmethod
    def open(cls, roots: Mapping[str, Location], config: PrepareConfig) -> CelebaSource:
        """Make the source from the user's path."""
        return cls(*local_paths(roots, "celeba", 1, "a folder or zip"))

    @cached_property
    def face(self) -> str:
        """``largest`` for original photos, ``center`` for aligned ones; lists the source's files.

        Raises:
            SourceError: the source is missing, or holds neither.
        """
        return face_rule(find_folder(list_source(self._path))[0])

    def scan(self) -> Scan:
        """List every photo of the image folder, with its entries in the lists.

        Raises:
            SourceError: no source, image folder or identity list; a malformed line (with its number).
        """
        source = list_source(self._path)
        images = find_images(source)
        listed = source.read_list(IDENTITY_LISTS)
        if listed is None:
            raise SourceError(
                f"there is no {IDENTITIES} in {source.root}, the list of who is in which photo; Kaggle's "
                "copy leaves it out, CelebA's site has it under Anno, and torchvision downloads it: add it"
            )
        if not listed.has_photos:
            raise SourceError(f"{listed.where} lists no photo; download it again")
        identities = listed.by_photo("an identity", 1, lambda fields: fields[0])
        names, notes = spell_again(images.names, identities), list(images.notes)
        if renamed := len(pc.unique(names.filter(pc.not_equal(names, images.names)))):
            notes.append(f"{renamed:,} photos are listed with another ending, and were found without it")
        people = identities.of(names)
        missing = pc.unique(identities.names.filter(pc.invert(pc.is_in(identities.names, value_set=names))))
        del identities
        listed = source.read_list(PARTITION_LISTS)
        splits = listed.by_photo("0, 1 or 2", 1, lambda fields: _SPLITS[fields[0]]) if listed else None
        listed = source.read_list(BOX_LISTS) if face_rule(images.folder) == "largest" else None
        boxes = None
        if listed:
            boxes = listed.by_photo("finite numbers x, y, width, height", 4, _box, pa.binary(_BOX.size))
        photos = pc.binary_join_element_wise(images.folder, images.names, "")
        size, mtime_ns = source.sizes_and_times(photos, images.rows)
        columns: dict[str, pa.Array] = {
            "record": photos, "photo": photos, "identity": people,
            "official_split": splits.of(names) if splits else None,
            "given_box": _box_column(boxes.of(names)) if boxes else None,
            "size": pa.array(size), "mtime_ns": pa.array(mtime_ns),
            **early_statuses(images.is_video, people, f"is not in {IDENTITIES}"),
        }  # fmt: skip
        table = plan_table(columns, len(photos))
        for name, signs in self._attributes(source, names):
            table = table.append_column(name, signs)
        absent = sorted(images.folder + name for name in missing.to_pylist())
        return Scan(table, source.reader, images.other_files, absent, notes=notes)

    def _attributes(self, source: Listing, names: pa.Array) -> Iterator[tuple[str, pa.Array]]:
        """Yield the attributes as columns, if there is a list of them."""
        if (listed := source.read_list(ATTRIBUTE_LISTS)) is None:
            return
        columns, width = listed.columns, len(listed.columns)
        if not columns or len(set(columns)) < width:
            raise SourceError(
                f"{listed.where} does not begin with a line of the attributes' names; download it again"
            )
        form, kind = f"{width} times 1 or -1", pa.binary(width)
        signs = listed.by_photo(form, width, lambda fields: bytes(map(_SIGNS.__getitem__, fields)), kind)
        found = signs.of(names)
        del signs
        absent, values = found.is_null().to_numpy(zero_copy_only=False), _packed(found, np.int8, width)
        for column, attribute in enumerate(columns):
            yield f"meta_{attribute}", pa.array(values[:, column].copy(), pa.int8(), mask=absent)


def _packed(values: pa.Array, kind: type[np.generic], width: int) -> NDArray[Any]:
    """Return bytes of one length as ``(n, width)`` numbers; anything for null."""
    found = np.frombuffer(values.buffers()[1] or b"", kind).reshape(-1, width)
    return found[values.offset : values.offset + len(values)]


def _box_column(boxes: pa.Array) -> pa.Array:
    """Return packed boxes as the plan's, null for null."""
    is_valid = boxes.is_valid().to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        corners = _packed(boxes, np.float64, 4)[is_valid].astype(np.float32)
    ends = np.zeros(len(boxes) + 1, np.int32)
    np.cumsum(4 * is_valid, out=ends[1:])
    offsets = pa.array(ends, mask=np.append(~is_valid, False))
    return pa.ListArray.from_arrays(offsets, pa.array(corners.reshape(-1)))


def _box(fields: list[str]) -> bytes | None:
    """Return x0 y0 x1 y1 from x y width height, packed; None for a box without an area (CelebA has some)."""
    x, y, width, height = (float(field) + 0.0 for field in fields)  # -0 becomes 0
    if not all(map(math.isfinite, (x, y, width, height))):
        raise ValueError
    return _BOX.pack(x, y, x + width, y + height) if width > 0 and height > 0 else None


CELEBA = SourceKind(CelebaSource.open)
