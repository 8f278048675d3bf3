"""What is said where no photo had the size of a crop."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from facedata.closing.crop_sizes import describe_other_size
from facedata.config import PrepareConfig
from facedata.tables.parquet import write_table
from facedata.tables.schema import PHOTOS

Size = tuple[int, int] | None


def say(folder: Path, *sizes: Size, size: int = 48) -> str:
    rows = [
        {"record": str(at), "photo": str(at), "status": "too_large"}
        | ({} if one is None else {"width": one[0], "height": one[1]})
        for at, one in enumerate(sizes)
    ]
    write_table(
        folder / "photos.parquet",
        pa.Table.from_pylist(rows, schema=PHOTOS),
        schema=PHOTOS,
        kind="photos",
        fingerprint="",
    )
    return describe_other_size(folder / "photos.parquet", PrepareConfig(as_crops=True, size=size))


@pytest.mark.parametrize(
    ("sizes", "begin", "flags"),
    [
        (
            [(112, 112)] * 3,
            "all have 112x112 pixels",
            "with --template arcface112 or --size 112, and --overwrite",
        ),
        ([(240, 240)], "all have 240x240 pixels", "with --template square or --size 240, and --overwrite"),
        ([(96, 96), None, (96, 96)], "all have 96x96 pixels", "with --size 96, and --overwrite"),
        ([(96, 96), (60, 80), (96, 96)], "2 of 3 have 96x96 pixels", "with --size 96, and --overwrite"),
        ([(60, 80)] * 2, "all have 60x80 pixels", "without --as-crops, so that their faces are looked for"),
        ([(8, 8)], "all have 8x8 pixels", "without --as-crops, so that their faces are looked for"),
        ([(5000, 5000)], "all have 5000x5000 pixels", "without --as-crops, so that"),
    ],
)
def test_the_commonest_size_is_named_with_the_remedy(
    tmp_path: Path, sizes: list[Size], begin: str, flags: str
) -> None:
    said = say(tmp_path, *sizes)
    assert said.startswith(f"{begin}, and a crop has 48x48: prepare them again {flags}")


@pytest.mark.parametrize("sizes", [[], [None, None], [(48, 48), (48, 48)]])
def test_where_sizes_are_not_the_reason_nothing_is_said(tmp_path: Path, sizes: list[Size]) -> None:
    assert say(tmp_path, *sizes) == ""
