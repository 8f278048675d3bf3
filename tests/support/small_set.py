"""A small finished set on disk, made without any detector: real crops, real tables, real dataset.json."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata.config import (
    PairsConfig,
    SplitConfig,
    TripletsConfig,
    complete_settings,
    settings_fingerprint,
)
from facedata.crops.codec import encode_crop
from facedata.files.staged import StagedFiles
from facedata.sampling.divide import Crops, divide_crops
from facedata.sampling.draw import count_splits, draw_pairs, draw_triplets
from facedata.sets.prepared import PreparedSet, open_set, set_fingerprint, stage_tables, write_dataset
from facedata.store.folders import FolderStore
from facedata.tables import schema
from facedata.tables.blocks import iter_texts
from facedata.tables.people import person_codes
from facedata.tables.schema import KIND

SIZE_PX = 24


def crop_image(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return a crop of one colour, another one for each number; JPEG keeps it to within a few steps."""
    colour = [(number * 37) % 256, (number * 91) % 256, (number * 151) % 256]
    return np.full((SIZE_PX, SIZE_PX, 3), colour, np.uint8)


def one_colour(path: str, number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the picture of a crop: its number's colour."""
    return crop_image(number)


Picture = Callable[[str, int], np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]
"""From a crop's path and number to its picture."""


def class_table(
    people: Mapping[str, int], reference: Sequence[str] = (), skip_ids: int = 0, picture: Picture = one_colour
) -> pa.Table:
    """Return crops without splits and labels: so many photos of each person, ids with holes if asked."""
    paths = [f"{person}/{i}.jpg" for person, count in people.items() for i in range(count)]
    data = [encode_crop(picture(path, i)) for i, path in enumerate(paths)]
    columns = {
        "id": [i * (skip_ids + 1) for i in range(len(paths))],
        "path": paths,
        "identity": [path.split("/")[0] for path in paths],
        "label": [None] * len(paths),
        "role": ["reference" if path in reference else None for path in paths],
        "split": [None] * len(paths),
        "file": [f"crops/{path}" for path in paths],
        "offset": [0] * len(paths),
        "length": [len(crop) for crop in data],
        "crop_sha256": [hashlib.sha256(crop).hexdigest() for crop in data],
        "photo": [f"photos/{path}" for path in paths],
    }
    return pa.table(columns, schema=schema.CLASSES)


def ledger_of(classes: pa.Table, official: Mapping[str, str] | None = None) -> pa.Table:
    """Return the ledger: each crop's photo kept, and one photo that was not."""
    rows = [
        {"record": crop["photo"], "photo": crop["photo"], "status": "kept", "path": crop["path"]}
        | {"identity": crop["identity"], "source_identity": crop["identity"], "role": crop["role"]}
        | {"official_split": (official or {}).get(crop["path"])}
        for crop in classes.to_pylist()
    ]
    rows.append({"record": "photos/lost.jpg", "photo": "photos/lost.jpg", "status": "no_face"})
    return pa.Table.from_pylist(rows, schema=schema.PHOTOS)


def make_set(
    folder: Path,
    people: Mapping[str, int],
    *,
    reference: Sequence[str] = (),
    official: Mapping[str, str] | None = None,
    protocol: pa.Table | None = None,
    skip_ids: int = 0,
    split: SplitConfig | None = None,
    picture: Picture = one_colour,
) -> PreparedSet:
    """Write a set of so many photos of each person."""
    split, pairs, triplets = (
        split or SplitConfig(splits="train=0.5,test=0.5"),
        PairsConfig(),
        TripletsConfig(),
    )
    bare = class_table(people, reference, skip_ids, picture)
    paths = bare.column("path").to_pylist()
    FolderStore(folder).put("", [(path, encode_crop(picture(path, i))) for i, path in enumerate(paths)])
    ledger = ledger_of(bare, official)
    classes, section = divide_classes(bare, ledger, split)
    settings = complete_settings(
        {"template": "square", "size": SIZE_PX, "margin": 0.0, "people": sorted(people)}
    )
    fingerprint = set_fingerprint(settings_fingerprint(settings), classes)
    drawn = {"pairs": draw_pairs(classes, pairs), "triplets": draw_triplets(classes, triplets)}
    tables = {"photos": ledger, "classes": classes, **{kind: table.chunks for kind, table in drawn.items()}}
    if protocol is not None:
        tables["protocol"] = protocol
    with StagedFiles() as staged:
        written = stage_tables(staged, folder, tables, fingerprint)
        staged.commit()
    photos = list(people.values())
    counts = {
        "records": ledger.num_rows,
        "status": {"kept": classes.num_rows, "no_face": 1},
        "people": len(people),
        "photos_per_person": {
            "min": min(photos),
            "median": float(np.median(photos)),
            "mean": round(float(np.mean(photos)), 3),
            "max": max(photos),
        },
        "split": section,
        **{kind: table.section for kind, table in drawn.items()},
    }
    info = {
        "kind": KIND,
        "schema_version": schema.SCHEMA_VERSION,
        "fingerprint": fingerprint,
        "source": {"kind": "small", "root": "small"},
        "licence": None,
        "settings": settings,
        "drawing": {"split": split.settings(), "pairs": pairs.settings(), "triplets": triplets.settings()},
        "counts": {**counts, "splits": count_splits(counts)},
        "tables": written,
    }
    write_dataset(folder, info)
    return open_set(folder)


def divide_classes(
    classes: pa.Table,
    photos: pa.Table,
    config: SplitConfig,
    previous: Mapping[str, str] | None = None,
) -> tuple[pa.Table, dict[str, Any]]:
    """Give every row of a classes table its split and label, as :func:`divide_crops` does.

    Args:
        classes: the crops (:data:`facedata.tables.schema.CLASSES`); their splits and labels are replaced.
        photos: the ledger's columns path and official_split.
        config: how to divide.
        previous: splits that people already have, and keep if they are divided by rank.

    Returns:
        The crops, and the section for dataset.json.
    """

    def official() -> pa.ChunkedArray:
        kept = photos.filter(pc.is_valid(photos.column("path")))
        if kept.column("path").equals(classes.column("path")):  # both are in the records' order
            return kept.column("official_split")
        rows = pc.index_in(classes.column("path"), value_set=kept.column("path").combine_chunks())
        return kept.column("official_split").take(rows)

    person, people = person_codes(classes.column("identity"))
    any_official = photos.column("official_split").null_count < photos.num_rows
    crops = Crops(person, people, lambda: iter_texts(classes.column("path")), official, any_official)
    division = divide_crops(crops, config, previous)
    for name, values in (("split", division.split_column()), ("label", division.label_column())):
        index = classes.schema.get_field_index(name)
        classes = classes.set_column(index, schema.CLASSES.field(name), values)
    return classes, division.section
