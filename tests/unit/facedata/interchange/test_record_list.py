"""Lists in both forms, and lists that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from facedata.errors import SourceError
from facedata.interchange.record_list import PAIR_COLUMNS, list_lines, pair_lines, read_list, read_pairs
from tests.support.mxnet_files import MXNET_FILES


def lst(folder: Path, text: str) -> Path:
    path = folder / "train.lst"
    path.write_text(text)
    return path


def test_both_forms_name_the_same_photos() -> None:
    by_mxnet, by_insightface = (
        read_list(MXNET_FILES / name / "train.lst") for name in ("im2rec", "insightface")
    )
    assert by_mxnet[1].to_pylist() == by_insightface[1].to_pylist()
    assert by_mxnet[1][0].as_py() == "Amara/01.jpg"
    assert by_mxnet[0].tolist() == list(range(12))
    assert by_insightface[0].tolist() == list(range(1, 13))


def test_a_list_may_have_several_labels_and_any_order(tmp_path: Path) -> None:
    keys, paths = read_list(lst(tmp_path, "7\t1\t0.5\tb c/'2'.jpg\n3\t0\t0.5\t\"a\"/1.jpg\n"))
    assert (keys.tolist(), paths.to_pylist()) == ([3, 7], ['"a"/1.jpg', "b c/'2'.jpg"])


def test_a_list_of_ours_is_read_again(tmp_path: Path) -> None:
    keys, labels = np.array([1, 2]), np.array([0, 16_777_216])
    paths = pa.array(["ä b/1.jpg", "c/%0A.jpg"])
    path = lst(tmp_path, list_lines(keys, labels, paths).decode())
    assert path.read_text() == "1\t0\tä b/1.jpg\n2\t16777216\tc/%0A.jpg\n"
    found = read_list(path)
    assert (found[0].tolist(), found[1].to_pylist()) == ([1, 2], paths.to_pylist())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a list of records"),
        ("1\t0\ta.jpg\n2\t0\n", "is not a list of records"),
        ("1\t0\n2\t1\n", "its lines have no path"),
        ("x\t0\ta.jpg\n", "begins with what is no number"),
        ("1\t0\ta.jpg\n1\t0\tb.jpg\n", "lists record 1 twice"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SourceError, match=rf"train\.lst is not a list of records.*{said}|{said}"):
        read_list(lst(tmp_path, text))


def test_pairs_of_ours_are_read_again(tmp_path: Path) -> None:
    path = tmp_path / "test.pairs.tsv"
    lines = pair_lines(
        np.array([1, 5]), np.array([2, 9]), np.array([True, False]), pa.array([None, 3], pa.int32())
    )
    path.write_bytes("\t".join(PAIR_COLUMNS).encode() + b"\n" + lines)
    assert path.read_text() == "left\tright\tsame\tfold\n1\t2\t1\t\n5\t9\t0\t3\n"
    assert read_pairs(path).to_pydict() == {
        "left": [1, 5],
        "right": [2, 9],
        "same": [1, 0],
        "fold": [None, 3],
    }
    path.write_text("left\tright\n1\t2\n")
    with pytest.raises(SourceError, match=r"test\.pairs\.tsv is not a list of records"):
        read_pairs(path)
