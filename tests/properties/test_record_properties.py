"""Any records are read back as they were written, and no cut is taken for a whole file."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facedata.errors import SourceError
from facedata.interchange.recordio import RecordWriter, read_image, read_records

_MAGIC = struct.pack("<I", 0xCED7230A)

# images made of magic numbers and what shifts them, so that parts begin and end everywhere
images = st.lists(st.sampled_from([_MAGIC, b"a", b"\x0a\x23", b"abcd"]), max_size=12).map(b"".join)
labels = st.one_of(
    st.integers(0, 1 << 24).map(float),
    st.just(struct.unpack("<f", _MAGIC)[0]),  # a label that is the magic number itself
    st.lists(st.integers(0, 1 << 24).map(float), min_size=1, max_size=4),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(labels, images), min_size=1, max_size=6), st.data())
def test_records_come_back(
    tmp_path: Path, records: list[tuple[float | list[float], bytes]], data: st.DataObject
) -> None:
    file, index = io.BytesIO(), io.BytesIO()
    writer = RecordWriter(file, index)
    offsets = [writer.write(key, label, image) for key, (label, image) in enumerate(records)]
    path = tmp_path / "some.rec"
    path.write_bytes(file.getvalue())
    path.with_suffix(".idx").write_bytes(index.getvalue())
    for found in (read_records(path), read_records(path, path.with_suffix(".idx"))):
        assert found.offsets.tolist() == offsets
        assert found.labels.tolist() == [one if isinstance(one, float) else one[0] for one, _ in records]
        assert found.image_bytes.tolist() == [len(image) for _, image in records]
    assert [read_image(path, offset) for offset in offsets] == [image for _, image in records]
    end = data.draw(st.integers(1, len(file.getvalue()) - 1))
    path.write_bytes(file.getvalue()[:end])
    with pytest.raises(SourceError, match=r"some\.(rec|idx)"):
        read_records(path, path.with_suffix(".idx"))
