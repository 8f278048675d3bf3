"""However the files of a set are torn: looking for damage raises nothing, and every changed table is said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.damaged_sets import kinds, record_table
from tests.support.small_set import make_set

TABLES = ("photos", "classes", "pairs", "triplets")
DAMAGE = {
    "crop_missing", "crop_changed", "table_torn", "counts_differ", "unknown_id", "labels_wrong",
    "person_in_two_splits", "train_in_test",
}  # fmt: skip

Tear = Callable[[bytes, int, int], bytes]
TEARS: dict[str, Tear] = {
    "cut off": lambda data, at, _: data[:at],
    "cut short in front": lambda data, at, _: data[at:],
    "a bit flipped": lambda data, at, n: data[:at] + bytes([data[at] ^ 1 << n % 8]) + data[at + 1 :],
    "bytes of nothing": lambda data, at, n: data[:at] + bytes(n) + data[at + n :],
    "a piece lost": lambda data, at, n: data[:at] + data[at + n :],
    "a piece twice": lambda data, at, n: data[: at + n] + data[at:],
    "the end twice": lambda data, at, _: data + data[at:],
    "half of it another byte": lambda data, at, n: data[:at] + bytes([n % 256]) * (len(data) - at),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "faces"
    make_set(folder, {"anna": 4, "bert": 3, "cora": 3, "dora": 2})
    return folder


@pytest.fixture(scope="module")
def faces(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, put right before each example."""
    return Path(shutil.copytree(whole, tmp_path_factory.mktemp("torn") / "faces"))


def _put_right(whole: Path, faces: Path) -> None:
    for file in whole.iterdir():
        if file.is_file():
            shutil.copy(file, faces)


@given(
    kind=st.sampled_from(TABLES),
    tears=st.lists(
        st.tuples(st.sampled_from(sorted(TEARS)), st.floats(0, 1, exclude_max=True), st.integers(1, 300)),
        min_size=1,
        max_size=4,
    ),
    is_recorded=st.booleans(),
    in_footer=st.booleans(),
)
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_torn_table_is_a_finding(
    whole: Path,
    faces: Path,
    kind: str,
    tears: list[tuple[str, float, int]],
    is_recorded: bool,
    in_footer: bool,
) -> None:
    """Where dataset.json has the torn file's own SHA-256, what is torn may be what nobody reads."""
    _put_right(whole, faces)
    file = faces / f"{kind}.parquet"
    before = data = file.read_bytes()
    for name, where, number in tears:
        start = max(len(data) - 1500, 0) if in_footer else 0
        at = start + int(where * (len(data) - start))
        data = TEARS[name](data, at, number) if data else data
    file.write_bytes(data)
    if is_recorded:
        record_table(faces, kind)
    found = kinds(faces)
    assert found <= DAMAGE
    assert found or data == before or is_recorded


@given(
    name=st.sampled_from(sorted(TEARS)),
    where=st.floats(0, 1, exclude_max=True),
    number=st.integers(1, 300),
)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_torn_dataset_json_raises_nothing(
    whole: Path, faces: Path, name: str, where: float, number: int
) -> None:
    _put_right(whole, faces)
    file = faces / "dataset.json"
    data = file.read_bytes()
    file.write_bytes(TEARS[name](data, int(where * len(data)), number))
    assert kinds(faces) <= DAMAGE


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_cut_off_anywhere_is_torn(whole: Path, faces: Path, kind: str) -> None:
    _put_right(whole, faces)
    file = faces / f"{kind}.parquet"
    data = file.read_bytes()
    for at in {
        *range(0, len(data), len(data) // 8),
        len(data) - 1,
        len(data) - 4,
        len(data) - 8,
        len(data) - 9,
    }:
        file.write_bytes(data[:at])
        assert "table_torn" in kinds(faces), at


def test_tables_of_two_sets_in_any_mixture_are_torn(whole: Path, faces: Path, tmp_path: Path) -> None:
    make_set(tmp_path / "other", {"anna": 3, "bert": 3, "emil": 3})
    for which in range(1, 2 ** len(TABLES)):
        _put_right(whole, faces)
        taken = [kind for number, kind in enumerate(TABLES) if which >> number & 1]
        for kind in taken:
            shutil.copy(tmp_path / "other" / f"{kind}.parquet", faces)
        assert "table_torn" in kinds(faces), taken
        for kind in taken:
            record_table(faces, kind)
        assert "table_torn" in kinds(faces), taken
