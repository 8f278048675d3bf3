"""Pairs to verify as a source: distinct images, people, pairs and folds."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from facedata.config import PrepareConfig
from facedata.errors import SourceError, UsageError
from facedata.sources.base import Scan
from facedata.sources.open import SourceLike, open_source
from tests.support.mxnet_files import MXNET_FILES
from tests.support.pickled_pairs import pickle_pairs


def scan(source: SourceLike | None) -> Scan:
    return open_source(source, PrepareConfig(kind="bin")).scan()


def image(number: int) -> bytes:
    return b"\xff\xd8%d" % number


def people_of(pairs: list[tuple[int, int]], same: list[bool]) -> dict[int, int]:
    """Join people pair by pair until nothing changes: slow, and plainly right."""
    person = {number: number for pair in pairs for number in pair}
    changed = True
    while changed:
        changed = False
        for (left, right), one in zip(pairs, same, strict=True):
            if one and person[left] != person[right]:
                old, new = max(person[left], person[right]), min(person[left], person[right])
                person = {number: new if is_at == old else is_at for number, is_at in person.items()}
                changed = True
    return person


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), min_size=1, max_size=25))
def test_people_are_those_whom_pairs_join(tmp_path: Path, rows: list[tuple[int, int, bool]]) -> None:
    pairs, same = [(left, right) for left, right, _ in rows], [one for *_, one in rows]
    listed = [image(number) for pair in pairs for number in pair]
    found = scan(pickle_pairs(tmp_path / "some.bin", listed, same))
    photos = found.photos.to_pylist()
    distinct = list(dict.fromkeys(number for pair in pairs for number in pair))
    assert [found.reader(photo["photo"]) for photo in photos] == [image(number) for number in distinct]
    assert [photo["photo"] for photo in photos] == [
        f"some/{listed.index(image(one)):06d}.jpg" for one in distinct
    ]
    person = people_of(pairs, same)
    for one, photo in zip(distinct, photos, strict=True):
        for other, its in zip(distinct, photos, strict=True):
            assert (photo["identity"] == its["identity"]) == (person[one] == person[other])
    assert photos[0]["identity"] == "person-000000"
    record = dict(zip(distinct, (photo["record"] for photo in photos), strict=True))
    assert found.protocol is not None
    protocol = found.protocol.to_pylist()
    assert [(row["left"], row["right"]) for row in protocol] == [(record[a], record[b]) for a, b in pairs]
    assert [row["same"] for row in protocol] == same
    assert {row["split"] for row in protocol} == {photo["official_split"] for photo in photos} == {"test"}
    apart = [not one and person[a] == person[b] for (a, b), one in zip(pairs, same, strict=True)]
    assert len(found.notes) == any(apart)
    if found.notes:
        assert f"{sum(apart)} of its {len(rows)} pairs" in found.notes[0]
        assert f"the first is pair {apart.index(True) + 1})" in found.notes[0]


@pytest.mark.parametrize("count", [1, 9, 10, 23, 600])
def test_folds_are_scikit_learns(tmp_path: Path, count: int) -> None:
    path = pickle_pairs(tmp_path / "some.bin", [image(at) for at in range(2 * count)], [False] * count)
    protocol = scan(path).protocol
    assert protocol is not None
    folds = protocol.column("fold").to_numpy()
    if count >= 10:
        expected = np.empty(count, np.int64)
        for fold, (_, rows) in enumerate(KFold(10, shuffle=False).split(np.arange(count))):
            expected[rows] = fold
        assert folds.tolist() == expected.tolist()
    else:
        assert folds.tolist() == list(range(count))


def test_several_files_are_splits_of_their_names(tmp_path: Path) -> None:
    one = pickle_pairs(tmp_path / "lfw.bin", [image(1), image(2)], [True])
    other = pickle_pairs(tmp_path / "x.bin", [image(1), image(3)], [False])
    found = scan({"#0": one, "agedb": other})
    assert found.photos.select(["photo", "identity", "official_split"]).to_pylist() == [
        {"photo": "lfw/000000.jpg", "identity": "lfw-person-000000", "official_split": "lfw"},
        {"photo": "lfw/000001.jpg", "identity": "lfw-person-000000", "official_split": "lfw"},
        {"photo": "agedb/000000.jpg", "identity": "agedb-person-000000", "official_split": "agedb"},
        {"photo": "agedb/000001.jpg", "identity": "agedb-person-000001", "official_split": "agedb"},
    ]
    assert found.protocol is not None
    assert found.protocol.column("split").to_pylist() == ["lfw", "agedb"]
    (tmp_path / "again").mkdir()
    same_name = pickle_pairs(tmp_path / "again" / "lfw.bin", [image(1), image(2)], [True])
    with pytest.raises(UsageError, match=r"two \.bin files have one name"):
        scan([one, same_name])


def test_a_worker_reads_what_it_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pickle_pairs(tmp_path / "some.bin", [image(1), image(2)], [True])
    monkeypatch.chdir(tmp_path)
    reader = pickle.loads(pickle.dumps(scan("some.bin").reader))
    monkeypatch.chdir("/")
    assert reader("some/000001.jpg") == image(2)
    for photo in ("some/000002.jpg", "some/x.jpg", "other/000001.jpg"):
        with pytest.raises(OSError, match=r"has no image|no \.bin file"):
            reader(photo)
    path.unlink()
    with pytest.raises(OSError, match="No such file"):
        reader("some/000001.jpg")


def test_a_file_that_is_no_bin_is_refused(tmp_path: Path) -> None:
    (tmp_path / "some.bin").write_bytes(b"\x00" * 100)
    with pytest.raises(SourceError, match=r"some\.bin was refused at byte 0"):
        scan(tmp_path / "some.bin")
    with pytest.raises(SourceError, match="is no file"):
        scan(tmp_path / "no.bin")
    with pytest.raises(UsageError, match=r"InsightFace's \.bin files"):
        scan(None)


def test_records_are_told_from_pairs_by_name_and_by_content(tmp_path: Path) -> None:
    data = (MXNET_FILES / "insightface/train.rec").read_bytes()
    for name, content, rec in (
        ("a.rec", data, "a.rec"), ("b.bin", data, "b.bin"), ("c.idx", b"0\t0\n", "c.rec"),
        ("d.LST", b"1\t0\tanna/1.jpg\n", "d.rec"), ("e.rec", b"cut", "e.rec"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SourceError) as refusal:
            scan(tmp_path / name)
        assert str(refusal.value) == (
            f"{tmp_path / name} is of a training set in records, not pairs to verify: use `facedata prepare "
            f"rec {tmp_path / rec}`"
        )
