"""One pass over all crops: what it takes of each, whatever is damaged, and which ledger row it uses."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from facedata.checks import crop_pass
from facedata.checks.copies.picture_hash import HASH_WORDS, hash_crop
from facedata.checks.crop_pass import pass_over_crops
from facedata.checks.findings import Kind
from facedata.checks.quality.measure import QUALITY
from facedata.errors import EngineError
from facedata.sets.prepared import PreparedSet
from facedata.tables.schema import CLASSES, PHOTOS
from tests.support.people_set import face
from tests.support.small_set import make_set


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedSet:
    """Five crops of two people."""
    return make_set(tmp_path, {"ana": 3, "bo": 2}, picture=face, skip_ids=2)


def with_boxes(prepared: PreparedSet) -> pa.Table:
    """Return the ledger with a box in each row: the number of its crop, and twice that."""
    ledger = prepared.table("photos")
    boxes = pa.array(
        [[0, 0, 10.0 * (at + 1), 10.0 * (at + 1)] for at in range(len(ledger))], pa.list_(pa.float32())
    )
    return ledger.set_column(ledger.schema.get_field_index("box"), PHOTOS.field("box"), boxes)


def test_each_crop_is_hashed_and_measured_from_its_own_pixels(prepared: PreparedSet) -> None:
    classes, seen = prepared.table("classes"), list[tuple[int, int]]()
    found = pass_over_crops(prepared.path, classes, [with_boxes(prepared)], 1, lambda *at: seen.append(at))
    assert found.findings == []
    assert found.readable.all()
    assert found.records == {}
    assert seen[-1] == (5, 5)
    assert found.quality.schema.equals(QUALITY)
    assert found.quality["id"].equals(classes["id"])
    # sizes grow with the boxes of the crops' own rows
    np.testing.assert_allclose(found.quality["size"].to_numpy(), np.arange(1, 6) * 10 / 200, rtol=1e-6)
    for at, row in enumerate(classes.to_pylist()):
        data = (prepared.path / row["file"]).read_bytes()
        assert found.digests[at].tobytes() == hashlib.sha256(data).digest()
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert grey is not None
        expected = hash_crop(np.asarray(cv2.cvtColor(grey, cv2.COLOR_BGR2GRAY), np.uint8))
        assert found.hashes[at].tolist() == list(expected)


def test_ledger_rows_are_found_by_path_in_whatever_order_and_pieces(prepared: PreparedSet) -> None:
    classes, ledger = prepared.table("classes"), with_boxes(prepared)
    whole = pass_over_crops(prepared.path, classes, [ledger], 1)
    turned = ledger.take(pa.array(range(len(ledger)))[::-1])
    pieces = [turned.slice(start, 2) for start in range(0, len(turned), 2)]
    found = pass_over_crops(prepared.path, classes, pieces, 1)
    for name in QUALITY.names:
        np.testing.assert_array_equal(found.quality[name].to_numpy(), whole.quality[name].to_numpy())


def test_crops_without_a_row_and_rows_without_a_crop(prepared: PreparedSet) -> None:
    classes, ledger = prepared.table("classes"), with_boxes(prepared)
    some = pass_over_crops(prepared.path, classes.slice(1), [ledger.slice(0, 3)], 1)
    sizes = some.quality["size"].to_numpy()
    np.testing.assert_allclose(sizes[:2], [0.1, 0.15], rtol=1e-6)
    assert np.isnan(sizes[2:]).all()
    assert some.readable.all()
    assert (some.hashes != 0).any(axis=1).all()


@pytest.mark.parametrize("change", ["drop path", "path of numbers", "drop box", "no pieces"])
def test_a_damaged_ledger_costs_only_what_it_lacks(prepared: PreparedSet, change: str) -> None:
    classes, ledger = prepared.table("classes"), with_boxes(prepared)
    if change == "drop path":
        ledger = ledger.drop_columns(["path"])
    elif change == "path of numbers":
        numbers = pa.array(range(len(ledger)))
        ledger = ledger.set_column(ledger.schema.get_field_index("path"), "path", numbers)
    elif change == "drop box":
        ledger = ledger.drop_columns(["box"])
    found = pass_over_crops(prepared.path, classes, [] if change == "no pieces" else [ledger], 1)
    assert found.readable.all()
    assert np.isnan(found.quality["size"].to_numpy()).all()


def test_records_that_are_not_called_as_their_photos_are_noted(prepared: PreparedSet) -> None:
    ledger = prepared.table("photos")
    records = ["photos/ana/0.jpg#1", "photos/ana/0.jpg#2", *ledger["record"].to_pylist()[2:]]
    ledger = ledger.set_column(0, PHOTOS.field("record"), pa.array(records, pa.string()))
    found = pass_over_crops(prepared.path, prepared.table("classes"), [ledger], 1)
    assert found.records == {0: "photos/ana/0.jpg#1", 3: "photos/ana/0.jpg#2"}


def test_damaged_crops_are_findings(prepared: PreparedSet) -> None:
    root, classes = prepared.path, prepared.table("classes")
    files = classes["file"].to_pylist()
    (root / files[0]).unlink()
    (root / files[1]).write_bytes(b"")
    (root / files[2]).write_bytes((root / files[2]).read_bytes()[:-40])
    (root / files[3]).write_bytes(b"no picture")
    digests = classes["crop_sha256"].to_pylist()
    lengths = classes["length"].to_pylist()
    digests[3], lengths[3] = hashlib.sha256(b"no picture").hexdigest(), 10  # as the table says, but no image
    for name, values in (("crop_sha256", digests), ("length", lengths)):
        at = CLASSES.get_field_index(name)
        classes = classes.set_column(at, CLASSES.field(name), pa.array(values, CLASSES.field(name).type))
    found = pass_over_crops(root, classes, [with_boxes(prepared)], 1)
    kinds = {one.left: one.kind for one in found.findings}
    assert kinds == {
        0: Kind.CROP_MISSING, 3: Kind.CROP_CHANGED, 6: Kind.CROP_CHANGED, 9: Kind.CROP_CHANGED,
    }  # fmt: skip
    assert found.readable.tolist()[:2] == [False, False]
    assert found.readable.tolist()[3:] == [False, True]
    assert not found.hashes[~found.readable].any()
    assert np.isnan(found.quality["sharpness"].to_numpy()[~found.readable]).all()


def test_no_crops(prepared: PreparedSet) -> None:
    found = pass_over_crops(prepared.path, CLASSES.empty_table(), [prepared.table("photos")])
    assert found.hashes.shape == (0, HASH_WORDS)
    assert found.quality.equals(QUALITY.empty_table())


def test_a_worker_that_the_system_kills_is_an_error(
    prepared: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crop_pass, "_FEW_CROPS", 0)
    monkeypatch.setattr(crop_pass, "_check_crops", die)
    with pytest.raises(EngineError, match="a worker died while it read the crops"):
        pass_over_crops(prepared.path, prepared.table("classes"), [], 2)


def die(job: object) -> None:
    """Die as a worker does that takes too much memory."""
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)
